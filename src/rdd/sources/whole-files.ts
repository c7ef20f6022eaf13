/** Whole files as records, and files of records of a fixed length. */
import { open, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { KindlingError } from '../../base/errors.ts'
import type { Chunk, ChunkSource } from '../../data/chunk.ts'
import { type InputFile, notReadable } from './file-listing.ts'

const unpack = promisify(gunzip)
const CHUNK_BYTES = 1 << 16

/** Files in groups of about total ÷ `minPartitions` bytes, in order. */
export function groupFiles(files: readonly InputFile[], minPartitions: number): string[][] {
  const total = files.reduce((sum, file) => sum + file.size, 0)
  const most = Math.ceil(total / Math.max(1, minPartitions))
  const groups: string[][] = []
  let bytes = 0
  for (const { path, size } of files) {
    const group = groups.at(-1)
    if (group !== undefined && bytes + size <= most) {
      group.push(path)
      bytes += size
    } else {
      groups.push([path])
      bytes = size
    }
  }
  return groups
}

/** `[path, contents]` for each file, one at a time. */
export function openWholeFiles(paths: readonly string[], as: 'text' | 'bytes'): ChunkSource {
  let at = 0
  return {
    asynchronous: true,
    async next() {
      const path = paths[at++]
      if (path === undefined) return undefined
      return { kind: 'rows', rows: [[path, await (as === 'text' ? textOf(path) : bytesOf(path, false))]] }
    },
    close() {
      at = paths.length
    },
  }
}

async function bytesOf(path: string, packed: boolean): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path)
    // A copy of its own: what readFile gives is a Buffer, and records are plain bytes.
    return packed ? await unpack(bytes) : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  } catch (error) {
    throw notReadable(path, error)
  }
}

/** Bytes that are no UTF-8 become U+FFFD; a mark of the byte order at the beginning is left out. */
async function textOf(path: string): Promise<string> {
  const bytes = await bytesOf(path, path.endsWith('.gz'))
  try {
    return new TextDecoder().decode(bytes)
  } catch (error) {
    throw notReadable(path, error) // Longer than a string can be.
  }
}

/** A part of a file of records of a fixed length. */
export interface RecordSplit {
  readonly path: string
  /** Bytes; a whole number of records apart. */
  readonly start: number
  readonly end: number
}

/**
 * Files cut between records into ranges of about 32 MiB.
 *
 * @throws FILE_DAMAGED when a file ends in mid-record
 */
export function splitRecordFiles(files: readonly InputFile[], recordBytes: number): RecordSplit[] {
  const step = Math.max(1, Math.floor((32 * 1024 * 1024) / recordBytes)) * recordBytes
  return files.flatMap(({ path, size }) => {
    if (size % recordBytes !== 0) {
      const reason = `its ${size} bytes are no whole number of records of ${recordBytes} bytes`
      throw new KindlingError('FILE_DAMAGED', { path, reason })
    }
    const splits: RecordSplit[] = []
    for (let start = 0; start < size; start += step)
      splits.push({ path, start, end: Math.min(size, start + step) })
    return splits.length > 0 ? splits : [{ path, start: 0, end: 0 }]
  })
}

/** The records of a split, each with bytes of its own. */
export function openRecordSplit(split: RecordSplit, recordBytes: number): ChunkSource {
  const most = Math.max(1, Math.floor(CHUNK_BYTES / recordBytes)) * recordBytes
  let at = split.start
  return {
    asynchronous: true,
    async next(): Promise<Chunk | undefined> {
      if (at >= split.end) return undefined
      const bytes = await readRange(split.path, at, Math.min(most, split.end - at))
      at += bytes.length
      const rows: Uint8Array[] = []
      for (let i = 0; i < bytes.length; i += recordBytes)
        rows.push(new Uint8Array(bytes.subarray(i, i + recordBytes)))
      return { kind: 'rows', rows }
    },
    close() {
      at = split.end
    },
  }
}

async function readRange(path: string, start: number, length: number): Promise<Buffer> {
  try {
    const file = await open(path, 'r')
    try {
      const buffer = Buffer.alloc(length)
      for (let have = 0; have < length; ) {
        const { bytesRead } = await file.read(buffer, have, length - have, start + have)
        if (bytesRead === 0)
          throw new KindlingError('FILE_DAMAGED', { path, reason: 'it has become shorter meanwhile' })
        have += bytesRead
      }
      return buffer
    } finally {
      await file.close()
    }
  } catch (error) {
    throw error instanceof KindlingError ? error : notReadable(path, error)
  }
}
