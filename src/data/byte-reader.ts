import { KindlingError } from '../base/errors.ts'

/** The error for bytes that no encoder wrote. */
export function blockDamaged(reason: string): KindlingError {
  return new KindlingError('BLOCK_DAMAGED', { reason })
}

/** Reads what a `ByteWriter` wrote. Every length is checked against the bytes there are. */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** The same bytes, for their decoding to strings. */
  readonly buffer: Buffer
  /** Position of the next byte. */
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** @throws BLOCK_DAMAGED unless `count` more bytes are there */
  need(count: number): void {
    if (count > this.bytes.length - this.at) {
      throw blockDamaged(`${count} bytes expected at ${this.at}, ${this.bytes.length - this.at} are left`)
    }
  }

  byte(): number {
    this.need(1)
    return this.bytes[this.at++]!
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
    }
    throw blockDamaged(`a length at ${this.at} does not end`)
  }

  /** A number of items of which each takes at least one byte. */
  count(): number {
    const count = this.varint()
    this.need(count)
    return count
  }

  float64(): number {
    this.need(8)
    const value = this.view.getFloat64(this.at, true)
    this.at += 8
    return value
  }

  int64(): bigint {
    this.need(8)
    const value = this.view.getBigInt64(this.at, true)
    this.at += 8
    return value
  }

  /** A view on the next `count` bytes. */
  raw(count: number): Uint8Array {
    this.need(count)
    const start = this.at
    this.at += count
    return this.bytes.subarray(start, this.at)
  }

  /**
   * The buffer and offset of `count` aligned items of `width` bytes, for a typed array over them. They are copied if
   * the block itself lies at an odd place of its buffer.
   */
  items(count: number, width: number): { readonly buffer: ArrayBufferLike; readonly offset: number } {
    const start = Math.ceil(this.at / width) * width
    const end = start + count * width
    if (end > this.bytes.length) this.need(end - this.at)
    this.at = end
    const offset = this.bytes.byteOffset + start
    if (offset % width === 0) return { buffer: this.bytes.buffer, offset }
    // Not slice: that of a Buffer is a view.
    return { buffer: new Uint8Array(this.bytes.subarray(start, end)).buffer, offset: 0 }
  }
}
