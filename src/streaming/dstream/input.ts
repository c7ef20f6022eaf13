/** The stream of a source: its RDD of a batch is what was planned for it. */
import type { Time } from '../../base/time.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type { BatchInput, InputSource } from '../input-source.ts'
import type { BatchRate } from '../receiver/batch-rate.ts'
import { DStream } from './dstream.ts'
import type { StreamHost } from './host.ts'

/** A stream without parents. */
export class InputDStream<T> extends DStream<T> {
  /** From 0, in order of definition. */
  readonly streamId: number
  readonly source: InputSource<T>
  /** @internal That of the source, if it has one. */
  rate: BatchRate | undefined
  private readonly planned: Map<number, () => RDD<T> | undefined>

  /** @internal */
  constructor(host: StreamHost, name: string, streamId: number, source: InputSource<T>) {
    const planned = new Map<number, () => RDD<T> | undefined>()
    super(host, name, {
      dependencies: [],
      compute: time => planned.get(time.milliseconds)?.(),
      forgotten: times => {
        for (const time of times) planned.delete(time)
      },
    })
    this.planned = planned
    this.streamId = streamId
    this.source = source
  }

  override get isReplayable(): boolean {
    return this.source.isReplayable ?? this.source.describe !== undefined
  }

  /** @internal Asks the source what belongs to the batch. */
  async plan(time: Time): Promise<BatchInput<T>> {
    const input = await this.source.plan(time)
    this.rate?.planned(time, input.numRecords)
    this.planned.set(time.milliseconds, () => input.rdd)
    return input
  }

  /** @internal The tick of `time` was merged into a later batch, or its plan is lost: here it is a batch without records. */
  skip(time: Time): void {
    this.planned.set(time.milliseconds, () => this.host.sc.emptyRDD<T>())
  }

  /** @internal Takes up the plan of a batch from the log; false when the source cannot. */
  restore(time: Time, description: unknown): boolean {
    const make = this.source.restore?.(time, description)
    if (make === undefined) return false
    this.planned.set(time.milliseconds, make)
    return true
  }

  /** @internal Lets plans go that no RDD was made of. */
  forget(upTo: Time): void {
    for (const time of this.planned.keys()) if (time <= upTo.milliseconds) this.planned.delete(time)
    this.source.forget?.(upTo)
  }
}
