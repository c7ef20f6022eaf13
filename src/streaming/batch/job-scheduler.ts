/**
 * Runs the output operations of batches: `concurrentJobs` at a time, batch by batch, and within a batch in order of definition.
 *
 * Everything that a callback starts belongs to its output: the output ends when the callback and all its actions have settled, and
 * fails when any of them did. A failed output is reported; the next ones of its batch run all the same, or do not, as told. Its jobs carry the batch, the output and a
 * description in their properties, over the local properties of whoever started the context.
 */
import type { Clock } from '../../base/clock.ts'
import {
  describeValue,
  type ErrorContext,
  isKindlingError,
  KindlingError,
  withContext,
} from '../../base/errors.ts'
import { failingWithFloats } from '../../base/floating.ts'
import type { ListenerBus } from '../../base/listener-bus.ts'
import type { Logger } from '../../base/logger.ts'
import type { Time } from '../../base/time.ts'
import { propertyKeys } from '../../context/job-properties.ts'
import { JobScope, runInJobScope } from '../../context/job-scope.ts'
import { describeScope } from '../../rdd/scope.ts'
import type { StreamingListener } from '../listener.ts'
import type { JobSet, OutputJob } from './job-set.ts'

/** What the scheduler stands on. */
export interface JobSchedulerParts {
  readonly clock: Clock
  readonly bus: ListenerBus<StreamingListener>
  readonly logger: Logger
  readonly concurrentJobs: number
  /** Whether the other outputs of a batch run after one has failed. */
  readonly goesOn: boolean
  /** Most batches that wait while others run. */
  readonly maxQueuedBatches: number
  /** Runs an output in a scope of its own, with these local properties over those of the start. */
  inScope<R>(properties: Readonly<Record<string, string>>, body: () => R): R
  /** An output failed. */
  onError(error: Error): void
  /** The last output of a batch ended. Awaited before another output runs; never rejects. */
  onBatchEnd(set: JobSet): void | Promise<void>
}

/** See the file head. */
export class JobScheduler {
  private readonly parts: JobSchedulerParts
  private readonly queue: OutputJob[] = []
  private readonly running = new Map<OutputJob, AbortController>()
  /** Batches that were submitted and have not ended, in order of time. */
  private readonly unfinished = new Set<JobSet>()
  private readonly waiters: (() => void)[] = []
  private readonly roomWaiters: (() => void)[] = []
  /** Batches of which no output has begun. */
  private waitingBatches = 0
  private endedBatches = 0
  private endedRecords = 0
  private stopped = false

  constructor(parts: JobSchedulerParts) {
    this.parts = parts
  }

  /** Whether nothing runs or waits. */
  get isIdle(): boolean {
    return this.queue.length === 0 && this.running.size === 0
  }

  /** The time of the earliest batch that waits or runs. */
  get oldestUnfinished(): Time | undefined {
    const [oldest] = this.unfinished
    return oldest?.time
  }

  /** Batches that have ended so far, and their records. */
  get ended(): { readonly batches: number; readonly records: number } {
    return { batches: this.endedBatches, records: this.endedRecords }
  }

  /** Batches that wait or run, in order of time. */
  get unfinishedSets(): readonly JobSet[] {
    return [...this.unfinished]
  }

  submit(set: JobSet): void {
    if (this.stopped) return
    if (set.jobs.length === 0) {
      this.parts.logger.info(`no jobs for the batch at ${set.time}`)
      void this.parts.clock.activity.track(Promise.resolve(this.parts.onBatchEnd(set)))
      return
    }
    this.parts.bus.post('onBatchSubmitted', { batchInfo: set.info() })
    this.waitingBatches++
    this.unfinished.add(set)
    this.queue.push(...set.jobs)
    this.fill()
  }

  /** Resolves when one more batch may wait, or after an abort; to whether there was no room at first. */
  async room(): Promise<boolean> {
    if (this.waitingBatches < this.parts.maxQueuedBatches) return false
    await new Promise<void>(resolve => this.roomWaiters.push(resolve))
    return true
  }

  /** Makes the jobs of batches anew that have not begun; one that `make` gives up does not run. */
  remake(make: (set: JobSet) => boolean): void {
    this.queue.length = 0
    for (const set of [...this.unfinished]) {
      const isMade = make(set)
      if (isMade && set.jobs.length > 0) {
        this.queue.push(...set.jobs)
        continue
      }
      this.unfinished.delete(set)
      this.waitingBatches--
      if (isMade) void this.parts.clock.activity.track(Promise.resolve(this.parts.onBatchEnd(set)))
    }
    for (const waiter of this.roomWaiters.splice(0)) waiter()
  }

