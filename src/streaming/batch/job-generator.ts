/**
 * Makes batches: at each multiple of the batch interval asks the sources what belongs to the batch, and the outputs for jobs.
 *
 * One batch is made at a time, in order. A clock that jumps ahead fires every tick it passed, back to back. What fails while a
 * batch is made is reported; later batches come all the same.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import type { Duration } from '../../base/time.ts'
import { Time } from '../../base/time.ts'
import type { DStreamGraph } from '../graph.ts'
import type { StreamInputInfo } from '../listener.ts'
import { JobSet, OutputJob } from './job-set.ts'

/** What the generator stands on. */
export interface JobGeneratorParts {
  readonly clock: Clock
  readonly graph: DStreamGraph
  readonly batchDuration: Duration
  submit(set: JobSet): void
  onError(error: unknown, time: Time): void
}

/** See the file head. */
export class JobGenerator {
  private readonly parts: JobGeneratorParts
  private timer: Timer | undefined
  private making: Promise<void> = Promise.resolve()
  private next: Time | undefined
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
    this.arm()
  }

  /** Resolves when the batch of the next tick has been made. */
  async nextBatch(): Promise<void> {
    await new Promise<void>(resolve => this.tickWaiters.push(resolve))
    await this.making
  }

  /** No more ticks; resolves when batches under way have been made. */
  stop(): Promise<void> {
    this.timer?.cancel()
    this.timer = undefined
    this.next = undefined
    for (const waiter of this.tickWaiters.splice(0)) waiter()
    return this.making
  }

  private arm(): void {
    const { clock } = this.parts
    if (this.next === undefined) return
    this.timer = clock.schedule(this.next.milliseconds, () => {
      const time = this.next
      if (time === undefined) return
      this.next = time.plus(this.parts.batchDuration)
      this.arm()
      this.making = clock.activity.track(this.making.then(() => this.make(time)))
      for (const waiter of this.tickWaiters.splice(0)) waiter()
    })
  }

  /** Never rejects. */
  private async make(time: Time): Promise<void> {
    const { graph, clock, batchDuration } = this.parts
    try {
      const inputs = new Map<number, StreamInputInfo>()
      for (const stream of graph.inputs) {
        const { numRecords, metadata = {} } = await stream.plan(time)
        inputs.set(stream.streamId, { inputStreamId: stream.streamId, numRecords, metadata })
      }
      const set = new JobSet(time, inputs, clock.now(), batchDuration)
      graph.outputs.forEach((output, id) => {
        const run = output.jobFor(time)
        if (run !== undefined) set.jobs.push(new OutputJob(set, id, output, run))
      })
      this.parts.submit(set)
    } catch (error) {
      this.parts.onError(error, time)
    }
  }
}
