/**
 * Which task runs next, and on which thread.
 *
 * Tasks come from the queue, and any free thread will do for most. Those that move state on, or read it, want the thread that has its
 * table. While that one is busy they stand aside, and other tasks go first; another thread takes them when to wait would last longer
 * than to make the table anew there.
 *
 * I1  A partition of state is in the hands of one task at a time.
 * I2  At most one thread has the table of a partition; it is told to drop the table when another gets it.
 */
import type { AwayState } from '../../rdd/state-port.ts'
import type { Task } from '../../scheduler/task.ts'
import type { QueuedTask, TaskQueue } from '../../scheduler/task-queue.ts'
import { placeOf } from './task-inputs.ts'
import type { ThreadPool } from './thread-pool.ts'
import type { WorkerThread } from './worker-thread.ts'

/** Where a partition of an operator's state is. */
interface Place {
  readonly name: string
  /** The thread that has its table, and the version of that. */
  holder: WorkerThread | undefined
  time: number | undefined
  isBusy: boolean
  /** How long the last task on it took, and when the one that runs began. */
  lastMs: number
  since: number
}

/** A partition of state, as a task works on it. */
export interface StateUse {
  readonly away: AwayState
  readonly partition: number
}

interface PlacedUse extends StateUse {
  readonly place: Place
}

/** A task and the thread that it is to run on. */
export interface Dispatched extends QueuedTask {
  readonly thread: WorkerThread
}

interface Aside {
  readonly queued: QueuedTask
  readonly uses: readonly PlacedUse[]
}

/** Bytes of layers that become a table in a millisecond, roughly. */
const BYTES_PER_MS = 50_000

/** See the file head. */
export class Dispatch {
  private readonly queue: TaskQueue
  private readonly pool: ThreadPool
  private readonly now: () => number
  private readonly statesOf: (task: Task) => readonly StateUse[]
  private readonly places = new WeakMap<AwayState, Map<number, Place>>()
  /** The tasks that stand aside, in the order in which they came. */
  private aside: Aside[] = []
  private readonly running = new Map<number, readonly PlacedUse[]>()
  private readonly unused = new FinalizationRegistry<Map<number, Place>>(places => {
    for (const place of places.values()) release(place)
  })

  constructor(parts: {
    readonly queue: TaskQueue
    readonly pool: ThreadPool
    readonly now: () => number
    /** The partitions of state that a task works on. */
    statesOf(task: Task): readonly StateUse[]
  }) {
    this.queue = parts.queue
    this.pool = parts.pool
    this.now = parts.now
    this.statesOf = task => parts.statesOf(task)
  }

  /** The next task, with a thread that is taken for it; `undefined` when none can run now. */
  next(): Dispatched | undefined {
    for (let i = 0; i < this.aside.length && this.pool.hasFree; i++) {
      const { queued, uses } = this.aside[i]!
      const thread = this.threadFor(uses, i)
      if (thread === undefined) continue
      this.aside.splice(i, 1)
      return this.started(queued, uses, thread)
    }
    while (this.queue.size > 0 && this.pool.hasFree) {
      const queued = this.queue.take()!
      const uses = this.statesOf(queued.task).map(use => ({ ...use, place: this.placeOf(use) }))
      const thread = this.threadFor(uses, this.aside.length)
      if (thread !== undefined) return this.started(queued, uses, thread)
      this.aside.push({ queued, uses })
    }
    return undefined
  }

  /** Whether the thread of a task has this version of a partition of state. */
  holds({ task, thread }: Dispatched): (name: string, time: number) => boolean {
    const uses = this.running.get(task.id) ?? []
    return (name, time) =>
      uses.some(({ place }) => place.name === name && place.holder === thread && place.time === time)
  }

  /**
   * A task has ended. Unless the tables of its thread are known to be sound, they are made anew when they are needed.
   *
   * @param made the latest version that it made of each partition, by the name of its place
   */
  ended({ task, thread }: Dispatched, isSound: boolean, made: ReadonlyMap<string, number>): void {
    this.queue.ended(task)
    const uses = this.running.get(task.id) ?? []
    this.running.delete(task.id)
    for (const { away, partition, place } of uses) {
      place.isBusy = false
      place.lastMs = this.now() - place.since
      // A task that read what others had made may never have had the table.
      const time = made.get(place.name) ?? (place.holder === thread ? place.time : undefined)
      const hasNewest = isSound && time !== undefined && time === away.newest(partition)
      if (place.holder !== thread && (hasNewest || !isSound)) release(place)
      if (hasNewest) {
        place.holder = thread
        place.time = time
      } else if (place.holder === thread) release(place)
      else drop(thread, place.name)
    }
  }

  /** Takes all tasks that wait. None of them is run. */
  drain(): QueuedTask[] {
    const aside = this.aside.splice(0).map(({ queued }) => queued)
    for (const { task } of aside) this.queue.ended(task)
    return [...aside, ...this.queue.drain()]
  }

  private started(queued: QueuedTask, uses: readonly PlacedUse[], thread: WorkerThread): Dispatched {
    for (const { place } of uses) {
      place.isBusy = true
      place.since = this.now()
    }
    if (uses.length > 0) this.running.set(queued.task.id, uses)
    return { ...queued, thread }
  }

  /** Takes a thread. @param at how many tasks stand aside before this one */
  private threadFor(uses: readonly PlacedUse[], at: number): WorkerThread | undefined {
    if (uses.some(({ place }) => place.isBusy)) return undefined
    // One that is too many and ends takes no task any more: nobody would say when it has.
    const held = uses.find(({ place }) => place.holder !== undefined && this.pool.has(place.holder))
    if (held === undefined) return this.pool.take()
    return (
      this.pool.takeThis(held.place.holder!) ?? (this.isWorthMoving(held, at) ? this.pool.take() : undefined)
    )
  }

  /** Whether the table would be there on another thread before its own is free. */
  private isWorthMoving({ away, partition, place: { holder, time } }: PlacedUse, at: number): boolean {
    let waitMs = 0
    for (let i = 0; i < at; i++)
      for (const { place } of this.aside[i]!.uses) if (place.holder === holder) waitMs += place.lastMs
    if (waitMs === 0 || time === undefined) return false
    let bytes = 0
    for (const layer of away.layersOf(partition, time)) bytes += layer.bytes.length
    return bytes / BYTES_PER_MS < waitMs
  }

  private placeOf({ away, partition }: StateUse): Place {
    let places = this.places.get(away)
    if (places === undefined) {
      places = new Map()
      this.places.set(away, places)
      this.unused.register(away, places)
    }
    let place = places.get(partition)
    if (place === undefined) {
      const name = placeOf(away.id, partition)
      place = { name, holder: undefined, time: undefined, isBusy: false, lastMs: 0, since: 0 }
      places.set(partition, place)
    }
    return place
  }
}

/** Nobody has the table any more. */
function release(place: Place): void {
  if (place.holder !== undefined) drop(place.holder, place.name)
  place.holder = undefined
  place.time = undefined
}

function drop(thread: WorkerThread, name: string): void {
  if (!thread.isEnded) thread.post({ type: 'drop-states', places: [name] })
}
