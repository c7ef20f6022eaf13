/**
 * Records as a Parquet file, by the package `hyparquet-writer`, which is loaded when it is first needed.
 *
 *   plain records    a column for each field
 *   pairs            the columns `key` and `value`
 *   anything else    the column `value`
 *
 * The types of columns are given, or follow from the first values of the partition: numbers are DOUBLE, whole or not, so that all
 * parts of an output agree. Null and undefined are null in every column. Row groups are written as they are full, so a task holds one
 * of them, whatever the size of the partition.
 */
import { describeValue, KindlingError } from '../base/errors.ts'
import type { FileFormat } from './sink/file-format.ts'

/** The type of a Parquet column. Values of a JSON column may be anything that JSON can hold. */
export type ParquetType =
  | 'BOOLEAN'
  | 'INT32'
  | 'INT64'
  | 'FLOAT'
  | 'DOUBLE'
  | 'BYTE_ARRAY'
  | 'STRING'
  | 'JSON'
  | 'TIMESTAMP'

/** How Parquet files are written. */
export interface ParquetOutputOptions {
  /** The columns, in order. Default: those of the first records of each partition. Other fields of records are refused. */
  readonly columns?: Readonly<Record<string, ParquetType>>
  /** Records in a row group. Default 65,536. */
  readonly rowGroupRecords?: number
}

const ROW_GROUP_RECORDS = 65_536

type Fields = Readonly<Record<string, unknown>>
type Columns = Readonly<Record<string, ParquetType>>

/** @throws PACKAGE_MISSING without `hyparquet-writer` (when something is written) */
export function parquetFormat(options: ParquetOutputOptions): FileFormat {
  const most = options.rowGroupRecords ?? ROW_GROUP_RECORDS
  return {
    suffix: '.parquet',
    leavesOutEmpty: options.columns === undefined,
    open(put) {
      let file: ParquetFile | undefined
      let group: Fields[] = []
      const flush = async (): Promise<void> => {
        file ??= await openFile(options.columns ?? columnsOf(group), put)
        await file.write(group)
        group = []
      }
      return {
        async add(records) {
          for (const record of records) {
            group.push(fieldsOf(record))
            if (group.length >= most) await flush()
          }
        },
        async end() {
          if (group.length > 0 || (file === undefined && options.columns !== undefined)) await flush()
          await file?.finish()
        },
      }
    },
  }
}

function fieldsOf(record: unknown): Fields {
  if (Array.isArray(record) && record.length === 2) return { key: record[0], value: record[1] }
  const isPlain =
    typeof record === 'object' &&
    record !== null &&
    [Object.prototype, null].includes(Object.getPrototypeOf(record))
  return isPlain ? (record as Fields) : { value: record }
}

/** The columns of records, each of the type of its first value. */
function columnsOf(group: readonly Fields[]): Columns {
  const columns: Record<string, ParquetType | undefined> = {}
  for (const record of group)
    for (const [name, value] of Object.entries(record)) columns[name] ??= parquetTypeOf(value)
  // Of a column without values nothing is known but that JSON can hold what comes.
  return Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, type ?? 'JSON']))
}

/** The type of column that a value has by itself; `undefined` for null. */
export function parquetTypeOf(value: unknown): ParquetType | undefined {
  if (value === undefined || value === null) return undefined
  switch (typeof value) {
    case 'string':
      return 'STRING'
    case 'number':
      return 'DOUBLE'
    case 'boolean':
      return 'BOOLEAN'
    case 'bigint':
      return 'INT64'
    default:
      if (value instanceof Date) return 'TIMESTAMP'
      return value instanceof Uint8Array ? 'BYTE_ARRAY' : 'JSON'
  }
}

interface ParquetFile {
  write(group: readonly Fields[]): Promise<void>
  finish(): Promise<void>
}

async function openFile(
  columns: Columns,
  put: (bytes: Uint8Array) => Promise<unknown>,
): Promise<ParquetFile> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await library()
  const bytes = new ByteWriter()
  const drain = async (): Promise<void> => {
    const written = new Uint8Array(bytes.buffer.slice(0, bytes.index))
    bytes.index = 0
    if (written.length > 0) await put(written)
  }
  const types = Object.entries(columns)
  const dataOf = (group: readonly Fields[]) =>
    types.map(([name, type]) => ({
      name,
      type,
      data: group.map(record => fitted(record[name], type, name)),
    }))
  const schema = schemaFromColumnData({ columnData: dataOf([]) })
  const writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'kindling' })
  return {
    async write(group) {
      for (const record of group)
        for (const name of Object.keys(record))
          if (!Object.hasOwn(columns, name))
            throw notFitting(
              record,
              name === '__proto__' ? 'no column can have the name __proto__' : `there is no column ${name}`,
            )
      if (group.length > 0) await writer.write({ columnData: dataOf(group), rowGroupSize: group.length })
      await drain()
    },
    async finish() {
      await writer.finish()
      await drain()
    },
  }
}

/** A value as the column wants it. @throws RECORD_NOT_FITTING */
function fitted(value: unknown, type: ParquetType, column: string): unknown {
  if (value === undefined || value === null) return null
  if (type === 'JSON') return value
  const given = parquetTypeOf(value)
  const fits =
    given === type ||
    (given === 'DOUBLE' && (type === 'FLOAT' || (type === 'INT32' && Number.isInteger(value)))) ||
    (given === 'DOUBLE' && type === 'INT64' && Number.isSafeInteger(value))
  if (!fits) throw notFitting(value, `column ${column} is ${type}`)
  return type === 'INT64' ? BigInt(value as number | bigint) : value
}

function notFitting(value: unknown, reason: string): KindlingError {
  return new KindlingError('RECORD_NOT_FITTING', { value: describeValue(value), reason })
}

async function library() {
  try {
    return await import('hyparquet-writer')
  } catch (error) {
    throw new KindlingError(
      'PACKAGE_MISSING',
      { feature: 'Writing Parquet files', package: 'hyparquet-writer' },
      { cause: error },
    )
  }
}
