/**
 * Files of records as partitions: which ranges there are, and who reads them.
 *
 *   csv       a file each: where a record begins cannot be told inside quotes
 *   parquet   ranges of bytes; a row group belongs to the range that its first byte lies in
 *   avro      ranges of bytes; a block belongs to the range that the mark before it begins in
 */
import type { ChunkSource } from '../../data/chunk.ts'
import { capture } from '../functions/explicit.ts'
import type { SourceNode } from '../nodes.ts'
import { placedPath, type ReadingPlace, type RemoteFile, type RemoteReader } from '../sources/remote-files.ts'
import { sourceNode } from '../sources/source-node.ts'
import { splitTextFiles } from '../sources/text-file.ts'
import { type AvroInputOptions, readAvro } from './avro-input.ts'
import { type CsvInputOptions, readCsv } from './csv-input.ts'
import { type ParquetInputOptions, readParquet } from './parquet-input.ts'

/** A format with what it is read with: plain data. */
export type InputFormat =
  | { readonly kind: 'csv'; readonly options: CsvInputOptions; readonly maxRecordBytes: number }
  | { readonly kind: 'parquet'; readonly options: ParquetInputOptions }
  | { readonly kind: 'avro'; readonly options: AvroInputOptions }

/** A range of a file. */
export interface FileRange {
  readonly path: string
  /** Of the file. */
  readonly bytes: number
  readonly start: number
  readonly end: number
}

/** A range, with how messages name its file. */
export interface NamedRange extends FileRange {
  readonly name: string
}

export function recordsNode(
  place: ReadingPlace,
  files: readonly Omit<RemoteFile, 'modified'>[],
  minPartitions: number,
  format: InputFormat,
): SourceNode {
  const { reader, name } = place
  return sourceNode(
    `${format.kind}File`,
    'FileRecordsRDD',
    rangesOf(files, minPartitions, format),
    capture(
      { openRecords, reader, name, format },
      (range: FileRange): ChunkSource => openRecords(reader, name, range, format),
    ),
    ({ start, end }) => start === end,
  )
}

function rangesOf(
  files: readonly Omit<RemoteFile, 'modified'>[],
  minPartitions: number,
  { kind }: InputFormat,
): FileRange[] {
  if (kind === 'csv') return files.map(({ path, bytes }) => ({ path, bytes, start: 0, end: bytes }))
  return files.flatMap(({ path, bytes }) =>
    splitTextFiles([{ path, size: bytes }], Math.ceil(minPartitions / files.length)).map(
      ({ start, end }) => ({
        path,
        bytes,
        start,
        // Packed or not, it is cut.
        end,
      }),
    ),
  )
}

/** The records of a range, as chunks. The file is opened at the first `next`. */
export function openRecords(
  reader: () => RemoteReader,
  name: string,
  range: FileRange,
  format: InputFormat,
): ChunkSource {
  const rows = readRange(reader(), { ...range, name: placedPath(name, range.path) }, format)
  return {
    asynchronous: true,
    async next() {
      const { done, value } = await rows.next()
      return done === true ? undefined : { kind: 'rows', rows: value }
    },
    async close() {
      await rows.return(undefined)
    },
  }
}

function readRange(
  reader: RemoteReader,
  range: NamedRange,
  format: InputFormat,
): AsyncGenerator<readonly unknown[], undefined> {
  switch (format.kind) {
    case 'csv':
      return readCsv(reader, range, format.options, format.maxRecordBytes)
    case 'parquet':
      return readParquet(reader, range, format.options)
    case 'avro':
      return readAvro(reader, range, format.options)
  }
}
