/** The part of a context that runs jobs: what they are called, and how they are stopped. Joined in `SparkContext`. */
import { KindlingError } from '../base/errors.ts'
import { FutureAction } from '../rdd/future-action.ts'
import type { JobRequest, TaskInput } from '../rdd/ports.ts'
import type { RDD } from '../rdd/rdd.ts'
import { currentScope, type OperatorScope, operator } from '../rdd/scope.ts'
import { iterateSource } from '../rdd/segment/iterate.ts'
import type { DAGScheduler } from '../scheduler/dag-scheduler.ts'
import type { Submission, SubmittedJob } from '../scheduler/submitted-job.ts'
import { processDefaults } from './defaults.ts'
import { checkTag, jobProperties, propertyKeys, setTags, tagsOf } from './job-properties.ts'
import { currentJobScope } from './job-scope.ts'
import { type LocalScope, LocalScopes, type ScopeOptions, setOrDelete } from './local-scope.ts'
import { StatusTracker } from './status-tracker.ts'

/** What `setJobGroup` and `withJobGroup` take besides the group. */
export interface JobGroupOptions {
  /** What jobs of the group are called in events and messages. */
  readonly description?: string
  /** Kept for listeners. There is no thread to interrupt: tasks of a cancelled job learn of it by their signal. */
  readonly interruptOnCancel?: boolean
}

/** Cancelled groups that are remembered for `cancelJobGroupAndFutureJobs`. @source spark.scheduler.numCancelledJobGroupsToTrack */
const CANCELLED_GROUPS_KEPT = 1000

/** See the file head. */
export abstract class JobControl {
  /** @internal */
  protected readonly scopes: LocalScopes = new LocalScopes()
  private readonly cancelledGroups = new Set<string>()
  private tracker: StatusTracker | undefined

  /** @internal */
  protected abstract readonly scheduler: DAGScheduler
  /** @internal Runs a checked request; rejects when the context has been stopped. */
  protected abstract submit<R>(request: JobRequest<R>, submission: Submission): Promise<R[]>

  // ---- running ----

  /**
   * Runs `f` over the records of each partition and gives the results in order of `partitions`.
   *
   * @param partitions default: all
   * @throws INVALID_ARGUMENT for a partition that does not exist
   * @example
   * await sc.runJob(sc.parallelize([1, 2, 3], 2), records => Array.from(records).length) // => [1, 2]
   */
  runJob<T, R>(
    rdd: RDD<T>,
    f: (records: IterableIterator<T>) => R | Promise<R>,
    partitions?: readonly number[],
  ): Promise<R[]> {
    return this.action('runJob', () => this.runRequest(partitionJob(rdd, f, partitions)))
  }

  /**
   * {@link SparkContext.runJob} without waiting: `onResult` gets each result as it comes, and the action gives what `result` makes.
   *
   * @param onResult called once for each partition, with its place in `partitions`, in no order
   * @example
   * const sizes: number[] = []
   * const size = (records: Iterable<number>) => Array.from(records).length
   * const onResult = (i: number, n: number) => void (sizes[i] = n)
   * const job = sc.submitJob(sc.range(0, 5, 1, 2), size, [1, 0], onResult, () => 'done')
   * await job // => 'done'
   * sizes // => [3, 2]
   */
  submitJob<T, U, R>(
    rdd: RDD<T>,
    f: (records: IterableIterator<T>) => U | Promise<U>,
    partitions: readonly number[],
    onResult: (index: number, value: U) => void,
    result: () => R,
  ): FutureAction<R> {
    return this.asyncAction('submitJob', () =>
      this.runRequest({ ...partitionJob(rdd, f, partitions), onResult }).then(result),
    )
  }

  /** @internal */
  action<R>(name: string, run: () => Promise<R>): Promise<R> {
    return operator(name, () => {
      const result = run()
      currentJobScope()?.add(currentScope(name), result)
      return result
    })
  }

