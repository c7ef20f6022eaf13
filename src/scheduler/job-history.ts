/**
 * What is known of jobs and stages, exact at every moment: the scheduler writes it as it goes, the status tracker reads it.
 *
 * Running jobs are always there. Of those that ended, and of stages, only the latest are kept.
 */
import type { OperatorScope } from '../rdd/scope.ts'
import type { JobProperties } from './task.ts'

/** One job. */
export interface JobRecord {
  readonly jobId: number
  readonly stageIds: readonly number[]
  readonly properties: JobProperties
  /** ms since epoch. */
  readonly submissionTime: number
  completionTime: number | undefined
  status: 'running' | 'succeeded' | 'failed'
}

/** One stage. Tasks count by attempt; `numCompletedTasks` only those that gave a partition its result. */
export interface StageRecord {
  readonly stageId: number
  /** The operator that ends it. */
  readonly scope: OperatorScope
  readonly numTasks: number
  /** ms since epoch; `undefined` until it was submitted. */
  submissionTime: number | undefined
  numActiveTasks: number
  numCompletedTasks: number
  numFailedTasks: number
  status: 'waiting' | 'active' | 'succeeded' | 'failed'
}

/** See the file head. Maps keep the order of insertion, so that the first entry is the oldest. */
export class JobHistory {
  readonly jobs: Map<number, JobRecord> = new Map()
  readonly stages: Map<number, StageRecord> = new Map()
  private readonly limits: { readonly jobs: number; readonly stages: number }

  constructor(limits: { readonly jobs: number; readonly stages: number }) {
    this.limits = limits
  }

  jobStarted(job: {
    readonly jobId: number
    readonly stageIds: readonly number[]
    readonly properties: JobProperties
    readonly time: number
  }): void {
    const { jobId, stageIds, properties, time } = job
    const record = { jobId, stageIds, properties, submissionTime: time }
    this.jobs.set(jobId, { ...record, completionTime: undefined, status: 'running' })
  }

  jobEnded(jobId: number, status: 'succeeded' | 'failed', time: number): void {
    const job = this.jobs.get(jobId)!
    job.status = status
    job.completionTime = time
    dropOldest(this.jobs, this.limits.jobs, other => other.status !== 'running')
  }

  stage(stageId: number, facts: { readonly scope: OperatorScope; readonly numTasks: number }): StageRecord {
    const counts = { numActiveTasks: 0, numCompletedTasks: 0, numFailedTasks: 0 }
    const record: StageRecord = {
      stageId,
      ...facts,
      ...counts,
      submissionTime: undefined,
      status: 'waiting',
    }
    this.stages.set(stageId, record)
    dropOldest(this.stages, this.limits.stages, other => other.status !== 'active')
    return record
  }
}

/** Cost: O(running entries older than the first that may go), which are few. */
function dropOldest<V>(map: Map<number, V>, limit: number, mayGo: (value: V) => boolean): void {
  if (map.size <= limit) return
  for (const [id, value] of map) {
    if (!mayGo(value)) continue
    map.delete(id)
    if (map.size <= limit) return
  }
}
