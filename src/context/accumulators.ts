/** The accumulators that everybody needs. Made by `sc.longAccumulator` and its relatives. */
import { KindlingError } from '../base/errors.ts'
import { AccumulatorV2 } from './accumulator.ts'

/** Sum and count of numbers. */
abstract class NumberAccumulator extends AccumulatorV2<number, number> {
  private total = 0
  private added = 0

  get isZero(): boolean {
    return this.added === 0
  }

  /** The sum. */
  get value(): number {
    return this.total
  }

  get sum(): number {
    return this.total
  }

  /** How many numbers were added. */
  get count(): number {
    return this.added
  }

  /** `NaN` when nothing was added. */
  get avg(): number {
    return this.total / this.added
  }

  protected abstract fresh(): NumberAccumulator

  override copyAndReset(): NumberAccumulator {
    return this.fresh()
  }

  copy(): NumberAccumulator {
    const copy = this.fresh()
    copy.merge(this)
    return copy
  }

  reset(): void {
    this.total = 0
    this.added = 0
  }

  add(value: number): void {
    this.total += value
    this.added++
  }

  merge(other: NumberAccumulator): void {
    this.total += other.total
    this.added += other.added
  }
}

/**
 * Sum and count of whole numbers; the sum is exact up to 2^53.
 *
 * @source Spark LongAccumulator
 * @example
 * const sum = sc.longAccumulator()
 * await visits.foreach(([, n]) => sum.add(n))
 * sum.value // => 6
 * sum.count // => 3
 */
export class LongAccumulator extends NumberAccumulator {
  /**
   * Adds a value; in a task it counts once the attempt has succeeded.
   *
   * @throws INVALID_ARGUMENT unless `value` is a whole number
   * @example
   * const sum = sc.longAccumulator()
   * sum.add(2)
   * sum.add(-3)
   * sum.value // => -1
   */
  override add(value: number): void {
    if (!Number.isInteger(value))
      throw new KindlingError('INVALID_ARGUMENT', {
        what: `What is added to ${this.name === undefined ? 'a longAccumulator' : `accumulator ${this.name}`}`,
        value,
        expected: 'a whole number; a doubleAccumulator takes others',
      })
    super.add(value)
  }

  protected fresh(): LongAccumulator {
    return new LongAccumulator()
  }
}

/**
 * Sum and count of numbers. Sums of fractions depend on the order in which tasks end, in their last digits.
 *
 * @source Spark DoubleAccumulator
 * @example
 * const total = sc.doubleAccumulator()
 * await visits.foreach(([, n]) => total.add(n / 4))
 * total.sum // => 1.5
 * total.avg // => 0.5
 */
export class DoubleAccumulator extends NumberAccumulator {
  protected fresh(): DoubleAccumulator {
    return new DoubleAccumulator()
  }
}

/**
 * Everything that was added, task by task in the order in which they end. All of it is held in memory.
 *
 * @source Spark CollectionAccumulator
 * @example
 * const names = sc.collectionAccumulator<string>()
 * await visits.foreach(([name]) => names.add(name))
 * names.value // => ['ann', 'bob', 'ann']
 */
export class CollectionAccumulator<T> extends AccumulatorV2<T, readonly T[]> {
  private items: T[] = []

  get isZero(): boolean {
    return this.items.length === 0
  }

  /** A copy of the list. */
  get value(): readonly T[] {
    return [...this.items]
  }

  override copyAndReset(): CollectionAccumulator<T> {
    return new CollectionAccumulator()
  }

  copy(): CollectionAccumulator<T> {
    const copy = new CollectionAccumulator<T>()
    copy.items = [...this.items]
    return copy
  }

  reset(): void {
    this.items = []
  }

  add(value: T): void {
    this.items.push(value)
  }

  merge(other: CollectionAccumulator<T>): void {
    for (const item of other.items) this.items.push(item)
  }
}
