/**
 * Sorted runs of records in a task's file, and what reads several of them as one.
 *
 *   frame: a number for each record (float64), then a block of pairs
 *
 * A frame is what is read at a time, so merging holds one of each run.
 */
import { decodePairs, encodePairs } from '../data/codec.ts'
import { roughPairBytes } from '../storage/rough-size.ts'
import type { FilePart } from '../storage/spill-file.ts'
import type { ShuffleDriver } from './task-memory.ts'

const FRAME_BYTES = 64 * 1024
const MAX_FRAME = 4096

/** Records in columns. `numbers` says which they are among all, in the order that they came. */
export interface NumberedPairs {
  readonly numbers: number[]
  readonly keys: unknown[]
  readonly values: unknown[]
}

interface Frame extends FilePart {
  readonly count: number
}

/** A sorted run that was written. */
export interface Run {
  readonly frames: readonly Frame[]
}

/** Bytes of a record, roughly, so that so many fit a frame. */
export function recordsOfFrame(keys: readonly unknown[], values: readonly unknown[]): number {
  const each = roughPairBytes(keys, values) / Math.max(1, keys.length)
  return Math.max(1, Math.min(MAX_FRAME, Math.floor(FRAME_BYTES / Math.max(1, each))))
}

/** Writes records in a given order. @throws OUTPUT_FAILED @throws RECORD_NOT_ENCODABLE */
export async function writeRun(
  { numbers, keys, values }: NumberedPairs,
  order: Uint32Array,
  driver: ShuffleDriver,
): Promise<Run> {
  const { memory } = driver
  const file = memory.runFile
  const size = recordsOfFrame(keys, values)
  const frames: Frame[] = []
  let written = 0
  for (let at = 0; at < order.length; at += size) {
    const positions = order.subarray(at, at + size)
    const count = positions.length
    const pairs = encodePairs(
      Array.from(positions, p => keys[p]),
      Array.from(positions, p => values[p]),
    )
    const bytes = new Uint8Array(8 * count + pairs.length)
    new Float64Array(bytes.buffer, 0, count).set(Array.from(positions, p => numbers[p]!))
    bytes.set(pairs, 8 * count)
    frames.push({ ...file.append(bytes), count })
    written += bytes.length
    const pause = driver.breathe()
    if (pause !== undefined) await pause
  }
  memory.spilled(roughPairBytes(keys, values), written)
  return { frames }
}

/** Where a reader of a run is. */
export class RunCursor {
  /** Its place among the runs that are merged: earlier ones go first where records are equal. */
  readonly index: number
  key: unknown
  value: unknown
  /** Of the record. */
  number = 0
  private readonly run: Run
  private readonly driver: ShuffleDriver
  private numbers = new Float64Array(0)
  private keys: readonly unknown[] = []
  private values: readonly unknown[] = []
  private frame = 0
  private at = 0

  constructor(run: Run, index: number, driver: ShuffleDriver) {
    this.run = run
    this.index = index
    this.driver = driver
  }

  /** Goes to the next record; false after the last one. @throws BLOCK_DAMAGED */
  advance(): boolean {
    if (this.at === this.keys.length && !this.load()) return false
    const { at } = this
    this.at++
    this.key = this.keys[at]
    this.value = this.values[at]
    this.number = this.numbers[at]!
    return true
  }

  private load(): boolean {
    const frame = this.run.frames[this.frame++]
    if (frame === undefined) return false
    const bytes = this.driver.memory.runFile.read(frame)
    this.numbers = new Float64Array(bytes.buffer, 0, frame.count)
    const { keys, values } = decodePairs(bytes.subarray(8 * frame.count))
    this.keys = keys
    this.values = values
    this.at = 0
    return true
  }
}

/** The records of several sorted runs in order: a heap of their cursors. */
export class Merge {
  private readonly heap: RunCursor[] = []
  private readonly compare: (a: RunCursor, b: RunCursor) => number
  private started = false

  constructor(runs: readonly Run[], compare: (a: RunCursor, b: RunCursor) => number, driver: ShuffleDriver) {
    this.compare = (a, b) => compare(a, b) || a.index - b.index
    for (const [i, run] of runs.entries()) {
      const cursor = new RunCursor(run, i, driver)
      if (cursor.advance()) this.push(cursor)
    }
  }

  /** The run whose record is next, standing at it until the next call; `undefined` at the end. */
  next(): RunCursor | undefined {
    const { heap } = this
    if (this.started && heap.length > 0) {
      if (!heap[0]!.advance()) {
        const last = heap.pop()!
        if (heap.length > 0) heap[0] = last
      }
      this.sink()
    }
    this.started = true
    return heap[0]
  }

  private push(cursor: RunCursor): void {
    const { heap } = this
    let at = heap.push(cursor) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.compare(heap[parent]!, cursor) <= 0) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = cursor
  }

  private sink(): void {
    const { heap } = this
    const cursor = heap[0]
    if (cursor === undefined) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.compare(heap[child + 1]!, heap[child]!) < 0) child++
      if (this.compare(cursor, heap[child]!) <= 0) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = cursor
  }
}
