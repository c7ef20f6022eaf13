/**
 * Samples of an exact size, when the number of records in each partition is known.
 *
 * 1. `spread` deals the sample out: how many of the `k` come from each partition, as if each had been drawn from all records;
 * 2. `Draw` goes through the records of a partition and says how often each is taken, so that in the end it was just as many.
 *
 * Nothing is kept but counts. Cost: O(k log partitions) for the spread, one for each record of the draw.
 *
 * @source Knuth, TAOCP 3.4.2, algorithm S; for draws with replacement its binomial form
 */
import type { Random } from '../base/random.ts'

/** How many of `k` draws fall to each partition; without replacement no partition gives more than it has. */
export function spread(
  counts: readonly number[],
  k: number,
  withReplacement: boolean,
  random: Random,
): number[] {
  const left = new Tally(counts)
  const taken = counts.map(() => 0)
  const draws = withReplacement ? (left.total === 0 ? 0 : k) : Math.min(k, left.total)
  for (let i = 0; i < draws; i++) {
    const p = left.find(random.int(left.total))
    taken[p]!++
    if (!withReplacement) left.takeOne(p)
  }
  return taken
}

/** Counts in a tree of partial sums: finding the one that a position falls into takes O(log n). @source Fenwick 1994 */
class Tally {
  total = 0
  private readonly sums: number[]

  constructor(counts: readonly number[]) {
    this.sums = new Array(counts.length + 1).fill(0)
    for (const [i, n] of counts.entries()) this.add(i, n)
  }

  takeOne(at: number): void {
    this.add(at, -1)
  }

  private add(at: number, n: number): void {
    this.total += n
    for (let i = at + 1; i < this.sums.length; i += i & -i) this.sums[i]! += n
  }

  /** The index of the count that holds `position`, 0 ≤ position < total. */
  find(position: number): number {
    let at = 0
    for (let step = 1 << (31 - Math.clz32(this.sums.length)); step > 0; step >>= 1) {
      const next = at + step
      if (next < this.sums.length && this.sums[next]! <= position) {
        at = next
        position -= this.sums[next]!
      }
    }
    return at
  }
}

/** How often each of `n` records is taken, asked one after the other; in the end `k` were. */
export class Draw {
  private n: number
  private k: number
  private readonly withReplacement: boolean
  private readonly random: Random

  constructor(n: number, k: number, withReplacement: boolean, random: Random) {
    this.n = n
    this.k = k
    this.withReplacement = withReplacement
    this.random = random
  }

  /** Whether nothing more will be taken. */
  get over(): boolean {
    return this.k === 0
  }

  next(): number {
    if (this.k === 0 || this.n === 0) return 0
    const taken = this.withReplacement ? this.binomial() : Number(this.random.next() * this.n < this.k)
    this.n--
    this.k -= taken
    return taken
  }

  /** How many of the draws left fall on one of the records left. */
  private binomial(): number {
    if (this.n === 1) return this.k
    const p = 1 / this.n
    let taken = 0
    // The gap to the next success is geometric: few numbers where few are taken.
    for (let i = 0; ; taken++) {
      i += 1 + Math.floor(Math.log(1 - this.random.next()) / Math.log1p(-p))
      if (i > this.k) return taken
    }
  }
}
