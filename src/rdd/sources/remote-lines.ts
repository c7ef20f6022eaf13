/**
 * Lines of a byte range of a file, read as they come over the network.
 *
 * As with local files (`text-file.ts`) a line belongs to the range that its first byte lies in: a range that begins inside the
 * file starts one byte early and goes to the first line end from there, and reads on past its end until its last line is whole.
 */

import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { KindlingError } from '../../base/errors.ts'
import type { Chunk, ChunkSource } from '../../data/chunk.ts'
import { decodeLines, LineFramer } from '../../data/text.ts'
import { placedPath } from './remote-files.ts'
import { BOM, CR, LF, lineEndIn, type TextSplit } from './text-file.ts'

/** Gives the bytes of a file from an offset on, of which hardly any after `end` will be asked for. */
export type ByteStream = (path: string, offset: number, end?: number) => AsyncIterable<Uint8Array>

/** How lines are read. */
export interface RemoteLinesOptions {
  readonly maxLineBytes: number
  /** Of the place, for messages. */
  readonly name: string
}

/** See the file head. @throws LINE_TOO_LONG, and what reading throws (from `next`) */
export function linesOf(
  split: TextSplit,
  { maxLineBytes, name }: RemoteLinesOptions,
  read: ByteStream,
): ChunkSource<string> {
  const onTooLong = (): never => {
    throw new KindlingError('LINE_TOO_LONG', { source: placedPath(name, split.path), limit: maxLineBytes })
  }
  const framer = new LineFramer({ maxLineBytes, onTooLong })
  const pieces = split.gzip ? unpacked(read(split.path, 0)) : inRange(split, read)
  const chunks = chunksOf(pieces, framer)
  return {
    asynchronous: true,
    async next() {
      const { done, value } = await chunks.next()
      return done === true ? undefined : value
    },
    async close() {
      await chunks.return(undefined)
    },
  }
}

async function* chunksOf(
  pieces: AsyncIterable<Uint8Array>,
  framer: LineFramer,
): AsyncGenerator<Chunk<string>, undefined> {
  for await (const piece of pieces) {
    const lines = framer.push(piece)
    if (lines !== undefined && lines.length > 0) yield { kind: 'text', text: decodeLines(lines) }
  }
  const rest = framer.end()
  if (rest !== undefined && rest.length > 0) yield { kind: 'text', text: decodeLines(rest) }
  return undefined
}

/** The bytes of the lines that begin in the range. */
async function* inRange(
  { path, start, end }: TextSplit,
  read: ByteStream,
): AsyncGenerator<Uint8Array, undefined> {
  if (start >= end) return undefined
  // From one byte before: if that ends a line, a line begins just here.
  let at = Math.max(0, start - 1)
  let isInside = false
  // What cannot be told yet: a `\r` whose `\n` may follow, or the beginning of a mark of the byte order.
  let held: Buffer = Buffer.alloc(0)
  for await (const piece of read(path, at, end)) {
    let bytes = Buffer.concat([held, piece])
    if (!isInside) {
      const from = start === 0 ? afterMark(bytes) : afterLineEnd(bytes)
      held = from === undefined && (start === 0 || bytes.at(-1) === CR) ? bytes : Buffer.alloc(0)
      if (from === undefined) {
        at += bytes.length - held.length
        continue
      }
      isInside = true
      at += from
      if (start > 0 && at >= end) return undefined
      bytes = bytes.subarray(from)
    }
    // Until the byte before the end has been passed, all of it is ours.
    const last = end - 1 - at
    const lineEnd = last >= bytes.length ? -1 : lineEndIn(bytes, Math.max(0, last))
    if (lineEnd >= 0) {
      yield bytes.subarray(0, lineEnd + 1)
      return undefined
    }
    at += bytes.length
    yield bytes
  }
  if (start === 0 && held.length > 0) yield held
  return undefined
}

/** Where the line after the first line end begins; `undefined` when that is not known yet. */
function afterLineEnd(bytes: Buffer): number | undefined {
  const i = lineEndIn(bytes, 0)
  if (i < 0) return undefined
  if (bytes[i] === LF) return i + 1
  if (i + 1 === bytes.length) return undefined
  return bytes[i + 1] === LF ? i + 2 : i + 1
}

function afterMark(bytes: Buffer): number | undefined {
  if (bytes.length >= BOM.length) return BOM.every((byte, i) => bytes[i] === byte) ? BOM.length : 0
  return BOM.slice(0, bytes.length).every((byte, i) => bytes[i] === byte) ? undefined : 0
}

async function* unpacked(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  const source = Readable.from(packed)
  const gunzip = createGunzip()
  source.on('error', error => gunzip.destroy(error))
  try {
    let isFirst = true
    for await (const piece of source.pipe(gunzip)) {
      const bytes = piece as Buffer
      yield isFirst ? bytes.subarray(afterMark(bytes) ?? 0) : bytes
      isFirst = false
    }
  } finally {
    source.destroy()
    gunzip.destroy()
  }
  return undefined
}
