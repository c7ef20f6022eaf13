import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compareFairly, DEFAULT_POOL, type PoolSettings } from '../../src/scheduler/pools.ts'
import type { Task, TaskEvents } from '../../src/scheduler/task.ts'
import { TaskQueue } from '../../src/scheduler/task-queue.ts'
import { runs } from '../support/runs.ts'

const events: TaskEvents = { started() {}, succeeded() {}, failed() {} }

let nextId = 0
function task(jobId: number, stageId: number, partition: number, pool?: string): Task {
  const local = pool === undefined ? {} : { local: { 'spark.scheduler.pool': pool } }
  const id = nextId++
  return { id, jobId, stageId, partition, properties: local } as Partial<Task> as Task
}

function tasks(jobId: number, stageId: number, n: number, pool?: string): Task[] {
  return Array.from({ length: n }, (_, p) => task(jobId, stageId, p, pool))
}

const name = ({ jobId, stageId, partition }: Task): string => `${jobId}.${stageId}.${partition}`

/** Takes `n` tasks, all of which run on. */
function take(queue: TaskQueue, n: number): string[] {
  return Array.from({ length: n }, () => name(queue.take()!.task))
}

const fair = (pools: Readonly<Record<string, Partial<PoolSettings>>> = {}): TaskQueue =>
  new TaskQueue({
    mode: 'FAIR',
    pools: new Map(Object.entries(pools).map(([n, given]) => [n, { ...DEFAULT_POOL, ...given }])),
  })

describe('FIFO', () => {
  const fifo = (): TaskQueue => new TaskQueue({ mode: 'FIFO', pools: new Map() })

  it('nothing waits at first, and nothing is left at the end', () => {
    const queue = fifo()
    assert.equal(queue.take(), undefined)
    queue.add(tasks(0, 0, 2), events)
    assert.equal(queue.size, 2)
    for (let i = 0; i < 2; i++) queue.ended(queue.take()!.task)
    assert.equal(queue.size, 0)
    assert.equal(queue.take(), undefined)
  })

  it('earlier jobs come first, and in a job earlier stages, whatever was submitted first', () => {
    const queue = fifo()
    queue.add(tasks(1, 5, 2), events)
    queue.add(tasks(0, 4, 1), events)
    queue.add(tasks(0, 3, 2), events)
    assert.deepEqual(take(queue, 5), ['0.3.0', '0.3.1', '0.4.0', '1.5.0', '1.5.1'])
  })

  it('a task that is tried again comes before those of later jobs', () => {
    const queue = fifo()
    queue.add(tasks(0, 0, 1), events)
    queue.add(tasks(1, 1, 2), events)
    const first = queue.take()!
    queue.ended(first.task)
    queue.add([first.task], events)
    assert.deepEqual(take(queue, 3), ['0.0.0', '1.1.0', '1.1.1'])
  })

  it('pools have no say', () => {
    const queue = fifo()
    queue.add(tasks(0, 0, 2, 'a'), events)
    queue.add(tasks(1, 1, 1, 'b'), events)
    assert.deepEqual(take(queue, 3), ['0.0.0', '0.0.1', '1.1.0'])
  })

  it('draining gives all that wait, once', () => {
    const queue = fifo()
    queue.add(tasks(0, 0, 2), events)
    queue.add(tasks(1, 1, 1), events)
    const running = queue.take()!
    assert.deepEqual(
      queue.drain().map(({ task }) => name(task)),
      ['0.0.1', '1.1.0'],
    )
    assert.equal(queue.size, 0)
    queue.ended(running.task)
  })
})

