/** Bytes that come in pieces, taken in order as a format has them. */
import { KindlingError } from '../../base/errors.ts'

/** A longer number of Avro is none. */
const MAX_LONG_BYTES = 10

/** See the file head. */
export class ByteQueue {
  /** Where in the file the next byte stands. */
  at: number
  private readonly pieces: AsyncIterator<Uint8Array>
  private readonly path: string
  private held: Buffer = Buffer.alloc(0)
  private over = false

  /** @param path for messages @param at where in the file the pieces begin */
  constructor(pieces: AsyncIterable<Uint8Array>, path: string, at: number) {
    this.pieces = pieces[Symbol.asyncIterator]()
    this.path = path
    this.at = at
  }

  /** Whether there are no more bytes. */
  async isOver(): Promise<boolean> {
    await this.hold(1)
    return this.held.length === 0
  }

  /** Just so many bytes. @throws FILE_DAMAGED when there are fewer */
  async take(length: number): Promise<Buffer> {
    await this.hold(length)
    if (this.held.length < length)
      throw new KindlingError('FILE_DAMAGED', {
        path: this.path,
        reason: `it ends at byte ${this.at + this.held.length}, in the middle of something that begins at byte ${this.at}`,
      })
    const taken = this.held.subarray(0, length)
    this.held = this.held.subarray(length)
    this.at += length
    return taken
  }

  /** A number in Avro's form: seven bits a byte, least first, and zigzag. @throws FILE_DAMAGED */
  async long(): Promise<number> {
    let [value, scale] = [0, 1]
    for (let i = 0; i < MAX_LONG_BYTES; i++) {
      const [byte = 0] = await this.take(1)
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    throw new KindlingError('FILE_DAMAGED', {
      path: this.path,
      reason: `there is no number before byte ${this.at}`,
    })
  }

  /** A length and as many bytes. @throws FILE_DAMAGED, also for more than `most` */
  async bytes(most: number): Promise<Buffer> {
    const length = await this.long()
    if (length >= 0 && length <= most) return this.take(length)
    throw new KindlingError('FILE_DAMAGED', {
      path: this.path,
      reason: `something before byte ${this.at} claims to be ${length} bytes long`,
    })
  }

  /** Goes behind the next occurrence of some bytes. False, at the end, when there is none. */
  async goBehind(mark: Buffer): Promise<boolean> {
    for (;;) {
      await this.hold(mark.length)
      const found = this.held.indexOf(mark)
      const passed = found >= 0 ? found + mark.length : Math.max(0, this.held.length - mark.length + 1)
      this.held = this.held.subarray(passed)
      this.at += passed
      if (found >= 0) return true
      if (this.over) return false
    }
  }

  async close(): Promise<void> {
    this.over = true
    await this.pieces.return?.()
  }

  private async hold(length: number): Promise<void> {
    const more: Uint8Array[] = []
    let held = this.held.length
    while (held < length && !this.over) {
      const { done, value } = await this.pieces.next()
      if (done === true) this.over = true
      else {
        more.push(value)
        held += value.length
      }
    }
    if (more.length > 0) this.held = Buffer.concat([this.held, ...more])
  }
}
