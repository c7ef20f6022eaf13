/** One job: does what `job-decisions.ts` decides, and tells listeners. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../base/clock.ts'
import { asError, KindlingError } from '../base/errors.ts'
import type { EventOf, ListenerBus } from '../base/listener-bus.ts'
import { computesState } from '../rdd/nodes.ts'
import { type JobRequest, NO_METRICS, type TaskMetrics } from '../rdd/ports.ts'
import { describeScope } from '../rdd/scope.ts'
import type { AccumulatorUpdate, SparkListener, TaskStarted } from './events.ts'
import {
  type AttemptId,
  type JobAction,
  JobDecisions,
  type JobEvent,
  type JobLimits,
  type PlannedAttempt,
} from './job-decisions.ts'
import type { JobHistory, StageRecord } from './job-history.ts'
import { cutStages, type Stage } from './stages.ts'
import type {
  Availability,
  Backend,
  JobProperties,
  Task,
  TaskEvents,
  TaskResult,
  TaskUpdate,
  TaskWork,
} from './task.ts'

/** What the scheduler stands on. */
export interface SchedulerParts {
  readonly backend: Backend
  readonly available: Availability
  readonly clock: Clock
  readonly bus: ListenerBus<SparkListener>
  readonly limits: JobLimits
  readonly history: JobHistory
}

/** An attempt between its submission and its end. */
interface LiveAttempt {
  readonly task: Task
  /** Its signal is the task's. */
  readonly cancellation: AbortController
  /** When it began; `undefined` while it waits for a slot. */
  startTime: number | undefined
}

let nextTaskId = 0

/** One job from submission to its end. */
export class RunningJob implements TaskEvents {
  readonly stages: readonly Stage[]
  readonly id: number
  private readonly request: JobRequest<unknown>
  private readonly properties: JobProperties
  private readonly parts: SchedulerParts
  private readonly decisions: JobDecisions
  private readonly partitions: readonly number[]
  private readonly results: unknown[]
  private readonly indices: Map<number, number>
  /** Of all attempts, where none is ever cancelled without the others: a signal for each would cost as much as a small task. */
  private readonly abortion = new AbortController()
  /** Ends the pauses before partitions are submitted again; there once there is one. */
  private pauses: AbortController | undefined
  /** Attempts that the backend has, by the id of their task. */
  private readonly live = new Map<number, LiveAttempt>()
  private readonly listening: boolean
  private readonly records = new Map<number, StageRecord>()
  private readonly metrics = new Map<number, TaskMetrics>()
  private readonly inContext = AsyncLocalStorage.snapshot()
  private resolve!: (results: unknown[]) => void
  private reject!: (error: unknown) => void

  constructor(
    id: number,
    request: JobRequest<unknown>,
    properties: JobProperties,
    result: Stage,
    parts: SchedulerParts,
  ) {
    this.id = id
    this.request = request
    this.properties = properties
    this.parts = parts
    this.partitions = request.partitions ?? Array.from({ length: request.node.numPartitions }, (_, i) => i)
    this.results = new Array(this.partitions.length)
    this.indices = new Map(this.partitions.map((p, i) => [p, i]))
    this.decisions = new JobDecisions(
      result,
      request.sink.kind === 'write' ? { ...parts.limits, patienceMs: request.sink.patienceMs } : parts.limits,
      stage => this.missing(stage),
      stage => this.mayCopy(stage),
      stage => cutStages(stage.node, parts.available).parents,
    )
    this.stages = allStages(result)
    this.listening = parts.bus.hasListeners
  }

