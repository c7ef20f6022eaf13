// From bytes to lines of text, in two steps: `LineFramer` cuts a stream of buffers at line ends, still bytes;
// `decodeLines` turns whole lines into one string. A line ends in '\n', '\r\n' or a lone '\r' (Hadoop's LineReader has
// the same rule); neither byte can be part of another character in UTF-8, so cutting before decoding is safe.
//
// The framer, per push: 1. drop the '\n' of a '\r\n' that was cut in two; 2. finish the line carried over, or drop it
// while it is too long; 3. hand on everything up to the last line end; 4. carry the rest.
// I1 carried bytes ≤ maxLineBytes. I2 every byte is copied at most twice, amortised (the carry doubles when it grows).
// Cost: a backward scan over the last line; memory: at most 2 · maxLineBytes.
import { isAscii } from 'node:buffer'

/** The longest line accepted by default, in bytes: 64 MiB. */
export const MAX_LINE_BYTES: number = 64 * 1024 * 1024

/** A line that was dropped. */
export interface LongLine {
  /** Its length, without its end. */
  readonly bytes: number
  /** Where its first byte stood: bytes of the stream before it. */
  readonly offset: number
  /** Its first bytes, at most {@link LONG_LINE_HEAD_BYTES}: enough to see what it is. A copy. */
  readonly head: Uint8Array<ArrayBuffer>
}

/** Bytes that are kept of a line that was dropped. */
export const LONG_LINE_HEAD_BYTES = 4096

/** Settings of a `LineFramer`. */
export interface LineFramerOptions {
  /** Longest line in bytes, without its end. Default 64 MiB. */
  readonly maxLineBytes?: number | undefined
  /** Called once for each line that was longer and therefore dropped, when its end was seen. */
  readonly onTooLong?: ((line: LongLine) => void) | undefined
}

const LF = 10
const CR = 13
const FIRST_CARRY_BYTES = 4096

/** Cuts a stream of buffers into runs of whole lines. One stream, one framer. */
export class LineFramer {
  readonly #maxLineBytes: number
  readonly #onTooLong: ((line: LongLine) => void) | undefined
  #carry = new Uint8Array(0)
  #carried = 0
  /** Above 0: the length so far of a line that is being dropped. */
  #dropped = 0
  /** The beginning of that line. */
  #head: Uint8Array<ArrayBuffer> = NOTHING
  /** Bytes of the stream before those being pushed. */
  #passed = 0
  /** Where in the stream the line began that is carried over or being dropped. */
  #lineStart = 0
  /** The last push ended in '\r': a '\n' at the start of the next belongs to it. */
  #skipLineFeed = false

  constructor(options: LineFramerOptions = {}) {
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES
    this.#onTooLong = options.onTooLong
  }

  /**
   * Takes the next bytes of the stream and gives all whole lines now complete, line ends included, or undefined.
   * The result may be a view on `bytes`: use it up before the buffer is filled again. Nothing else of `bytes` is kept.
   */
  push(bytes: Uint8Array): Uint8Array | undefined {
    const whole = this.#push(bytes)
    this.#passed += bytes.length
    return whole
  }

  #push(bytes: Uint8Array): Uint8Array | undefined {
    let start = 0
    if (this.#skipLineFeed && bytes.length > 0) {
      this.#skipLineFeed = false
      if (bytes[0] === LF) start = 1
    }
    if (this.#dropped > 0) {
      const end = findLineEnd(bytes, start)
      this.#dropped += end - start
      if (this.#head.length < LONG_LINE_HEAD_BYTES)
        this.#head = headOf(this.#head, bytes.subarray(start, end))
      if (end === bytes.length) return undefined
      start = this.#passLineEnd(bytes, end)
      this.#report(this.#dropped, this.#lineStart, this.#head)
    }
    const stop = afterLastLineEnd(bytes, start)
    if (stop === start) {
      this.#keep(bytes, start)
      return undefined
    }
    const whole = this.#takeWhole(bytes, start, stop)
    this.#skipLineFeed = stop === bytes.length && bytes[stop - 1] === CR
    this.#keep(bytes, stop)
    return whole.length > 0 ? whole : undefined
  }

