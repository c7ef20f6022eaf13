/**
 * A file of parts, each known by where it lies, its length and its CRC-32, which stay in memory.
 *
 * Reads and writes do not wait: parts are small, and a user's synchronous iterator may be what asks for one.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { KindlingError } from '../base/errors.ts'
import { removeFile } from './spill-folder.ts'

/** Where a part of a file lies, and what it must be. */
export interface FilePart {
  readonly at: number
  readonly length: number
  readonly check: number
}

/** Written from the beginning to the end, and read in any order; see the file head. */
export class SpillFile {
  readonly path: string
  private readonly file: number
  private end = 0
  private isOpen = true

  /** @throws OUTPUT_FAILED */
  constructor(path: string) {
    this.path = path
    try {
      this.file = openSync(path, 'wx+', 0o600)
    } catch (error) {
      throw notWritten(path, error)
    }
  }

  /** Bytes so far. */
  get length(): number {
    return this.end
  }

  /** Adds a part at the end. @throws OUTPUT_FAILED */
  append(bytes: Uint8Array): FilePart {
    const part = { at: this.end, length: bytes.length, check: crc32(bytes) }
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.file, bytes, done, bytes.length - done, part.at + done)
    } catch (error) {
      throw notWritten(this.path, error)
    }
    this.end += bytes.length
    return part
  }

  /** @throws BLOCK_DAMAGED */
  read(part: FilePart): Uint8Array<ArrayBuffer> {
    return readPart(this.path, this.file, part)
  }

  /** The file stays. */
  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    closeSync(this.file)
  }

  /** Never throws. */
  remove(): void {
    this.close()
    removeFile(this.path)
  }
}

/** Reads parts of a file that is written; opened with the first one. */
export class SpillReader {
  private readonly path: string
  private file: number | undefined

  constructor(path: string) {
    this.path = path
  }

  /** @throws BLOCK_DAMAGED */
  read(part: FilePart): Uint8Array<ArrayBuffer> {
    try {
      this.file ??= openSync(this.path, 'r')
    } catch (error) {
      throw damaged(this.path, (error as Error).message, error)
    }
    return readPart(this.path, this.file, part)
  }

  close(): void {
    if (this.file === undefined) return
    closeSync(this.file)
    this.file = undefined
  }
}

/** In a buffer of its own: decoding wants aligned bytes. */
function readPart(path: string, file: number, { at, length, check }: FilePart): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let done = 0
  try {
    while (done < length) {
      const read = readSync(file, bytes, done, length - done, at + done)
      if (read === 0) break
      done += read
    }
  } catch (error) {
    throw damaged(path, (error as Error).message, error)
  }
  if (done < length) throw damaged(path, 'it was cut off')
  if (crc32(bytes) !== check) throw damaged(path, 'it was changed')
  return bytes
}

function notWritten(path: string, error: unknown): KindlingError {
  return new KindlingError('OUTPUT_FAILED', { path, reason: (error as Error).message }, { cause: error })
}

function damaged(path: string, what: string, cause?: unknown): KindlingError {
  return new KindlingError('BLOCK_DAMAGED', { reason: `${path}: ${what}` }, { cause })
}
