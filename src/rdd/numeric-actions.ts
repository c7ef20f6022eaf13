/** Actions on numbers: statistics and histograms. */
import { KindlingError } from '../base/errors.ts'
import type { FoldResult, JobSink } from './ports.ts'
import type { RDD } from './rdd.ts'
import { eachRecord, run } from './run-sink.ts'
import { currentScope, operator } from './scope.ts'
import { StatCounter } from './stat-counter.ts'

/** Buckets of equal width, and how many numbers fell into each. */
export interface Histogram {
  /** The edges, ascending: one more than there are counts. Bucket i is [buckets[i], buckets[i + 1]), the last one closed. */
  readonly buckets: number[]
  readonly counts: number[]
}

export async function sum(rdd: RDD<number>): Promise<number> {
  const sink: JobSink = { kind: 'fold', f: (a: number, b: number) => a + b, zero: () => 0 }
  const parts = await run<FoldResult>(rdd as RDD<never>, currentScope('sum'), sink)
  return parts.reduce((total, part) => total + (part.value as number), 0)
}

/** The statistics of each partition. */
export const gatherStats: JobSink = {
  kind: 'fold',
  f: (stats: StatCounter, value: number) => stats.merge(value),
  zero: () => new StatCounter(),
}

export async function stats(rdd: RDD<number>): Promise<StatCounter> {
  const parts = await run<FoldResult>(rdd as RDD<never>, currentScope('stats'), gatherStats)
  const all = new StatCounter()
  for (const part of parts) all.mergeStats(part.value as StatCounter)
  return all
}

/** One figure of the statistics, under its own name. */
export function statistic(rdd: RDD<number>, name: keyof StatCounter & string): Promise<number> {
  return operator(name, () => stats(rdd)).then(s => s[name] as number)
}

/** `n` buckets of equal width between the least and the largest number; one bucket when these are equal. */
export async function evenHistogram(rdd: RDD<number>, n: number): Promise<Histogram> {
  const scope = currentScope('histogram')
  if (!Number.isSafeInteger(n) || n < 1)
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'the number of buckets',
      value: n,
      expected: 'a whole number of at least 1',
    })
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const [low, high] of await run<[number, number]>(rdd as RDD<never>, scope, extremes)) {
    min = Math.min(min, low)
    max = Math.max(max, high)
  }
  if (!Number.isFinite(min) || !Number.isFinite(max))
    throw new KindlingError('UNSUPPORTED_OPERATION', {
      operation: 'histogram',
      reason: 'the RDD is empty, or contains an infinity or NaN',
    })
  const buckets = min === max ? [min, max] : edges(min, max, n)
  return { buckets, counts: await histogramOf(rdd, buckets, true) }
}

const extremes: JobSink = {
  kind: 'chunks',
  run: async (records, task) => {
    let min = Number.POSITIVE_INFINITY
    let max = Number.NEGATIVE_INFINITY
    await eachRecord(records, task, record => {
      min = Math.min(min, record as number)
      max = Math.max(max, record as number)
    })
    return [min, max]
  },
}

function edges(min: number, max: number, n: number): number[] {
  const span = max - min
  // The outer edges are exactly the extremes: -0 + 0 is 0, and rounding might miss the largest.
  return Array.from({ length: n + 1 }, (_, i) => (i === 0 ? min : i === n ? max : min + (i * span) / n))
}

/**
 * How many numbers lie between neighbouring edges.
 *
 * @param even whether the edges are at equal distances, so that a bucket is found by division
 */
export async function histogramOf(
  rdd: RDD<number>,
  buckets: readonly number[],
  even: boolean,
): Promise<number[]> {
  const scope = currentScope('histogram')
  if (buckets.length < 2)
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'the list of edges',
      value: buckets,
      expected: 'two or more numbers',
    })
  const n = buckets.length - 1
  if (buckets.some((edge, i) => (i > 0 && edge < buckets[i - 1]!) || (i < n && Number.isNaN(edge))))
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'the list of edges',
      value: buckets,
      expected: 'in ascending order, NaN at most at the end',
    })
  const bucketOf = even ? evenBucket(buckets) : anyBucket(buckets)
  const parts = await run<number[]>(rdd as RDD<never>, scope, {
    kind: 'chunks',
    run: async (records, task) => {
      const counts = new Array<number>(n).fill(0)
      await eachRecord(records, task, record => {
        const at = bucketOf(record as number)
        if (at >= 0) counts[at]!++
      })
      return counts
    },
  })
  const counts = new Array<number>(n).fill(0)
  for (const part of parts) for (let i = 0; i < counts.length; i++) counts[i]! += part[i]!
  return counts
}

/** Spark's fast rule: rounding may put a number right at an edge into the bucket beside it. */
function evenBucket(buckets: readonly number[]): (x: number) => number {
  const min = buckets[0]!
  const max = buckets.at(-1)!
  const n = buckets.length - 1
  return x => {
    if (Number.isNaN(x) || x < min || x > max) return -1
    return Math.min(Math.floor(((x - min) / (max - min)) * n) || 0, n - 1)
  }
}

/** By binary search; a last edge of NaN takes everything above the one before it, NaN included. */
function anyBucket(buckets: readonly number[]): (x: number) => number {
  const n = buckets.length - 1
  const last = buckets[n]!
  return x => {
    if (Number.isNaN(x)) return Number.isNaN(last) ? n - 1 : -1
    if (!(x >= buckets[0]!) || x > last) return -1
    let low = 0
    let high = n - 1
    // The last bucket whose lower edge is not above x.
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (buckets[middle]! <= x) low = middle
      else high = middle - 1
    }
    return low
  }
}
