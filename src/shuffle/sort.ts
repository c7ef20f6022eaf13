/**
 * Pairs in the order of their keys; equal keys keep their order.
 *
 * 1. positions are sorted in runs short enough not to hold the thread; 2. runs are merged two by two, with a pause when the
 * task's slice is over. Cost: O(n log n) comparisons.
 */
import type { ChunkSource } from '../data/chunk.ts'
import type { Driver } from '../rdd/segment/drive.ts'

const RUN = 4096
const CHUNK = 4096

/** The pairs as a source of sorted chunks. */
export async function sortedRuns(
  pairs: { readonly keys: readonly unknown[]; readonly values: readonly unknown[] },
  compare: (a: unknown, b: unknown) => number,
  driver: Driver,
): Promise<ChunkSource> {
  const { keys, values } = pairs
  const order = await sortedPositions(keys, compare, driver)
  let at = 0
  return {
    next() {
      if (at >= order.length) return undefined
      const positions = order.subarray(at, at + CHUNK)
      at += positions.length
      return {
        kind: 'pairs',
        keys: Array.from(positions, p => keys[p]),
        values: Array.from(positions, p => values[p]),
      }
    },
    close() {
      at = order.length
    },
  }
}

async function sortedPositions(
  keys: readonly unknown[],
  compare: (a: unknown, b: unknown) => number,
  driver: Driver,
): Promise<Uint32Array> {
  const n = keys.length
  let from = Uint32Array.from({ length: n }, (_, i) => i)
  for (let start = 0; start < n; start += RUN) {
    // The position decides between equal keys: the order stays that of the input.
    from.subarray(start, start + RUN).sort((a, b) => compare(keys[a], keys[b]) || a - b)
    const pause = driver.breathe()
    if (pause !== undefined) await pause
  }
  let to = new Uint32Array(n)
  for (let width = RUN; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width)
      await merge(
        from,
        to,
        [start, Math.min(start + width, n), Math.min(start + 2 * width, n)],
        keys,
        compare,
        driver,
      )
    ;[from, to] = [to, from]
  }
  return from
}

async function merge(
  from: Uint32Array,
  to: Uint32Array,
  [start, middle, end]: [number, number, number],
  keys: readonly unknown[],
  compare: (a: unknown, b: unknown) => number,
  driver: Driver,
): Promise<void> {
  let left = start
  let right = middle
  for (let at = start; at < end; at++) {
    const takeLeft = left < middle && (right >= end || compare(keys[from[left]!], keys[from[right]!]) <= 0)
    to[at] = takeLeft ? from[left++]! : from[right++]!
    const pause = (at & 1023) === 0 ? driver.breathe() : undefined
    if (pause !== undefined) await pause
  }
}
