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
 * I1  A partition counts once: results of an attempt that comes late are dropped.
 * I2  A task fails the job at its `maxFailures`-th failure, or at once when trying again cannot help.
 * I3  After `finish` or `abort` no further action follows.
 */
import { describeValue, isKindlingError, KindlingError } from '../base/errors.ts'
import type { Stage } from './stages.ts'

/** What happened. */
export type JobEvent =
  | { readonly kind: 'started' }
  | { readonly kind: 'task-succeeded'; readonly stageId: number; readonly partition: number }
  | {
      readonly kind: 'task-failed'
      readonly stageId: number
      readonly partition: number
      readonly error: unknown
    }
  | { readonly kind: 'cancelled'; readonly error: KindlingError }

/** What to do about it. */
export type JobAction =
  | { readonly kind: 'submit'; readonly stage: Stage; readonly partitions: readonly number[] }
  | { readonly kind: 'stage-done'; readonly stage: Stage }
  | { readonly kind: 'finish' }
  | { readonly kind: 'abort'; readonly error: Error; readonly stage: Stage | undefined }

interface StageState {
  readonly stage: Stage
  status: 'waiting' | 'running' | 'done'
  /** Partitions not done yet. */
  readonly pending: Set<number>
  readonly failures: Map<number, number>
  /** How often it had to run again because its output was lost. */
  reruns: number
  /** Attempts so far of each partition. */
  readonly attempts: Map<number, number>
  /** Partitions with an attempt under way. */
  readonly running: Set<number>
}

/** The limits of §3.10 of Spark's rules. */
export interface JobLimits {
  readonly maxFailures: number
  readonly maxStageAttempts: number
}

/** A job's state and its decisions; see the file head. */
export class JobDecisions {
  private readonly stages = new Map<number, StageState>()
  private readonly result: Stage
  private readonly limits: JobLimits
  private readonly missing: (stage: Stage) => readonly number[]
  private over = false

  /** @param missing the partitions a stage has to compute: all that no earlier job left */
  constructor(result: Stage, limits: JobLimits, missing: (stage: Stage) => readonly number[]) {
    this.result = result
    this.limits = limits
    this.missing = missing
    const stack = [result]
    while (stack.length > 0) {
      const stage = stack.pop()!
      if (this.stages.has(stage.id)) continue
      const state = {
        stage,
        status: 'waiting',
        pending: new Set<number>(),
        failures: new Map(),
        attempts: new Map(),
        running: new Set<number>(),
      } as const
      this.stages.set(stage.id, { ...state, reruns: 0 })
      stack.push(...stage.parents)
    }
  }

  /** The number of the attempt that a submitted task makes, 0-based. */
  nextAttempt(stage: Stage, partition: number): number {
    const { attempts } = this.stages.get(stage.id)!
    const attempt = attempts.get(partition) ?? 0
    attempts.set(partition, attempt + 1)
    return attempt
  }

  /** Whether the success of a task would count: its partition has no result yet, and the job is not over. */
  awaits(stageId: number, partition: number): boolean {
    return !this.over && this.stages.get(stageId)!.pending.has(partition)
  }

  get isOver(): boolean {
    return this.over
  }

  decide(event: JobEvent): JobAction[] {
    if (this.over) return []
    switch (event.kind) {
      case 'started':
        return this.startReady()
      case 'task-succeeded':
        return this.succeeded(this.stages.get(event.stageId)!, event.partition)
      case 'task-failed':
        return this.failed(this.stages.get(event.stageId)!, event.partition, event.error)
      case 'cancelled':
        return this.abort(event.error, undefined)
    }
  }

  private startReady(): JobAction[] {
    const actions: JobAction[] = []
    for (const state of this.stages.values()) {
      if (state.status !== 'waiting') continue
      if (!state.stage.parents.every(p => this.stages.get(p.id)!.status === 'done')) continue
      state.status = 'running'
      // The result stage knows itself what is done; of a map stage, output that was there may have been lost.
      const again = state.stage === this.result && state.reruns > 0
      if (!again) for (const p of this.missing(state.stage)) state.pending.add(p)
      const partitions = [...state.pending].filter(p => !state.running.has(p))
      if (partitions.length > 0) actions.push(this.submit(state, partitions))
      else if (state.pending.size === 0) actions.push(...this.done(state))
    }
    return actions
  }

  private submit(state: StageState, partitions: readonly number[]): JobAction {
    for (const p of partitions) state.running.add(p)
    return { kind: 'submit', stage: state.stage, partitions }
  }

  private done(state: StageState): JobAction[] {
    state.status = 'done'
    const told: JobAction = { kind: 'stage-done', stage: state.stage }
    if (state.stage !== this.result) return [told, ...this.startReady()]
    this.over = true
    return [told, { kind: 'finish' }]
  }

  private succeeded(state: StageState, partition: number): JobAction[] {
    state.running.delete(partition)
    if (!state.pending.delete(partition)) return []
    state.failures.delete(partition)
    if (state.pending.size > 0 || state.status !== 'running') return []
    return this.done(state)
  }

  private failed(state: StageState, partition: number, error: unknown): JobAction[] {
    state.running.delete(partition)
    if (!state.pending.has(partition)) return []
    if (isKindlingError(error) && error.retry === 'redo-stage')
      return this.outputLost(state, partition, error)
    const failures = (state.failures.get(partition) ?? 0) + 1
    state.failures.set(partition, failures)
    if (isPermanent(error) || failures >= this.limits.maxFailures) {
      const reason =
        error instanceof Error
          ? error
          : new KindlingError('TASK_FAILED', { reason: describeValue(error) }, { cause: error })
      return this.abort(reason, state.stage)
    }
    return [this.submit(state, [partition])]
  }

  /**
   * What the task read is gone: whoever wrote it runs again, then this partition. Other tasks of the stage that miss it too
   * belong to the same attempt of the stage: they wait for the one rerun.
   */
  private outputLost(state: StageState, partition: number, error: KindlingError): JobAction[] {
    if (state.status === 'waiting') return []
    state.reruns++
    if (state.reruns >= this.limits.maxStageAttempts) return this.abort(error, state.stage)
    const lost = state.stage.parents
      .map(p => this.stages.get(p.id)!)
      .filter(p => this.missing(p.stage).length > 0)
    if (lost.length === 0) return [this.submit(state, [partition])]
    const actions: JobAction[] = []
    for (const parent of lost) {
      if (parent.status !== 'done') continue
      parent.status = 'waiting'
      parent.reruns++
    }
    state.status = 'waiting'
    actions.push(...this.startReady())
    return actions
  }

  private abort(error: Error, stage: Stage | undefined): JobAction[] {
    this.over = true
    return [{ kind: 'abort', error, stage }]
  }
}

/** Trying again cannot help: the output is there already, a record cannot be encoded, the input is wrong. */
function isPermanent(error: unknown): boolean {
  if (!isKindlingError(error)) return false
  return error.retry === 'never' && error.code !== 'USER_CODE_FAILED' && error.code !== 'TASK_FAILED'
}