  /** @internal An action with a handle: its jobs get a signal of their own. */
  asyncAction<R>(name: string, run: () => Promise<R>): FutureAction<R> {
    const abort = new AbortController()
    const jobIds: number[] = []
    const options = { signal: abort.signal, onJob: (id: number) => void jobIds.push(id) }
    return operator(name, () => {
      const result = this.scopes.run(options, run)
      // What was called off on purpose does not fail the batch that it belongs to.
      const unlessCalledOff = (error: unknown): void => {
        if (!abort.signal.aborted) throw error
      }
      currentJobScope()?.add(
        currentScope(name),
        result.then(() => {}, unlessCalledOff),
      )
      return new FutureAction(result, abort, jobIds)
    })
  }

  /** @internal */
  runRequest<R>(request: JobRequest<R>): Promise<R[]> {
    const { refuseJob } = processDefaults()
    if (refuseJob !== undefined) return Promise.reject(refuseJob(request.scope))
    return this.submit(request, this.submission(request.signal))
  }

  /** @internal How a job that the calling code starts now is run. */
  protected submission(own?: AbortSignal): Submission {
    const scope = this.scopes.current
    const properties = jobProperties(scope)
    const { group } = properties
    const batch = currentJobScope()?.signal
    const signals = [own, batch, ...scope.signals].filter(signal => signal !== undefined)
    if (group !== undefined && this.cancelledGroups.has(group))
      signals.push(AbortSignal.abort(cancelled(`job group ${group} is cancelled for good`)))
    const onStart = (jobId: number): void => {
      for (const tell of scope.onJob) tell(jobId)
    }
    return { properties, signals, onStart }
  }

  // ---- scopes ----

  /**
   * Runs `body`; every action in it, also after an `await`, is cancelled when `signal` is aborted, and fails with JOB_CANCELLED.
   * An action that has ended is not touched; one that begins later fails at once.
   *
   * @example
   * const enough = new AbortController() // or a signal such as AbortSignal.timeout(5000)
   * const counting = sc.withSignal(enough.signal, () => visits.count())
   * enough.abort()
   * await counting.catch(error => error.code) // => 'JOB_CANCELLED'
   */
  withSignal<R>(signal: AbortSignal, body: () => R): R {
    return this.scopes.run({ signal }, body)
  }

  /**
   * Runs `body` with these local properties; `undefined` takes one out. What `body` sets ends with it.
   *
   * @example
   * await sc.withLocalProperties({ team: 'red' }, async () => {
   *   await visits.count() // listeners see it in the job's properties
   *   return sc.getLocalProperty('team')
   * }) // => 'red'
   */
  withLocalProperties<R>(properties: Readonly<Record<string, string | undefined>>, body: () => R): R {
    return this.scopes.run({ properties }, body)
  }

  /**
   * Runs `body`; the jobs in it belong to a group, which `cancelJobGroup` ends.
   *
   * @example
   * const counting = sc.withJobGroup('nightly', () => visits.count())
   * sc.cancelJobGroup('nightly')
   * await counting.catch(error => error.code) // => 'JOB_CANCELLED'
   */
  withJobGroup<R>(group: string, body: () => R, options: JobGroupOptions = {}): R {
    return this.scopes.run({ properties: groupProperties(group, options) }, body)
  }

  /** @internal A scope for one output operation of a batch: nothing of the code that happens to start it. */
  withJobScope<R>(options: ScopeOptions, body: () => R): R {
    return this.scopes.run(options, body, { properties: new Map(), signals: [], onJob: [] })
  }

  /** @internal A copy of the caller's local properties. */
  localProperties(): Record<string, string> {
    return Object.fromEntries(this.scopes.current.properties)
  }

  /**
   * Sets a local property for the jobs that the rest of this scope starts; `undefined` takes it out.
   *
   * A scope is the whole program, or the body of the innermost `with…` around the call, or one output operation of a batch: where
   * Spark has a thread.
   *
   * @example
   * sc.setLocalProperty('team', 'blue')
   * sc.withLocalProperties({}, () => sc.setLocalProperty('team', 'red'))
   * sc.getLocalProperty('team') // => 'blue'
   */
  setLocalProperty(key: string, value: string | undefined): void {
    setOrDelete(this.scope.properties, key, value)
  }

