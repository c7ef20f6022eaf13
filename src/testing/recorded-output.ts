/** What a test collected of one stream. */

/** One production of a batch's RDD. */
export interface RecordedRun<T> {
  /** Batch time in ms. */
  readonly time: number
  /** How many times this batch was produced before, from 0. */
  readonly run: number
  readonly values: T[]
}

/**
 * The batches of a collected stream; `batches`, `times` and `partitions` run parallel.
 *
 * @example
 * t.collect('out', numbers)
 * await t.run(2)
 * const { batches, times, runs } = t.out<number>('out')
 * batches // => [[1, 2, 3], [4, 5]]
 * times // => [1000, 2000]
 * runs[0] // => { time: 1000, run: 0, values: [1, 2, 3] }
 */
export class RecordedOutput<T> {
  /** Every production in order, repeats included. */
  readonly runs: RecordedRun<T>[] = []
  private readonly byTime = new Map<number, T[][]>()

  /** @internal */
  record(time: number, partitions: T[][]): void {
    const run = this.runs.filter(r => r.time === time).length
    this.runs.push({ time, run, values: partitions.flat(1) as T[] })
    this.byTime.set(time, partitions)
  }

  /** The records of each RDD that was produced, the latest production for each time. */
  get batches(): T[][] {
    return this.partitions.map(parts => parts.flat(1) as T[])
  }

  /** The batch times in ms, ascending. */
  get times(): number[] {
    return [...this.byTime.keys()].sort((a, b) => a - b)
  }

  /**
   * The records of each batch by partition.
   *
   * @example
   * t.collect('out', t.input('in', [[1, 2, 3]], { partitions: 2 }))
   * await t.run(1)
   * t.out('out').partitions // => [[[1], [2, 3]]]
   */
  get partitions(): T[][][] {
    return this.times.map(time => this.byTime.get(time)!)
  }
}
