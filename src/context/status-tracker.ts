/** Jobs and stages as they stand, for programs that watch their own. @source Spark SparkStatusTracker */
import { describeScope } from '../rdd/scope.ts'
import type { JobHistory, JobRecord } from '../scheduler/job-history.ts'

/** A job as it stands. */
export interface JobInfo {
  readonly jobId: number
  readonly stageIds: readonly number[]
  readonly status: 'running' | 'succeeded' | 'failed'
}

/** A stage as it stands. */
export interface StageInfo {
  readonly stageId: number
  /** The operator that ends it, and its line. */
  readonly name: string
  /** ms since epoch. */
  readonly submissionTime: number | undefined
  readonly numTasks: number
  readonly numActiveTasks: number
  readonly numCompletedTasks: number
  /** Attempts that failed. */
  readonly numFailedTasks: number
}

/**
 * Exact when asked, not a moment behind. Of what has ended only the latest is known: `spark.ui.retainedJobs` and
 * `spark.ui.retainedStages`.
 */
export class StatusTracker {
  private readonly history: JobHistory

  /** @internal */
  constructor(history: JobHistory) {
    this.history = history
  }

  /** Jobs that run. */
  getActiveJobIds(): number[] {
    return this.jobIds(job => job.status === 'running')
  }

  /** Stages that have been submitted and have not ended. */
  getActiveStageIds(): number[] {
    return [...this.history.stages.values()].filter(s => s.status === 'active').map(s => s.stageId)
  }

  /** The jobs of a group, running or not; without one, the jobs that belong to none. */
  getJobIdsForGroup(group?: string): number[] {
    return this.jobIds(job => job.properties.group === group)
  }

  /** The jobs with a tag, running or not. */
  getJobIdsForTag(tag: string): number[] {
    return this.jobIds(job => job.properties.tags?.includes(tag) === true)
  }

  /** `undefined` when there was none, or when it is forgotten. */
  getJobInfo(jobId: number): JobInfo | undefined {
    const job = this.history.jobs.get(jobId)
    return job && { jobId, stageIds: job.stageIds, status: job.status }
  }

  /** `undefined` when it was never submitted, or when it is forgotten. */
  getStageInfo(stageId: number): StageInfo | undefined {
    const stage = this.history.stages.get(stageId)
    if (stage === undefined) return undefined
    const { status: _, scope, ...info } = stage
    return { ...info, name: describeScope(scope) }
  }

  private jobIds(matches: (job: JobRecord) => boolean): number[] {
    return [...this.history.jobs.values()].filter(matches).map(job => job.jobId)
  }
}
