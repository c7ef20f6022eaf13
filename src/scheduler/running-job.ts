/** One job: does what `job-decisions.ts` decides, and tells listeners. */
import type { Clock } from '../base/clock.ts'
import { asError, isKindlingError, KindlingError } from '../base/errors.ts'
import type { EventOf, ListenerBus } from '../base/listener-bus.ts'
import type { JobRequest } from '../rdd/ports.ts'
import { describeScope } from '../rdd/scope.ts'
import type { SparkListener } from './events.ts'
import { type JobAction, JobDecisions, type JobEvent, type JobLimits } from './job-decisions.ts'
import type { Stage } from './stages.ts'
import type { Availability, Backend, JobProperties, Task, TaskEvents, TaskWork } from './task.ts'

/** What the scheduler stands on. */
export interface SchedulerParts {
  readonly backend: Backend
  readonly available: Availability
  readonly clock: Clock
  readonly bus: ListenerBus<SparkListener>
  readonly limits: JobLimits
}

let nextTaskId = 0

/** One job from submission to its end. */
export class RunningJob implements TaskEvents {
  readonly stages: readonly Stage[]
  private readonly id: number
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
    const description = describeScope(this.request.scope)
    const { batchTime, outputOpId } = this.properties
    const stageIds = this.stages.map(s => s.id)
    this.tell('onJobStart', {
      jobId: this.id,
      time: this.now(),
      stageIds,
      description,
      batchTime,
      outputOpId,
    })
    const { signal } = this.request
    if (signal?.aborted) this.cancel(cancelled(signal))
    else {
      const onAbort = (): void => this.cancel(cancelled(signal!))
      signal?.addEventListener('abort', onAbort, { once: true })
      void promise.catch(() => {}).then(() => signal?.removeEventListener('abort', onAbort))
      this.happen({ kind: 'started' })
    }
    return promise
  }

  cancel(error: KindlingError): void {
    this.happen({ kind: 'cancelled', error })
  }

  started(task: Task): void {
    if (!this.listening) return
    const time = this.now()
    this.startTimes.set(task.id, time)
    this.tell('onTaskStart', this.taskEvent(task, time))
  }

  succeeded(task: Task, result: unknown): void {
    this.taskEnded(task, undefined)
    if (task.work.kind === 'result') {
      const index = this.indices.get(task.partition)!
      this.results[index] = result
      this.request.onResult?.(index, result)
    }
    this.happen({ kind: 'task-succeeded', stageId: task.stageId, partition: task.partition })
  }

  failed(task: Task, error: unknown): void {
    this.taskEnded(task, error)
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
        this.tell('onStageCompleted', {
          stageId: action.stage.id,
          jobId: this.id,
          time: this.now(),
          failureReason: undefined,
        })
        break
      case 'finish':
        this.tell('onJobEnd', { jobId: this.id, time: this.now(), error: undefined })
        this.resolve(this.results)
        break
      case 'abort': {
        const { error, stage } = action
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
      }),
    )
    const name = describeScope(scope)
    this.tell('onStageSubmitted', {
      stageId: stage.id,
      jobId: this.id,
      time: this.now(),
      numTasks: tasks.length,
      name,
    })
    this.parts.backend.submit(tasks, this)
  }

  private taskEnded(task: Task, error: unknown): void {
    if (!this.listening) return
    const started = this.startTimes.get(task.id) ?? this.now()
    this.startTimes.delete(task.id)
    const reason = error === undefined ? undefined : asError(error)
    this.tell('onTaskEnd', {
      ...this.taskEvent(task, this.now()),
      duration: this.now() - started,
      error: reason,
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

function cancelled(signal: AbortSignal): KindlingError {
  if (isKindlingError(signal.reason)) return signal.reason
  const reason = signal.reason instanceof Error ? signal.reason.message : String(signal.reason)
  return new KindlingError('JOB_CANCELLED', { reason }, { cause: signal.reason })
}
