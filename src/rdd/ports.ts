/** What lineage needs of the layers above it: somebody who runs jobs. */
import type { Clock } from '../base/clock.ts'
import type { Chunk, ChunkSource } from '../data/chunk.ts'
import type { FutureAction } from './future-action.ts'
import type { Node } from './nodes.ts'
import type { OperatorScope } from './scope.ts'
import type { BatchToken, WriterFactory } from './sink/sink.ts'

/** What a job does with the records of each partition. */
export type JobSink =
  | { readonly kind: 'collect' }
  | { readonly kind: 'count' }
  | {
      readonly kind: 'fold'
      readonly f: (value: never, record: never) => unknown
      /** A fresh start value for each partition; without it the first record is the start. */
      readonly zero?: (() => unknown) | undefined
    }
  /** Everything else: gets the partition's chunks and gives its result. */
  | {
      readonly kind: 'chunks'
      readonly run: (records: TaskInput, task: TaskInfo) => unknown
      /** Two attempts of a task must not run at the same time, for what they do outside. */
      readonly once?: boolean
    }
  | WriteSink

/** Each partition into a writer of a sink; gives what the writer's `prepare` gave, and the number of records. All but the factory is data. */
export interface WriteSink {
  readonly kind: 'write'
  /** Its name. */
  readonly sink: string
  readonly writer: WriterFactory<never, unknown>
  readonly batch: BatchToken
  /** Two attempts of a task must not run at the same time: the sink keeps what either writes. */
  readonly once?: boolean
  /** How long a task that fails by what passes by itself is submitted again without counting it. Default 0. */
  readonly patienceMs?: number | undefined
}

/** What a fold gives for one partition. */
export interface FoldResult {
  readonly empty: boolean
  readonly value: unknown
}

/** The records of a partition as a sink reads them. `next(limit)` gives a chunk of at most about `limit` records. */
export interface TaskInput extends ChunkSource {
  next(limit?: number): Chunk | undefined | Promise<Chunk | undefined>
  /**
   * Makes sure that `next` gives no promise; awaited before a synchronous loop reads.
   *
   * @param gather `false` only opens: sources that wait for their data then still give promises
   */
  prepare(gather?: boolean): Promise<void> | undefined
}

/** What a running task tells the functions that run in it. */
export interface TaskInfo {
  readonly jobId: number
  readonly stageId: number
  readonly partition: number
  /** 0-based. */
  readonly attempt: number
  /** Aborted when the job is cancelled. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Gives the event loop its turn once the task has run for a while. */
  breathe(): Promise<void> | undefined
  /** Wraps what a user function of the sink threw, with the action's name and line. */
  failed(error: unknown, value: unknown): Error
}

/** A job as an action asks for it. */
export interface JobRequest<R> {
  readonly node: Node
  readonly sink: JobSink
  readonly scope: OperatorScope
  /** All when left out. */
  readonly partitions?: readonly number[]
  /** Called once for each partition as results come in, in no order. */
  readonly onResult?: (index: number, value: R) => void
  readonly signal?: AbortSignal | undefined
}

/** The context as RDDs see it. */
export interface JobRunner {
  readonly clock: Clock
  readonly defaultParallelism: number
  /** `spark.default.parallelism` where it is set. */
  readonly configuredParallelism: number | undefined
  readonly takeScaleUp: number
  readonly maxLineBytes: number
  /** Runs a job and gives the result of each partition, in the order of `partitions`. */
  runRequest<R>(request: JobRequest<R>): Promise<R[]>
  /** Finds out what a job over the node needs to know, by jobs of its own; nothing when it is known. */
  prepare(node: Node): Promise<void>
  /** Runs an action under its name and the caller's line; where a batch is running, the action belongs to it. */
  action<R>(name: string, run: () => Promise<R>): Promise<R>
  /** An action as a handle with which its jobs can be cancelled. */
  asyncAction<R>(name: string, run: () => Promise<R>): FutureAction<R>
  /**
   * A number that makes samples repeatable: the n-th use of a place in the program, in the same batch if any, draws the same in
   * every run.
   */
  seedFor(scope: OperatorScope): number
  /** Told of each operator's node while it is being defined. @throws CLOSURE_NOT_TRANSFERABLE @throws CAPTURE_REASSIGNED */
  defined(node: Node): void
  /** Told that a node's partitions are to be kept. */
  persist(node: Node): void
  /** Marks a node to be written down after the next job over it. */
  checkpoint(node: Node, kind: 'reliable' | 'local', scope: OperatorScope): void
  /** Drops what was kept of a node. */
  unpersist(node: Node): void
  /** Whether saving over an existing directory is refused (streaming jobs may). */
  mayOverwriteOutput(): boolean
}

/**
 * What a task, or all tasks of a stage, moved from memory to files because it was more than `kindling.shuffle.maxBytes`.
 *
 * @source Spark TaskMetrics
 */
export interface TaskMetrics {
  /** Bytes that it took in memory, roughly. */
  readonly memoryBytesSpilled: number
  /** Bytes that were written. */
  readonly diskBytesSpilled: number
}

/** Of a task that wrote no file. */
export const NO_METRICS: TaskMetrics = { memoryBytesSpilled: 0, diskBytesSpilled: 0 }
