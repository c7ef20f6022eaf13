/** How a StreamingContext is made, stopped and found again. */
import type { DurationLike } from '../base/time.ts'
import type { SparkContextOptions } from '../context/spark-context.ts'

/** How a context is made that brings its own SparkContext. */
export interface StreamingContextOptions extends SparkContextOptions {
  /** The batch interval. */
  readonly batchDuration: DurationLike
  /** Where `print` writes. Default: standard output. */
  readonly write?: (text: string) => void
}

/** `'initialized'`: being defined; `'active'`: started; `'stopped'`: for good. */
export type StreamingContextState = 'initialized' | 'active' | 'stopped'

/** How to stop. */
export interface StopOptions {
  /** Process all data received so far before the end. Default false. */
  readonly graceful?: boolean
  /** With `graceful`: how long to wait at most. Default: `spark.streaming.gracefulStopTimeout`, ten batch intervals. */
  readonly deadline?: DurationLike
  /** Stop the SparkContext too. Default: only if this context made it. */
  readonly stopSparkContext?: boolean
}

/** How `getOrCreate` goes about saved data. */
export interface GetOrCreateOptions {
  /** Begin anew when the saved data cannot be used. Default false: CHECKPOINT_NOT_USABLE. */
  readonly createOnError?: boolean
}