  /** Ends the stream: gives its last line if it had no end, with '\n' added, or undefined. The framer is then as new. */
  end(): Uint8Array | undefined {
    this.#skipLineFeed = false
    this.#passed = 0
    if (this.#dropped > 0) this.#report(this.#dropped, this.#lineStart, this.#head)
    if (this.#carried === 0) return undefined
    const line = new Uint8Array(this.#carried + 1)
    line.set(this.#carry.subarray(0, this.#carried))
    line[this.#carried] = LF
    this.#forgetCarry()
    return line
  }

  // bytes[start, stop) ends in a line end; the carried bytes come before it.
  #takeWhole(bytes: Uint8Array, start: number, stop: number): Uint8Array {
    const firstEnd = this.#carried > 0 ? findLineEnd(bytes, start) : start
    const firstBytes = this.#carried + firstEnd - start
    if (firstBytes > this.#maxLineBytes) {
      const head = headOf(this.#carry.subarray(0, this.#carried), bytes.subarray(start, firstEnd))
      this.#forgetCarry()
      this.#report(firstBytes, this.#lineStart, head)
      return this.#withoutLongLines(bytes, this.#afterLineEnd(bytes, firstEnd), stop)
    }
    const lines = this.#withoutLongLines(bytes, start, stop)
    if (this.#carried === 0) return lines
    const whole = new Uint8Array(this.#carried + lines.length)
    whole.set(this.#carry.subarray(0, this.#carried))
    whole.set(lines, this.#carried)
    this.#forgetCarry()
    return whole
  }

  // Only a run longer than the limit can hold a line longer than the limit, so this nearly always returns at once.
  #withoutLongLines(bytes: Uint8Array, start: number, stop: number): Uint8Array {
    if (stop - start <= this.#maxLineBytes) return bytes.subarray(start, stop)
    const kept: Uint8Array[] = []
    let keptBytes = 0
    // The first line was measured together with the carried bytes, and fits.
    let lineStart = start
    while (lineStart < stop) {
      const end = findLineEnd(bytes, lineStart)
      const next = this.#afterLineEnd(bytes, end)
      if (end - lineStart > this.#maxLineBytes) {
        const head = headOf(NOTHING, bytes.subarray(lineStart, end))
        this.#report(end - lineStart, this.#passed + lineStart, head)
      } else {
        kept.push(bytes.subarray(lineStart, next))
        keptBytes += next - lineStart
      }
      lineStart = next
    }
    const whole = new Uint8Array(keptBytes)
    let at = 0
    for (const part of kept) {
      whole.set(part, at)
      at += part.length
      // A lone '\r' must not become half of a '\r\n' with what followed the line dropped after it.
      if (whole[at - 1] === CR) whole[at - 1] = LF
    }
    return whole
  }

  #keep(bytes: Uint8Array, start: number): void {
    const length = bytes.length - start
    if (length === 0) return
    if (this.#carried === 0) this.#lineStart = this.#passed + start
    const total = this.#carried + length
    if (total > this.#maxLineBytes) {
      this.#head = headOf(this.#carry.subarray(0, this.#carried), bytes.subarray(start))
      this.#forgetCarry()
      this.#dropped = total
      return
    }
    if (total > this.#carry.length) {
      const grown = new Uint8Array(Math.max(total, this.#carry.length * 2, FIRST_CARRY_BYTES))
      grown.set(this.#carry.subarray(0, this.#carried))
      this.#carry = grown
    }
    this.#carry.set(start === 0 ? bytes : bytes.subarray(start), this.#carried)
    this.#carried = total
  }

  #forgetCarry(): void {
    this.#carried = 0
    // One long line must not cost its size for the rest of the connection.
    if (this.#carry.length > 1024 * 1024) this.#carry = new Uint8Array(0)
  }

  #report(bytes: number, offset: number, head: Uint8Array<ArrayBuffer>): void {
    this.#dropped = 0
    this.#head = NOTHING
    this.#onTooLong?.({ bytes, offset, head })
  }

  #afterLineEnd(bytes: Uint8Array, end: number): number {
    return bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1
  }

  #passLineEnd(bytes: Uint8Array, end: number): number {
    const next = this.#afterLineEnd(bytes, end)
    this.#skipLineFeed = next === bytes.length && bytes[next - 1] === CR
    return next
  }
}

/**
 * The lines in `bytes` as one string in which each ends in exactly '\n' ('\r\n' and a lone '\r' become '\n', and a
 * last line without an end gets one). Bytes that are no UTF-8 become U+FFFD.
 *
 * Cost: about 0.3 ns per byte for ASCII, 2 ns otherwise. The string holds a copy; `bytes` may be reused.
 * Length: at most 2^29 - 24 characters, V8's limit; a chunk is far smaller.
 */
export function decodeLines(bytes: Uint8Array): string {
  if (bytes.length === 0) return ''
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  let text = isAscii(buffer) ? buffer.toString('latin1') : buffer.toString('utf8')
  const last = bytes[bytes.length - 1]
  if (last !== LF && last !== CR) text += '\n'
  return buffer.indexOf(CR) < 0 ? text : text.replace(/\r\n?/g, '\n')
}

/** The number of lines that `decodeLines` finds. Cost: about 1 ns per byte. */
export function countLines(bytes: Uint8Array): number {
  const length = bytes.length
  if (length === 0) return 0
  let lines = 0
  let previous = 0
  for (let i = 0; i < length; i++) {
    const byte = bytes[i]!
    if (byte === CR || (byte === LF && previous !== CR)) lines++
    previous = byte
  }
  return previous === LF || previous === CR ? lines : lines + 1
}

const NOTHING = new Uint8Array(0)

/** The first bytes of what comes one after the other. A copy. */
function headOf(first: Uint8Array<ArrayBuffer>, rest: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = Math.min(first.length + rest.length, LONG_LINE_HEAD_BYTES)
  const head = new Uint8Array(length)
  head.set(first.subarray(0, length))
  head.set(rest.subarray(0, Math.max(0, length - first.length)), Math.min(first.length, length))
  return head
}

/** The position of the first line end at or after `start`, or the length if there is none. */
function findLineEnd(bytes: Uint8Array, start: number): number {
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === LF || byte === CR) return i
  }
  return bytes.length
}

function afterLastLineEnd(bytes: Uint8Array, start: number): number {
  for (let i = bytes.length - 1; i >= start; i--) {
    const byte = bytes[i]
    if (byte === LF || byte === CR) return i + 1
  }
  return start
}