  run(): Promise<unknown[]> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown[]>()
    this.resolve = resolve
    this.reject = reject
    const stageIds = this.stages.map(s => s.id)
    this.parts.history.jobStarted({
      jobId: this.id,
      stageIds,
      properties: this.properties,
      time: this.now(),
    })
    if (this.listening) this.tellStart(stageIds)
    this.happen({ kind: 'started' })
    return promise
  }

  private tellStart(stageIds: readonly number[]): void {
    const name = describeScope(this.request.scope)
    const { batchTime, outputOpId, description = name, local = {} } = this.properties
    const facts = { jobId: this.id, time: this.now(), stageIds, name, description, batchTime, outputOpId }
    this.tell('onJobStart', { ...facts, properties: local })
  }

  cancel(error: KindlingError): void {
    this.happen({ kind: 'cancelled', error })
  }

  /** Time for a look at tasks that take too long. */
  tick(slots: number): void {
    this.happen({ kind: 'tick', time: this.now(), slots })
  }

  started(task: Task): void {
    const time = this.now()
    this.live.get(task.id)!.startTime = time
    this.records.get(task.stageId)!.numActiveTasks++
    if (this.parts.limits.speculation !== undefined)
      this.happen({ kind: 'task-started', time, ...attemptId(task) })
    if (this.listening) this.tell('onTaskStart', taskEvent(task, time))
  }

  succeeded(task: Task, { value, updates, metrics, commit }: TaskResult): void {
    const isResult = task.work.kind === 'result'
    const awaited = this.decisions.awaits(task)
    const record = this.records.get(task.stageId)!
    record.numActiveTasks--
    if (awaited) record.numCompletedTasks++
    // What a map task adds counts each time it runs, as in Spark, unless a copy of it was faster; what a result task adds counts once
    // for its partition.
    const counts = awaited || !(isResult || this.decisions.isOver || task.signal.aborted)
    if (awaited) commit?.()
    if (counts) for (const update of updates) update.apply()
    this.addMetrics(task.stageId, metrics)
    this.taskEnded(task, undefined, counts ? updates : [], metrics)
    if (isResult && awaited) {
      const index = this.indices.get(task.partition)!
      this.results[index] = value
      this.request.onResult?.(index, value)
    }
    this.happen({ kind: 'task-succeeded', time: this.now(), ...attemptId(task) })
  }

  failed(task: Task, error: unknown): void {
    const record = this.records.get(task.stageId)!
    if (this.decisions.awaits(task)) record.numFailedTasks++
    if (this.live.get(task.id)!.startTime !== undefined) record.numActiveTasks--
    this.taskEnded(task, error, [], NO_METRICS)
    this.happen({ kind: 'task-failed', error, time: this.now(), ...attemptId(task) })
  }

  /** State must not be moved on twice at once, and what a program's own function does outside might not bear it. */
  private mayCopy(stage: Stage): boolean {
    const { sink } = this.request
    if (stage.output === undefined && (sink.kind === 'chunks' || sink.kind === 'write') && sink.once === true)
      return false
    return !computesState(stage.node)
  }

  private missing(stage: Stage): readonly number[] {
    if (stage.output === undefined) return this.partitions
    return this.parts.available.missingOutputs(stage.output.shuffle, stage.output.input)
  }

  private happen(event: JobEvent): void {
    for (const action of this.decisions.decide(event)) this.act(action)
  }

  private act(action: JobAction): void {
    switch (action.kind) {
      case 'submit':
        this.submit(action.stage, action.attempts, action.speculative)
        break
      case 'pause':
        this.pause(action)
        break
      case 'abandon':
        this.abandon(action)
        break
      case 'stage-done':
        this.recordOf(action.stage).status = 'succeeded'
        this.tell('onStageCompleted', {
          stageId: action.stage.id,
          jobId: this.id,
          time: this.now(),
          failureReason: undefined,
          taskMetrics: this.metricsOf(action.stage.id),
        })
        break
      case 'finish':
        this.pauses?.abort()
        this.parts.history.jobEnded(this.id, 'succeeded', this.now())
        this.tell('onJobEnd', { jobId: this.id, time: this.now(), error: undefined })
        this.resolve(this.results)
        break
      case 'abort': {
        const { error, stage } = action
        this.pauses?.abort()
        this.parts.history.jobEnded(this.id, 'failed', this.now())
        for (const record of this.records.values()) if (record.status === 'active') record.status = 'failed'
        if (stage !== undefined)
          this.tell('onStageCompleted', {
            stageId: stage.id,
            jobId: this.id,
            time: this.now(),
            failureReason: error.message,
            taskMetrics: this.metricsOf(stage.id),
          })
        this.tell('onJobEnd', { jobId: this.id, time: this.now(), error })
        this.reject(error)
        for (const { cancellation } of this.live.values()) cancellation.abort(error)
        break
      }
    }
  }

  private pause({ stage, partition, ms }: Extract<JobAction, { kind: 'pause' }>): void {
    this.pauses ??= new AbortController()
    void this.parts.clock.sleep(ms, this.pauses.signal).then(
      () => this.happen({ kind: 'pause-over', stageId: stage.id, partition }),
      () => {}, // The job is over.
    )
  }

  /** The others of a partition that is done have nothing to do any more. */
  private abandon({ stage, partition, attempts }: Extract<JobAction, { kind: 'abandon' }>): void {
    const reason = 'another attempt of the task was faster'
    const error = new KindlingError('JOB_CANCELLED', { reason })
    for (const { task, cancellation } of this.live.values())
      if (task.stageId === stage.id && task.partition === partition && attempts.includes(task.attempt))
        cancellation.abort(error)
  }

  private submit(stage: Stage, attempts: readonly PlannedAttempt[], speculative: boolean): void {
    const { output, node } = stage
    const work: TaskWork =
      output === undefined ? { kind: 'result', sink: this.request.sink } : { kind: 'map', ...output }
    const scope = output === undefined ? this.request.scope : output.shuffle.scope
    const tasks = attempts.map(({ partition, attempt }): Task => {
      const cancellation = this.parts.limits.speculation === undefined ? this.abortion : new AbortController()
      const task: Task = {
        id: nextTaskId++,
        jobId: this.id,
        stageId: stage.id,
        node,
        partition,
        attempt,
        speculative,
        work,
        scope,
        signal: cancellation.signal,
        properties: this.properties,
        inContext: this.inContext,
      }
      this.live.set(task.id, { task, cancellation, startTime: undefined })
      return task
    })
    const record = this.recordOf(stage)
    record.status = 'active'
    record.submissionTime ??= this.now()
    if (this.listening && !speculative)
      this.tell('onStageSubmitted', {
        stageId: stage.id,
        jobId: this.id,
        time: this.now(),
        numTasks: tasks.length,
        name: describeScope(scope),
      })
    this.parts.backend.submit(tasks, this)
  }

  private recordOf(stage: Stage): StageRecord {
    let record = this.records.get(stage.id)
    if (record === undefined) {
      const scope = stage.output?.shuffle.scope ?? this.request.scope
      const numTasks = stage.output === undefined ? this.partitions.length : stage.node.numPartitions
      record = this.parts.history.stage(stage.id, { scope, numTasks })
      this.records.set(stage.id, record)
    }
    return record
  }

  private metricsOf(stageId: number): TaskMetrics {
    return this.metrics.get(stageId) ?? NO_METRICS
  }

  private addMetrics(stageId: number, added: TaskMetrics): void {
    if (!this.listening || added.diskBytesSpilled === 0) return
    const { memoryBytesSpilled, diskBytesSpilled } = this.metricsOf(stageId)
    this.metrics.set(stageId, {
      memoryBytesSpilled: memoryBytesSpilled + added.memoryBytesSpilled,
      diskBytesSpilled: diskBytesSpilled + added.diskBytesSpilled,
    })
  }

  /** One that never began (the context was stopped, a copy was not needed any more) is not told of. */
  private taskEnded(
    task: Task,
    error: unknown,
    updates: readonly TaskUpdate[],
    taskMetrics: TaskMetrics,
  ): void {
    const { startTime } = this.live.get(task.id)!
    this.live.delete(task.id)
    if (!this.listening || startTime === undefined) return
    const time = this.now()
    this.tell('onTaskEnd', {
      ...taskEvent(task, time),
      duration: time - startTime,
      error: error === undefined ? undefined : asError(error),
      accumulatorUpdates: updates.map(accumulatorUpdate),
      taskMetrics,
    })
  }

  private now(): number {
    return this.parts.clock.now()
  }

  private tell<E extends keyof SparkListener>(event: E, payload: EventOf<SparkListener, E>): void {
    if (this.listening) this.parts.bus.post(event, payload)
  }
}

function attemptId({ stageId, partition, attempt }: Task): AttemptId {
  return { stageId, partition, attempt }
}

function taskEvent(task: Task, time: number): TaskStarted {
  const { id: taskId, stageId, jobId, partition, attempt, speculative } = task
  return { taskId, stageId, jobId, partition, attempt, speculative, time }
}

function allStages(result: Stage): Stage[] {
  const all = new Set<Stage>([result])
  for (const stage of all) for (const parent of stage.parents) all.add(parent)
  return [...all]
}

function accumulatorUpdate({ id, name, update, value }: TaskUpdate): AccumulatorUpdate {
  return { id, name, update, value }
}
