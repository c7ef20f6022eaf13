/**
 * A job from its submission on: it can be cancelled also while it waits for a sample of keys, or for map stages that another job
 * computes.
 */
import type { KindlingError } from '../base/errors.ts'
import { cancellationOf } from '../rdd/cancellation.ts'
import type { RunningJob } from './running-job.ts'
import type { JobProperties } from './task.ts'

/** How a job is run. */
export interface Submission {
  readonly properties: JobProperties
  /** The job is cancelled when one of them is aborted. */
  readonly signals: readonly AbortSignal[]
  /** Called with the job's id once it runs. A sample of keys is a job of its own. */
  readonly onStart?: ((jobId: number) => void) | undefined
}

/** See the file head. */
export class SubmittedJob {
  readonly submission: Submission
  private readonly onAbort: (event: Event) => void
  private running: RunningJob | undefined
  private error: KindlingError | undefined
  private wake: PromiseWithResolvers<void> | undefined

  constructor(submission: Submission) {
    this.submission = submission
    this.onAbort = event => this.cancel(cancellationOf(event.target as AbortSignal))
    for (const signal of submission.signals) {
      if (signal.aborted) this.error ??= cancellationOf(signal)
      else signal.addEventListener('abort', this.onAbort, { once: true })
    }
  }

  /** The job once it runs. */
  get job(): RunningJob | undefined {
    return this.running
  }

  cancel(error: KindlingError): void {
    this.error ??= error
    this.running?.cancel(error)
    this.wake?.resolve()
  }

  throwIfCancelled(): void {
    if (this.error !== undefined) throw this.error
  }

  begin(job: RunningJob): void {
    this.running = job
    this.submission.onStart?.(job.id)
  }

  /** Resolves when all have settled, or when the job was cancelled. */
  async wait(others: readonly Promise<unknown>[]): Promise<void> {
    this.throwIfCancelled()
    this.wake = Promise.withResolvers()
    await Promise.race([Promise.allSettled(others), this.wake.promise])
    this.throwIfCancelled()
  }

  /** Lets go of the signals. */
  end(): void {
    for (const signal of this.submission.signals) signal.removeEventListener('abort', this.onAbort)
  }
}
