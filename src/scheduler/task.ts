/** Tasks, and the port through which a backend runs them. */
import type { Node, ShuffleNode } from '../rdd/nodes.ts'
import type { JobSink, TaskMetrics } from '../rdd/ports.ts'
import type { OperatorScope } from '../rdd/scope.ts'

/** Facts about the job that its tasks' errors and events carry. */
export interface JobProperties {
  /** ms since epoch, when the job belongs to a streaming batch. */
  readonly batchTime?: number
  /** Index of the output operation in its batch. */
  readonly outputOpId?: number
  /** What the program calls the job, where it says so. */
  readonly description?: string
  readonly group?: string
  readonly tags?: readonly string[]
  /** The local properties of the code that started the job, by Spark's keys. */
  readonly local?: Readonly<Record<string, string>>
}

/** One attempt at one partition of a stage. */
export interface Task {
  readonly id: number
  readonly jobId: number
  readonly stageId: number
  readonly node: Node
  readonly partition: number
  /** 0-based. */
  readonly attempt: number
  /** Whether it is a copy of an attempt that is slow. */
  readonly speculative: boolean
  readonly work: TaskWork
  readonly scope: OperatorScope
  /** Of this attempt: aborted when its job ends without it, or when another attempt was faster. */
  readonly signal: AbortSignal
  readonly properties: JobProperties
  /** Runs something in the asynchronous context of the code that started the job, whoever made room for the task. */
  readonly inContext: <R>(run: () => R) => R
}

/** What one attempt added to one accumulator. */
export interface TaskUpdate {
  /** The accumulator. */
  readonly id: number
  readonly name: string | undefined
  /** What the attempt added, as the accumulator's kind of value. */
  readonly update: unknown
  /** The value of the program's accumulator. */
  readonly value: unknown
  /** Adds the update to the program's accumulator. Called once. Never throws. */
  apply(): void
}

/** What a task does with the records: write its share of a shuffle, or give its part of the job's result. */
export type TaskWork =
  | { readonly kind: 'map'; readonly shuffle: ShuffleNode; readonly input: number }
  | { readonly kind: 'result'; readonly sink: JobSink }

/** What a successful attempt gives. */
export interface TaskResult {
  readonly value: unknown
  readonly updates: readonly TaskUpdate[]
  readonly metrics: TaskMetrics
  /** Puts a map task's output where others find it. Called at most once, and only if the attempt counts. Never throws. */
  readonly commit?: (() => void) | undefined
}

/** How a backend tells what became of a task; exactly one call for each task it was given. */
export interface TaskEvents {
  /** It has a slot. Not called for one that is cancelled before. */
  started(task: Task): void
  succeeded(task: Task, result: TaskResult): void
  failed(task: Task, error: unknown): void
}

/** Runs tasks. Tasks are pulled: a backend takes as many at a time as it has room for, in the order of its `TaskQueue`. */
export interface Backend {
  /** Tasks that run at the same time. */
  readonly capacity: number
  submit(tasks: readonly Task[], events: TaskEvents): void
  /** Resolves when every task that runs now has ended, wanted or not. */
  settled(): Promise<void>
  /** Resolves when nothing runs any more; queued tasks fail with CONTEXT_STOPPED. */
  stop(): Promise<void>
}

/** What the scheduler asks about data that exists already. */
export interface Availability {
  /** Whether every partition of a kept node is there, so that its lineage need not be looked at. */
  isComplete(node: Node): boolean
  /** Map partitions of a shuffle input whose output is not there. */
  missingOutputs(shuffle: ShuffleNode, input: number): readonly number[]
}
