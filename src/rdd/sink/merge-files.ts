/** Several files of a format as fewer ones, with the same records in the same order. */
import { KindlingError } from '../../base/errors.ts'
import { type InputFormat, openRecords } from '../formats/file-records.ts'
import type { RemoteReader } from '../sources/remote-files.ts'
import type { FileFormatOptions } from './file-format.ts'

/** A file to be merged, with its bytes. */
export interface MergedInput {
  readonly file: string
  readonly bytes: Uint8Array
}

/** Takes records, a run at a time. */
type Take = (records: readonly unknown[]) => Promise<void>

/** Whether files of a format can be merged. @throws INVALID_ARGUMENT when not */
export function checkMergeable({ format = 'text', columns, schema, header = true }: FileFormatOptions): void {
  const refuse = (value: unknown, expected: string): never => {
    throw new KindlingError('INVALID_ARGUMENT', { what: `a rolling sink of ${format}`, value, expected })
  }
  if (format === 'object') refuse(format, 'text, ndjson, csv, parquet or avro')
  if (format === 'parquet' && columns === undefined)
    refuse(columns, 'columns, so that all files have the same')
  if (format === 'csv' && (columns === undefined || !header))
    refuse(columns, 'columns and a header, so that all files have the same')
  if (format === 'avro' && schema === undefined) refuse(schema, 'a schema')
}

/** The bytes of files whose form allows it: lines, packed or not, one after the other; `undefined` for others. */
export function concatenated(
  inputs: readonly MergedInput[],
  { format = 'text' }: FileFormatOptions,
): Uint8Array | undefined {
  return format === 'text' || format === 'ndjson'
    ? Buffer.concat(inputs.map(({ bytes }) => bytes))
    : undefined
}

/** Gives the records of files, in order. @throws FILE_DAMAGED */
export async function recordsOf(
  { file, bytes }: MergedInput,
  options: FileFormatOptions,
  take: Take,
): Promise<void> {
  const reader: RemoteReader = {
    read: async (_path, offset, length) => bytes.subarray(offset, offset + length),
    async *stream(_path, offset) {
      yield bytes.subarray(offset)
    },
  }
  const range = { path: file, bytes: bytes.length, start: 0, end: bytes.length }
  const source = openRecords(() => reader, '', range, inputFormat(options))
  for (;;) {
    const chunk = await source.next()
    if (chunk === undefined) return
    const rows = (chunk as { readonly rows: readonly unknown[] }).rows
    await take(options.format === 'csv' ? rows.map(row => (row as { values: unknown }).values) : rows)
  }
}

function inputFormat({ format, delimiter, longs }: FileFormatOptions): InputFormat {
  switch (format) {
    case 'csv':
      return {
        kind: 'csv',
        options: delimiter === undefined ? {} : { delimiter },
        maxRecordBytes: Number.MAX_SAFE_INTEGER,
      }
    case 'avro':
      return { kind: 'avro', options: longs === undefined ? {} : { longs } }
    default:
      return { kind: 'parquet', options: {} }
  }
}
