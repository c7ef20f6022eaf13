/**
 * How long a task has held the thread, and the controls of its segments.
 *
 * A slice lasts `yieldAfterMs`; then the event loop has its turn. Between two looks at the time lie at most `budget` records: one
 * at the start of each chunk, twice as many after each look while records are quick, fewer when they are slow.
 */
import type { Clock } from '../base/clock.ts'
import {
  describeValue,
  type ErrorContext,
  isKindlingError,
  KindlingError,
  withContext,
} from '../base/errors.ts'
import type { ChunkSource } from '../data/chunk.ts'
import { cancellationOf } from '../rdd/cancellation.ts'
import type { TaskInfo } from '../rdd/ports.ts'
import { describeScope, type OperatorScope } from '../rdd/scope.ts'
import type { DrivenControl } from '../rdd/segment/drive.ts'
import type { SegmentMode } from '../rdd/segment/segment.ts'
import type { Task } from '../scheduler/task.ts'
import { Gathered } from '../shuffle/gathered.ts'
import { type ShuffleDriver, type SpillSettings, TaskMemory } from '../shuffle/task-memory.ts'

const MAX_BUDGET = 256
/** A look at the time is worth taking about once a millisecond. */
const QUICK_MS = 0.5
const SLOW_MS = 2

/** User code that held the thread for long. */
export interface LongCall {
  /** The operators that may have been at work, in order. */
  readonly operators: readonly OperatorScope[]
  readonly ms: number
  /** Records worked on in that time. */
  readonly records: number
}

/** What every task of a backend shares. */
export interface TaskTimeSettings {
  readonly clock: Clock
  readonly mode: SegmentMode
  readonly yieldAfterMs: number
  readonly longCallMs: number
  readonly spill: SpillSettings
  onLongCall(call: LongCall): void
}

