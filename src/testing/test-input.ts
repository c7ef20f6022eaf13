/** A stream of batches written down in a test. */
import { type Duration, Time } from '../base/time.ts'
import type { SparkContext } from '../context/spark-context.ts'
import type { BatchInput, InputSource, SourceHost } from '../streaming/input-source.ts'

/** The i-th entry is the batch at (i+1) · batchDuration; `null`: no RDD; after the last one: empty RDDs. A batch that takes in several ticks gets their records. */
export type ScriptedBatches<T> = readonly (readonly T[] | null)[]

/** See {@link ScriptedBatches}. */
export class TestInput<T> implements InputSource<T> {
  readonly name: string
  private readonly batches: ScriptedBatches<T>
  private readonly partitions: number | undefined
  private readonly batchDuration: Duration
  private readonly sc: SparkContext
  private readonly arrive: () => void | Promise<void>
  private next = 0

  constructor(
    name: string,
    batches: ScriptedBatches<T>,
    setting: {
      readonly partitions: number | undefined
      readonly sc: SparkContext
      readonly batchDuration: Duration
      readonly arrive: () => void | Promise<void>
    },
  ) {
    this.name = name
    this.batches = batches
    this.partitions = setting.partitions
    this.sc = setting.sc
    this.batchDuration = setting.batchDuration
    this.arrive = setting.arrive
  }

  start(_host: SourceHost): void {}

  stop(): void {}

  async plan(time: Time): Promise<BatchInput<T>> {
    const index = time.minus(new Time(0)).div(this.batchDuration) - 1
    const script = this.batches.slice(this.next, index + 1)
    const missing = script.length > 0 && script.every(batch => batch === null)
    this.next = index + 1
    await this.arrive()
    if (missing) return { rdd: undefined, numRecords: 0 }
    const records = script.flatMap(batch => batch ?? [])
    const rdd = this.sc.parallelize(records, this.partitions)
    return { rdd, numRecords: records.length }
  }
}
