/** How a stream makes the RDD of a batch; a DStream is a handle on one. */
import type { Duration, Time } from '../../base/time.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type { StorageLevel } from '../../rdd/storage-level.ts'
import type { KeptState } from '../state/state-rdd.ts'
import type { Cut } from './cut.ts'
import type { DStream } from './dstream.ts'

/** Any stream, whatever its records. */
export type AnyStream = DStream<unknown>

/**
 * What a kind of stream is. `compute` is called at most once for each valid time while its RDD is remembered, and may ask parents for
 * their RDDs of any time.
 */
export interface Recipe<T> {
  /** From one RDD to the next, where the program says it. Default: as the first stream that it is computed from, or the batch interval. */
  readonly slide?: Duration | 'batch interval' | undefined
  /** How far back its RDDs reach, for a window. */
  readonly window?: Duration
  readonly dependencies: readonly AnyStream[]
  compute(time: Time, self: DStream<T>): RDD<T> | undefined
  /** How long parents must remember, when that is longer than this stream itself does. */
  parentRemember?(own: Duration): Duration
  /** Where `persist` goes instead of this stream's own RDDs. */
  persistInstead?(level: StorageLevel): void
  /** What a stateful stream keeps. Persisting its RDDs is no matter of blocks then. */
  readonly state?: KeptState
  /** What its pairs are partitioned by, where that is its own doing. */
  readonly cut?: Cut | undefined
  /** Called when RDDs of these times are forgotten. */
  forgotten?(times: readonly number[]): void
}
