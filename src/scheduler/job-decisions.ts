/**
 * What to do next in a job, decided without doing it: (state, event) → actions.
 *
 * The only thing changed is the job's own state; submitting tasks, reading the clock and telling listeners is the DAG
 * scheduler's part. So every path can be tested by events alone.
 *
 *   waiting ──all parents done──▶ running ──all partitions done──▶ done
 *      ▲                             │
 *      └──── output it read is lost ─┘   (its parent runs its lost partitions again)
 *
 * I1  A partition counts once: the first attempt that succeeds; the others are abandoned, and what becomes of them is ignored.
 * I2  A task fails the job at its `maxFailures`-th failure, or at once when trying again cannot help. The loss of its worker is none,
 *     but the fourth loss fails the job. Neither is what passes by itself, such as a server that is away, where the job is patient:
 *     until its patience is over, the task is submitted again after a pause.
 * I3  After `finish` or `abort` no further action follows.
 * I4  A partition is submitted again only when no attempt of it is left; a copy of a slow attempt is the only second one.
 */
import { describeValue, isKindlingError, KindlingError } from '../base/errors.ts'
import { type SpeculationRules, slowAfter, TaskTimes } from './speculation.ts'
import type { Stage } from './stages.ts'

/** One attempt of one task. */
export interface AttemptId {
  readonly stageId: number
  readonly partition: number
  /** 0-based. */
  readonly attempt: number
}

/** What happened. Times in ms. */
export type JobEvent =
  | { readonly kind: 'started' }
  | ({ readonly kind: 'task-started'; readonly time: number } & AttemptId)
  | ({ readonly kind: 'task-succeeded'; readonly time: number } & AttemptId)
  | ({ readonly kind: 'task-failed'; readonly error: unknown; readonly time: number } & AttemptId)
  /** The pause before a partition is submitted again is over. */
  | { readonly kind: 'pause-over'; readonly stageId: number; readonly partition: number }
  /** Time for a look at slow tasks. `slots`: tasks that can run at the same time. */
  | { readonly kind: 'tick'; readonly time: number; readonly slots: number }
  | { readonly kind: 'cancelled'; readonly error: KindlingError }

/** An attempt to be made. */
export interface PlannedAttempt {
  readonly partition: number
  readonly attempt: number
}

/** What to do about it. */
export type JobAction =
  | {
      readonly kind: 'submit'
      readonly stage: Stage
      readonly attempts: readonly PlannedAttempt[]
      /** Whether they are copies of attempts that are slow. */
      readonly speculative: boolean
    }
  /** `pause-over` is to happen after so many ms. */
  | {
      readonly kind: 'pause'
      readonly stage: Stage
      readonly partition: number
      readonly ms: number
    }
  /** Another attempt of the partition has succeeded. */
  | {
      readonly kind: 'abandon'
      readonly stage: Stage
      readonly partition: number
      readonly attempts: readonly number[]
    }
  | { readonly kind: 'stage-done'; readonly stage: Stage }
  | { readonly kind: 'finish' }
  | { readonly kind: 'abort'; readonly error: Error; readonly stage: Stage | undefined }

/** An attempt under way: submitted, and perhaps started. */
interface Attempt {
  readonly attempt: number
  startedAt: number | undefined
}

/** What passes by itself, and what a task has failed by since. */
interface Trouble {
  readonly since: number
  readonly nextPauseMs: number
}

interface StageState {
  readonly stage: Stage
  /** Those of the stage, and further ones whose output was there at first and then was lost. */
  readonly parents: StageState[]
  status: 'waiting' | 'running' | 'done'
  /** Partitions not done yet. */
  readonly pending: Set<number>
  readonly failures: Map<number, number>
  /** How often a partition's worker was lost. */
  readonly losses: Map<number, number>
  readonly troubles: Map<number, Trouble>
  /** How often it had to run again because its output was lost. */
  reruns: number
  /** Attempts so far of each partition. */
  readonly attempts: Map<number, number>
  /** Attempts under way, by partition; none without any. */
  readonly running: Map<number, readonly Attempt[]>
  /** How many partitions it had to compute when it last began, and the times of those that are done. */
  tasks: number
  times: TaskTimes
}

/** The limits of §3.10 of Spark's rules. */
export interface JobLimits {
  readonly maxFailures: number
  readonly maxStageAttempts: number
  /** `undefined`: no task is copied. */
  readonly speculation?: SpeculationRules | undefined
  /** Of tasks of the result stage: how long failures that pass by themselves do not count, from the first one. Default 0. */
  readonly patienceMs?: number | undefined
}

const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 5000

/**
 * A task whose worker dies so often is most likely the reason. Spark does not count, as its workers also die for reasons of their
 * machine; threads do not.
 */
const MAX_LOSSES = 4

/** A job's state and its decisions; see the file head. */
export class JobDecisions {
  private readonly stages = new Map<number, StageState>()
  private readonly result: Stage
  private readonly limits: JobLimits
  private readonly missing: (stage: Stage) => readonly number[]
  private readonly mayCopy: (stage: Stage) => boolean
  private readonly lost: (stage: Stage) => readonly Stage[]
  private over = false

