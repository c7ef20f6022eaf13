/** Which partition a key belongs to, and Spark's rule for choosing a partitioner when none is given. */
import { KindlingError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { naturalCompare } from '../data/compare.ts'
import { hashKey, nonNegativeMod } from '../data/hash.ts'

/**
 * Spreads keys over partitions. A partitioner of your own must give the same answer for equal keys, always.
 *
 * @source Spark Partitioner
 * @example
 * const byLength: Partitioner = { numPartitions: 2, partition: key => String(key).length % 2 }
 * sc.parallelize([['a', 1], ['bb', 2]]).partitionBy(byLength).glom() // => [[['bb', 2]], [['a', 1]]]
 */
export interface Partitioner {
  readonly numPartitions: number
  /** The partition of `key`, 0 … numPartitions−1. */
  partition(key: unknown): number
  /** Whether the other one sends every key to the same partition; without it, only the same object is equal. */
  equals?(other: Partitioner): boolean
}

/**
 * By the portable hash of the key, non-negative modulo; null and undefined go to partition 0.
 *
 * Equal to any hash partitioner with as many partitions.
 *
 * @throws INVALID_ARGUMENT unless `numPartitions` is a whole number of at least 1
 * @source Spark HashPartitioner
 * @example
 * new HashPartitioner(4).partition(6) // => 2
 */
export class HashPartitioner implements Partitioner {
  readonly numPartitions: number

  constructor(numPartitions: number) {
    this.numPartitions = checkPartitions(numPartitions)
  }

  /**
   * The partition of `key`, 0 … numPartitions−1.
   *
   * @throws KEY_NOT_SUPPORTED for a key that is no data
   * @example
   * const three = new HashPartitioner(3)
   * three.partition(-1) // => 2
   * three.partition(undefined) // => 0
   * three.partition([1, 'a']) === three.partition([1, 'a']) // => true
   */
  partition(key: unknown): number {
    return this.numPartitions === 1 ? 0 : nonNegativeMod(hashKey(key), this.numPartitions)
  }

  /**
   * Whether the other one is a hash partitioner with as many partitions.
   *
   * @example
   * new HashPartitioner(4).equals(new HashPartitioner(4)) // => true
   */
  equals(other: Partitioner): boolean {
    return other instanceof HashPartitioner && other.numPartitions === this.numPartitions
  }
}

/** How many records a range partitioner looks at for each partition it makes. */
const SAMPLES_PER_PARTITION = 20
const MAX_SAMPLES = 1_000_000

/** Some keys of a partition, and how many it has. */
export interface KeySample {
  readonly count: number
  readonly keys: readonly unknown[]
}

/**
 * By order: partition i holds the keys up to the i-th bound. The bounds come from a sample of the keys of the RDD that it is
 * first used on, taken when the first job needs them, so that defining a sort runs nothing.
 *
 * Shape: `numPartitions` is what was asked for; with fewer distinct keys the last partitions stay empty (Spark makes fewer).
 *
 * @source Spark RangePartitioner
 * @example
 * const byName = new RangePartitioner(2)
 * visits.repartitionAndSortWithinPartitions(byName).glom() // => [[['ann', 1], ['ann', 3]], [['bob', 2]]]
 * byName.partition('bea') // => 1
 */
export class RangePartitioner implements Partitioner {
  readonly numPartitions: number
  readonly ascending: boolean
  readonly compare: (a: unknown, b: unknown) => number
  private bounds: readonly unknown[] | undefined

  constructor(
    numPartitions: number,
    ascending = true,
    compare: (a: unknown, b: unknown) => number = keyOrder,
  ) {
    this.numPartitions = checkPartitions(numPartitions)
    this.ascending = ascending
    this.compare = compare
    if (numPartitions === 1) this.bounds = []
  }

  /**
   * With bounds that were sampled before, in the natural order of keys.
   *
   * @param bounds the last keys of all partitions but the last, ascending also where `ascending` is false
   * @example
   * const grades = RangePartitioner.withBounds(3, true, [10, 20])
   * grades.partition(10) // => 0
   * grades.partition(11) // => 1
   * grades.partition(99) // => 2
   */
  static withBounds(numPartitions: number, ascending: boolean, bounds: readonly unknown[]): RangePartitioner {
    const made = new RangePartitioner(numPartitions, ascending, keyOrder)
    made.bounds = bounds
    return made
  }

  get ready(): boolean {
    return this.bounds !== undefined
  }

  /** The keys at which partitions end; `undefined` until they were sampled. */
  get sampledBounds(): readonly unknown[] | undefined {
    return this.bounds
  }

  /** How many keys the bounds want to be chosen from. */
  get sampleSize(): number {
    return Math.min(SAMPLES_PER_PARTITION * this.numPartitions, MAX_SAMPLES)
  }

  /**
   * How many keys of each input partition to keep at first, given how many there are: some hold more than their share, so three times
   * the share.
   *
   * @example
   * new RangePartitioner(10).samplesPerInput(4) // => 150
   */
  samplesPerInput(inputPartitions: number): number {
    return Math.ceil((3 * this.sampleSize) / Math.max(1, inputPartitions))
  }

  /**
   * Fixes the bounds by weighted quantiles: each sampled key stands for `count / keys.length` keys of its partition. Does nothing when
   * they are fixed already.
   *
   * @example
   * const halves = new RangePartitioner(2)
   * halves.setBounds([{ count: 4, keys: [1, 2, 3, 4] }])
   * halves.sampledBounds // => [2]
   */
  setBounds(samples: readonly KeySample[]): void {
    if (this.bounds !== undefined) return
    const weighted: { key: unknown; weight: number }[] = []
    for (const { count, keys } of samples)
      for (const key of keys) weighted.push({ key, weight: count / keys.length })
    weighted.sort((a, b) => this.compare(a.key, b.key))
    const total = weighted.reduce((sum, w) => sum + w.weight, 0)
    const step = total / Math.min(this.numPartitions, weighted.length)
    const bounds: unknown[] = []
    let seen = 0
    let target = step
    for (const { key, weight } of weighted) {
      if (bounds.length >= this.numPartitions - 1) break
      seen += weight
      if (seen < target) continue
      const last = bounds.at(-1)
      if (bounds.length > 0 && this.compare(key, last) <= 0) continue
      bounds.push(key)
      target += step
    }
    this.bounds = bounds
  }

  /**
   * The partition of `key`, 0 … numPartitions−1; found by binary search.
   *
   * @throws ILLEGAL_STATE as long as the bounds are not known
   * @example
   * const down = RangePartitioner.withBounds(2, false, [10])
   * down.partition(5) // => 1
   * down.partition(15) // => 0
   */
  partition(key: unknown): number {
    const bounds = this.bounds
    if (bounds === undefined)
      throw new KindlingError('ILLEGAL_STATE', {
        what: 'Partitioning by range',
        reason: 'its bounds have not been sampled yet',
      })
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.compare(key, bounds[middle]) <= 0) high = middle
      else low = middle + 1
    }
    return this.ascending ? low : bounds.length - low
  }

  /**
   * Whether both have as many partitions, the same direction and order, and the same bounds; as long as these are unknown: no.
   *
   * @example
   * RangePartitioner.withBounds(2, true, [10]).equals(RangePartitioner.withBounds(2, true, [10])) // => true
   * new RangePartitioner(2).equals(new RangePartitioner(2)) // => false
   */
  equals(other: Partitioner): boolean {
    if (!(other instanceof RangePartitioner)) return false
    const [mine, theirs] = [this.bounds, other.bounds]
    return (
      mine !== undefined &&
      theirs?.length === mine.length &&
      other.numPartitions === this.numPartitions &&
      other.ascending === this.ascending &&
      other.compare === this.compare &&
      mine.every((bound, i) => this.compare(bound, theirs[i]) === 0)
    )
  }
}

