/** Which worker has the table of a partition of state. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Dispatch } from '../../../src/executor/threads/dispatch.ts'
import { placeOf } from '../../../src/executor/threads/task-inputs.ts'
import type { ThreadPool } from '../../../src/executor/threads/thread-pool.ts'
import type { WorkerThread } from '../../../src/executor/threads/worker-thread.ts'
import type { AwayState } from '../../../src/rdd/state-port.ts'
import type { Task } from '../../../src/scheduler/task.ts'
import { TaskQueue } from '../../../src/scheduler/task-queue.ts'

const PLACE = placeOf(7, 0)

/** A state of one partition, two threads that are free, and what they were told to drop. */
function setting() {
  let newest: number | undefined
  const away = { id: 7, newest: () => newest, layersOf: () => [] } as unknown as AwayState
  const dropped: string[] = []
  const threads = ['a', 'b'].map(
    name =>
      ({ isEnded: false, post: () => void dropped.push(name), name }) as unknown as WorkerThread & {
        name: string
      },
  )
  const free = [...threads]
  const leaving = new Set<WorkerThread>()
  const pool = {
    get hasFree() {
      return free.length > 0
    },
    take: () => free.shift(),
    has: (thread: (typeof threads)[number]) => !thread.isEnded && !leaving.has(thread),
    takeThis: (thread: (typeof threads)[number]) => {
      const at = free.indexOf(thread)
      return at < 0 ? undefined : free.splice(at, 1)[0]
    },
  } as unknown as ThreadPool
  const queue = new TaskQueue({ mode: 'FIFO', pools: new Map() })
  const statesOf = () => [{ away, partition: 0 }]
  const dispatch = new Dispatch({ queue, pool, now: () => 0, statesOf })
  let nextId = 0
  /** Runs a task; gives the thread, and whether it had the newest version. */
  const run = (outcome: { readonly makes?: number; readonly isSound?: boolean }): string => {
    const task = { id: nextId++, jobId: nextId, stageId: 0, properties: {} } as unknown as Task
    queue.add([task], { started() {}, succeeded() {}, failed() {} })
    const dispatched = dispatch.next()!
    const { name } = dispatched.thread as (typeof threads)[number]
    const had = newest !== undefined && dispatch.holds(dispatched)(PLACE, newest)
    const { makes, isSound = true } = outcome
    if (makes !== undefined) newest = makes
    dispatch.ended(dispatched, isSound, new Map(makes === undefined ? [] : [[PLACE, makes]]))
    free.push(dispatched.thread as (typeof threads)[number])
    return had ? `${name} had it` : name
  }
  return { run, dropped, free, leaving }
}

it('a thread has the table once it has made a version, and gets the tasks on it', () => {
  const { run, dropped } = setting()
  assert.deepEqual([run({ makes: 1000 }), run({ makes: 2000 }), run({})], ['a', 'a had it', 'a had it'])
  assert.deepEqual(dropped, [])
})

it('a thread that read what another had made does not have the table', () => {
  const { run, free } = setting()
  run({ makes: 1000 })
  // The one that has it dies.
  Object.assign(free.pop()!, { isEnded: true })
  // The output of the version, or an older one: the driver sends these by themselves.
  assert.equal(run({}), 'b')
  assert.equal(run({ makes: 2000 }), 'b')
  assert.equal(run({}), 'b had it')
})

it('a thread that is too many and has not ended yet is not waited for', () => {
  const { run, free, leaving } = setting()
  run({ makes: 1000 })
  leaving.add(free.pop()!)
  assert.equal(run({ makes: 2000 }), 'b')
  assert.equal(run({}), 'b had it')
})

it('after a task that failed nobody has the table', () => {
  const { run, dropped } = setting()
  run({ makes: 1000 })
  assert.equal(run({ makes: 2000, isSound: false }), 'a had it')
  assert.deepEqual(dropped, ['a'])
  assert.equal(run({}), 'b')
})