  /**
   * @param missing the partitions a stage has to compute: all that no earlier job left
   * @param mayCopy whether two attempts of a task of the stage may run at the same time
   * @param lost stages for the shuffles that a stage reads and whose output is not there now
   */
  constructor(
    result: Stage,
    limits: JobLimits,
    missing: (stage: Stage) => readonly number[],
    mayCopy: (stage: Stage) => boolean = () => false,
    lost: (stage: Stage) => readonly Stage[] = () => [],
  ) {
    this.result = result
    this.limits = limits
    this.missing = missing
    this.mayCopy = mayCopy
    this.lost = lost
    this.add(result)
  }

  /** Takes in a stage and all that it waits for. */
  private add(root: Stage): StageState {
    const stack = [root]
    const added: StageState[] = []
    while (stack.length > 0) {
      const stage = stack.pop()!
      if (this.stages.has(stage.id)) continue
      const state: StageState = {
        stage,
        parents: [],
        status: 'waiting',
        pending: new Set(),
        failures: new Map(),
        losses: new Map(),
        troubles: new Map(),
        reruns: 0,
        attempts: new Map(),
        running: new Map(),
        tasks: 0,
        times: new TaskTimes(),
      }
      this.stages.set(stage.id, state)
      added.push(state)
      stack.push(...stage.parents)
    }
    for (const state of added) state.parents.push(...state.stage.parents.map(p => this.stages.get(p.id)!))
    return this.stages.get(root.id)!
  }

  /** Whether the success of an attempt would count: its partition has no result yet, and the job is not over. */
  awaits({ stageId, partition, attempt }: AttemptId): boolean {
    if (this.over) return false
    return (
      this.stages
        .get(stageId)!
        .running.get(partition)
        ?.some(a => a.attempt === attempt) === true
    )
  }

  get isOver(): boolean {
    return this.over
  }

  decide(event: JobEvent): JobAction[] {
    if (this.over) return []
    switch (event.kind) {
      case 'started':
        return this.startReady()
      case 'task-started':
        for (const attempt of this.stages.get(event.stageId)!.running.get(event.partition) ?? [])
          if (attempt.attempt === event.attempt) attempt.startedAt = event.time
        return []
      case 'task-succeeded':
        return this.succeeded(this.stages.get(event.stageId)!, event, event.time)
      case 'task-failed':
        return this.failed(this.stages.get(event.stageId)!, event)
      case 'pause-over':
        return this.afterPause(this.stages.get(event.stageId)!, event.partition)
      case 'tick':
        return this.copySlow(event.time, event.slots)
      case 'cancelled':
        return this.abort(event.error, undefined)
    }
  }

  private startReady(): JobAction[] {
    const actions: JobAction[] = []
    for (const state of this.stages.values()) {
      if (state.status !== 'waiting') continue
      if (!state.parents.every(p => p.status === 'done')) continue
      state.status = 'running'
      // The result stage knows itself what is done; of a map stage, output that was there may have been lost.
      const again = state.stage === this.result && state.reruns > 0
      if (!again) for (const p of this.missing(state.stage)) state.pending.add(p)
      state.tasks = state.pending.size
      state.times = new TaskTimes()
      const partitions = [...state.pending].filter(p => !state.running.has(p))
      if (partitions.length > 0) actions.push(this.submit(state, partitions))
      else if (state.pending.size === 0) actions.push(...this.done(state))
    }
    return actions
  }

  private submit(state: StageState, partitions: readonly number[], speculative = false): JobAction {
    const attempts = partitions.map((partition): PlannedAttempt => {
      const attempt = state.attempts.get(partition) ?? 0
      state.attempts.set(partition, attempt + 1)
      const others = state.running.get(partition) ?? []
      state.running.set(partition, [...others, { attempt, startedAt: undefined }])
      return { partition, attempt }
    })
    return { kind: 'submit', stage: state.stage, attempts, speculative }
  }

  private done(state: StageState): JobAction[] {
    state.status = 'done'
    const told: JobAction = { kind: 'stage-done', stage: state.stage }
    if (state.stage !== this.result) return [told, ...this.startReady()]
    this.over = true
    return [told, { kind: 'finish' }]
  }

  private succeeded(state: StageState, { partition, attempt }: AttemptId, time: number): JobAction[] {
    const running = state.running.get(partition) ?? []
    const winner = running.find(a => a.attempt === attempt)
    if (winner === undefined) return []
    state.running.delete(partition)
    state.pending.delete(partition)
    state.failures.delete(partition)
    state.troubles.delete(partition)
    if (this.limits.speculation !== undefined) state.times.add(time - (winner.startedAt ?? time))
    const actions: JobAction[] = []
    if (running.length > 1) {
      const attempts = running.filter(a => a !== winner).map(a => a.attempt)
      actions.push({ kind: 'abandon', stage: state.stage, partition, attempts })
    }
    if (state.pending.size === 0 && state.status === 'running') actions.push(...this.done(state))
    return actions
  }

