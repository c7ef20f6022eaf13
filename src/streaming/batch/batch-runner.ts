/**
 * Makes and runs the batches of a context, and decides what becomes of those that have ended or failed.
 *
 *   generator ──job sets──▶ scheduler ──ended──▶ forget what no later batch needs
 *       └──── not made ─────────┴────── failed ──▶ `stop`: end the context · `continue`: go on · `skip`: take the batch back ·
 *                                                  `dead-letter`: give its input to dead letters, then take it back
 *
 * I1  What a batch needs is kept until it, or a later one that needs as much, has succeeded, and until no earlier one is unfinished.
 * I2  When the log of batches cannot be written, nothing further runs, whatever the policy.
 */
import { type Config, configEntries } from '../../base/config.ts'
import { KindlingError } from '../../base/errors.ts'
import type { ListenerBus } from '../../base/listener-bus.ts'
import { type Duration, Time } from '../../base/time.ts'
import { JobScope, runInJobScope } from '../../context/job-scope.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import { describeScope } from '../../rdd/scope.ts'
import { isFenced } from '../../rdd/sink/write-batch.ts'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { type BatchFailure, batchFailure, batchLetters } from '../delivery/batch-letters.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { DStreamGraph } from '../graph.ts'
import type { StreamingListener } from '../listener.ts'
import { everyBatch } from '../time-grid.ts'
import { JobGenerator } from './job-generator.ts'
import { JobScheduler, outputProperties } from './job-scheduler.ts'
import type { JobSet } from './job-set.ts'
import { skipBatch } from './skip-batch.ts'

/** What a batch does that fails: the values of kindling.streaming.failurePolicy. */
type FailurePolicy = 'stop' | 'continue' | 'skip' | 'dead-letter'

/** What the runner stands on. */
export interface BatchRunnerParts {
  readonly sc: SparkContext
  readonly graph: DStreamGraph
  readonly bus: ListenerBus<StreamingListener>
  readonly batchDuration: Duration
  readonly delivery: Delivery
  /** The first error of the program, for those who wait for its end. */
  onError(error: Error): void
  /** Stops the context. */
  stop(): Promise<void>
}

/** See the file head. */
export class BatchRunner {
  readonly generator: JobGenerator
  readonly scheduler: JobScheduler
  /** Where batches are written down; `undefined` without a checkpoint directory. */
  saved: Checkpoint | undefined
  /** Local properties of the jobs of all batches: those of the code that started the context, without its job group. */
  properties: Readonly<Record<string, string>> = {}
  private readonly parts: BatchRunnerParts
  private readonly policy: FailurePolicy
  private readonly unpersist: boolean
  /** The latest batch that succeeded. */
  private succeeded: Time | undefined
  /** Batches that failed, in ms, and after which none has succeeded yet that makes up for what they left undone. */
  private readonly leftUndone = new Set<number>()

  /** @throws INVALID_CONFIG for a failure policy that does not go with the other settings */
  constructor(parts: BatchRunnerParts) {
    const { sc, graph, bus, batchDuration, delivery } = parts
    const { conf, clock, logger } = sc
    this.parts = parts
    this.policy = failurePolicyOf(conf)
    this.unpersist = conf.get(configEntries.unpersist)
    this.scheduler = new JobScheduler({
      clock,
      bus,
      logger,
      concurrentJobs: conf.get(configEntries.concurrentJobs),
      goesOn: this.policy === 'continue',
      maxQueuedBatches: conf.get(configEntries.maxQueuedBatches),
      inScope: (properties, body) =>
        sc.withJobScope({ properties: { ...this.properties, ...properties } }, body),
      onError: error => this.failed(error),
      onBatchEnd: set => this.ended(set),
    })
    this.generator = new JobGenerator({
      clock,
      graph,
      batchDuration,
      room: () => this.scheduler.room(),
      submit: set => this.scheduler.submit(set),
      recut: async cuts => this.saved?.recut(cuts, () => this.scheduler.idle()),
      onMerge: (ticks, time) =>
        logger.warn(
          `processing is behind: the batch at ${time} also takes the input of the ${ticks} batches before it, ` +
            `since ${conf.get(configEntries.maxQueuedBatches)} wait already (${configEntries.maxQueuedBatches.key})`,
        ),
      log: async batch => this.saved?.planned(batch),
      onFatal: error => this.giveUp(error),
      onError: (error, set) => this.notMade(error, set),
      takesDead: () => delivery.letterOutput !== undefined,
      onDead: (failure, set) => this.bury(set, failure),
    })
  }

