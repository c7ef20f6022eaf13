/**
 * Makes batches: at each multiple of the batch interval asks the sources what belongs to the batch, and the outputs for jobs.
 *
 * One batch is made at a time, in order. A clock that jumps ahead fires every tick it passed, back to back. What fails while a
 * batch is made is reported; later batches come all the same.
 *
 * While too many batches wait to run, none is made. When there is room again, the ticks that passed are merged: the latest gets
 * all the input since, and for windows and state the others are batches without input. Only a tick at which an output with a
 * longer slide is due is never merged away, since the records of its window might be in no other.
 *
 * After a restart, batches that had been planned come first, as they were planned, and then the ticks that were missed.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { Duration, Time } from '../../base/time.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type { BatchFailure } from '../delivery/batch-letters.ts'
import type { RecordedCuts } from '../dstream/cut.ts'
import type { InputDStream } from '../dstream/input.ts'
import type { DStreamGraph } from '../graph.ts'
import type { StreamInputInfo } from '../listener.ts'
import { everyBatch } from '../time-grid.ts'
import { JobSet, OutputJob } from './job-set.ts'

/** What sources gave a batch. */
export interface PlannedBatch {
  readonly time: Time
  /** Ticks before it whose input it takes too. */
  readonly merged: number
  /** Those before the first source that failed. */
  readonly inputs: readonly { readonly stream: InputDStream<unknown>; readonly numRecords: number }[]
}

/** A batch that was planned before a restart. */
export interface RestoredBatch {
  readonly time: Time
  /** By stream id. */
  readonly inputs: ReadonlyMap<number, StreamInputInfo>
  /** How its pairs are cut. */
  readonly cuts?: RecordedCuts | undefined
  /** It has failed for good: its input goes to dead letters, and it does not run. */
  readonly dead?: BatchFailure | undefined
}

/** What the generator stands on. */
export interface JobGeneratorParts {
  readonly clock: Clock
  readonly graph: DStreamGraph
  readonly batchDuration: Duration
  /** Resolves when a batch may be made, to whether that had to be waited for. */
  room(): Promise<boolean>
  submit(set: JobSet): void
  /** Before batches of a restart, and before the first one after them, which is cut as the program says. What it throws ends the generator. */
  recut(cuts: RecordedCuts | undefined): Promise<void>
  /** The batch of `time` also takes in what belongs to the `ticks` ticks before it. */
  onMerge(ticks: number, time: Time): void
  /** Writes the plan down, before anything of the batch runs. What it throws ends the generator. */
  log(batch: PlannedBatch): Promise<void>
  onFatal(error: unknown): void
  /** The jobs of a batch could not be made. Awaited before the next batch; never rejects. */
  onError(error: unknown, set: JobSet): void | Promise<void>
  /** Whether there are dead letters: otherwise a batch that had failed for good runs again. */
  takesDead(): boolean
  /** A batch of before the restart that had failed for good. Awaited before the next batch; never rejects. */
  onDead(failure: BatchFailure, set: JobSet): void | Promise<void>
}

/** See the file head. */
export class JobGenerator {
  private readonly parts: JobGeneratorParts
  private timer: Timer | undefined
  private making: Promise<void> | undefined
  private next: Time | undefined
  /** The latest tick. */
  private due = new Time(0)
  /** The tick up to which batches have been made. */
  private made = new Time(0)
  private restored: RestoredBatch[] = []
  /** Whether a batch of before the restart may have been cut otherwise than the program says. */
  private isRestoring = false
  private readonly tickWaiters: (() => void)[] = []

  constructor(parts: JobGeneratorParts) {
    this.parts = parts
  }

  /** The first tick after now: batch times are multiples of the interval. */
  firstTime(): Time {
    const { clock, batchDuration } = this.parts
    return new Time(clock.now()).floor(batchDuration).plus(batchDuration)
  }

  start(first: Time): void {
    this.next = first
    this.made = first.minus(this.parts.batchDuration)
    this.arm()
  }

  /**
   * Goes on after a restart.
   *
   * @param last the last batch that was planned before; batch times go on from there, also when the clock went back
   * @param restored batches to run again first
   */
  resume(last: Time, restored: readonly RestoredBatch[]): void {
    const { clock, batchDuration } = this.parts
    this.restored = [...restored]
    this.isRestoring = restored.length > 0
    this.made = last
    this.due = last.max(new Time(clock.now()).floor(batchDuration))
    this.next = this.after(this.due)
    this.arm()
    if (this.restored.length > 0 || this.made.less(this.due))
      this.making ??= clock.activity.track(this.makeDue())
  }

  /** Resolves when the batch of the next tick has been made. */
  async nextBatch(): Promise<void> {
    await new Promise<void>(resolve => this.tickWaiters.push(resolve))
    await this.making
  }

