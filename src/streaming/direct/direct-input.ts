/**
 * Runs a direct source (`direct-source.ts`) as an input of the engine: keeps its position and the plans that are still needed, and tells
 * it how far batches are.
 *
 * I1  The position moves when a plan has been made, and only then.
 * I2  `completed` and `forget` are called one at a time, in order of batches.
 */
import { describeValue } from '../../base/errors.ts'
import type { Time } from '../../base/time.ts'
import { copyValue } from '../../data/codec.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type { BatchInput, InputSource, RateControl, SourceHost } from '../input-source.ts'
import type { CompletedPlan, DirectPlan, DirectSource } from './direct-source.ts'

/** What the log has of a batch. */
type SavedPlan<R, P> = Pick<DirectPlan<R, P>, 'ranges' | 'position'>

/** See the file head. */
export class DirectInput<T, R, P> implements InputSource<T> {
  private readonly source: DirectSource<T, R, P>
  private host: SourceHost | undefined
  private rate!: RateControl
  private position: P | undefined
  /** Those that may be read again, the oldest first. */
  private readonly plans: CompletedPlan<R, P>[] = []
  /** So many of them, from the first on, are done, and the source knows. */
  private told = 0
  private telling: Promise<void> = Promise.resolve()
  private isClosed = false

  constructor(source: DirectSource<T, R, P>) {
    this.source = source
  }

  get name(): string {
    return this.source.name
  }

  async start(host: SourceHost): Promise<void> {
    this.host = host
    const { sc, conf, clock, logger, batchDuration, startTime, zeroTime } = host
    this.rate = host.rateControl(this.source.rate)
    // A plan that may be restored is one of a batch whose time has passed.
    const isRestart = zeroTime.plus(batchDuration).milliseconds <= clock.now()
    await this.source.open?.({ sc, conf, clock, logger, batchDuration, startTime, isRestart })
  }

  async stop(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    await this.telling
    await this.source.close()
  }

  async plan(time: Time): Promise<BatchInput<T>> {
    const limit = this.rate.limit()
    const plan = await this.source.plan({ time, position: this.position, limit })
    const { numRecords = 0, lag, metadata } = plan
    const { ranges } = this.take(time, { ranges: plan.ranges, position: plan.position })
    return {
      rdd: this.rddOf(ranges),
      numRecords,
      ...(lag === undefined ? {} : { lag }),
      ...(metadata === undefined ? {} : { metadata }),
    }
  }

  describe(time: Time): SavedPlan<R, P> | undefined {
    const plan = this.plans.findLast(one => one.time.equals(time))
    return plan === undefined ? undefined : { ranges: plan.ranges, position: plan.position }
  }

  restore(time: Time, description: unknown): () => RDD<T> {
    // A batch that a source failed has no plan.
    if (description === undefined) return () => this.rddOf([])
    const saved = this.source.upgrade?.(description) ?? (description as SavedPlan<R, P>)
    const { ranges } = this.take(time, saved)
    return () => this.rddOf(ranges)
  }

  ended(upTo: Time): void {
    for (; this.plans[this.told]?.time.lessEq(upTo) === true; this.told++) {
      const plan = this.plans[this.told]!
      this.tell('completed', plan)
    }
  }

  forget(upTo: Time): void {
    if (this.host?.isSaved !== true) this.released(upTo)
  }

  released(upTo: Time): void {
    const kept = this.plans.findIndex(({ time }) => time.greater(upTo))
    const gone = this.plans.splice(0, Math.min(kept < 0 ? this.plans.length : kept, this.told))
    this.told -= gone.length
    const last = gone.at(-1)
    if (last !== undefined) this.tell('forget', last)
  }

  private take(time: Time, plan: SavedPlan<R, P>): CompletedPlan<R, P> {
    // What is no data is found at once, and not only when there is a checkpoint directory.
    const { ranges, position } = copyValue({ ranges: plan.ranges, position: plan.position })
    const taken = { time, ranges, position }
    this.plans.push(taken)
    this.position = position
    return taken
  }

  private rddOf(ranges: readonly R[]): RDD<T> {
    return this.source.read(this.host!.sc, ranges)
  }

  private tell(what: 'completed' | 'forget', plan: CompletedPlan<R, P>): void {
    if (this.isClosed || this.source[what] === undefined) return
    const { logger, clock } = this.host!
    const told = this.telling
      .then(() => this.source[what]!(plan))
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : describeValue(error)
        logger.warn(`${this.name}: ${what} of the batch at ${plan.time} failed: ${reason}`)
      })
    this.telling = clock.activity.track(told)
  }
}
