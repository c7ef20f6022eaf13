import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../src/base/clock.ts'
import type { KindlingError } from '../../src/base/errors.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { RDD } from '../../src/rdd/rdd.ts'
import type { Sink } from '../../src/rdd/sink/sink.ts'
import type { TaskEnded, TaskStarted } from '../../src/scheduler/events.ts'
import { TaskTimes } from '../../src/scheduler/speculation.ts'
import type { Task } from '../../src/scheduler/task.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'
import { runs } from '../support/runs.ts'

const ON = { 'spark.speculation': 'true', 'spark.speculation.quantile': '0.5' }

it('the median of times is that of all, sorted', () => {
  const time = fc.integer({ min: 0, max: 1000 })
  fc.assert(
    fc.property(fc.array(time, { minLength: 1, maxLength: 50 }), all => {
      const times = new TaskTimes()
      for (const ms of all) times.add(ms)
      const sorted = all.toSorted((a, b) => a - b)
      const middle = (all.length - 1) / 2
      assert.equal(times.count, all.length)
      assert.equal(times.median, (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2)
    }),
    { numRuns: runs },
  )
})

interface Slow {
  readonly sc: SparkContext
  readonly clock: ManualClock
  readonly tasks: readonly (TaskStarted & Partial<TaskEnded>)[]
  /** Attempts that began at partition 0 of stages that match, with their time: `0 at 0, 1 at 200`. */
  readonly attempts: string[]
  [Symbol.asyncDispose](): Promise<void>
}

/** A context in which the first attempt at partition 0 of stages that match takes a second, all others no time. */
function slowContext(
  conf: Readonly<Record<string, string>>,
  { master = 'local[3]', matches = () => true }: { master?: string; matches?: (task: Task) => boolean } = {},
): Slow {
  const clock = new ManualClock(0)
  const attempts: string[] = []
  const sc = new SparkContext({
    master,
    clock,
    conf: { ...INLINE, ...conf },
    async taskHook(task) {
      if (task.partition !== 0 || !matches(task)) return
      attempts.push(`${task.attempt} at ${clock.now()}`)
      if (task.attempt === 0) await clock.sleep(1000, task.signal)
    },
  })
  const tasks = new Map<number, TaskStarted & Partial<TaskEnded>>()
  sc.addSparkListener({
    onTaskStart: task => void tasks.set(task.taskId, task),
    onTaskEnd: task => void tasks.set(task.taskId, task),
  })
  return {
    ...{ sc, clock, attempts },
    get tasks() {
      return [...tasks.values()]
    },
    [Symbol.asyncDispose]: () => sc.stop(),
  }
}

const partitions = (sc: SparkContext): RDD<number> => sc.parallelize([1, 2, 3], 3).map(n => n * 10)

describe('speculation', () => {
  it('a copy of the slow task gives its result; the slow one is cancelled, and listeners see both', async () => {
    await using t = slowContext(ON)
    const job = partitions(t.sc).collect()
    await t.clock.advance(100)
    assert.deepEqual(await job, [10, 20, 30])
    assert.deepEqual(t.attempts, ['0 at 0', '1 at 200'], 'once it has run for longer than minTaskRuntime')
    await t.clock.advance(0)
    assert.deepEqual(
      t.tasks
        .filter(task => task.partition === 0)
        .map(({ attempt, speculative, error }) => [attempt, speculative, (error as KindlingError)?.code]),
      [
        [0, false, 'JOB_CANCELLED'],
        [1, true, undefined],
      ],
    )
    const [stage] = t.sc.statusTracker.getJobInfo(0)!.stageIds
    const { numCompletedTasks, numFailedTasks, numActiveTasks } = t.sc.statusTracker.getStageInfo(stage!)!
    assert.deepEqual([numCompletedTasks, numFailedTasks, numActiveTasks], [3, 0, 0])
  })

  it('what the slow attempt adds, keeps and writes does not count', async () => {
    await using t = slowContext(ON, { matches: task => task.work.kind === 'map' })
    const added = t.sc.longAccumulator()
    const computed: string[] = []
    const pairs = t.sc
      .parallelize(['a', 'b', 'a'], 3)
      .map(word => {
        added.add(1)
        computed.push(word)
        return [word, 1] as [string, number]
      })
      .cache()
    const job = pairs.reduceByKey((a, b) => a + b, 1).collect()
    await t.clock.advance(100)
    assert.deepEqual(await job, [
      ['a', 2],
      ['b', 1],
    ])
    assert.deepEqual(t.attempts, ['0 at 0', '1 at 200'])
    assert.equal(added.value, 3)
    assert.equal(await pairs.count(), 3)
    assert.deepEqual(computed, ['b', 'a', 'a'])
  })

  const sink = (guarantee: 'at-least-once' | 'idempotent'): Sink<number> => ({
    name: 'nowhere',
    guarantee,
    writer: () => ({ write() {}, prepare() {}, abort() {} }),
  })

  const tables: readonly (readonly [
    title: string,
    settings: Parameters<typeof slowContext>,
    run: (sc: SparkContext) => Promise<unknown>,
    copyAt: number | undefined,
  ])[] = [
    ['count', [ON], sc => partitions(sc).count(), 200],
    [
      'count, looked at more often',
      [{ ...ON, 'spark.speculation.interval': '30ms' }],
      sc => partitions(sc).count(),
      120,
    ],
    [
      'a shorter least time',
      [{ ...ON, 'spark.speculation.interval': '30ms', 'spark.speculation.minTaskRuntime': '10ms' }],
      sc => partitions(sc).count(),
      30,
    ],
    ['without the setting', [{}], sc => partitions(sc).count(), undefined],
    [
      'as few as Spark wants to have ended',
      [{ 'spark.speculation': 'true' }],
      sc => partitions(sc).count(),
      200,
    ],
    ['with a single slot', [ON, { master: 'local' }], sc => partitions(sc).count(), undefined],
    ['foreach', [ON], sc => partitions(sc).foreach(() => {}), undefined],
    ['an idempotent foreach', [ON], sc => partitions(sc).foreach(() => {}, { idempotent: true }), 200],
    ['foreachAsync', [ON], async sc => partitions(sc).foreachAsync(() => {}), undefined],
    ['foreachPartition', [ON], sc => partitions(sc).foreachPartition(() => {}), undefined],
    [
      'an idempotent foreachPartition',
      [ON],
      sc => partitions(sc).foreachPartition(() => {}, { idempotent: true }),
      200,
    ],
    ['a sink of at least once', [ON], sc => partitions(sc).writeTo(sink('at-least-once')), undefined],
    ['an idempotent sink', [ON], sc => partitions(sc).writeTo(sink('idempotent')), 200],
    [
      'the stages before a foreach',
      [ON, { matches: task => task.work.kind === 'map' }],
      sc =>
        partitions(sc)
          .repartition(1)
          .foreach(() => {}),
      200,
    ],
    [
      'the only task, with a fixed limit',
      [{ ...ON, 'spark.speculation.task.duration.threshold': '450ms' }],
      sc => sc.parallelize([1], 1).count(),
      500,
    ],
  ]
  for (const [title, settings, run, copyAt] of tables)
    it(`${title}: ${copyAt === undefined ? 'is not copied' : `is copied at ${copyAt} ms`}`, async () => {
      await using t = slowContext(...settings)
      const job = run(t.sc).then(() => t.clock.now())
      await t.clock.advance(100)
      assert.equal(await job, copyAt ?? 1000)
      assert.deepEqual(t.attempts, copyAt === undefined ? ['0 at 0'] : ['0 at 0', `1 at ${copyAt}`])
    })

  it('stages with state are not copied', async () => {
    const attempts: number[] = []
    await using t = new StreamTest({
      master: 'local[3]',
      conf: { ...INLINE, ...ON },
      build: t => {
        const counts = t
          .input('in', [['a', 'b', 'c']], { partitions: 3 })
          .map(word => [word, 1])
          .updateStateByKey<number>((ones, n = 0) => n + ones.length, { partitions: 3 })
        const slow = counts.mapAsync(async pair => {
          if (pair[0] === 'a' && t.clock.now() < 2000) {
            attempts.push(t.clock.now())
            await t.clock.sleep(700)
          }
          return pair
        })
        t.collect('out', slow)
      },
    })
    await t.run(1)
    assert.deepEqual(t.out('out').batches[0]?.toSorted(), [
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ])
    assert.deepEqual(attempts, [1000])
  })

  it('no timer is left when no job runs', async () => {
    await using t = slowContext(ON)
    const job = partitions(t.sc).count()
    await t.clock.advance(100)
    await job
    let planned = 0
    const { schedule } = t.clock
    t.clock.schedule = (at, run) => {
      planned++
      return schedule.call(t.clock, at, run)
    }
    await t.clock.advance(1000)
    assert.equal(planned, 0)
  })
})