  /** No more ticks; resolves when the batches of those that passed have been made, or with `drop` the one under way. */
  async stop(options: { readonly drop?: boolean } = {}): Promise<void> {
    this.timer?.cancel()
    this.timer = undefined
    this.next = undefined
    if (options.drop === true) {
      this.due = this.made
      this.restored = []
    }
    for (const waiter of this.tickWaiters.splice(0)) waiter()
    await this.making
  }

  private arm(): void {
    const { clock } = this.parts
    if (this.next === undefined) return
    this.timer = clock.schedule(this.next.milliseconds, () => {
      const time = this.next
      if (time === undefined) return
      this.next = this.after(time)
      this.arm()
      this.due = time
      this.making ??= clock.activity.track(this.makeDue())
      for (const waiter of this.tickWaiters.splice(0)) waiter()
    })
  }

  /** Never rejects. */
  private async makeDue(): Promise<void> {
    while (this.restored.length > 0) {
      await this.parts.room()
      const batch = this.restored.shift()
      if (batch !== undefined && (await this.recut(batch.cuts))) await this.submit(batch)
    }
    while (this.made.less(this.due)) {
      if (this.isRestoring && !(await this.recut(undefined))) break
      this.isRestoring = false
      const waited = await this.parts.room()
      if (!this.made.less(this.due)) break
      const first = this.after(this.made)
      const time = waited ? this.merged(first) : first
      let ticks = 0
      for (let skipped = first; skipped.less(time); skipped = this.after(skipped)) {
        for (const stream of this.parts.graph.inputs) stream.skip(skipped)
        ticks++
      }
      if (ticks > 0) this.parts.onMerge(ticks, time)
      this.made = time
      await this.make(time, ticks)
    }
    this.making = undefined
  }

  /** Never rejects. @returns whether batches go on */
  private async recut(cuts: RecordedCuts | undefined): Promise<boolean> {
    try {
      await this.parts.recut(cuts)
      return true
    } catch (error) {
      this.due = this.made
      this.restored = []
      // A stop ends the jobs that this waits for.
      if (this.next !== undefined) this.parts.onFatal(error)
      return false
    }
  }

  /** The first tick from `first` on that must not be merged into a later one. */
  private merged(first: Time): Time {
    const { graph } = this.parts
    let time = first
    while (time.less(this.due) && !graph.hasLongSlideAt(time)) time = this.after(time)
    return time
  }

  /** The next tick. */
  private after(time: Time): Time {
    return new Time(this.parts.graph.grid.next(time.milliseconds, everyBatch))
  }

  /** Plans a batch and makes its jobs. Never rejects. */
  private async make(time: Time, merged: number): Promise<void> {
    const { graph } = this.parts
    const infos = new Map<number, StreamInputInfo>()
    const inputs: { readonly stream: InputDStream<unknown>; readonly numRecords: number }[] = []
    let failure: { readonly error: unknown } | undefined
    try {
      for (const stream of graph.inputs) {
        const { numRecords, metadata = {}, lag } = await stream.plan(time)
        const info = { inputStreamId: stream.streamId, numRecords, metadata }
        infos.set(stream.streamId, lag === undefined ? info : { ...info, lag })
        inputs.push({ stream, numRecords })
      }
    } catch (error) {
      failure = { error }
    }
    try {
      // Also when a source failed: what the others gave is in no other batch.
      await this.parts.log({ time, merged, inputs })
    } catch (error) {
      this.due = this.made
      this.parts.onFatal(error)
      return
    }
    await this.submit({ time, inputs: infos }, failure)
  }

  /** Never rejects. @param failure that of a source, by which the batch has failed already */
  private async submit(
    { time, inputs, dead }: RestoredBatch,
    failure?: { readonly error: unknown },
  ): Promise<void> {
    const { clock, graph } = this.parts
    const interval = new Duration(graph.grid.eraOf(time.milliseconds).batchMs)
    const set = new JobSet(time, inputs, clock.now(), interval)
    if (dead !== undefined && this.parts.takesDead()) return await this.parts.onDead(dead, set)
    try {
      if (failure !== undefined) throw failure.error
      this.fill(set)
    } catch (error) {
      set.jobs.length = 0
      await this.parts.onError(error, set)
      return
    }
    this.parts.submit(set)
  }

  /** Makes the jobs of a batch, in place of those that it has. What it throws fails the batch. */
  fill(set: JobSet): void {
    const { graph } = this.parts
    const { time } = set
    set.jobs.length = 0
    graph.outputs.forEach((output, id) => {
      const run = output.jobFor(time)
      if (run !== undefined) set.jobs.push(new OutputJob(set, id, output, run))
    })
    graph.overdueStates(time).forEach((rdd, i) => {
      set.jobs.push(catchUpJob(set, graph.outputs.length + i, rdd))
    })
  }
}

/** Computes a state that no output has asked for, so that the batches it waits for can go. */
function catchUpJob(set: JobSet, id: number, rdd: RDD<unknown>): OutputJob {
  const { scope } = rdd.node
  return new OutputJob(set, id, { scope }, async () => {
    await rdd.foreachPartition(() => {})
  })
}
