/**
 * Finds lines of a split again, byte by byte: where each begins in the file (of a compressed one: in its text), and its bytes without
 * the line end. The rules are those of the reader (`text-file.ts`, `data/text.ts`): `\n`, `\r\n` and `\r` end a line, and a line belongs
 * to the split that its first byte lies in.
 *
 * Reads forward from the start of the split, up to the line that was asked for: only those who look for bad records pay.
 */
import { createReadStream, type ReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import type { RecordLocator, RecordOrigin } from './record-origin.ts'
import { BOM, CR, LF, lineEndIn, type TextSplit } from './text-file.ts'

/** See the file head. */
export class LineLocator implements RecordLocator {
  private readonly split: TextSplit
  private readonly longest: number
  private file: ReadStream | undefined
  private pieces: AsyncIterator<Buffer> | undefined
  private piece: Buffer = Buffer.alloc(0)
  /** In the piece. */
  private cursor = 0
  /** Of the piece's first byte, in the file. */
  private offset = 0
  /** The index of the next line. */
  private next = 0

  /** @param longest lines with more bytes are passed over, as the reader does; they have no index */
  constructor(split: TextSplit, longest: number = Number.POSITIVE_INFINITY) {
    this.split = split
    this.longest = longest
  }

  async at(index: number): Promise<RecordOrigin | undefined> {
    if (this.pieces === undefined) await this.open()
    while (this.next < index) {
      if ((await this.line(false)) === undefined) return undefined
    }
    return this.line(true)
  }

  async close(): Promise<void> {
    await this.pieces?.return?.()
    this.file?.destroy()
  }

  private async open(): Promise<void> {
    const { path, start, gzip } = this.split
    // From one byte before: if that ends a line, a line begins just here.
    const from = start === 0 ? 0 : start - 1
    this.file = createReadStream(path, { start: from })
    this.offset = from
    const bytes = gzip ? this.file.pipe(createGunzip()) : this.file
    if (gzip) this.file.on('error', error => bytes.destroy(error))
    this.pieces = bytes[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    if (start > 0) {
      await this.toLineEnd(undefined)
      return
    }
    // The first piece of a file has a mark whole, if there is one; so have unpacked ones.
    await this.peek()
    if (BOM.every((byte, i) => this.piece[i] === byte)) this.cursor = BOM.length
  }

  /** Passes one line that counts, and gives it if it is wanted. */
  private async line(isWanted: boolean): Promise<RecordOrigin | undefined> {
    for (;;) {
      if ((await this.peek()) === undefined) return undefined
      const offset = this.offset + this.cursor
      const parts: Buffer[] = []
      const bytes = await this.toLineEnd(isWanted ? parts : undefined)
      if (bytes > this.longest) continue
      this.next++
      return { source: { file: this.split.path, offset }, raw: new Uint8Array(Buffer.concat(parts)) }
    }
  }

  /** Passes the rest of a line, of so many bytes. @param parts takes them */
  private async toLineEnd(parts: Buffer[] | undefined): Promise<number> {
    let bytes = 0
    for (;;) {
      const end = lineEndIn(this.piece, this.cursor)
      const part = this.piece.subarray(this.cursor, end < 0 ? undefined : end)
      bytes += part.length
      if (bytes <= this.longest) parts?.push(part)
      if (end < 0) {
        this.cursor = this.piece.length
        if ((await this.peek()) === undefined) return bytes
        continue
      }
      this.cursor = end + 1
      if (this.piece[end] === CR && (await this.peek()) === LF) this.cursor++
      return bytes
    }
  }

  /** The next byte; reads on when the piece is used up. `undefined` at the end. */
  private async peek(): Promise<number | undefined> {
    while (this.cursor >= this.piece.length) {
      const { done, value } = await this.pieces!.next()
      if (done === true) return undefined
      this.offset += this.piece.length
      this.piece = value
      this.cursor = 0
    }
    return this.piece[this.cursor]
  }
}
