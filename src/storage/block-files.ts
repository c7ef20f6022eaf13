/**
 * Blocks in files of this process: where memory is short, or a storage level says so.
 *
 *   pairs or rows (1 byte), records, length, CRC-32 (4 bytes each, little-endian), the encoded block; then the next block
 *
 * The folder is made when the first block is written and goes with the context.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { KindlingError } from '../base/errors.ts'
import { type Block, encodedBlock } from './block.ts'

const HEAD_BYTES = 13

/** See the file head. */
export class BlockFiles {
  private readonly parent: string
  private folder: Promise<string> | undefined
  private next = 0

  constructor(parent: string = tmpdir()) {
    this.parent = parent
  }

  /** Writes blocks to a new file; gives its path. @throws OUTPUT_FAILED */
  async write(blocks: readonly Block[]): Promise<string> {
    let path = this.parent
    try {
      this.folder ??= mkdtemp(join(this.parent, 'kindling-blocks-'))
      path = join(await this.folder, `block-${this.next++}`)
      await writeFile(path, Buffer.concat(blocks.flatMap(framed)))
      return path
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new KindlingError('OUTPUT_FAILED', { path, reason }, { cause: error })
    }
  }

  /** The blocks of a file. @throws FILE_DAMAGED when it is gone or not as it was written */
  async read(path: string): Promise<Block[]> {
    const bytes = await readFile(path).catch(error => {
      throw new KindlingError('FILE_DAMAGED', { path, reason: 'it cannot be read' }, { cause: error })
    })
    const blocks: Block[] = []
    for (let at = 0; at < bytes.length; ) {
      if (at + HEAD_BYTES > bytes.length) throw damaged(path)
      const pairs = bytes[at] === 1
      const count = bytes.readUInt32LE(at + 1)
      const length = bytes.readUInt32LE(at + 5)
      const check = bytes.readUInt32LE(at + 9)
      at += HEAD_BYTES
      const block = bytes.subarray(at, at + length)
      if (block.length !== length || crc32(block) !== check) throw damaged(path)
      // A copy of its own: decoding wants aligned bytes, and a view would keep the whole file.
      blocks.push({ kind: 'encoded', bytes: new Uint8Array(block), pairs, count })
      at += length
    }
    return blocks
  }

  /** Never rejects. */
  async remove(path: string): Promise<void> {
    await rm(path, { force: true }).catch(() => {})
  }

  /** Removes all. Never rejects. */
  async close(): Promise<void> {
    const folder = await this.folder?.catch(() => undefined)
    if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => {})
  }
}

function framed(block: Block): Buffer[] {
  const { bytes, pairs, count } = encodedBlock(block)
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  head[0] = pairs ? 1 : 0
  head.writeUInt32LE(count, 1)
  head.writeUInt32LE(bytes.length, 5)
  head.writeUInt32LE(crc32(bytes), 9)
  return [head, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)]
}

function damaged(path: string): KindlingError {
  return new KindlingError('FILE_DAMAGED', { path, reason: 'it was cut off or changed' })
}
