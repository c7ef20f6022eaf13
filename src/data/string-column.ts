// Columns of strings: all characters in a few runs of text ("segments"), so that there is one native call for each
// segment instead of one for each string.
//
//   lengths (UTF-16 units): width byte 1 | 2 | 4, n items of it · segments until n strings are there, each:
//   varint strings · encoding byte · varint bytes · bytes
//
// Encodings: 0 ASCII · 1 UTF-8 · 2 UTF-16 LE, only for text with lone surrogates, which UTF-8 cannot hold. (A lone high
// one at the end of a string followed by a lone low one is sound UTF-8 when joined, and comes apart again by length.)
// One string beyond ASCII thus makes only its own segment two bytes wide in memory.
//
// A dictionary column has the distinct strings as such a column, then an index for each row. It is tried when a sample
// shows repetition, and given up when the distinct ones come to more than half.
//
// Decoded strings of 13 characters or more are slices of their segment's text and keep it alive: at most 64 Ki
// characters (or the length of one longer string). Who keeps few of many strings for long copies them (KeyTable does).
import { type ByteReader, blockDamaged } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

const SEGMENT_CHARS = 64 * 1024
/** Up to this average length, copying characters one by one beats joining the strings first: 13 ns of both at 8, 24 and 16 ns at 12. */
const SHORT_CHARS = 8
/** From this average length on, a native call for each string costs less than joining them: 46 and 48 ns of slices, 40 and 27 of others. */
const LONG_CHARS = 48
const ASCII = 0
const UTF8 = 1
const UTF16 = 2

const SAMPLE = 128
/** Below this many strings a dictionary saves nothing worth its Map. */
const MIN_DICTIONARY_ROWS = 16

/** Writes strings in order, without their count. */
export function writeStrings(writer: ByteWriter, strings: readonly string[]): void {
  const count = strings.length
  let longest = 0
  for (let i = 0; i < count; i++) {
    const length = strings[i]!.length
    if (length > longest) longest = length
  }
  const lengths = unsignedRoom(writer, count, longest)
  for (let i = 0; i < count; i++) lengths[i] = strings[i]!.length
  let start = 0
  while (start < count) {
    let end = start
    let chars = 0
    while (end < count && (end === start || chars + strings[end]!.length <= SEGMENT_CHARS)) {
      chars += strings[end++]!.length
    }
    writer.varint(end - start)
    const average = chars / (end - start)
    const isWritten =
      average <= SHORT_CHARS
        ? writeShortAscii(writer, strings, start, end, chars)
        : average >= LONG_CHARS && writeLongAscii(writer, strings, start, end, chars)
    if (!isWritten) {
      const whole = start === 0 && end === count
      writeSegment(writer, (whole ? strings : strings.slice(start, end)).join(''))
    }
    start = end
  }
}

/** Reads `count` strings. @throws BLOCK_DAMAGED */
export function readStrings(reader: ByteReader, count: number): string[] {
  const lengths = readUnsigned(reader, count)
  const strings = new Array<string>(count)
  let i = 0
  while (i < count) {
    const inSegment = reader.varint()
    if (inSegment === 0 || inSegment > count - i) throw blockDamaged(`a segment of ${inSegment} strings`)
    const text = readSegment(reader)
    const stop = i + inSegment
    let from = 0
    for (; i < stop; i++) {
      const to = from + lengths[i]!
      strings[i] = text.slice(from, to)
      from = to
    }
    if (from !== text.length) throw blockDamaged(`strings of ${from} characters in a text of ${text.length}`)
  }
  return strings
}

/** The distinct strings and the index of each row, or undefined where a dictionary would not pay. */
export function dictionaryOf(
  strings: readonly string[],
): { readonly words: string[]; readonly indices: Uint32Array } | undefined {
  const count = strings.length
  if (count < MIN_DICTIONARY_ROWS || !sampleRepeats(strings)) return undefined
  const limit = count >>> 1
  const indexOf = new Map<string, number>()
  const words: string[] = []
  const indices = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const word = strings[i]!
    let index = indexOf.get(word)
    if (index === undefined) {
      index = words.length
      if (index >= limit) return undefined
      indexOf.set(word, index)
      words.push(word)
    }
    indices[i] = index
  }
  return { words, indices }
}

