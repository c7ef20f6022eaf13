/**
 * What a running segment asks of its task: time to go on, and errors that name the operator.
 *
 * `budget` records are worked on between two looks at the time. It starts at one, so that a slow function is caught at its first
 * record, and doubles while records are quick; the look itself then costs nothing that can be measured.
 */
import type { OperatorScope } from '../scope.ts'

/** The reasons why a segment's `run` came back. */
export const DONE = 0
export const PAUSED = 1
export const FULL = 2
/** What `run` returned: the chunk is used up, the task's time slice is over, or the output has reached its limit. */
export type RunResult = typeof DONE | typeof PAUSED | typeof FULL

/** Asked by compiled and interpreted segments alike. */
export interface SegmentControl {
  /** Records until the next call of `tick`. */
  budget: number
  /** Looks at the time; the new budget, or 0 when the segment must pause. `op` is the index of the last operator that ran. */
  tick(op: number): number
  /** The error to throw for what an operator threw while it had `value`. */
  failed(error: unknown, op: number, value: unknown): Error
  /** Called when a function gave a promise where a value is needed; throws PROMISE_RETURNED. */
  promiseReturned(op: number): never
  /** Opens what a flatMap gave when it is no array; throws NOT_ITERABLE or PROMISE_RETURNED. */
  iterate(result: unknown, op: number): Iterator<unknown>
  /** Called when a pair operator met something else; throws NOT_A_PAIR. */
  notPair(value: unknown, op: number): never
}

/** A segment ready to run: `load` a chunk, `run` until it is done; position survives a pause, also inside a record. */
export interface Segment {
  load(chunk: never): void
  run(): RunResult
  /** Closes iterators that are still open. */
  close(): void
}

/** A user function of a segment, for messages. */
export interface OperatorInfo {
  readonly scope: OperatorScope
  readonly op: string
}
