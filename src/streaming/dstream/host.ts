/** What streams and outputs ask of their StreamingContext. */
import type { Duration, Time } from '../../base/time.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import type { OperatorScope } from '../../rdd/scope.ts'
import type { SinkOperation } from '../delivery/sink-operation.ts'
import type { AnyStream } from './recipe.ts'

/** An output operation: what is done with a stream's RDD in each batch. */
export interface OutputOperation {
  /** The stream whose RDD it uses. */
  readonly stream: AnyStream
  readonly scope: OperatorScope
  /** Where it writes, unless it is a function of the program. */
  readonly sink?: SinkOperation
  /** Whether it comes after all others, whenever it was defined. */
  readonly isLast?: boolean
  /** The job for a batch, or nothing when the stream has no RDD. Called on the driver when jobs are made. */
  jobFor(time: Time): (() => void | Promise<void>) | undefined
  /** Called when the context has stopped. */
  stopped?(): void
}

/** The context as its streams see it. */
export interface StreamHost {
  readonly sc: SparkContext
  readonly batchDuration: Duration
  readonly isStarted: boolean
  /** @throws CONTEXT_STARTED, CONTEXT_STOPPED_ALREADY when it is too late to define anything */
  assertDefining(what: string): void
  registerOutput(output: OutputOperation): void
  /** Writes text for people: standard output, or what the context was given. */
  write(text: string): void
}
