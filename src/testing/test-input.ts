/** A stream of batches written down in a test. */
import { type Duration, Time } from '../base/time.ts'
import type { SparkContext } from '../context/spark-context.ts'
import type { RDD } from '../rdd/rdd.ts'
import type { BatchInput, InputSource, SourceHost } from '../streaming/input-source.ts'

/** The i-th entry is the batch at (i+1) · batchDuration; `null`: no RDD; after the last one: empty RDDs. A batch that takes in several ticks gets their records. */
export type ScriptedBatches<T> = readonly (readonly T[] | null)[]

/** Entries of the script that a batch takes: from `from` up to, not including, `to`. */
interface Script {
  readonly from: number
  readonly to: number
}

interface Description extends Script {
  readonly partitions: number
}

/** See {@link ScriptedBatches}. */
export class TestInput<T> implements InputSource<T> {
  readonly name: string
  private readonly batches: ScriptedBatches<T>
  private readonly partitions: number | undefined
  private readonly batchDuration: Duration
  private readonly sc: SparkContext
  private readonly arrive: () => void | Promise<void>
  private next = 0
  private last: Script = { from: 0, to: 0 }

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
    // A program may have gone on with other batches than those of the script.
    const to = Math.max(this.next, Math.floor(time.minus(new Time(0)).div(this.batchDuration)))
    this.last = { from: this.next, to }
    this.next = to
    await this.arrive()
    const records = this.records(this.last)
    return { rdd: this.rdd(records), numRecords: records?.length ?? 0 }
  }

  describe(): Description {
    return { ...this.last, partitions: this.partitions ?? this.sc.defaultParallelism }
  }

  restore(_time: Time, description: unknown): () => RDD<T> | undefined {
    const script = description as Description
    this.next = script.to
    return () => this.rdd(this.records(script), script.partitions)
  }

  private records({ from, to }: Script): T[] | undefined {
    const script = this.batches.slice(from, to)
    if (script.length > 0 && script.every(batch => batch === null)) return undefined
    return script.flatMap(batch => batch ?? [])
  }

  private rdd(records: T[] | undefined, partitions = this.partitions): RDD<T> | undefined {
    return records === undefined ? undefined : this.sc.parallelize(records, partitions)
  }
}
