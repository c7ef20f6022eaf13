/** Count, mean, sum, variance, minimum and maximum of numbers, from one pass. */
import { registerClass } from '../data/codec.ts'

/**
 * Statistics that take in numbers one by one, and other statistics. Numerically stable: no large sums of squares are subtracted.
 *
 * Without numbers: count 0, mean 0, min Infinity, max -Infinity, variances NaN.
 *
 * @source Spark StatCounter; Welford 1962; Chan et al. 1979
 * @example
 * new StatCounter().mergeAll([1, 2, 3]).variance // => 0.6666666666666666
 */
export class StatCounter {
  private n = 0
  private mu = 0
  private m2 = 0
  private least: number = Number.POSITIVE_INFINITY
  private most: number = Number.NEGATIVE_INFINITY

  /**
   * Takes in a number.
   *
   * @example
   * new StatCounter().merge(1).merge(3).mean // => 2
   */
  merge(value: number): this {
    const delta = value - this.mu
    this.n++
    this.mu += delta / this.n
    this.m2 += delta * (value - this.mu)
    // NaN makes both NaN, as Math.min and Math.max do.
    this.least = Math.min(this.least, value)
    this.most = Math.max(this.most, value)
    return this
  }

  /**
   * Takes in many numbers.
   *
   * @example
   * new StatCounter().mergeAll([4, 1, 1]).max // => 4
   */
  mergeAll(values: Iterable<number>): this {
    for (const value of values) this.merge(value)
    return this
  }

  /**
   * Takes in the statistics of other numbers; these stay as they are.
   *
   * @example
   * const all = new StatCounter().mergeAll([1, 2]).mergeStats(new StatCounter().mergeAll([6]))
   * all.mean // => 3
   */
  mergeStats(other: StatCounter): this {
    if (other === this) return this.mergeStats(this.copy())
    if (other.n === 0) return this
    if (this.n === 0) return Object.assign(this, other)
    const n = this.n + other.n
    const delta = other.mu - this.mu
    // A mean weighted by similar counts loses less by the plain formula, one by far smaller counts by the correction.
    if (other.n * 10 < this.n) this.mu += (delta * other.n) / n
    else if (this.n * 10 < other.n) this.mu = other.mu - (delta * this.n) / n
    else this.mu = (this.mu * this.n + other.mu * other.n) / n
    this.m2 += other.m2 + (delta * delta * this.n * other.n) / n
    this.n = n
    this.least = Math.min(this.least, other.least)
    this.most = Math.max(this.most, other.most)
    return this
  }

  /**
   * One of its own with the same figures.
   *
   * @example
   * const before = new StatCounter().merge(1)
   * before.copy().merge(3).count // => 2
   * before.count // => 1
   */
  copy(): StatCounter {
    return Object.assign(new StatCounter(), this)
  }

  get count(): number {
    return this.n
  }

  get mean(): number {
    return this.mu
  }

  get sum(): number {
    return this.n * this.mu
  }

  get min(): number {
    return this.least
  }

  get max(): number {
    return this.most
  }

  /** Of the numbers as the whole population: divided by `count`. */
  get variance(): number {
    return this.popVariance
  }

  get popVariance(): number {
    return this.n === 0 ? Number.NaN : this.m2 / this.n
  }

  /** Of the numbers as a sample of a larger population: divided by `count` − 1. */
  get sampleVariance(): number {
    return this.n <= 1 ? Number.NaN : this.m2 / (this.n - 1)
  }

  get stdev(): number {
    return this.popStdev
  }

  get popStdev(): number {
    return Math.sqrt(this.popVariance)
  }

  get sampleStdev(): number {
    return Math.sqrt(this.sampleVariance)
  }

  toString(): string {
    const { count, mean, stdev, max, min } = this
    return `(count: ${count}, mean: ${mean}, stdev: ${stdev}, max: ${max}, min: ${min})`
  }
}

// Tasks give them as results.
registerClass(StatCounter, {
  name: 'kindling.StatCounter',
  encode: counter => ({ ...counter }),
  decode: fields => Object.assign(new StatCounter(), fields),
})
