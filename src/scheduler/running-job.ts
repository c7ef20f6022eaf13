/** One job: does what `job-decisions.ts` decides, and tells listeners. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../base/clock.ts'
import { asError, type KindlingError } from '../base/errors.ts'
import type { EventOf, ListenerBus } from '../base/listener-bus.ts'
import type { JobRequest } from '../rdd/ports.ts'
import { describeScope } from '../rdd/scope.ts'
import type { AccumulatorUpdate, SparkListener } from './events.ts'
import { type JobAction, JobDecisions, type JobEvent, type JobLimits } from './job-decisions.ts'
import type { JobHistory, StageRecord } from './job-history.ts'
import type { Stage } from './stages.ts'
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
  private readonly abortion = new AbortController()
  private readonly startTimes = new Map<number, number>()
  private readonly listening: boolean
  private readonly records = new Map<number, StageRecord>()
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
    this.decisions = new JobDecisions(result, parts.limits, stage => this.missing(stage))
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

  started(task: Task): void {
    this.records.get(task.stageId)!.numActiveTasks++
    if (!this.listening) return
    const time = this.now()
    this.startTimes.set(task.id, time)
    this.tell('onTaskStart', this.taskEvent(task, time))
  }

  succeeded(task: Task, { value, updates }: TaskResult): void {
    const isResult = task.work.kind === 'result'
    const awaited = this.decisions.awaits(task.stageId, task.partition)
    const record = this.records.get(task.stageId)!
    record.numActiveTasks--
    if (awaited) record.numCompletedTasks++
    // What a map task adds counts each time it runs, as in Spark; what a result task adds counts once for its partition.
    const counts = isResult ? awaited : !this.decisions.isOver
    if (counts) for (const update of updates) update.apply()
    this.taskEnded(task, undefined, counts ? updates : [])
    if (isResult && awaited) {
      const index = this.indices.get(task.partition)!
      this.results[index] = value
      this.request.onResult?.(index, value)
    }
    this.happen({ kind: 'task-succeeded', stageId: task.stageId, partition: task.partition })
  }

  failed(task: Task, error: unknown): void {
    const record = this.records.get(task.stageId)!
    if (this.decisions.awaits(task.stageId, task.partition)) record.numFailedTasks++
    // One that never started (the context was stopped) was not active.
    record.numActiveTasks = Math.max(0, record.numActiveTasks - 1)
    this.taskEnded(task, error, [])
    this.happen({ kind: 'task-failed', stageId: task.stageId, partition: task.partition, error })
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
        this.submit(action.stage, action.partitions)
        break
      case 'stage-done':
        this.recordOf(action.stage).status = 'succeeded'
        this.tell('onStageCompleted', {
          stageId: action.stage.id,
          jobId: this.id,
          time: this.now(),
          failureReason: undefined,
        })
        break
      case 'finish':
        this.parts.history.jobEnded(this.id, 'succeeded', this.now())
        this.tell('onJobEnd', { jobId: this.id, time: this.now(), error: undefined })
        this.resolve(this.results)
        break
      case 'abort': {
        const { error, stage } = action
        this.parts.history.jobEnded(this.id, 'failed', this.now())
        for (const record of this.records.values()) if (record.status === 'active') record.status = 'failed'
        if (stage !== undefined)
          this.tell('onStageCompleted', {
            stageId: stage.id,
            jobId: this.id,
            time: this.now(),
            failureReason: error.message,
          })
        this.tell('onJobEnd', { jobId: this.id, time: this.now(), error })
        this.reject(error)
        this.abortion.abort(error)
        break
      }
    }
  }

  private submit(stage: Stage, partitions: readonly number[]): void {
    const { output, node } = stage
    const work: TaskWork =
      output === undefined ? { kind: 'result', sink: this.request.sink } : { kind: 'map', ...output }
    const scope = output === undefined ? this.request.scope : output.shuffle.scope
    const tasks = partitions.map(
      (partition): Task => ({
        id: nextTaskId++,
        jobId: this.id,
        stageId: stage.id,
        node,
        partition,
        attempt: this.decisions.nextAttempt(stage, partition),
        work,
        scope,
        signal: this.abortion.signal,
        properties: this.properties,
        inContext: this.inContext,
      }),
    )
    const record = this.recordOf(stage)
    record.status = 'active'
    record.submissionTime ??= this.now()
    if (this.listening)
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

  private taskEnded(task: Task, error: unknown, updates: readonly TaskUpdate[]): void {
    if (!this.listening) return
    const started = this.startTimes.get(task.id) ?? this.now()
    this.startTimes.delete(task.id)
    const reason = error === undefined ? undefined : asError(error)
    this.tell('onTaskEnd', {
      ...this.taskEvent(task, this.now()),
      duration: this.now() - started,
      error: reason,
      accumulatorUpdates: updates.map(accumulatorUpdate),
    })
  }

  private taskEvent(task: Task, time: number) {
    const { id: taskId, stageId, jobId, partition, attempt } = task
    return { taskId, stageId, jobId, partition, attempt, time }
  }

  private now(): number {
    return this.parts.clock.now()
  }

  private tell<E extends keyof SparkListener>(event: E, payload: EventOf<SparkListener, E>): void {
    if (this.listening) this.parts.bus.post(event, payload)
  }
}

function allStages(result: Stage): Stage[] {
  const all = new Set<Stage>([result])
  for (const stage of all) for (const parent of stage.parents) all.add(parent)
  return [...all]
}

function accumulatorUpdate({ id, name, update, value }: TaskUpdate): AccumulatorUpdate {
  return { id, name, update, value }
}
