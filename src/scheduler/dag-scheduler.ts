/**
 * Runs jobs: cuts lineage into stages, asks `job-decisions.ts` what to do, and does it.
 *
 * A job ends when each of its partitions has a result, or at the first error that may not be tried again. Its promise rejects
 * with the user's own failure; tasks still running are told by their signal, and what they yield later is dropped.
 */
import type { Clock } from '../base/clock.ts'
import { isKindlingError, KindlingError } from '../base/errors.ts'
import type { EventOf, ListenerBus } from '../base/listener-bus.ts'
import { Random } from '../base/random.ts'
import type { ShuffleNode } from '../rdd/nodes.ts'
import { type RangePartitioner, Reservoir } from '../rdd/partitioner.ts'
import type { JobRequest, TaskInput } from '../rdd/ports.ts'
import { describeScope } from '../rdd/scope.ts'
import { recordsOf } from '../rdd/segment/interpret.ts'
import type { SparkListener } from './events.ts'
import { type JobAction, JobDecisions, type JobEvent, type JobLimits } from './job-decisions.ts'
import { cutStages, type Stage, unsampledShuffles } from './stages.ts'
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

/** Runs jobs; several may run at once. */
export class DAGScheduler {
  private readonly parts: SchedulerParts
  private readonly jobs = new Set<RunningJob>()
  /** Map stages being computed, by shuffle id: a second job that needs one waits for it instead of computing it again. */
  private readonly mapStages = new Map<number, Promise<unknown>>()
  private nextJobId = 0

  constructor(parts: SchedulerParts) {
    this.parts = parts
  }

  /** How many jobs run. */
  get activeJobs(): number {
    return this.jobs.size
  }

  /** Runs one job; see {@link JobRunner.runJob}. */
  async runJob<R>(request: JobRequest<R>, properties: JobProperties): Promise<R[]> {
    const { available } = this.parts
    for (const shuffle of unsampledShuffles(request.node, available)) await this.sample(shuffle, request.signal, properties)
    for (;;) {
      const stage = cutStages(request.node, available)
      const elsewhere = this.computedElsewhere(stage)
      if (elsewhere.length === 0) return this.start(request, properties, stage)
      await Promise.allSettled(elsewhere)
    }
  }

  /** Fails every running job with `error`. */
  cancelAll(error: KindlingError): void {
    for (const job of [...this.jobs]) job.cancel(error)
  }

  private computedElsewhere(result: Stage): Promise<unknown>[] {
    if (this.mapStages.size === 0) return []
    const found: Promise<unknown>[] = []
    const stack = [...result.parents]
    for (let stage = stack.pop(); stage !== undefined; stage = stack.pop()) {
      const running = this.mapStages.get(shuffleIdOf(stage))
      if (running !== undefined) found.push(running)
      stack.push(...stage.parents)
    }
    return found
  }

  private start<R>(request: JobRequest<R>, properties: JobProperties, result: Stage): Promise<R[]> {
    const job = new RunningJob(this.nextJobId++, request as JobRequest<unknown>, properties, result, this.parts)
    this.jobs.add(job)
    const ended = job.run()
    const over = ended.then(
      () => {},
      () => {},
    )
    const shuffleIds = job.stages.filter(s => s.output !== undefined).map(shuffleIdOf)
    for (const id of shuffleIds) this.mapStages.set(id, over)
    void over.then(() => {
      this.jobs.delete(job)
      for (const id of shuffleIds) if (this.mapStages.get(id) === over) this.mapStages.delete(id)
    })
    return ended as Promise<R[]>
  }

  /** Fixes the bounds of a range partitioner by a job over the keys of its input. */
  private async sample(shuffle: ShuffleNode, signal: AbortSignal | undefined, properties: JobProperties): Promise<void> {
    const partitioner = shuffle.partitioner as RangePartitioner
    const { node } = shuffle.inputs[0]!
    const size = partitioner.samplesPerInput(node.numPartitions)
    const run = async (records: TaskInput, task: { readonly partition: number; breathe(): Promise<void> | undefined }) => {
      const reservoir = new Reservoir(size, new Random(shuffle.id).fork(task.partition))
      for (let chunk = await records.next(); chunk !== undefined; chunk = await records.next()) {
        if (chunk.kind === 'pairs') for (const key of chunk.keys) reservoir.offer(key)
        else for (const record of recordsOf(chunk)) reservoir.offer((record as readonly unknown[])[0])
        const pause = task.breathe()
        if (pause !== undefined) await pause
      }
      return reservoir
    }
    const { scope } = shuffle
    const sampling: JobRequest<Reservoir> = { node, sink: { kind: 'chunks', run }, scope, signal }
    const samples = await this.runJob(sampling, properties)
    partitioner.setBounds(samples.filter(s => s.count > 0))
  }
}

function shuffleIdOf(stage: Stage): number {
  const { shuffle, input } = stage.output!
  return shuffle.inputs[input]!.shuffleId!
}

/** One job from submission to its end. */
class RunningJob implements TaskEvents {
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
    this.tell('onJobStart', { jobId: this.id, time: this.now(), stageIds, description, batchTime, outputOpId })
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
        return this.submit(action.stage, action.partitions)
      case 'stage-done':
        return this.tell('onStageCompleted', {
          stageId: action.stage.id,
          jobId: this.id,
          time: this.now(),
          failureReason: undefined,
        })
      case 'finish':
        this.tell('onJobEnd', { jobId: this.id, time: this.now(), error: undefined })
        return this.resolve(this.results)
      case 'abort': {
        const { error, stage } = action
        if (stage !== undefined)
          this.tell('onStageCompleted', { stageId: stage.id, jobId: this.id, time: this.now(), failureReason: error.message })
        this.tell('onJobEnd', { jobId: this.id, time: this.now(), error })
        this.reject(error)
        return this.abortion.abort(error)
      }
    }
  }

  private submit(stage: Stage, partitions: readonly number[]): void {
    const { output, node } = stage
    const work: TaskWork =
      output === undefined ? { kind: 'result', sink: this.request.sink } : { kind: 'map', ...output }
    const scope = output === undefined ? this.request.scope : output.shuffle.scope
    const tasks = partitions.map((partition): Task => ({
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
    }))
    const name = describeScope(scope)
    this.tell('onStageSubmitted', { stageId: stage.id, jobId: this.id, time: this.now(), numTasks: tasks.length, name })
    this.parts.backend.submit(tasks, this)
  }

  private taskEnded(task: Task, error: unknown): void {
    if (!this.listening) return
    const started = this.startTimes.get(task.id) ?? this.now()
    this.startTimes.delete(task.id)
    const reason = error === undefined ? undefined : error instanceof Error ? error : new Error(String(error))
    this.tell('onTaskEnd', { ...this.taskEvent(task, this.now()), duration: this.now() - started, error: reason })
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