  /**
   * A property of the calling scope, `undefined` when it is not set. In a task: of the code that started the job.
   *
   * @example
   * sc.getLocalProperty('team') // => undefined
   * sc.withLocalProperties({ team: 'red' }, () => sc.getLocalProperty('team')) // => 'red'
   */
  getLocalProperty(key: string): string | undefined {
    return this.scope.properties.get(key)
  }

  /**
   * What the jobs that follow in this scope are called; `undefined`: by their action again.
   *
   * @example
   * sc.setJobDescription('nightly sums')
   * sc.getLocalProperty('spark.job.description') // => 'nightly sums'
   */
  setJobDescription(description: string | undefined): void {
    this.setLocalProperty(propertyKeys.description, description)
  }

  /**
   * Puts the jobs that follow in this scope into a group. For a piece of the program, {@link SparkContext.withJobGroup} is surer.
   *
   * @example
   * sc.setJobGroup('nightly', 'nightly sums')
   * await visits.count()
   * sc.statusTracker.getJobIdsForGroup('nightly') // => [0]
   */
  setJobGroup(group: string, description?: string, interruptOnCancel = false): void {
    const options = { ...(description === undefined ? {} : { description }), interruptOnCancel }
    for (const [key, value] of Object.entries(groupProperties(group, options)))
      this.setLocalProperty(key, value)
  }

  /**
   * Takes group and description from this scope.
   *
   * @example
   * sc.setJobGroup('nightly', 'nightly sums')
   * sc.clearJobGroup()
   * sc.getLocalProperty('spark.jobGroup.id') // => undefined
   */
  clearJobGroup(): void {
    const { group, description, interruptOnCancel } = propertyKeys
    for (const key of [group, description, interruptOnCancel]) this.setLocalProperty(key, undefined)
  }

  /**
   * Later jobs of the calling scope carry the tag.
   *
   * @throws INVALID_ARGUMENT when `tag` is empty or has a comma
   * @example
   * sc.addJobTag('slow')
   * await visits.count()
   * sc.statusTracker.getJobIdsForTag('slow') // => [0]
   */
  addJobTag(tag: string): void {
    setTags(this.scope, [...tagsOf(this.scope), checkTag(tag)])
  }

  /**
   * Later jobs of the calling scope do not carry the tag.
   *
   * @throws INVALID_ARGUMENT when `tag` is empty or has a comma
   * @example
   * sc.addJobTag('slow')
   * sc.addJobTag('nightly')
   * sc.removeJobTag('slow')
   * sc.getJobTags() // => new Set(['nightly'])
   */
  removeJobTag(tag: string): void {
    checkTag(tag)
    setTags(
      this.scope,
      tagsOf(this.scope).filter(other => other !== tag),
    )
  }

  /**
   * The tags that jobs of this scope get.
   *
   * @example
   * sc.addJobTag('slow')
   * sc.addJobTag('slow')
   * sc.getJobTags() // => new Set(['slow'])
   */
  getJobTags(): ReadonlySet<string> {
    return new Set(tagsOf(this.scope))
  }

  /**
   * Later jobs of the calling scope carry no tags.
   *
   * @example
   * sc.addJobTag('slow')
   * sc.clearJobTags()
   * sc.getJobTags() // => new Set()
   */
  clearJobTags(): void {
    setTags(this.scope, [])
  }

  private get scope(): LocalScope {
    return this.scopes.current
  }

  // ---- cancelling: the actions fail with JOB_CANCELLED; running tasks learn of it by their signal ----

  /**
   * Cancels the jobs of a group, also those that wait.
   *
   * @example
   * sc.setJobGroup('nightly')
   * const counting = visits.count()
   * sc.cancelJobGroup('nightly')
   * await counting.catch(error => error.code) // => 'JOB_CANCELLED'
   * await visits.count() // => 3
   */
  cancelJobGroup(group: string): void {
    this.cancel(job => job.submission.properties.group === group, `job group ${group} was cancelled`)
  }

