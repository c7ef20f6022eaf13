/**
 * Records as files that give back exactly what was written: blocks of the codec (docs/reference/block-format.md) in frames.
 *
 *   "KNDLOBJ" 01                              8 bytes: magic and version
 *   length, CRC-32 of the block, block        two little-endian 32-bit numbers before each block
 *   0, number of blocks                       the end: a file that was cut off anywhere is noticed
 *
 * A file is read as one partition, a block at a time.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { KindlingError } from '../../base/errors.ts'
import type { Chunk, ChunkSource } from '../../data/chunk.ts'
import { decodeRecords, encodeRecords } from '../../data/codec.ts'
import type { FileFormat } from '../sink/file-format.ts'
import { notReadable } from './file-listing.ts'

const MAGIC = Buffer.from('KNDLOBJ\u0001', 'latin1')
/** Records of one block: enough for columns to pay, few enough to be at hand at once. */
const BLOCK_RECORDS = 4096
const FRAME_BYTES = 8

function frame(length: number, check: number): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_BYTES)
  bytes.writeUInt32LE(length, 0)
  bytes.writeUInt32LE(check, 4)
  return bytes
}

/** @throws RECORD_NOT_ENCODABLE for records that are no data */
export const objectFormat: FileFormat = {
  suffix: '',
  open(put) {
    let blocks = 0
    let rows: unknown[] = []
    const flush = async (): Promise<void> => {
      if (blocks === 0) await put(MAGIC)
      if (rows.length === 0) return
      const block = encodeRecords(rows)
      rows = []
      blocks++
      await put(frame(block.length, crc32(block)))
      await put(block)
    }
    return {
      async add(records) {
        for (const record of records) {
          rows.push(record)
          if (rows.length === BLOCK_RECORDS) await flush()
        }
      },
      async end() {
        await flush()
        await put(frame(0, blocks))
      },
    }
  },
}

/** The records of one file. The file is opened at the first `next` and closed at the end or by `close`. */
export class ObjectFileSource implements ChunkSource {
  readonly asynchronous = true
  private readonly path: string
  private file: FileHandle | undefined
  private at = 0
  private blocks = 0
  private over = false

  constructor(path: string) {
    this.path = path
  }

  async next(): Promise<Chunk | undefined> {
    if (this.over) return undefined
    try {
      if (this.file === undefined) await this.open()
      const head = await this.read(FRAME_BYTES)
      const [length, check] = [head.readUInt32LE(0), head.readUInt32LE(4)]
      if (length === 0) {
        if (check !== this.blocks) throw this.damaged(`${this.blocks} blocks found, ${check} written`)
        await this.close()
        return undefined
      }
      const block = await this.read(length)
      this.blocks++
      if (crc32(block) !== check) throw this.damaged(`the checksum of block ${this.blocks} does not match`)
      return { kind: 'rows', rows: decodeRecords(block) }
    } catch (error) {
      await this.close()
      throw error instanceof KindlingError ? error : notReadable(this.path, error)
    }
  }

  async close(): Promise<void> {
    this.over = true
    const { file } = this
    this.file = undefined
    await file?.close()
  }

  private async open(): Promise<void> {
    this.file = await open(this.path, 'r')
    const magic = await this.read(MAGIC.length)
    if (magic.equals(MAGIC)) return
    throw this.damaged('it does not start as an object file of this version does')
  }

  private async read(length: number): Promise<Buffer> {
    // A damaged length must not ask for memory that the file cannot fill.
    const { size } = await this.file!.stat()
    if (this.at + length > size) throw this.damaged('it ends in mid-block')
    const buffer = Buffer.allocUnsafe(length)
    for (let have = 0; have < length; ) {
      const { bytesRead } = await this.file!.read(buffer, have, length - have, this.at + have)
      if (bytesRead === 0) throw this.damaged('it ends in mid-block')
      have += bytesRead
    }
    this.at += length
    return buffer
  }

  private damaged(reason: string): KindlingError {
    return new KindlingError('FILE_DAMAGED', { path: this.path, reason })
  }
}
