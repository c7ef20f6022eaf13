/**
 * The contract of direct sources: systems that keep what they have under positions, so that the driver decides what a batch reads, and
 * reads it again when it must. What pushes and keeps nothing is a `Receiver` instead.
 *
 *   position ──plan──▶ ranges + next position ──(log)──▶ read, in tasks ──▶ completed ──▶ forget
 *                 ▲                  │
 *                 └──────────────────┘  kept by the engine, in the checkpoint
 *
 * I1  A source keeps no progress of its own: what `plan` gives follows from the position that it is given, and from what there is.
 * I2  Ranges and positions are plain data, and all that a restart needs: no connections, no functions, no secrets.
 * I3  Reading a range again gives the same records in the same order, until it is forgotten.
 */

import type { Clock } from '../../base/clock.ts'
import type { Config } from '../../base/config.ts'
import type { Logger } from '../../base/logger.ts'
import type { Duration, Time } from '../../base/time.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type { RateSettings } from '../input-source.ts'
import type { PartitionLag } from '../listener.ts'

/** What a direct source may ask of the engine; given to `open`. */
export interface DirectHost {
  readonly sc: SparkContext
  readonly conf: Config
  readonly clock: Clock
  readonly logger: Logger
  /** The batch interval. */
  readonly batchDuration: Duration
  /** When the program was started with this source for the first time, in ms: after a restart, before the process began. */
  readonly startTime: number
  /** Whether an earlier process may have left a position: only `plan` tells for sure. */
  readonly isRestart: boolean
}

/** What the engine asks of `plan`. */
export interface PlanRequest<P> {
  /** Of the batch. Batches that were merged have one plan: the time may be several intervals after the last one. */
  readonly time: Time
  /** What the plan of the batch before gave, also when that was in another process. `undefined`: nothing was planned yet. */
  readonly position: P | undefined
  /**
   * What the batch may have: records, or the unit of `rate`. `Infinity`: no limit; 0: nothing. A range that cannot be cut may pass it,
   * when it is the only one.
   */
  readonly limit: number
}

/** What a batch reads. */
export interface DirectPlan<R, P> {
  /** Plain data, a partition of the batch each; none: a batch without records. */
  readonly ranges: readonly R[]
  /** Where the next plan goes on: plain data. `undefined` as long as nothing is known. */
  readonly position: P | undefined
  /** Records of the ranges, where that is known. Default 0. */
  readonly numRecords?: number
  /** How far the source is behind after this batch. */
  readonly lag?: readonly PartitionLag[]
  /** Shown with the batch; the entry `Description` is shown as text. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** A batch whose outputs are done. */
export interface CompletedPlan<R, P> {
  readonly time: Time
  readonly ranges: readonly R[]
  readonly position: P | undefined
}

/**
 * A source whose batches are planned by the driver. Make a stream of it with `ssc.directStream`, and try it with `sourceConformance` of
 * `kindling/testing`.
 *
 * Who calls: the driver, one call at a time; only what `read` hands to an RDD runs in tasks, on whatever thread. With a checkpoint
 * directory each record is in the batches exactly once, whatever happens to the process.
 *
 * @typeParam T the type of a record
 * @typeParam R a range: plain data
 * @typeParam P a position: plain data
 * @source Spark DirectKafkaInputDStream, as a contract
 * @example
 * const log = ['a', 'b', 'c', 'd', 'e']
 * const source: DirectSource<string, { from: number; until: number }, number> = {
 *   name: 'a log',
 *   plan({ position = 0, limit }) {
 *     const until = Math.min(log.length, position + Math.min(limit, 2))
 *     return { ranges: [{ from: position, until }], position: until, numRecords: until - position }
 *   },
 *   read: (sc, ranges) => sc.fromPartitions(ranges, ({ from, until }) => log.slice(from, until)),
 *   close() {},
 * }
 * ssc.directStream(source) // => [['a', 'b'], ['c', 'd'], ['e'], []]
 */
export interface DirectSource<T, R, P> {
  /** What it is, for messages: `Kafka clicks at localhost:9092`. No secrets. */
  readonly name: string
  /** How the rate is controlled. Default: in records. */
  readonly rate?: RateSettings
  /** Called once, when the context starts, before any `plan`: connects, looks that everything is there. What it throws fails the start. */
  open?(host: DirectHost): void | Promise<void>
  /**
   * Decides what the next batch reads: what follows the position, within the limit. Called once for each batch, never before the call
   * for the batch before has settled.
   *
   * What it throws fails the batch, and the next one is asked for with the same position. So let it give no ranges, and the position that
   * it got, while the other side does not answer, and throw only what waiting does not mend.
   */
  plan(request: PlanRequest<P>): DirectPlan<R, P> | Promise<DirectPlan<R, P>>
  /**
   * The records of ranges. Called on the driver, for each batch; after a restart also for batches that another process planned. Mostly
   * `sc.fromPartitions(ranges, readRange)`, where `readRange` is one function for all batches.
   */
  read(sc: SparkContext, ranges: readonly R[]): RDD<T>
  /**
   * The outputs of a batch are done, and with a checkpoint directory that is written down. In order of time, one call at a time, and after
   * a restart perhaps once more: for storing positions where others look at them. What it throws is a warning, and no more.
   */
  completed?(batch: CompletedPlan<R, P>): void | Promise<void>
  /**
   * Nothing up to this batch is read again, by no restart either: the other side may delete it. Only some of the batches are told; what
   * it throws is a warning.
   */
  forget?(batch: CompletedPlan<R, P>): void | Promise<void>
  /**
   * A plan as this version of the source writes them, of one that an older version wrote. What it throws fails the start.
   *
   * @param saved `{ ranges, position }` as far as the older version was a direct source too
   */
  upgrade?(saved: unknown): { readonly ranges: readonly R[]; readonly position: P | undefined }
  /** Lets go of everything. Called once, when the context stops, also after an `open` that failed. Tasks may still read. */
  close(): void | Promise<void>
}