  /** An error of the program: logged, and given to those who wait for its end. */
  report(error: Error): void {
    this.parts.sc.logger.error(error.message, { error })
    this.parts.onError(error)
  }

  /** The log cannot be written: nothing further may run. */
  giveUp(error: unknown): void {
    this.report(generationError(error, undefined))
    this.stopContext()
  }

  private ended(set: JobSet): void | Promise<void> {
    const info = set.info()
    for (const { source, rate } of this.parts.graph.inputs) {
      source.batchCompleted?.(info)
      rate?.completed(info)
    }
    // A failed batch stays remembered until a later one has succeeded, and runs again after a restart.
    if (set.failed) this.leftUndone.add(set.time.milliseconds)
    else this.hasSucceeded(set.time)
    if (set.failure !== undefined) {
      if (this.policy === 'stop') this.endAfterFailure(set.time)
      if (this.takesBack) return this.takeBack(set, set.failure.error!)
    }
    if (set.failed || this.saved === undefined) return this.clearMetadata()
    return this.saved.ended(set.time).then(() => this.clearMetadata())
  }

  private hasSucceeded(time: Time): void {
    if (this.succeeded === undefined || time.greater(this.succeeded)) this.succeeded = time
    for (const earlier of this.leftUndone)
      if (earlier <= time.milliseconds && this.parts.graph.coversAt(time, new Time(earlier)))
        this.leftUndone.delete(earlier)
  }

  private notMade(error: unknown, set: JobSet): void | Promise<void> {
    const failure = generationError(error, set.time)
    this.leftUndone.add(set.time.milliseconds)
    this.failed(failure)
    if (this.policy === 'stop') this.endAfterFailure(set.time)
    if (this.takesBack) return this.takeBack(set, failure)
  }

  private clearMetadata(): void {
    const { oldestUnfinished } = this.scheduler
    const { graph } = this.parts
    if (this.succeeded === undefined) return
    // With several jobs at once a batch may end before an earlier one, which still needs its RDDs and state. One that failed may have
    // left state undone that slides by several batches, so that those after it have not made up for it.
    const needed = [
      ...this.leftUndone,
      ...(oldestUnfinished === undefined ? [] : [oldestUnfinished.milliseconds]),
    ]
    const upTo = needed.reduce(
      (upTo, time) => upTo.min(new Time(graph.grid.before(time, everyBatch))),
      this.succeeded,
    )
    graph.clearMetadata(upTo, this.unpersist)
  }

  private get takesBack(): boolean {
    return this.policy === 'skip' || this.policy === 'dead-letter'
  }

  /** Where batches are taken back, a failure of one is not one of the program. */
  private failed(error: Error): void {
    if (this.takesBack) this.parts.sc.logger.error(error.message, { error })
    else this.report(error)
  }

  /** Never rejects. */
  private async takeBack(set: JobSet, error: Error): Promise<void> {
    const refusal = this.parts.delivery.notSkippable(set.time)
    if (refusal !== undefined || isFenced(set.failure?.error)) {
      if (refusal !== undefined) this.report(refusal)
      this.endAfterFailure(set.time)
      return
    }
    if (this.policy === 'skip') return this.skip(set, error.message, false)
    const failure = failureOf(set, error)
    try {
      await this.saved?.failed(set.time, failure)
    } catch (error) {
      return this.giveUp(error)
    }
    await this.bury(set, failure)
  }

  /** Its input goes to dead letters, and it is taken back. Never rejects. */
  private async bury(set: JobSet, failure: BatchFailure): Promise<void> {
    try {
      await this.letters(set, failure)()
    } catch (error) {
      this.report(generationError(error, set.time))
      this.endAfterFailure(set.time)
      return
    }
    await this.skip(set, failure.error.message, true)
  }

