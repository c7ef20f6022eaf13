/**
 * The tasks that wait for a slot, and which of them comes next.
 *
 *   queue ─▶ pools (one, with FIFO) ─▶ task sets: the tasks of one stage of one job ─▶ tasks, in the order given
 *
 * I1  Within a pool in FIFO order, a task of an earlier job comes before those of later ones, also when it is tried again.
 * I2  A task set is in its pool exactly while it has tasks that wait or run.
 *
 * Cost: O(1) for a task with FIFO; with FAIR, O(pools), or in a FAIR pool O(its task sets).
 */
import { compareFairly, DEFAULT_POOL, type PoolSettings, poolOf, type SchedulingPolicy } from './pools.ts'
import type { Task, TaskEvents } from './task.ts'

/** A task, and who is told what becomes of it. */
export interface QueuedTask {
  readonly task: Task
  readonly events: TaskEvents
}

/** See the file head. */
export class TaskQueue {
  private readonly policy: SchedulingPolicy
  private readonly pools = new Map<string, Pool>()
  /** The sets of tasks that were taken, by task id. */
  private readonly taken = new Map<number, TaskSet>()
  private waiting = 0
  private served = 0

  constructor(policy: SchedulingPolicy) {
    this.policy = policy
  }

  /** How many tasks wait. */
  get size(): number {
    return this.waiting
  }

  add(tasks: readonly Task[], events: TaskEvents): void {
    for (const task of tasks) this.poolFor(task).setFor(task).add({ task, events })
    this.waiting += tasks.length
  }

  /** The next task, which then counts as running until `ended` is called; `undefined` when none waits. */
  take(): QueuedTask | undefined {
    if (this.waiting === 0) return undefined
    const pool = best(this.pools.values())!
    const set = pool.nextSet()
    const next = set.take(++this.served)
    this.waiting--
    this.taken.set(next.task.id, set)
    return next
  }

  /** The slot of a taken task is free again. */
  ended(task: Task): void {
    const set = this.taken.get(task.id)!
    this.taken.delete(task.id)
    set.ended()
    if (set.isOver) set.pool.remove(set)
    if (set.pool.isUnused) this.pools.delete(set.pool.name)
  }

  /** Takes all that wait. None of them is run. */
  drain(): QueuedTask[] {
    const all: QueuedTask[] = []
    for (let next = this.take(); next !== undefined; next = this.take()) {
      all.push(next)
      this.ended(next.task)
    }
    return all
  }

  private poolFor(task: Task): Pool {
    const { mode, pools } = this.policy
    const name = mode === 'FIFO' ? '' : poolOf(task.properties)
    let pool = this.pools.get(name)
    if (pool === undefined) {
      pool = new Pool(name, pools.get(name) ?? DEFAULT_POOL)
      this.pools.set(name, pool)
    }
    return pool
  }
}

/** Task sets that share slots by rules of their own. */
class Pool implements PoolSettings {
  readonly name: string
  readonly mode: PoolSettings['mode']
  readonly weight: number
  readonly minShare: number
  waiting = 0
  running = 0
  served = 0
  /** By job, then stage. */
  private readonly sets: TaskSet[] = []

  constructor(name: string, { mode, weight, minShare }: PoolSettings) {
    this.name = name
    this.mode = mode
    this.weight = weight
    this.minShare = minShare
  }

  get isUnused(): boolean {
    return this.sets.length === 0
  }

  setFor({ jobId, stageId }: Task): TaskSet {
    // New sets nearly always belong at the end.
    let at = this.sets.length
    while (at > 0 && this.sets[at - 1]!.compare(jobId, stageId) >= 0) at--
    const found = this.sets[at]
    if (found?.compare(jobId, stageId) === 0) return found
    const set = new TaskSet(this, jobId, stageId)
    this.sets.splice(at, 0, set)
    return set
  }

  /** The set whose task is next. One must wait. */
  nextSet(): TaskSet {
    return this.mode === 'FIFO' ? this.sets.find(set => set.waiting > 0)! : best(this.sets)!
  }

  remove(set: TaskSet): void {
    this.sets.splice(this.sets.indexOf(set), 1)
  }
}

/** The tasks of one stage of one job. */
class TaskSet {
  readonly pool: Pool
  readonly weight = 1
  readonly minShare = 0
  running = 0
  served = 0
  private readonly jobId: number
  private readonly stageId: number
  private readonly tasks: QueuedTask[] = []
  private head = 0

  constructor(pool: Pool, jobId: number, stageId: number) {
    this.pool = pool
    this.jobId = jobId
    this.stageId = stageId
  }

  get waiting(): number {
    return this.tasks.length - this.head
  }

  get isOver(): boolean {
    return this.waiting === 0 && this.running === 0
  }

  /** Positive when this set comes after that of a job and stage. */
  compare(jobId: number, stageId: number): number {
    return this.jobId - jobId || this.stageId - stageId
  }

  add(task: QueuedTask): void {
    this.tasks.push(task)
    this.pool.waiting++
  }

  take(served: number): QueuedTask {
    const next = this.tasks[this.head++]!
    if (this.head === this.tasks.length) {
      this.tasks.length = 0
      this.head = 0
    }
    this.running++
    this.served = served
    this.pool.waiting--
    this.pool.running++
    this.pool.served = served
    return next
  }

  ended(): void {
    this.running--
    this.pool.running--
  }
}

/** The first to be served of those that have tasks waiting. */
function best<S extends Pool | TaskSet>(shares: Iterable<S>): S | undefined {
  let first: S | undefined
  for (const share of shares)
    if (share.waiting > 0 && (first === undefined || compareFairly(share, first) < 0)) first = share
  return first
}
