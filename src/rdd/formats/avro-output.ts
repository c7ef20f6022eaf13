/** Records as object container files of Avro; `avro-input.ts` has their form. */
import { randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { describeValue, KindlingError } from '../../base/errors.ts'
import type { FileFormat } from '../sink/file-format.ts'
import type { AvroSchema } from './avro-schema.ts'
import { avroLibrary, avroType } from './avro-types.ts'

/** How files of Avro are written. */
export interface AvroOutputOptions {
  /** Of the records; Avro wants one. Pairs are records with the fields `key` and `value`. */
  readonly schema?: AvroSchema
  /** What a long is in records. Default `number`. */
  readonly longs?: 'number' | 'bigint'
}

/** Bytes of a block, before it is packed. */
const BLOCK_BYTES = 64 * 1024

/**
 * @param isPacked by deflate
 * @throws PACKAGE_MISSING without `avsc`; INVALID_ARGUMENT for a schema that is none (both when something is written)
 */
export function avroFormat({ schema, longs }: AvroOutputOptions, isPacked: boolean): FileFormat {
  return {
    suffix: '.avro',
    open(put) {
      const mark = randomBytes(16)
      let file: { encode(record: unknown): Buffer } | undefined
      let block: Buffer[] = []
      let bytes = 0
      const begin = async (): Promise<{ encode(record: unknown): Buffer }> => {
        const avro = await avroLibrary('Writing Avro files')
        const type = typeOf(() => avroType(avro, checked(schema), longs), schema)
        const codec = isPacked ? 'deflate' : 'null'
        await put(headOf({ 'avro.schema': JSON.stringify(schema), 'avro.codec': codec }, mark))
        return {
          encode(given) {
            const record = withBuffers(isPair(given) ? { key: given[0], value: given[1] } : given)
            if (type.isValid(record)) return type.toBuffer(record)
            throw notFitting(type, record)
          },
        }
      }
      const flush = async (): Promise<void> => {
        if (block.length === 0) return
        const content = Buffer.concat(block)
        const packed = isPacked ? deflateRawSync(content) : content
        await put(Buffer.concat([long(block.length), long(packed.length), packed, mark]))
        block = []
        bytes = 0
      }
      return {
        async add(records) {
          file ??= await begin()
          for (const record of records) {
            const encoded = file.encode(record)
            block.push(encoded)
            bytes += encoded.length
            if (bytes >= BLOCK_BYTES) await flush()
          }
        },
        async end() {
          file ??= await begin()
          await flush()
        },
      }
    },
  }
}

function checked(schema: AvroSchema | undefined): AvroSchema {
  if (schema !== undefined) return schema
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'the schema of files of Avro',
    value: schema,
    expected: 'a schema: { type: "record", name: "Order", fields: […] }',
  })
}

function typeOf<T>(make: () => T, schema: AvroSchema | undefined): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof KindlingError) throw error
    throw new KindlingError(
      'INVALID_ARGUMENT',
      {
        what: 'the schema of files of Avro',
        value: schema,
        expected: `one that is right (${(error as Error).message})`,
      },
      { cause: error },
    )
  }
}

interface Validating {
  isValid(
    value: unknown,
    options: { errorHook: (path: string[], value: unknown, type: object) => void },
  ): boolean
}

function notFitting(type: Validating, record: unknown): KindlingError {
  const wrong: string[] = []
  type.isValid(record, {
    errorHook: (path, value, wanted) => {
      wrong.push(
        `${path.length === 0 ? 'it' : path.join('.')} is ${describeValue(value)} instead of ${String(wanted)}`,
      )
    },
  })
  return new KindlingError('RECORD_NOT_FITTING', { value: describeValue(record), reason: wrong.join('; ') })
}

/** The library takes bytes as buffers only. */
function withBuffers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (Array.isArray(value)) return value.map(withBuffers)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withBuffers(field)]))
}

function isPair(record: unknown): record is readonly [unknown, unknown] {
  return Array.isArray(record) && record.length === 2
}

function headOf(meta: Readonly<Record<string, string>>, mark: Buffer): Buffer {
  const entries = Object.entries(meta).flatMap(([name, value]) => [sized(name), sized(value)])
  return Buffer.concat([
    Buffer.from('Obj\u0001', 'latin1'),
    long(entries.length / 2),
    ...entries,
    long(0),
    mark,
  ])
}

function sized(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([long(bytes.length), bytes])
}

/** A number that is not negative in Avro's form. */
function long(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value * 2; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}
