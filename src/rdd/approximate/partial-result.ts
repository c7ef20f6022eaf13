/** What an approximate action gives: a first answer in time, and the exact one later. */

/**
 * The answer of an approximate action.
 *
 * @source Spark PartialResult
 * @example
 * const result = await visits.countApprox(200)
 * const { mean, low, high } = result.initialValue // what is known after 200 ms
 * const exact = await result.getFinalValue() // waits for the job
 * exact.mean // => 3
 */
export class PartialResult<R> {
  /** What was known when the time was over, or the exact answer when the job was quicker. */
  readonly initialValue: R
  /** Whether `initialValue` is exact. */
  readonly isInitialValueFinal: boolean
  private readonly final: Promise<R>

  constructor(initialValue: R, isInitialValueFinal: boolean, final: Promise<R>) {
    this.initialValue = initialValue
    this.isInitialValueFinal = isInitialValueFinal
    this.final = final
  }

  /**
   * The exact answer, once the job has ended; rejects with what the job failed with.
   *
   * @example
   * const result = await visits.countApprox(0)
   * const { mean, confidence } = await result.getFinalValue()
   * mean // => 3
   * confidence // => 1
   */
  getFinalValue(): Promise<R> {
    return this.final
  }

  /**
   * The same answers, each turned into another by `f`.
   *
   * @example
   * const result = await visits.countApprox(10_000)
   * result.map(({ mean }) => `about ${mean}`).initialValue // => 'about 3'
   */
  map<U>(f: (value: R) => U): PartialResult<U> {
    const final = this.final.then(f)
    final.catch(() => {}) // Whoever asks for it handles it.
    return new PartialResult(f(this.initialValue), this.isInitialValueFinal, final)
  }
}
