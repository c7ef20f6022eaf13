import { KindlingError } from '../base/errors.ts'

/** The largest block, in bytes: 1 GiB. Larger ones no longer fit V8's strings and make poor units of work. */
export const MAX_BLOCK_BYTES: number = 2 ** 30

const FIRST_BYTES = 16 * 1024
/** A writer that grew beyond this is not kept for the next block. */
const KEPT_BYTES = 16 * 1024 * 1024

/**
 * A growing run of bytes. Call `reserve` before writing to `bytes` directly; it may replace `bytes` and `view`, so read
 * them anew after it. Numbers are written in the byte order of this machine, in columns, and little-endian elsewhere.
 */
export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer>
  view: DataView<ArrayBuffer>
  /** Where the next byte goes; 0-based. */
  at = 0

  /** @param firstBytes room to begin with */
  constructor(firstBytes: number = FIRST_BYTES) {
    this.bytes = new Uint8Array(firstBytes)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Makes room for `count` more bytes. @throws BLOCK_TOO_LARGE above 1 GiB */
  reserve(count: number): void {
    const needed = this.at + count
    if (needed <= this.bytes.length) return
    if (needed > MAX_BLOCK_BYTES)
      throw new KindlingError('BLOCK_TOO_LARGE', { limit: `${MAX_BLOCK_BYTES} bytes` })
    const grown = new Uint8Array(Math.min(Math.max(needed, this.bytes.length * 2), MAX_BLOCK_BYTES))
    grown.set(this.bytes.subarray(0, this.at))
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }

  /** Writes one byte. */
  byte(value: number): void {
    if (this.at >= this.bytes.length) this.reserve(1)
    this.bytes[this.at++] = value
  }

  /** Writes a whole number from 0 to 2^53 - 1, seven bits a byte, lowest first. */
  varint(value: number): void {
    if (this.at + 8 > this.bytes.length) this.reserve(8)
    while (value > 127) {
      // The bit operation is right above 2^32 too: it keeps the low bits.
      this.bytes[this.at++] = (value & 127) | 128
      value = value > 0x7fffffff ? Math.floor(value / 128) : value >>> 7
    }
    this.bytes[this.at++] = value
  }

  /** Writes 8 bytes, little-endian. */
  float64(value: number): void {
    if (this.at + 8 > this.bytes.length) this.reserve(8)
    this.view.setFloat64(this.at, value, true)
    this.at += 8
  }

  /** Writes 8 bytes, little-endian. */
  int64(value: bigint): void {
    if (this.at + 8 > this.bytes.length) this.reserve(8)
    this.view.setBigInt64(this.at, value, true)
    this.at += 8
  }

  /** Writes a copy of `bytes`. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  /** Makes room for `count` items of `width` bytes at a multiple of `width` (1, 2, 4 or 8); gives where they start. */
  room(count: number, width: number): number {
    const start = Math.ceil(this.at / width) * width
    this.reserve(start - this.at + count * width)
    this.bytes.fill(0, this.at, start)
    this.at = start + count * width
    return start
  }

  /** A copy of what was written, in an ArrayBuffer of its own. */
  result(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.at)
  }
}

const idle: ByteWriter[] = []
const MAX_IDLE = 2

/** Runs `write` with an empty writer, which is used again afterwards: nothing of it may be kept. */
export function withWriter<T>(write: (writer: ByteWriter) => T): T {
  const writer = idle.pop() ?? new ByteWriter()
  try {
    return write(writer)
  } finally {
    writer.at = 0
    if (idle.length < MAX_IDLE && writer.bytes.length <= KEPT_BYTES) idle.push(writer)
  }
}
