/** Lines of text files that are too long, as letters; `text-file.ts` passes over them where letters are asked for. Reads the files again. */
import { closeSync, openSync, readSync } from 'node:fs'
import { KindlingError } from '../../base/errors.ts'
import type { Chunk, ChunkSource } from '../../data/chunk.ts'
import { LONG_LINE_HEAD_BYTES } from '../../data/text.ts'
import { type DeadLetter, errorOf, type LetterPlace } from '../dead-letters/dead-letter.ts'
import { openTextSplit, type TextSplit, type TooLongLine } from './text-file.ts'

/** The letters of one split, in order. */
export class LongLineSource implements ChunkSource<DeadLetter> {
  readonly asynchronous: boolean
  private readonly split: TextSplit
  private readonly place: LetterPlace
  private readonly maxLineBytes: number
  private readonly lines: ChunkSource<string>
  private found: TooLongLine[] = []
  private index = 0

  constructor(split: TextSplit, place: LetterPlace, maxLineBytes: number) {
    this.split = split
    this.place = place
    this.maxLineBytes = maxLineBytes
    this.asynchronous = split.gzip
    this.lines = openTextSplit(split, { maxLineBytes, onTooLong: line => void this.found.push(line) })
  }

  next(): Chunk<DeadLetter> | undefined | Promise<Chunk<DeadLetter> | undefined> {
    return this.asynchronous ? this.later() : this.now()
  }

  close(): void | Promise<void> {
    return this.lines.close()
  }

  private now(): Chunk<DeadLetter> | undefined {
    const chunk = this.lines.next() as Chunk<string> | undefined
    if (chunk === undefined && this.found.length === 0) return undefined
    return this.letters()
  }

  private async later(): Promise<Chunk<DeadLetter> | undefined> {
    const chunk = await this.lines.next()
    if (chunk === undefined && this.found.length === 0) return undefined
    return this.letters()
  }

  private letters(): Chunk<DeadLetter> {
    const found = this.found
    this.found = []
    return { kind: 'rows', rows: found.map(line => this.letter(line)) }
  }

  private letter({ offset, bytes }: TooLongLine): DeadLetter {
    const { path, gzip } = this.split
    const source = `${path} (the one that begins at byte ${offset})`
    const error = new KindlingError('LINE_TOO_LONG', { source, limit: this.maxLineBytes })
    const { stack: _, ...why } = errorOf(error)
    const letter = { value: undefined, error: why, ...this.place, index: this.index++ }
    const raw = gzip ? undefined : headOf(path, offset, Math.min(bytes, LONG_LINE_HEAD_BYTES))
    return { ...letter, source: { file: path, offset, bytes }, ...(raw === undefined ? {} : { raw }) }
  }
}

function headOf(path: string, offset: number, length: number): Uint8Array | undefined {
  const head = new Uint8Array(length)
  try {
    const file = openSync(path, 'r')
    try {
      return head.subarray(0, readSync(file, head, 0, length, offset))
    } finally {
      closeSync(file)
    }
  } catch {
    // The file has gone since it was read: the letter goes without its bytes.
    return undefined
  }
}
