import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configEntries } from '../../src/base/config.ts'
import { seconds } from '../../src/base/time.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { BatchInfo } from '../../src/streaming/listener.ts'
import { StreamTest, type StreamTestOptions } from '../../src/testing/stream-test.ts'
import { rejected } from '../support/rejected.ts'

const key = 'kindling.streaming.failurePolicy'

/** Counts of words, and how many there were; `poisoned` makes a record fail for good. */
function program(
  policy: string | undefined,
  opts: Partial<StreamTestOptions> = {},
): { t: StreamTest; poison: { on: boolean }; completed: BatchInfo[] } {
  const poison = { on: true }
  const completed: BatchInfo[] = []
  const t = new StreamTest({
    build: t => {
      const words = t.input('in', [['a'], ['b', 'a'], ['bad', 'a'], ['c'], ['a']], { partitions: 2 })
      const pairs = words.map(word => {
        if (word === 'bad' && poison.on) throw new Error('poisoned')
        return [word, 1] as const
      })
      t.collect('first', words.count())
      const counts = pairs.updateStateByKey<number>((ones, n = 0) => n + ones.length).uid('counts')
      if (opts.checkpointDir !== undefined) counts.checkpoint(seconds(2))
      t.collect('counts', counts)
      t.collect('last', words.count())
      t.ssc.addStreamingListener({ onBatchCompleted: ({ batchInfo }) => void completed.push(batchInfo) })
    },
    ...opts,
    conf: { ...(policy === undefined ? {} : { [key]: policy }), ...opts.conf },
  })
  return { t, poison, completed }
}

describe('failurePolicy stop', () => {
  it('the batch that fails ends the context: later ones do not run, and whoever waits is told', async () => {
    const { t, completed } = program('stop')
    await using _ = t
    await t.ssc.start()
    const ended = rejected('USER_CODE_FAILED', () => t.ssc.awaitTermination())
    await t.run(5, { collectErrors: true })
    assert.match((await ended).message, /poisoned/)
    await t.until(() => t.ssc.getState() === 'stopped')
    assert.deepEqual(t.out('first').times, [1000, 2000, 3000])
    assert.deepEqual(t.out('last').times, [1000, 2000], 'outputs after the one that failed do not run')
    assert.deepEqual(
      completed.map(({ batchTime }) => batchTime.milliseconds),
      [1000, 2000, 3000],
    )
    const infos = [...completed[2]!.outputOperationInfos.values()]
    assert.deepEqual(
      infos.map(({ startTime, failureReason }) => [startTime !== undefined, failureReason !== undefined]),
      [
        [true, false],
        [true, true],
        [false, false],
      ],
    )
    assert.equal(t.errors.length, 1)
  })

  it('is what a program does that says nothing (D115)', async () => {
    await using sc = new SparkContext({ master: 'local' })
    assert.equal(sc.conf.get(configEntries.failurePolicy), 'stop')
  })

  it('after a restart the batch runs again with the same data, and then those that were missed', async () => {
    const { t, poison } = program('stop', { checkpointDir: true })
    await using _ = t
    await t.run(5, { collectErrors: true })
    await t.until(() => t.ssc.getState() === 'stopped')
    poison.on = false
    await t.crashAndRestart()
    const runs = t
      .out<[string, number]>('counts')
      .runs.map(({ time, values }) => [time, Object.fromEntries(values)])
    assert.deepEqual(runs.slice(2), [
      [3000, { a: 3, b: 1, bad: 1 }],
      [4000, { a: 3, b: 1, bad: 1, c: 1 }],
      [5000, { a: 4, b: 1, bad: 1, c: 1 }],
    ])
  })

  it('a source that fails, and a function that makes no RDD, end it too', async () => {
    for (const where of ['plan', 'transform']) {
      await using t = new StreamTest({
        conf: { [key]: 'stop' },
        build: t => {
          const numbers = t.input('in', [[1], [2], [3]])
          t.collect(
            'out',
            numbers.transform((rdd, time) => {
              if (where === 'transform' && time.milliseconds === 2000) throw new Error('no RDD')
              return rdd
            }),
          )
        },
      })
      if (where === 'plan') t.failAt('plan', { nth: 2 })
      await t.run(3, { collectErrors: true })
      await t.until(() => t.ssc.getState() === 'stopped')
      assert.deepEqual(t.out('out').batches, [[1]])
      await assert.rejects(t.ssc.awaitTermination())
    }
  })

  it('tries of tasks come first: a task that succeeds in the end is no failure', async () => {
    await using t = new StreamTest({
      master: 'local[2,3]',
      conf: { [key]: 'stop' },
      build: t => void t.collect('out', t.input('in', [[1], [2]], { partitions: 1 })),
    })
    t.failAt('task', { attempt: 0 })
    t.failAt('task', { attempt: 1 })
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [[1], [2]])
  })

  it('a batch that a stop aborts is no failure', async () => {
    const { t } = program('stop')
    await using _ = t
    const held = t.holdTask({ partition: 0 })
    const running = t.run(1)
    await held.held
    const stopped = t.ssc.stop()
    held.release()
    await Promise.all([running, stopped])
    await t.ssc.awaitTermination()
  })

  it('with several jobs at once, what runs beside it is aborted', async () => {
    let rest: string | undefined
    await using t = new StreamTest({
      conf: { [key]: 'stop', 'spark.streaming.concurrentJobs': 2 },
      build: t => {
        t.input('in', [[1], [2], [3]]).foreachRDD(async (rdd, time) => {
          if (time.milliseconds === 2000) throw new Error(`fails at ${time}`)
          if (time.milliseconds === 1000) await t.clock.sleep(1500)
          rest = `${time} goes on`
          await rdd.count()
        })
      },
    })
    await t.run(3, { collectErrors: true })
    await t.until(() => t.ssc.getState() === 'stopped')
    assert.equal(t.errors.length, 1)
    assert.match(t.errors[0]!.message, /fails at 2000/)
    assert.equal(rest, '1000 ms goes on')
  })
})

describe('failurePolicy continue', () => {
  it("Spark's way: later outputs and batches run", async () => {
    const { t } = program('continue')
    await using _ = t
    await t.run(5, { collectErrors: true })
    assert.deepEqual(t.out('last').times, [1000, 2000, 3000, 4000, 5000])
    assert.equal(t.ssc.getState(), 'active')
    assert.ok(t.errors.length >= 1)
  })
})