  /**
   * Cancels the jobs of a group, and every later one that is started in it. The last 1000 such groups are remembered.
   *
   * @example
   * sc.cancelJobGroupAndFutureJobs('nightly')
   * const counting = sc.withJobGroup('nightly', () => visits.count())
   * await counting.catch(error => error.code) // => 'JOB_CANCELLED'
   */
  cancelJobGroupAndFutureJobs(group: string): void {
    this.cancelledGroups.delete(group)
    this.cancelledGroups.add(group)
    if (this.cancelledGroups.size > CANCELLED_GROUPS_KEPT)
      this.cancelledGroups.delete(this.cancelledGroups.values().next().value!)
    this.cancelJobGroup(group)
  }

  /**
   * Cancels the jobs with this tag.
   *
   * @throws INVALID_ARGUMENT when `tag` is empty or has a comma
   * @example
   * const counting = sc.withLocalProperties({ 'spark.job.tags': 'slow' }, () => visits.count())
   * sc.cancelJobsWithTag('slow')
   * await counting.catch(error => error.code) // => 'JOB_CANCELLED'
   */
  cancelJobsWithTag(tag: string): void {
    checkTag(tag)
    this.cancel(
      job => job.submission.properties.tags?.includes(tag) === true,
      `jobs with tag ${tag} were cancelled`,
    )
  }

  /**
   * Cancels a job. Does nothing when it has ended, or never was.
   *
   * @example
   * const held = t.holdTask({ partition: 0 })
   * const counting = visits.countAsync()
   * await held.held
   * sc.cancelJob(counting.jobIds[0]!, 'no longer wanted')
   * held.release()
   * await counting.catch(error => error.code) // => 'JOB_CANCELLED'
   */
  cancelJob(jobId: number, reason = 'cancelJob was called'): void {
    this.cancel(job => job.job?.id === jobId, reason)
  }

  /**
   * Cancels the jobs that need a stage.
   *
   * @example
   * const held = t.holdTask({ partition: 0 })
   * const counting = visits.count()
   * await held.held
   * for (const stageId of sc.statusTracker.getActiveStageIds()) sc.cancelStage(stageId)
   * held.release()
   * await counting.catch(error => error.code) // => 'JOB_CANCELLED'
   */
  cancelStage(stageId: number, reason = `stage ${stageId} was cancelled`): void {
    this.cancel(job => job.job?.stages.some(stage => stage.id === stageId) === true, reason)
  }

  /**
   * Cancels everything that runs or waits.
   *
   * @example
   * const counting = visits.count()
   * sc.cancelAllJobs()
   * await counting.catch(error => error.code) // => 'JOB_CANCELLED'
   */
  cancelAllJobs(reason = 'cancelAllJobs was called'): void {
    this.cancel(() => true, reason)
  }

  private cancel(matches: (job: SubmittedJob) => boolean, reason: string): void {
    this.scheduler.cancelWhere(matches, cancelled(reason))
  }

  /** Running jobs and stages, and the latest that ended. */
  get statusTracker(): StatusTracker {
    this.tracker ??= new StatusTracker(this.scheduler.history)
    return this.tracker
  }
}

function cancelled(reason: string): KindlingError {
  return new KindlingError('JOB_CANCELLED', { reason })
}

function groupProperties(group: string, options: JobGroupOptions): Record<string, string | undefined> {
  return {
    [propertyKeys.group]: group,
    [propertyKeys.description]: options.description,
    [propertyKeys.interruptOnCancel]: String(options.interruptOnCancel ?? false),
  }
}

function partitionJob<T, R>(
  rdd: RDD<T>,
  f: (records: IterableIterator<T>) => R | Promise<R>,
  partitions: readonly number[] | undefined,
): JobRequest<R> {
  const scope: OperatorScope = currentScope('runJob')
  const run = async (records: TaskInput): Promise<unknown> => {
    await records.prepare()
    return f(iterateSource(records) as unknown as IterableIterator<T>)
  }
  const request: JobRequest<R> = { node: rdd.node, sink: { kind: 'chunks', run }, scope }
  return partitions === undefined ? request : { ...request, partitions }
}