describe('FAIR', () => {
  it('pools take turns, also with one slot', () => {
    const queue = fair()
    queue.add(tasks(0, 0, 3, 'z'), events)
    queue.add(tasks(1, 1, 3, 'a'), events)
    const order: string[] = []
    for (let next = queue.take(); next !== undefined; next = queue.take()) {
      order.push(name(next.task))
      queue.ended(next.task)
    }
    assert.deepEqual(order, ['0.0.0', '1.1.0', '0.0.1', '1.1.1', '0.0.2', '1.1.2'])
  })

  it('a pool of twice the weight runs twice as many tasks', () => {
    const queue = fair({ heavy: { weight: 2 } })
    queue.add(tasks(0, 0, 9, 'light'), events)
    queue.add(tasks(1, 1, 9, 'heavy'), events)
    const jobs = take(queue, 9).map(n => n[0])
    assert.deepEqual([jobs.filter(j => j === '0').length, jobs.filter(j => j === '1').length], [3, 6])
  })

  it('a pool below its least share comes first', () => {
    const queue = fair({ sure: { minShare: 2 }, heavy: { weight: 100 } })
    queue.add(tasks(0, 0, 5, 'heavy'), events)
    queue.add(tasks(1, 1, 5, 'sure'), events)
    assert.deepEqual(take(queue, 4), ['1.1.0', '1.1.1', '0.0.0', '0.0.1'])
  })

  it('within a pool: FIFO by job, or FAIR between task sets', () => {
    for (const [mode, expected] of [
      ['FIFO', ['0.0.0', '0.0.1', '1.1.0', '1.1.1']],
      ['FAIR', ['0.0.0', '1.1.0', '0.0.1', '1.1.1']],
    ] as const) {
      const queue = fair({ p: { mode } })
      queue.add(tasks(0, 0, 2, 'p'), events)
      queue.add(tasks(1, 1, 2, 'p'), events)
      assert.deepEqual(take(queue, 4), expected, mode)
    }
  })

  it('jobs without a pool share one', () => {
    const queue = fair()
    queue.add(tasks(0, 0, 2), events)
    queue.add(tasks(1, 1, 1), events)
    queue.add(tasks(2, 2, 1, 'own'), events)
    assert.deepEqual(take(queue, 4), ['0.0.0', '2.2.0', '0.0.1', '1.1.0'])
  })

  it('gives what an order over all that waits would give, and every task once', () => {
    const pools: Record<string, PoolSettings> = {
      a: { mode: 'FIFO', weight: 1, minShare: 2 },
      b: { mode: 'FAIR', weight: 3, minShare: 0 },
      c: DEFAULT_POOL,
    }
    const step = fc.oneof(
      fc.record({
        do: fc.constant('add' as const),
        pool: fc.constantFrom('a', 'b', 'c'),
        job: fc.nat(3),
        n: fc.integer({ min: 1, max: 4 }),
      }),
      fc.record({ do: fc.constant('take' as const) }),
      fc.record({ do: fc.constant('end' as const), nth: fc.nat(20) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const queue = fair(pools)
        const oracle = new SlowQueue(pools)
        const running: Task[] = []
        for (const step of steps) {
          if (step.do === 'add') {
            // A job has one pool.
            const added = tasks(step.job * 3 + 'abc'.indexOf(step.pool), 0, step.n, step.pool)
            queue.add(added, events)
            oracle.add(added)
          } else if (step.do === 'take') {
            const next = queue.take()?.task
            assert.equal(next?.id, oracle.take()?.id)
            if (next !== undefined) running.push(next)
          } else if (running.length > 0) {
            const [ended] = running.splice(step.nth % running.length, 1)
            queue.ended(ended!)
            oracle.ended(ended!)
          }
          assert.equal(queue.size, oracle.waiting.length)
        }
      }),
      { numRuns: runs },
    )
  })
})

/** The same order by looking at every task each time. */
class SlowQueue {
  readonly waiting: Task[] = []
  private readonly pools: Readonly<Record<string, PoolSettings>>
  private running: Task[] = []
  /** When a pool or job was last served, while it has tasks. */
  private readonly served = new Map<string, number>()
  private turn = 0

  constructor(pools: Readonly<Record<string, PoolSettings>>) {
    this.pools = pools
  }

  add(added: readonly Task[]): void {
    this.waiting.push(...added)
  }

  take(): Task | undefined {
    const pool = this.first([...new Set(this.waiting.map(poolName))], poolName, n => this.pools[n]!)
    const inPool = this.waiting.filter(t => poolName(t) === pool)
    if (pool === undefined) return undefined
    const jobs = [...new Set(inPool.map(t => t.jobId))].sort((a, b) => a - b).map(String)
    const job =
      this.pools[pool]!.mode === 'FIFO'
        ? jobs[0]
        : this.first(
            jobs,
            t => String(t.jobId),
            () => DEFAULT_POOL,
          )
    const next = inPool.find(t => String(t.jobId) === job)!
    this.waiting.splice(this.waiting.indexOf(next), 1)
    this.running.push(next)
    this.turn++
    this.served.set(pool, this.turn)
    this.served.set(String(next.jobId), this.turn)
    return next
  }

  ended(task: Task): void {
    this.running = this.running.filter(t => t !== task)
    for (const keyOf of [poolName, (t: Task) => String(t.jobId)])
      if (![...this.running, ...this.waiting].some(t => keyOf(t) === keyOf(task)))
        this.served.delete(keyOf(task))
  }

  private first(
    keys: readonly string[],
    keyOf: (task: Task) => string,
    settings: (key: string) => PoolSettings,
  ): string | undefined {
    const shares = keys.map(key => {
      const running = this.running.filter(t => keyOf(t) === key).length
      return { key, ...settings(key), running, served: this.served.get(key) ?? 0 }
    })
    let best = shares[0]
    for (const share of shares) if (best !== undefined && compareFairly(share, best) < 0) best = share
    return best?.key
  }
}

function poolName(task: Task): string {
  return task.properties.local!['spark.scheduler.pool']!
}
