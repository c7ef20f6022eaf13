/** What the engine tells about jobs, stages and tasks. @source Spark SparkListener */

import type { TaskMetrics } from '../rdd/ports.ts'

/** A job was submitted. */
export interface JobStarted {
  readonly jobId: number
  /** ms since epoch. */
  readonly time: number
  readonly stageIds: readonly number[]
  /** The action and its line. */
  readonly name: string
  /** What `setJobDescription` said, else the name. */
  readonly description: string
  readonly batchTime: number | undefined
  readonly outputOpId: number | undefined
  /** The local properties of the code that started it, by Spark's keys. */
  readonly properties: Readonly<Record<string, string>>
}

/** A job ended. */
export interface JobEnded {
  readonly jobId: number
  readonly time: number
  /** What it failed with; `undefined` when it succeeded. */
  readonly error: Error | undefined
}

/** A stage was submitted. */
export interface StageSubmitted {
  readonly stageId: number
  readonly jobId: number
  readonly time: number
  readonly numTasks: number
  readonly name: string
}

/** A stage ended. */
export interface StageCompleted {
  readonly stageId: number
  readonly jobId: number
  readonly time: number
  readonly failureReason: string | undefined
  /** The sums of its tasks that succeeded. */
  readonly taskMetrics: TaskMetrics
}

/** A task began. */
export interface TaskStarted {
  readonly taskId: number
  readonly stageId: number
  readonly jobId: number
  readonly partition: number
  readonly attempt: number
  /** Whether it is a copy of an attempt that takes too long; see `spark.speculation`. */
  readonly speculative: boolean
  readonly time: number
}

/** What one task added to an accumulator. */
export interface AccumulatorUpdate {
  readonly id: number
  readonly name: string | undefined
  /** What the task added. */
  readonly update: unknown
  /** The accumulator's value after it. */
  readonly value: unknown
}

/** A task ended. */
export interface TaskEnded extends TaskStarted {
  /** ms */
  readonly duration: number
  readonly error: Error | undefined
  /** What it added to accumulators; empty unless it succeeded and counts. */
  readonly accumulatorUpdates: readonly AccumulatorUpdate[]
  /** Zero for one that failed. */
  readonly taskMetrics: TaskMetrics
}

/** Callbacks for the events of the engine; implement those you need. */
export interface SparkListener {
  /** An action has asked for a job. */
  onJobStart(event: JobStarted): void
  /** A job has ended; `error` says whether it failed. */
  onJobEnd(event: JobEnded): void
  /** The tasks of a stage are handed to the backend. */
  onStageSubmitted(event: StageSubmitted): void
  /** A stage has ended; `failureReason` says whether it failed. */
  onStageCompleted(event: StageCompleted): void
  /** An attempt of a task begins. */
  onTaskStart(event: TaskStarted): void
  /** An attempt of a task has ended. */
  onTaskEnd(event: TaskEnded): void
}