/** Lets every other callback that is due run first. */
function macrotask(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** The time of one task attempt; see the file head. */
export class TaskTime implements ShuffleDriver {
  readonly mode: SegmentMode
  readonly settings: TaskTimeSettings
  readonly task: Task
  /** What its shuffles, and input that was gathered, may hold. */
  readonly memory: TaskMemory
  sliceStart: number = performance.now()

  constructor(task: Task, settings: TaskTimeSettings) {
    this.task = task
    this.settings = settings
    this.mode = settings.mode
    this.memory = new TaskMemory(settings.spill)
  }

  control(operators: readonly OperatorScope[]): DrivenControl {
    return new TaskControl(this, operators)
  }

  async yield(): Promise<void> {
    this.throwIfCancelled()
    await macrotask()
    this.throwIfCancelled()
    this.sliceStart = performance.now()
  }

  async gather(source: ChunkSource): Promise<ChunkSource> {
    const gathered = await Gathered.of(source, this.memory)
    const { next } = gathered.chunks()
    return { next, close: () => gathered.release() }
  }

  breathe(): Promise<void> | undefined {
    return performance.now() - this.sliceStart < this.settings.yieldAfterMs ? undefined : this.yield()
  }

  throwIfCancelled(): void {
    const { signal } = this.task
    if (signal.aborted) throw cancellationOf(signal, 'its job has ended')
  }

  /** The error for what user code of an operator threw; errors that name their operator already stay as they are. */
  failed(error: unknown, scope: OperatorScope, value: unknown): Error {
    if (isKindlingError(error) && (error.context.operator !== undefined || isForeignToUser(error)))
      return error
    const context = this.contextOf(scope, value)
    if (isKindlingError(error)) return withContext(error, context)
    const params = { operation: scope.name, reason: reasonOf(error) }
    return new KindlingError('USER_CODE_FAILED', params, { cause: error, context })
  }

  /** The error for what a promise was rejected with that a user function of the task let float. */
  floated(error: unknown, scope: OperatorScope): Error {
    const params = { operation: `a task of ${scope.name}`, reason: reasonOf(error) }
    return new KindlingError('FLOATING_REJECTION', params, {
      cause: error,
      context: this.contextOf(scope, undefined),
    })
  }

  /** What functions of this attempt are told, with errors in the name of `scope`. */
  info(scope: OperatorScope): TaskInfo {
    const { jobId, stageId, partition, attempt, signal } = this.task
    const breathe = (): Promise<void> | undefined => this.breathe()
    const failed = (error: unknown, value: unknown): Error => this.failed(error, scope, value)
    return { jobId, stageId, partition, attempt, signal, clock: this.settings.clock, breathe, failed }
  }

  contextOf(scope: OperatorScope, value: unknown): ErrorContext {
    const { jobId, stageId, partition, attempt, properties } = this.task
    const place = { jobId, stageId, partition, attempt, operator: scope.name, site: String(scope.site) }
    const batch = properties.batchTime === undefined ? {} : { batchTime: properties.batchTime }
    return { ...place, ...batch, ...(value === undefined ? {} : { value: describeValue(value) }) }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : describeValue(error)
}

/** Cancellation and lost data are no failure of the function that happened to run. */
function isForeignToUser(error: KindlingError): boolean {
  return error.code === 'JOB_CANCELLED' || error.retry === 'redo-stage' || error.domain === 'internal'
}

class TaskControl implements DrivenControl {
  budget = 0
  private stride = 1
  private last = 0
  private readonly time: TaskTime
  private readonly operators: readonly OperatorScope[]

  constructor(time: TaskTime, operators: readonly OperatorScope[]) {
    this.time = time
    this.operators = operators
  }

  enter(): void {
    this.last = performance.now()
    // The look comes before a record is taken: one more, so that there is something to look at.
    if (this.budget <= 0) this.budget = this.stride + 1
  }

  leave(): void {
    this.look(performance.now())
  }

  extend(): void {
    this.time.throwIfCancelled()
    this.time.sliceStart = performance.now()
  }

  tick(): number {
    const { time } = this
    const now = performance.now()
    const ms = this.look(now)
    const { settings } = time
    if (ms > SLOW_MS) this.stride = Math.max(1, this.stride >> 2)
    else if (ms < QUICK_MS && this.stride < MAX_BUDGET) this.stride *= 2
    if (now - time.sliceStart >= settings.yieldAfterMs) return 0
    this.budget = this.stride
    return this.stride
  }

  /** The time since the last look; long ones are told. */
  private look(now: number): number {
    const ms = now - this.last
    this.last = now
    const { settings } = this.time
    if (ms > settings.longCallMs) settings.onLongCall({ operators: this.operators, ms, records: this.stride })
    return ms
  }

  failed(error: unknown, op: number, value: unknown): Error {
    return this.time.failed(error, this.scope(op), value)
  }

  promiseReturned(op: number): never {
    const { name } = this.scope(op)
    throw new KindlingError('PROMISE_RETURNED', {
      operation: name,
      instead: 'mapAsync before it',
    })
  }

  iterate(result: unknown, op: number): Iterator<unknown> {
    if (result instanceof Promise) this.promiseReturned(op)
    const open = (result as Iterable<unknown> | null | undefined)?.[Symbol.iterator]
    if (typeof open !== 'function')
      throw new KindlingError('NOT_ITERABLE', { operation: this.scope(op).name, value: result })
    return (result as Iterable<unknown>)[Symbol.iterator]()
  }

  notPair(value: unknown, op: number): never {
    throw new KindlingError('NOT_A_PAIR', { operation: this.scope(op).name, value })
  }

  private scope(op: number): OperatorScope {
    return this.operators[op] ?? this.time.task.scope
  }
}

/** `flatMap at app.ts:3:4 → map at app.ts:4:4 held the thread for 80 ms` */
export function describeLongCall(call: LongCall): string {
  const where = call.operators.map(describeScope).join(' → ')
  const records = call.records === 1 ? 'one record' : `${call.records} records`
  return `${where} held the thread for ${Math.round(call.ms)} ms over ${records}; nothing else could run meanwhile`
}