  private failed(
    state: StageState,
    { partition, attempt, error, time }: Extract<JobEvent, { kind: 'task-failed' }>,
  ): JobAction[] {
    const running = state.running.get(partition) ?? []
    const left = running.filter(a => a.attempt !== attempt)
    if (left.length === running.length) return []
    if (left.length > 0) state.running.set(partition, left)
    else state.running.delete(partition)
    if (isKindlingError(error) && error.retry === 'redo-stage')
      return this.outputLost(state, partition, error)
    if (state.stage === this.result && isPassing(error)) {
      const pause = this.pauseOf(state, partition, time)
      if (pause !== undefined) return pause
    }
    const isLoss = isKindlingError(error) && error.code === 'WORKER_LOST'
    const counted = isLoss ? state.losses : state.failures
    const count = (counted.get(partition) ?? 0) + 1
    counted.set(partition, count)
    if (isPermanent(error) || count >= (isLoss ? MAX_LOSSES : this.limits.maxFailures)) {
      const reason =
        error instanceof Error
          ? error
          : new KindlingError('TASK_FAILED', { reason: describeValue(error) }, { cause: error })
      return this.abort(reason, state.stage)
    }
    return this.again(state, partition)
  }

  /** What a failure that passes by itself makes it do; `undefined` when the patience is over. */
  private pauseOf(state: StageState, partition: number, time: number): JobAction[] | undefined {
    const { patienceMs = 0 } = this.limits
    const { since, nextPauseMs } = state.troubles.get(partition) ?? {
      since: time,
      nextPauseMs: FIRST_PAUSE_MS,
    }
    const leftMs = since + patienceMs - time
    if (leftMs <= 0) return undefined
    state.troubles.set(partition, { since, nextPauseMs: Math.min(2 * nextPauseMs, MAX_PAUSE_MS) })
    if (state.running.has(partition)) return []
    return [{ kind: 'pause', stage: state.stage, partition, ms: Math.min(nextPauseMs, leftMs) }]
  }

  /** The stage may have been submitted anew meanwhile, or wait for what it reads. */
  private afterPause(state: StageState, partition: number): JobAction[] {
    if (state.status !== 'running' || !state.pending.has(partition)) return []
    return this.again(state, partition)
  }

  /** Submits a partition, unless another attempt of it is still under way. */
  private again(state: StageState, partition: number): JobAction[] {
    return state.running.has(partition) ? [] : [this.submit(state, [partition])]
  }

  /**
   * What the task read is gone: whoever wrote it runs again, then this partition. Other tasks of the stage that miss it too
   * belong to the same attempt of the stage: they wait for the one rerun.
   */
  private outputLost(state: StageState, partition: number, error: KindlingError): JobAction[] {
    if (state.status === 'waiting') return []
    state.reruns++
    if (state.reruns >= this.limits.maxStageAttempts) return this.abort(error, state.stage)
    this.addLost(state)
    const lost = state.parents.filter(p => this.missing(p.stage).length > 0)
    if (lost.length === 0) return this.again(state, partition)
    for (const parent of lost) {
      if (parent.status !== 'done') continue
      parent.status = 'waiting'
      parent.reruns++
    }
    state.status = 'waiting'
    return this.startReady()
  }

  /** Stages that were not needed when the job began, because their output was there. */
  private addLost(state: StageState): void {
    for (const stage of this.lost(state.stage)) {
      if (state.parents.some(p => haveSameOutput(p.stage, stage))) continue
      const known = [...this.stages.values()].find(other => haveSameOutput(other.stage, stage))
      state.parents.push(known ?? this.add(stage))
    }
  }

  /** Copies of the tasks that take too long and have none yet. */
  private copySlow(time: number, slots: number): JobAction[] {
    const { speculation } = this.limits
    if (speculation === undefined || slots < 2) return []
    const actions: JobAction[] = []
    for (const state of this.stages.values()) {
      if (state.status !== 'running' || !this.mayCopy(state.stage)) continue
      const limitMs = slowAfter(speculation, { ...state, slots })
      if (limitMs === undefined) continue
      const slow: number[] = []
      for (const [partition, [first, second]] of state.running)
        if (second === undefined && first?.startedAt !== undefined && time - first.startedAt > limitMs)
          slow.push(partition)
      if (slow.length > 0) actions.push(this.submit(state, slow, true))
    }
    return actions
  }

  private abort(error: Error, stage: Stage | undefined): JobAction[] {
    this.over = true
    return [{ kind: 'abort', error, stage }]
  }
}

function haveSameOutput(a: Stage, b: Stage): boolean {
  return a.output?.shuffle === b.output?.shuffle && a.output?.input === b.output?.input
}

/** What is outside of the program is not there now, and may be later. */
function isPassing(error: unknown): boolean {
  return isKindlingError(error) && error.domain === 'external' && error.retry === 'backoff'
}

/** Trying again cannot help: the output is there already, a record cannot be encoded, the input is wrong. */
function isPermanent(error: unknown): boolean {
  if (!isKindlingError(error)) return false
  return error.retry === 'never' && error.code !== 'USER_CODE_FAILED' && error.code !== 'TASK_FAILED'
}
