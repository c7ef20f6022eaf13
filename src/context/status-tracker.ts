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
 * Jobs and stages as they are when it is asked, not a moment behind: `sc.statusTracker`. Of what has ended only the latest is known:
 * `spark.ui.retainedJobs` and `spark.ui.retainedStages`.
 *
 * @source Spark SparkStatusTracker
 * @example
 * await visits.count()
 * const { statusTracker } = sc
 * statusTracker.getActiveJobIds() // => []
 * statusTracker.getJobInfo(0)?.status // => 'succeeded'
 */
export class StatusTracker {
  private readonly history: JobHistory

  /** @internal */
  constructor(history: JobHistory) {
    this.history = history
  }

  /**
   * Jobs that run, by id.
   *
   * @example
   * const held = t.holdTask({ partition: 0 })
   * const counting = visits.count()
   * await held.held
   * sc.statusTracker.getActiveJobIds() // => [0]
   * held.release()
   * await counting // => 3
   */
  getActiveJobIds(): number[] {
    return this.jobIds(job => job.status === 'running')
  }

  /**
   * Stages that have been submitted and have not ended.
   *
   * @example
   * const held = t.holdTask({ partition: 0 })
   * const counting = visits.reduceByKey((a, b) => a + b).count()
   * await held.held
   * sc.statusTracker.getActiveStageIds().length // => 1
   * held.release()
   * await counting // => 2
   */
  getActiveStageIds(): number[] {
    return [...this.history.stages.values()].filter(s => s.status === 'active').map(s => s.stageId)
  }

  /**
   * The jobs of a group, running or not; without one, the jobs that belong to none.
   *
   * @example
   * await visits.count()
   * await sc.withJobGroup('nightly', () => visits.count())
   * sc.statusTracker.getJobIdsForGroup('nightly') // => [1]
   * sc.statusTracker.getJobIdsForGroup() // => [0]
   */
  getJobIdsForGroup(group?: string): number[] {
    return this.jobIds(job => job.properties.group === group)
  }

  /**
   * The jobs with a tag, running or not.
   *
   * @example
   * sc.addJobTag('slow')
   * await visits.count()
   * sc.statusTracker.getJobIdsForTag('slow') // => [0]
   */
  getJobIdsForTag(tag: string): number[] {
    return this.jobIds(job => job.properties.tags?.includes(tag) === true)
  }

  /**
   * A job by its id; `undefined` when there was none, or when it is forgotten.
   *
   * @example
   * await visits.reduceByKey((a, b) => a + b).count()
   * sc.statusTracker.getJobInfo(0)?.stageIds.length // => 2
   * sc.statusTracker.getJobInfo(99) // => undefined
   */
  getJobInfo(jobId: number): JobInfo | undefined {
    const job = this.history.jobs.get(jobId)
    return job && { jobId, stageIds: job.stageIds, status: job.status }
  }

  /**
   * A stage by its id; `undefined` when it was never submitted, or when it is forgotten.
   *
   * @example
   * await sc.range(0, 100, 1, 4).count()
   * const [stageId = -1] = sc.statusTracker.getJobInfo(0)?.stageIds ?? []
   * sc.statusTracker.getStageInfo(stageId)?.numCompletedTasks // => 4
   */
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