  /** Resolves when nothing runs or waits any more. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve()
    return new Promise(resolve => this.waiters.push(resolve))
  }

  /** Drops what waits and aborts what runs. */
  abort(reason: KindlingError): void {
    this.stopped = true
    this.queue.length = 0
    for (const waiter of this.roomWaiters.splice(0)) waiter()
    for (const controller of this.running.values()) controller.abort(reason)
    if (this.isIdle) for (const waiter of this.waiters.splice(0)) waiter()
  }

  private fill(): void {
    while (this.running.size < this.parts.concurrentJobs && this.queue.length > 0) {
      const job = this.queue.shift()!
      const controller = new AbortController()
      this.running.set(job, controller)
      void this.parts.clock.activity.track(this.run(job, controller.signal))
    }
    if (this.isIdle) for (const waiter of this.waiters.splice(0)) waiter()
  }

  /** Never rejects. */
  private async run(job: OutputJob, signal: AbortSignal): Promise<void> {
    const { clock, bus } = this.parts
    const { set } = job
    job.startTime = clock.now()
    if (set.startTime === undefined) {
      set.startTime = job.startTime
      this.waitingBatches--
      for (const waiter of this.roomWaiters.splice(0)) waiter()
      bus.post('onBatchStarted', { batchInfo: set.info() })
    }
    bus.post('onOutputOperationStarted', { outputOperationInfo: job.info() })
    try {
      await this.call(job, signal)
    } catch (error) {
      job.error = this.placed(error, job)
    }
    job.endTime = clock.now()
    job.isCancelled = signal.aborted
    const hasFailed = job.error !== undefined && !job.isCancelled
    if (hasFailed && !this.parts.goesOn) this.dropRest(set)
    bus.post('onOutputOperationCompleted', { outputOperationInfo: job.info() })
    if (hasFailed) this.parts.onError(job.error!)
    if (set.isComplete) {
      set.endTime = job.endTime
      this.unfinished.delete(set)
      this.endedBatches++
      for (const { numRecords } of set.inputs.values()) this.endedRecords += numRecords
      bus.post('onBatchCompleted', { batchInfo: set.info() })
      const wait = this.parts.onBatchEnd(set)
      if (wait !== undefined) await wait
    }
    this.running.delete(job)
    this.fill()
  }

  /** What has not begun of a batch will not. */
  private dropRest(set: JobSet): void {
    for (const job of set.jobs) {
      const at = this.queue.indexOf(job)
      if (at < 0) continue
      this.queue.splice(at, 1)
      job.isDropped = true
    }
  }

  private call(job: OutputJob, signal: AbortSignal): Promise<void> {
    return failingWithFloats(
      () => this.callback(job, signal),
      error => {
        const { scope } = job.output
        const reason = error instanceof Error ? error.message : describeValue(error)
        const context = {
          batchTime: job.set.time.milliseconds,
          operator: scope.name,
          site: String(scope.site),
        }
        const params = { operation: scope.name, reason }
        return new KindlingError('FLOATING_REJECTION', params, { cause: error, context })
      },
    )
  }

  /** Runs the callback and waits for every action that it started; the first failure counts. */
  private async callback(job: OutputJob, signal: AbortSignal): Promise<void> {
    const batchTime = job.set.time.milliseconds
    const scope = new JobScope({ batchTime, outputOpId: job.id }, signal)
    let failure: { readonly error: unknown } | undefined
    try {
      await runInJobScope(scope, () =>
        this.parts.inScope(outputProperties(job.set.time, job.id), async () => job.run()),
      )
    } catch (error) {
      failure = { error }
    }
    const left = scope.actions.filter(action => !action.settled)
    if (failure === undefined)
      for (const { scope: action } of left)
        this.parts.logger.warn(
          new KindlingError('ACTION_NOT_AWAITED', { site: describeScope(action) }).message,
        )
    // Actions may start others, so the list can grow while it is waited for.
    for (const action of scope.actions)
      await action.done.catch(error => {
        failure ??= { error }
      })
    if (failure !== undefined) throw failure.error
  }

  /** The user's error with the batch and the output it happened in. */
  private placed(error: unknown, job: OutputJob): Error {
    const context: ErrorContext = { batchTime: job.set.time.milliseconds }
    if (isKindlingError(error))
      return error.context.batchTime === undefined ? withContext(error, context) : error
    const reason = error instanceof Error ? error.message : describeValue(error)
    const { scope } = job.output
    return new KindlingError(
      'OUTPUT_OPERATION_FAILED',
      { operation: scope.name, time: String(job.set.time), reason },
      { cause: error, context: { ...context, operator: scope.name, site: String(scope.site) } },
    )
  }
}

/** Local properties of the jobs of an output. @source Spark JobScheduler.JobHandler */
export function outputProperties(time: Time, id: number): Record<string, string> {
  return {
    [propertyKeys.description]: `Streaming job from [output operation ${id}, batch time ${time}]`,
    [propertyKeys.batchTime]: String(time.milliseconds),
    [propertyKeys.outputOpId]: String(id),
  }
}
