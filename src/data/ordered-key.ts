// Keys as bytes whose order is that of the keys: comparing two encoded keys byte by byte (memcmp, the shorter first
// when one begins the other: Buffer.compare) gives what naturalCompare gives for the keys. Used for sorting and on disk.
//
//   key      = tag, the type's rank · 16 (booleans: + 0 | 1), then
//   number   = 8 bytes: float64, big-endian, all bits inverted if negative, else the sign bit set; NaN sorts last, -0 is 0
//   bigint   = the largest float64 at or below it, as a number · FF · what is left over it, as an unsigned number:
//              one byte of length (FE: four bytes of length follow), big-endian digits. Below -MAX_VALUE, where that
//              float64 is -Infinity, size of the number itself instead, each byte inverted (the larger, the lower).
//              No key, end mark or escape may begin with FF after a number, so the number comes right before the bigint
//   string   = its UTF-16 units, each in UTF-8's way (surrogates too: CESU-8, whose byte order is that of the units)
//              with 00 written as 00 FF, then 00
//   date     = as a number · bytes = each byte, 00 as 00 FF, then 00
//   tuple    = its keys, then 00 · record = name and value in order of names, then 00
//
// I1 no encoded key begins another one's, other than through what follows 00: tags lie between 10 and 9F.
// @source FoundationDB tuple layer, design/tuple.md
import { KindlingError } from '../base/errors.ts'
import { ByteWriter } from './byte-writer.ts'
import { Rank, rankOf } from './compare.ts'
import { sortedNames } from './key.ts'
import { setField } from './record-shape.ts'

const END = 0
const ESCAPE = 0xff
const BIGINT_MARK = 0xff
const LONG = 0xfe
const NEGATIVE_INFINITY = Number.NEGATIVE_INFINITY

const scratch = new DataView(new ArrayBuffer(8))

/**
 * The key as bytes in their own buffer; see the head of this file.
 *
 * Cost: about 100 ns for a short string; O(size).
 *
 * @throws KEY_NOT_SUPPORTED for values that cannot be keys
 */
export function encodeOrderedKey(key: unknown): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(64)
  writeKey(writer, key, 0)
  return writer.result()
}

/**
 * The key that `encodeOrderedKey` was given, by value: -0 comes back as 0, a Buffer as Uint8Array, fields in order of
 * their names.
 *
 * @throws BLOCK_DAMAGED
 */
export function decodeOrderedKey(bytes: Uint8Array): unknown {
  const reader = new KeyReader(bytes)
  const key = reader.key(0)
  reader.end()
  return key
}

function writeKey(writer: ByteWriter, key: unknown, depth: number): void {
  const rank = rankOf(key, depth)
  writer.byte(rank * 16 + (key === true ? 1 : 0))
  switch (rank) {
    case Rank.number:
      if (typeof key === 'number') writeNumber(writer, key)
      else writeBigint(writer, key as bigint)
      return
    case Rank.string:
      writeText(writer, key as string)
      return
    case Rank.date:
      writeNumber(writer, (key as Date).getTime())
      return
    case Rank.bytes:
      for (const byte of key as Uint8Array) {
        writer.byte(byte)
        if (byte === END) writer.byte(ESCAPE)
      }
      writer.byte(END)
      return
    case Rank.tuple: {
      const items = key as readonly unknown[]
      for (let i = 0; i < items.length; i++) writeKey(writer, items[i], depth + 1)
      writer.byte(END)
      return
    }
    case Rank.record:
      for (const name of sortedNames(key as object)) {
        writeKey(writer, name, depth + 1)
        writeKey(writer, (key as Record<string, unknown>)[name], depth + 1)
      }
      writer.byte(END)
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  writer.reserve(8)
  // + 0 makes 0 of -0; a NaN may have any payload and sign, so one is chosen.
  scratch.setFloat64(0, Number.isNaN(value) ? Number.NaN : value + 0)
  const high = scratch.getUint32(0)
  const low = scratch.getUint32(4)
  const negative = high >= 0x8000_0000 && !Number.isNaN(value)
  writer.view.setUint32(writer.at, negative ? ~high : high | 0x8000_0000)
  writer.view.setUint32(writer.at + 4, negative ? ~low : low)
  writer.at += 8
}

function writeBigint(writer: ByteWriter, value: bigint): void {
  const floor = floorToNumber(value)
  writeNumber(writer, floor)
  writer.byte(BIGINT_MARK)
  if (floor === NEGATIVE_INFINITY) writeSize(writer, -value, 0xff)
  else writeSize(writer, value - BigInt(floor), 0)
}

/** The largest float64 that is not above `value`; -Infinity only where no finite one is. */
function floorToNumber(value: bigint): number {
  const nearest = Number(value)
  if (nearest === Number.POSITIVE_INFINITY) return Number.MAX_VALUE
  if (nearest === NEGATIVE_INFINITY || BigInt(nearest) <= value) return nearest
  return nextBelow(nearest)
}

function nextBelow(value: number): number {
  scratch.setFloat64(0, value)
  const bits = scratch.getBigInt64(0)
  // Zero cannot come here: every bigint next to it is a float64 itself.
  scratch.setBigInt64(0, value > 0 ? bits - 1n : bits + 1n)
  return scratch.getFloat64(0)
}

function writeSize(writer: ByteWriter, size: bigint, invert: number): void {
  const hex = size === 0n ? '' : size.toString(16)
  const digits = Buffer.from(hex.length % 2 === 1 ? '0' + hex : hex, 'hex')
  if (digits.length < LONG) {
    writer.byte(digits.length ^ invert)
  } else {
    writer.byte(LONG ^ invert)
    for (let shift = 24; shift >= 0; shift -= 8) writer.byte(((digits.length >>> shift) & 0xff) ^ invert)
  }
  for (const digit of digits) writer.byte(digit ^ invert)
}

function writeText(writer: ByteWriter, text: string): void {
  writer.reserve(text.length * 3 + 1)
  const bytes = writer.bytes
  let at = writer.at
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0) {
      bytes[at++] = 0
      bytes[at++] = ESCAPE
    } else if (unit < 0x80) {
      bytes[at++] = unit
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >>> 6)
      bytes[at++] = 0x80 | (unit & 63)
    } else {
      bytes[at++] = 0xe0 | (unit >>> 12)
      bytes[at++] = 0x80 | ((unit >>> 6) & 63)
      bytes[at++] = 0x80 | (unit & 63)
    }
  }
  bytes[at++] = END
  writer.at = at
}

class KeyReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw damagedKey('bytes after its end')
  }

  key(depth: number): unknown {
    if (depth > 2 * 64 + 2) throw damagedKey('nested too deep')
    const tag = this.#byte()
    switch (tag) {
      case Rank.undefined * 16:
        return undefined
      case Rank.null * 16:
        return null
      case Rank.boolean * 16:
        return false
      case Rank.boolean * 16 + 1:
        return true
      case Rank.number * 16:
        return this.#numeric()
      case Rank.string * 16:
        return this.#text()
      case Rank.date * 16:
        return new Date(this.#number())
      case Rank.bytes * 16:
        return this.#escaped()
      case Rank.tuple * 16: {
        const items: unknown[] = []
        while (!this.#atEnd()) items.push(this.key(depth + 1))
        return items
      }
      case Rank.record * 16: {
        const record = {}
        while (!this.#atEnd()) {
          const name = this.key(depth + 1)
          if (typeof name !== 'string') throw damagedKey('a field without a name')
          setField(record, name, this.key(depth + 1))
        }
        return record
      }
      default:
        throw damagedKey(`unknown tag ${tag}`)
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw damagedKey('it ends too early')
    return byte
  }

  #atEnd(): boolean {
    if (this.#bytes[this.#at] !== END) return false
    this.#at++
    return true
  }

  #numeric(): number | bigint {
    const floor = this.#number()
    if (this.#bytes[this.#at] !== BIGINT_MARK) return floor
    this.#at++
    if (floor === NEGATIVE_INFINITY) return -this.#size(0xff)
    if (!Number.isInteger(floor)) throw damagedKey('a bigint that is no whole number')
    return BigInt(floor) + this.#size(0)
  }

  #number(): number {
    for (let i = 0; i < 8; i++) scratch.setUint8(i, this.#byte())
    const high = scratch.getUint32(0)
    if (high >= 0x8000_0000) {
      scratch.setUint32(0, high & 0x7fff_ffff)
    } else {
      scratch.setUint32(0, ~high)
      scratch.setUint32(4, ~scratch.getUint32(4))
    }
    return scratch.getFloat64(0)
  }

  #size(invert: number): bigint {
    let length = this.#byte() ^ invert
    if (length === LONG) {
      length = 0
      for (let i = 0; i < 4; i++) length = length * 256 + (this.#byte() ^ invert)
    }
    if (length > this.#bytes.length - this.#at) throw damagedKey('it ends too early')
    const digits = Buffer.from(this.#bytes.subarray(this.#at, this.#at + length))
    this.#at += length
    if (invert !== 0) for (let i = 0; i < length; i++) digits[i]! ^= invert
    return length === 0 ? 0n : BigInt('0x' + digits.toString('hex'))
  }

  #escaped(): Uint8Array<ArrayBuffer> {
    const bytes: number[] = []
    for (;;) {
      const byte = this.#byte()
      if (byte === END) {
        if (this.#bytes[this.#at] !== ESCAPE) return new Uint8Array(bytes)
        this.#at++
      }
      bytes.push(byte)
    }
  }

  #text(): string {
    const bytes = this.#escaped()
    const units: number[] = []
    let at = 0
    while (at < bytes.length) {
      const lead = bytes[at++]!
      let unit = lead
      if (lead >= 0xe0) unit = ((lead & 15) << 12) | ((bytes[at++]! & 63) << 6) | (bytes[at++]! & 63)
      else if (lead >= 0xc0) unit = ((lead & 31) << 6) | (bytes[at++]! & 63)
      units.push(unit)
    }
    if (at > bytes.length) throw damagedKey('a character is cut off')
    let text = ''
    for (let i = 0; i < units.length; i += 4096) text += String.fromCharCode(...units.slice(i, i + 4096))
    return text
  }
}

function damagedKey(reason: string): KindlingError {
  return new KindlingError('BLOCK_DAMAGED', { reason: `a key: ${reason}` })
}
