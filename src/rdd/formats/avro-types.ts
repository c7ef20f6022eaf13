/** Types of Avro, by the package `avsc`, which is loaded when it is first needed. */
import type { Type } from 'avsc'
import { KindlingError } from '../../base/errors.ts'
import type { AvroSchema } from './avro-schema.ts'

/** The package. */
export type Avro = typeof import('avsc')

/** @throws PACKAGE_MISSING */
export async function avroLibrary(feature: string): Promise<Avro> {
  try {
    return (await import('avsc')).default
  } catch (error) {
    throw new KindlingError('PACKAGE_MISSING', { feature, package: 'avsc' }, { cause: error })
  }
}

/** @throws what the package throws for a schema that is none */
export function avroType(avro: Avro, schema: AvroSchema, longs: 'number' | 'bigint' = 'number'): Type {
  const registry = longs === 'bigint' ? { long: bigLong(avro) } : {}
  return avro.Type.forSchema(schema as Parameters<Avro['Type']['forSchema']>[0], { registry })
}

function bigLong(avro: Avro): Type {
  return avro.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer(value: bigint) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(value)
      return bytes
    },
    fromJSON: (value: string | number) => BigInt(value),
    toJSON: (value: bigint) => Number(value),
    isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
    compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
  })
}
