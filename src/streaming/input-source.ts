/**
 * What the engine asks of a stream of input. Whoever writes a source fulfils one of two contracts that are easier to keep, and the engine
 * stands one of its own inputs before it: `DirectSource` (`direct/direct-source.ts`) for what has positions, `Receiver`
 * (`receiver/receiver.ts`) for what pushes.
 *
 * At each tick the engine calls `plan` of every source, in order of stream ids, and awaits it before it makes the batch's jobs:
 * `plan` decides exactly which data belongs to that batch. It is called once for each batch time, times only grow, and asking
 * for the batch's records later, or again, gives the same data.
 */
import type { Clock } from '../base/clock.ts'
import type { Config } from '../base/config.ts'
import type { EventOf } from '../base/listener-bus.ts'
import type { Logger } from '../base/logger.ts'
import type { Duration, Time } from '../base/time.ts'
import type { SparkContext } from '../context/spark-context.ts'
import type { RDD } from '../rdd/rdd.ts'
import type { BatchInfo, PartitionLag, StreamingListener } from './listener.ts'
import type { ReceivedLog } from './receiver/received-log.ts'

/**
 * How often what a source took in comes into batches when a crash interrupts them. `exactly-once`: what was planned is given again;
 * `at-least-once`: that, and some of it may be taken in twice; `none`: it is lost.
 */
export type SourceGuarantee = 'exactly-once' | 'at-least-once' | 'none'

/** The data of one batch. */
export interface BatchInput<T> {
  /** `undefined`: the source makes no RDD for this batch, which is not the same as an empty one. */
  readonly rdd: RDD<T> | undefined
  /** Records, where they are known before they are read; 0 otherwise. */
  readonly numRecords: number
  /** Shown with the batch; the entry `Description` is shown as text. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** How far the source is behind after this batch, where it knows. */
  readonly lag?: readonly PartitionLag[]
}

/** How the rate of a source is controlled. */
export interface RateSettings {
  /** Units a second until it is known what batches can take. Default: `spark.streaming.backpressure.initialRate`, or 100,000; `Infinity`: no limit. */
  readonly initial?: number
  /** Most units a second, also without back-pressure. Default: none. */
  readonly max?: number
  /** Least estimate, units a second. Default: `spark.streaming.backpressure.pid.minRate`. */
  readonly min?: number
  /** Units that the batch has, once it is planned. Default: its `numRecords`. */
  amountOf?(batchTime: Time): number
  /** Called with each new rate. */
  changed?(rate: number): void
}

/** How much a source may give the next batch. */
export interface RateControl {
  /** Units a second that batches can take, as far as that is known; `undefined`: as many as there are. */
  readonly rate: number | undefined
  /**
   * Units that the next batch may have, infinite where there is no limit. Until the first batch with any has ended, all batches together
   * may have those of one: 0 when they do.
   */
  limit(): number
}

/** What a source may ask of the engine; given to `start`. */
export interface SourceHost {
  readonly sc: SparkContext
  readonly conf: Config
  readonly clock: Clock
  readonly logger: Logger
  /** The batch interval. */
  readonly batchDuration: Duration
  /** One batch before the first batch. */
  readonly zeroTime: Time
  /** When the program was started with this source for the first time, in ms: after a restart, before the process began. */
  readonly startTime: number
  readonly streamId: number
  /** Whether the program has a checkpoint directory. */
  readonly isSaved: boolean
  /**
   * Control of the rate by what batches can take (`spark.streaming.backpressure.*`), for sources that plan: give a batch at most
   * `limit()`. Called once, by `start`. What is known of the rate outlives a restart with a checkpoint directory.
   */
  rateControl(settings?: RateSettings): RateControl
  /** @internal Where receivers log what they take in; with a checkpoint directory. */
  readonly receivedLog: ReceivedLog | undefined
  /** Tells the streaming listeners, for example of a receiver's error. */
  post<K extends keyof StreamingListener>(event: K, payload: EventOf<StreamingListener, K>): void
  /** Reports an error that ends `awaitTermination`; the stream goes on. */
  fail(error: Error): void
}

/**
 * A source of records.
 *
 * @typeParam T the type of a record
 * @example
 * const clock: InputSource<number> = {
 *   name: 'batch times',
 *   start() {},
 *   stop() {},
 *   plan: time => ({ rdd: sc.parallelize([time.milliseconds], 1), numRecords: 1 }),
 * }
 * ssc.inputStream(clock) // => [[1000], [2000]]
 */
export interface InputSource<T> {
  /** What it is, for messages: `socket localhost:9999`. */
  readonly name: string
  /** Called once, when the context starts; what it throws fails the start. */
  start(host: SourceHost): void | Promise<void>
  /**
   * Called once, when the context stops. Gracefully: take in no more, and resolve when all that was taken in can be planned.
   * Otherwise: let go of everything at once.
   */
  stop(options: { readonly graceful: boolean }): void | Promise<void>
  /** Decides what belongs to the batch; see the file head. What it throws fails the batch. */
  plan(time: Time): BatchInput<T> | Promise<BatchInput<T>>
  /** Whether data was taken in that no batch has yet: a graceful stop makes another batch for it. */
  hasUnplanned?(): boolean
  /** Batches up to this time have ended, or are passed over for good; with a checkpoint directory that is written down. */
  ended?(upTo: Time): void
  /** Batches up to this time are not needed any more by this process. */
  forget?(upTo: Time): void
  /** With a checkpoint directory: batches up to this time are not needed by a restart either. */
  released?(upTo: Time): void
  /**
   * The plan of a batch as plain data, for the log: called right after `plan`. A source without it and `restore` loses what it
   * planned for batches that a crash interrupts.
   */
  describe?(time: Time): unknown
  /**
   * Takes up a plan from the log: called after `start` and before the first `plan`, for each batch that is still needed, oldest
   * first. The function given makes the batch's RDD again; it is called if that is asked for. `undefined`: the data is not there
   * any more.
   */
  restore?(time: Time, description: unknown): (() => RDD<T> | undefined) | undefined
  /** @internal Whether `restore` gives the data again; known once the source has started. Default: whether there is `describe`. */
  readonly isReplayable?: boolean
  /** Asked before `start`. Default: `exactly-once` with `describe` and `restore`, else `none`. */
  guarantee?(conf: Config): SourceGuarantee
  /** For how many ms before a batch earlier plans matter to `plan`; known once the source has started. Default 0. */
  readonly remembersMs?: number
  /** Called after each batch: for rate control. */
  batchCompleted?(info: BatchInfo): void
}