/** Room for `count` whole numbers from 0 to `max`, with the byte that tells their width before it. */
export function unsignedRoom(
  writer: ByteWriter,
  count: number,
  max: number,
): Uint8Array | Uint16Array | Uint32Array {
  const width = max < 256 ? 1 : max < 65536 ? 2 : 4
  writer.byte(width)
  const at = writer.room(count, width)
  const buffer = writer.bytes.buffer
  if (width === 1) return new Uint8Array(buffer, at, count)
  return width === 2 ? new Uint16Array(buffer, at, count) : new Uint32Array(buffer, at, count)
}

/** A view on what was written to `unsignedRoom`. */
export function readUnsigned(reader: ByteReader, count: number): Uint8Array | Uint16Array | Uint32Array {
  const width = reader.byte()
  if (width !== 1 && width !== 2 && width !== 4) throw blockDamaged(`numbers of ${width} bytes`)
  const { buffer, offset } = reader.items(count, width)
  if (width === 1) return new Uint8Array(buffer, offset, count)
  return width === 2 ? new Uint16Array(buffer, offset, count) : new Uint32Array(buffer, offset, count)
}

function sampleRepeats(strings: readonly string[]): boolean {
  const size = Math.min(SAMPLE, strings.length)
  const step = strings.length / size
  const seen = new Set<string>()
  for (let i = 0; i < size; i++) seen.add(strings[Math.floor(i * step)]!)
  return seen.size <= size * 0.6
}

/** Writes a segment of ASCII strings; false, with nothing written, if one of them is not. */
function writeShortAscii(
  writer: ByteWriter,
  strings: readonly string[],
  start: number,
  end: number,
  chars: number,
): boolean {
  const before = writer.at
  writer.reserve(chars + 9)
  writer.byte(ASCII)
  writer.varint(chars)
  const bytes = writer.bytes
  let at = writer.at
  for (let i = start; i < end; i++) {
    const text = strings[i]!
    for (let j = 0; j < text.length; j++) {
      const unit = text.charCodeAt(j)
      if (unit > 127) {
        writer.at = before
        return false
      }
      bytes[at++] = unit
    }
  }
  writer.at = at
  return true
}

/** The same for long ones, which are not looked at one character at a time. */
function writeLongAscii(
  writer: ByteWriter,
  strings: readonly string[],
  start: number,
  end: number,
  chars: number,
): boolean {
  const before = writer.at
  writer.reserve(chars * 3 + 9)
  writer.byte(ASCII)
  writer.varint(chars)
  const target = Buffer.from(writer.bytes.buffer, 0, writer.bytes.length)
  let at = writer.at
  for (let i = start; i < end; i++) {
    const text = strings[i]!
    // Whatever is not ASCII has more bytes than units.
    if (target.write(text, at, 'utf8') !== text.length) {
      writer.at = before
      return false
    }
    at += text.length
  }
  writer.at = at
  return true
}

function writeSegment(writer: ByteWriter, text: string): void {
  // Three bytes are enough for any UTF-16 unit. The byte count goes before the text, so it is known only afterwards;
  // five bytes are kept free for it (a varint may be padded).
  const chars = text.length
  writer.reserve(chars * 3 + 6)
  const start = writer.at + 6
  const target = Buffer.from(writer.bytes.buffer, start, writer.bytes.length - start)
  const sound = text.isWellFormed()
  const bytes = sound ? target.write(text, 0, 'utf8') : target.write(text, 0, 'utf16le')
  writer.bytes[writer.at++] = sound ? (bytes === chars ? ASCII : UTF8) : UTF16
  for (let i = 0, rest = bytes; i < 5; i++, rest = Math.floor(rest / 128)) {
    writer.bytes[writer.at++] = i < 4 ? (rest & 127) | 128 : rest
  }
  writer.at += bytes
}

function readSegment(reader: ByteReader): string {
  const encoding = reader.byte()
  const bytes = reader.varint()
  reader.need(bytes)
  const start = reader.at
  reader.at += bytes
  switch (encoding) {
    case ASCII:
      return reader.buffer.toString('latin1', start, reader.at)
    case UTF8:
      return reader.buffer.toString('utf8', start, reader.at)
    case UTF16:
      return reader.buffer.toString('utf16le', start, reader.at)
    default:
      throw blockDamaged(`text encoding ${encoding}`)
  }
}
