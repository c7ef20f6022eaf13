/** Files of Parquet as records, by the package `hyparquet`, a row group at a time. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { AsyncBuffer, Compressors, FileMetaData } from 'hyparquet'
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import type { RemoteReader } from '../sources/remote-files.ts'
import type { NamedRange } from './file-records.ts'

/** How files of Parquet are read. */
export interface ParquetInputOptions {
  /** The columns that records have; others are not read. Default: all. */
  readonly columns?: readonly string[]
  /** Whether binary columns that are not marked as texts are such, as old writers have them. Default false. */
  readonly binaryAsString?: boolean
}

type Library = typeof import('hyparquet')

/** What Node unpacks; the library has Snappy by itself. */
const compressors: Compressors = {
  GZIP: input => new Uint8Array(gunzipSync(input)),
  BROTLI: input => new Uint8Array(brotliDecompressSync(input)),
  ZSTD: input => new Uint8Array(zstdDecompressSync(input)),
}

/** @throws FILE_DAMAGED, FILE_NOT_FITTING, INPUT_NOT_READABLE, PACKAGE_MISSING */
export async function* readParquet(
  reader: RemoteReader,
  range: NamedRange,
  { columns, binaryAsString = false }: ParquetInputOptions,
): AsyncGenerator<readonly unknown[], undefined> {
  const hyparquet = await library()
  const file = bufferOf(reader, range)
  const metadata = await orDamaged(range, 'its end', () => hyparquet.parquetMetadataAsync(file))
  checkColumns(metadata, columns, range)
  let rowStart = 0
  for (const [i, group] of metadata.row_groups.entries()) {
    const rowEnd = rowStart + Number(group.num_rows)
    const at = firstByte(group)
    if (at >= range.start && at < range.end)
      yield await orDamaged(range, `row group ${i}, records ${rowStart} to ${rowEnd - 1}`, () =>
        hyparquet.parquetReadObjects({
          file,
          metadata,
          rowStart,
          rowEnd,
          compressors,
          utf8: binaryAsString,
          ...(columns === undefined ? {} : { columns: [...columns] }),
        }),
      )
    rowStart = rowEnd
  }
  return undefined
}

function bufferOf(reader: RemoteReader, { path, bytes }: NamedRange): AsyncBuffer {
  return {
    byteLength: bytes,
    async slice(start, end = bytes) {
      const found = await reader.read(path, start, end - start)
      // The library wants memory of its own.
      return Uint8Array.from(found).buffer
    },
  }
}

type RowGroup = FileMetaData['row_groups'][number]

function firstByte({ columns }: RowGroup): number {
  const offsets = columns.map(({ meta_data }) =>
    Number(meta_data?.dictionary_page_offset ?? meta_data?.data_page_offset ?? 0n),
  )
  return Math.min(...offsets)
}

function checkColumns(
  metadata: FileMetaData,
  columns: readonly string[] | undefined,
  { name }: NamedRange,
): void {
  const there = topColumns(metadata)
  const missing = columns?.filter(column => !there.includes(column)) ?? []
  if (missing.length > 0)
    throw notFitting(name, `it has no column ${missing.join(', ')}, but ${there.join(', ')}`)
  // The library assigns fields, which would lose this one.
  if ((columns ?? there).includes('__proto__'))
    throw notFitting(name, 'it has a column __proto__, which no record can have: name the columns to read')
}

function notFitting(path: string, reason: string): KindlingError {
  return new KindlingError('FILE_NOT_FITTING', { path, reason })
}

/** The schema is a tree in pre-order, with the root first. */
function topColumns({ schema }: FileMetaData): string[] {
  const names: string[] = []
  const skip = (at: number): number => {
    let next = at + 1
    for (let i = 0; i < (schema[at]?.num_children ?? 0); i++) next = skip(next)
    return next
  }
  for (let at = 1; at < schema.length; at = skip(at)) names.push(schema[at]!.name)
  return names
}

async function orDamaged<R>({ name }: NamedRange, where: string, read: () => Promise<R>): Promise<R> {
  try {
    return await read()
  } catch (error) {
    if (isKindlingError(error)) throw error
    const reason = `${(error as Error).message} (${where})`
    throw new KindlingError('FILE_DAMAGED', { path: name, reason }, { cause: error })
  }
}

async function library(): Promise<Library> {
  try {
    return await import('hyparquet')
  } catch (error) {
    throw new KindlingError(
      'PACKAGE_MISSING',
      { feature: 'Reading Parquet files', package: 'hyparquet' },
      { cause: error },
    )
  }
}
