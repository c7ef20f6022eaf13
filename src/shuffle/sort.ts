/**
 * Records in an order, with runs in a file for what does not fit.
 *
 * 1. positions are sorted in runs short enough not to hold the thread; 2. those are merged two by two, with a pause when the
 * task's slice is over; 3. what exceeds the budget is written as a sorted run, and all runs are merged when they are read.
 *
 * I1  Records that compare as equal keep the order in which they came, with a file or without.
 * Cost: O(n log n) comparisons.
 */
import type { Chunk, ChunkSource } from '../data/chunk.ts'
import type { Driver } from '../rdd/segment/drive.ts'
import { roughPairBytes } from '../storage/rough-size.ts'
import { Merge, type NumberedPairs, type Run, type RunCursor, writeRun } from './run.ts'
import { nextLook, type ShuffleDriver } from './task-memory.ts'

const RUN = 4096
const CHUNK = 4096

/** What records are ordered by. */
export interface Order {
  /** Of two that lie in columns, by their places. */
  of(pairs: NumberedPairs): (a: number, b: number) => number
  readonly cursors: (a: RunCursor, b: RunCursor) => number
}

/** By key. */
export function byKey(compare: (a: unknown, b: unknown) => number): Order {
  return {
    of:
      ({ keys }) =>
      (a, b) =>
        compare(keys[a], keys[b]),
    cursors: (a, b) => compare(a.key, b.key),
  }
}

/** By the numbers of the records. */
export const BY_NUMBER: Order = {
  of:
    ({ numbers }) =>
    (a, b) =>
      numbers[a]! - numbers[b]!,
  cursors: (a, b) => a.number - b.number,
}

/** Takes records, looks after what they take, and gives them in order; see the file head. */
export class ExternalSort {
  readonly pairs: NumberedPairs = { numbers: [], keys: [], values: [] }
  private readonly order: Order
  private readonly driver: ShuffleDriver
  private readonly runs: Run[] = []
  private isHolding = true
  /** So many records are worth an estimate. */
  private lookAt = 1

  constructor(order: Order, driver: ShuffleDriver) {
    this.order = order
    this.driver = driver
    driver.memory.take()
  }

  add(number: number, key: unknown, value: unknown): void {
    const { numbers, keys, values } = this.pairs
    numbers.push(number)
    keys.push(key)
    values.push(value)
  }

  /** Whether any run was written. */
  get hasSpilled(): boolean {
    return this.runs.length > 0
  }

  /** To be called now and then: writes a run when there is too much. */
  relieve(): Promise<void> | undefined {
    return this.isTooMuch() ? this.spill() : undefined
  }

  /** Whether what is in memory exceeds the budget. */
  isTooMuch(): boolean {
    const { keys, values } = this.pairs
    if (keys.length < this.lookAt) return false
    const bytes = roughPairBytes(keys, values)
    const { share } = this.driver.memory
    this.lookAt = nextLook(keys.length, bytes, share)
    return bytes > share
  }

  /** Writes all that is in memory as a run. */
  async spill(): Promise<void> {
    const { pairs } = this
    if (pairs.keys.length === 0) return
    // Where keys come without numbers, none is needed.
    while (pairs.numbers.length < pairs.keys.length) pairs.numbers.push(0)
    this.runs.push(await writeRun(pairs, await this.sorted(), this.driver))
    pairs.numbers.length = 0
    pairs.keys.length = 0
    pairs.values.length = 0
    this.lookAt = 1
  }

  /** All records in order. */
  async finish(): Promise<ChunkSource> {
    if (this.runs.length > 0) await this.spill()
    if (this.runs.length > 0) return this.merged()
    const { keys, values } = this.pairs
    const order = await this.sorted()
    let at = 0
    return {
      next: () => {
        if (at >= order.length) return this.close()
        const positions = order.subarray(at, at + CHUNK)
        at += positions.length
        return {
          kind: 'pairs',
          keys: Array.from(positions, p => keys[p]),
          values: Array.from(positions, p => values[p]),
        }
      },
      close: () => {
        at = order.length
        this.close()
      },
    }
  }

  /** Lets go of what is held. */
  close(): undefined {
    if (this.isHolding) this.driver.memory.release()
    this.isHolding = false
    return undefined
  }

  /** The runs that were written, as one. */
  merge(): Merge {
    return new Merge(this.runs, this.order.cursors, this.driver)
  }

  private merged(): ChunkSource {
    const merge = this.merge()
    let isOver = false
    return {
      next: (): Chunk | undefined => {
        const keys: unknown[] = []
        const values: unknown[] = []
        while (keys.length < CHUNK && !isOver) {
          const cursor = merge.next()
          if (cursor === undefined) isOver = true
          else {
            keys.push(cursor.key)
            values.push(cursor.value)
          }
        }
        return keys.length > 0 ? { kind: 'pairs', keys, values } : this.close()
      },
      close: () => {
        isOver = true
        this.close()
      },
    }
  }

  private sorted(): Promise<Uint32Array> {
    return sortedPositions(this.pairs.keys.length, this.order.of(this.pairs), this.driver)
  }
}

/** The places of `n` records in order. */
async function sortedPositions(
  n: number,
  compare: (a: number, b: number) => number,
  driver: Driver,
): Promise<Uint32Array> {
  let from = Uint32Array.from({ length: n }, (_, i) => i)
  for (let start = 0; start < n; start += RUN) {
    // The position decides between equal keys: the order stays that of the input.
    from.subarray(start, start + RUN).sort((a, b) => compare(a, b) || a - b)
    const pause = driver.breathe()
    if (pause !== undefined) await pause
  }
  let to = new Uint32Array(n)
  for (let width = RUN; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const ends: [number, number, number] = [
        start,
        Math.min(start + width, n),
        Math.min(start + 2 * width, n),
      ]
      await merge(from, to, ends, compare, driver)
    }
    ;[from, to] = [to, from]
  }
  return from
}

async function merge(
  from: Uint32Array,
  to: Uint32Array,
  [start, middle, end]: [number, number, number],
  compare: (a: number, b: number) => number,
  driver: Driver,
): Promise<void> {
  let left = start
  let right = middle
  for (let at = start; at < end; at++) {
    const takeLeft = left < middle && (right >= end || compare(from[left]!, from[right]!) <= 0)
    to[at] = takeLeft ? from[left++]! : from[right++]!
    const pause = (at & 1023) === 0 ? driver.breathe() : undefined
    if (pause !== undefined) await pause
  }
}