  /** Writes the input of a batch to dead letters: as it is now, also when it has been taken back meanwhile. */
  private letters(set: JobSet, failure: BatchFailure): () => Promise<void> {
    const { sc, graph, delivery } = this.parts
    const { time } = set
    // There is one: `Delivery.check`.
    const { id, sink } = delivery.letterOutput!
    const planned = graph.inputs.filter(({ streamId }) => set.inputs.has(streamId))
    const inputs = planned.map(stream => {
      const description = set.inputs.get(stream.streamId)!.metadata['Description']
      return { stream, described: description === undefined ? undefined : String(description) }
    })
    const rdd = sc.union(batchLetters(inputs, time, { failure, attempts: sc.taskAttempts }))
    const properties = { ...this.properties, ...outputProperties(time, id) }
    const scope = new JobScope({ batchTime: time.milliseconds, outputOpId: id }, new AbortController().signal)
    return () =>
      runInJobScope(scope, () => sc.withJobScope({ properties }, async () => sink.write(rdd, time)))
  }

  /** Never rejects. */
  private async skip(set: JobSet, reason: string, isBuried: boolean): Promise<void> {
    const { sc, graph, bus, delivery } = this.parts
    const parts = {
      ...{ graph, scheduler: this.scheduler, bus, logger: sc.logger },
      deadLetters: isBuried ? delivery.letterOutput?.sink.name : undefined,
      letters: (later: JobSet, error: unknown) => {
        if (!isBuried) return async () => {}
        const failure = failureOf(later, error)
        const write = this.letters(later, failure)
        return async () => {
          await this.saved?.failed(later.time, failure)
          await write()
        }
      },
      remake: (later: JobSet) => this.generator.fill(later),
      logSkipped: async (time: Time) => this.saved?.ended(time, { isSkipped: true }),
      onError: (error: unknown, time: Time) => this.failed(generationError(error, time)),
      makeLongStates: async (time: Time) => {
        await this.makeLongStates(time)
        // What it left undone has been made without it.
        this.leftUndone.delete(time.milliseconds)
      },
    }
    try {
      await skipBatch(parts, set, reason)
    } catch (error) {
      this.report(generationError(error, set.time))
      this.endAfterFailure(set.time)
      return
    }
    // What comes before it is remembered until a later batch has been made of it.
    this.clearMetadata()
  }

  private async makeLongStates(time: Time): Promise<void> {
    const { graph, sc } = this.parts
    for (const stream of graph.longStatesAt(time))
      try {
        await sc.withJobScope({ properties: this.properties }, async () =>
          stream.getOrCompute(time)?.foreachPartition(() => {}),
        )
      } catch (error) {
        throw new KindlingError(
          'BATCH_TAKES_IN_EARLIER',
          {
            time: String(time),
            key: configEntries.failurePolicy.key,
            operator: describeScope(stream.scope),
            reason: (error as Error).message,
          },
          { cause: error },
        )
      }
  }

  /** A batch has failed for good, and later ones would be built on what it left. */
  private endAfterFailure(time: Time): void {
    const reason = `the batch at ${time} failed (${configEntries.failurePolicy.key} is ${this.policy})`
    this.scheduler.abort(new KindlingError('JOB_CANCELLED', { reason }))
    this.stopContext()
  }

  private stopContext(): void {
    void this.parts.stop().catch(failure => this.report(failure as Error))
  }
}

function failurePolicyOf(conf: Config): FailurePolicy {
  const policy = conf.get(configEntries.failurePolicy) as FailurePolicy
  const { concurrentJobs, failurePolicy } = configEntries
  if ((policy === 'skip' || policy === 'dead-letter') && conf.get(concurrentJobs) > 1)
    throw new KindlingError('INVALID_CONFIG', {
      key: failurePolicy.key,
      value: policy,
      expected: `another policy, or ${concurrentJobs.key} 1: what later batches made of a batch cannot be undone while they run`,
    })
  return policy
}

function failureOf({ failure }: JobSet, error: unknown): BatchFailure {
  return batchFailure(failure === undefined ? 'making the jobs' : describeScope(failure.output.scope), error)
}

function generationError(error: unknown, time: Time | undefined): Error {
  if (error instanceof Error && error.name === 'KindlingError') return error
  const reason = error instanceof Error ? error.message : String(error)
  const params = { operation: 'making the jobs', time: String(time ?? 'the log'), reason }
  const context = time === undefined ? {} : { batchTime: time.milliseconds }
  return new KindlingError('OUTPUT_OPERATION_FAILED', params, { cause: error, context })
}
