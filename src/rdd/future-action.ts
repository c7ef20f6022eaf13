/** What the asynchronous actions give: a promise that can be called off. @source Spark FutureAction */

/**
 * The result of an action to come. A failure is seen only by those who await it; in an output operation it fails the batch too,
 * unless the action was called off.
 *
 * @example
 * const counting = visits.countAsync()
 * setTimeout(() => counting.cancel(), 5000).unref()
 * const n = await counting // rejects with JOB_CANCELLED when it was cancelled
 * n // => 3
 */
export class FutureAction<T> extends Promise<T> {
  private readonly abort: AbortController
  private readonly ids: readonly number[]
  private completed = false

  /** @internal */
  constructor(result: Promise<T>, abort: AbortController, jobIds: readonly number[]) {
    super((resolve, reject) => void result.then(resolve, reject))
    this.abort = abort
    this.ids = jobIds
    const complete = (): void => {
      this.completed = true
    }
    // Called off and forgotten is a fair way to use it, so a failure that nobody asks for is no unhandled rejection.
    this.then(complete, complete)
  }

  /** What `then` gives is a plain promise: there is nothing in it to cancel. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  /** The jobs that it has started so far; `takeAsync` may start several. */
  get jobIds(): readonly number[] {
    return [...this.ids]
  }

  /** Whether it has a result or an error. */
  get isCompleted(): boolean {
    return this.completed
  }

  /** Whether `cancel` was called before it was completed. */
  get isCancelled(): boolean {
    return this.abort.signal.aborted
  }

  /**
   * Ends its jobs; it rejects with JOB_CANCELLED. Does nothing once it is completed.
   *
   * @param reason part of the error's message
   * @example
   * const counting = visits.countAsync()
   * counting.cancel('no longer wanted')
   * counting.isCancelled // => true
   * await counting.catch(error => error.code) // => 'JOB_CANCELLED'
   */
  cancel(reason = 'cancel was called on its action'): void {
    if (!this.completed) this.abort.abort(reason)
  }
}
