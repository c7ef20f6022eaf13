/**
 * What a job over some node needs to know before it can run, and only another job can tell: the bounds of a range partitioner, the
 * offsets of an index. It hangs on the node (`needs`), so that defining an operator runs nothing.
 */
import type { JobRequest } from './ports.ts'

/** Runs a job on behalf of a preparation; the job belongs to whoever the waiting job belongs to. */
export type RunRequest = <R>(request: JobRequest<R>) => Promise<R[]>

/** See the file head. */
export interface Preparation {
  readonly ready: boolean
  /**
   * Called by the scheduler before a job over the node, unless it is `ready`. Jobs that start at the same time may both call it:
   * it finds the same each time, and what was found first stays.
   */
  prepare(run: RunRequest): Promise<void>
}
