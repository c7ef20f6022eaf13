/** Types of Avro, by the package `avsc`, which is loaded when it is first needed. */
import type { Type } from 'avsc'
import { KindlingError } from '../../base/errors.ts'
import { setField } from '../../data/record-shape.ts'
import type { AvroSchema } from './avro-schema.ts'

/** The package. */
export type Avro = typeof import('avsc')

/** @throws PACKAGE_MISSING */
export async function avroLibrary(feature: string): Promise<Avro> {
  try {
    const loaded = await import('avsc')
    return loaded.default ?? loaded
  } catch (error) {
    throw new KindlingError('PACKAGE_MISSING', { feature, package: 'avsc' }, { cause: error })
  }
}

/** @throws what the package throws for a schema that is none */
export function avroType(avro: Avro, schema: AvroSchema, longs: 'number' | 'bigint' = 'number'): Type {
  const registry = longs === 'bigint' ? { long: bigLong(avro) } : {}
  const maps = wholeMaps(avro)
  return avro.Type.forSchema(schema as Schema, {
    registry,
    typeHook: (part, options) => {
      if (isOf(part, 'record')) checkFields(part)
      return isOf(part, 'map') ? new maps(part as Schema, options) : undefined
    },
  })
}

type Schema = Parameters<Avro['Type']['forSchema']>[0]

function isOf(schema: unknown, type: string): schema is object {
  return typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === type
}

/** The library assigns fields, which would lose one of this name. */
function checkFields(record: object): void {
  const { name, fields } = record as { readonly name?: unknown; readonly fields?: unknown }
  if (Array.isArray(fields) && fields.some(field => field?.name === '__proto__'))
    throw new Error(`a field of ${String(name)} is named __proto__, which no record can have`)
}

/** What the library reads bytes by. */
interface Tap {
  readLong(): number
  readString(): string
}

/** Maps with all of their keys: those of the library assign them, which loses the key `__proto__`. */
function wholeMaps(avro: Avro): Avro['types']['MapType'] {
  return class extends avro.types.MapType {
    _read(tap: Tap): object {
      const map = {}
      for (let count = tap.readLong(); count !== 0; count = tap.readLong()) {
        // A negative count is followed by the length of the block.
        if (count < 0) tap.readLong()
        for (let i = Math.abs(count); i > 0; i--) setField(map, tap.readString(), this.valuesType._read(tap))
      }
      return map
    }
  }
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