/** A uniform sample of fixed size over keys that come one by one. @source Vitter, algorithm R */
export class Reservoir {
  readonly keys: unknown[] = []
  count = 0
  private readonly size: number
  private readonly random: Random

  constructor(size: number, random: Random) {
    this.size = size
    this.random = random
  }

  offer(key: unknown): void {
    this.count++
    if (this.keys.length < this.size) this.keys.push(key)
    else {
      const at = this.random.int(this.count)
      if (at < this.size) this.keys[at] = key
    }
  }
}

/** The order of keys that have no comparator of their own. */
export const keyOrder: (a: unknown, b: unknown) => number = naturalCompare

/** Whether two partitioners send every key to the same partition. */
export function samePartitioner(a: Partitioner | undefined, b: Partitioner | undefined): boolean {
  if (a === undefined || b === undefined) return false
  return a === b || (a.equals?.(b) ?? false)
}

/** A number of partitions or a partitioner, as pair operators take them. */
export type Partitioning = number | Partitioner

/** Turns what the user gave into a partitioner: a number means hash. */
export function toPartitioner(given: Partitioning): Partitioner {
  return typeof given === 'number' ? new HashPartitioner(given) : given
}

/** What the choice needs to know of an upstream RDD. */
export interface Upstream {
  readonly numPartitions: number
  readonly partitioner: Partitioner | undefined
}

/**
 * Spark's default choice: the upstream partitioner with most partitions, if it has at least as many as the default or is within
 * one order of magnitude of the largest upstream; otherwise hash, with `spark.default.parallelism` where that is set, else as
 * many partitions as the largest upstream.
 *
 * @source Spark Partitioner.defaultPartitioner
 */
export function defaultPartitioner(
  upstreams: readonly Upstream[],
  configured: number | undefined,
): Partitioner {
  const largest = Math.max(0, ...upstreams.map(u => u.numPartitions))
  const wanted = configured ?? largest
  let best: Partitioner | undefined
  for (const { partitioner } of upstreams)
    if (partitioner !== undefined && partitioner.numPartitions > 0)
      if (best === undefined || partitioner.numPartitions > best.numPartitions) best = partitioner
  if (best !== undefined) {
    const withinAnOrder = Math.log10(largest) - Math.log10(best.numPartitions) < 1
    if (withinAnOrder || wanted <= best.numPartitions) return best
  }
  return new HashPartitioner(Math.max(1, wanted))
}

/**
 * Asks a user's partitioner and refuses an answer outside its range.
 *
 * @throws INVALID_ARGUMENT naming the key and the answer
 */
export function partitionOf(partitioner: Partitioner, key: unknown): number {
  const at = partitioner.partition(key)
  if (Number.isInteger(at) && at >= 0 && at < partitioner.numPartitions) return at
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'the partition a partitioner chose',
    value: at,
    expected: `a whole number from 0 to ${partitioner.numPartitions - 1}`,
  })
}

/** @throws INVALID_ARGUMENT unless `n` is a whole number of at least 1 */
export function checkPartitions(n: number): number {
  if (Number.isInteger(n) && n >= 1) return n
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'the number of partitions',
    value: n,
    expected: 'a whole number of at least 1',
  })
}
