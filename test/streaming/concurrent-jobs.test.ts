import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '../../src/testing/index.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'

const conf = { 'spark.streaming.concurrentJobs': 2 }

/** Something an output waits for until the test lets it go. */
function gate(): { readonly open: Promise<void>; release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { open: promise, release: () => resolve() }
}

describe('two jobs at a time', () => {
  it('outputs of a batch overlap, and the second may end first', async () => {
    const first = gate()
    const log: string[] = []
    await using t = new StreamTest({
      conf,
      build: t => {
        const stream = t.input('in', [[1]])
        stream.foreachRDD(async () => {
          log.push('a begins')
          await first.open
          log.push('a ends')
        })
        stream.foreachRDD(async rdd => {
          log.push(`b has ${await rdd.count()}`)
        })
      },
    })
    const running = t.run(1)
    await until(() => log.includes('b has 1'))
    first.release()
    await running
    assert.deepEqual(log, ['a begins', 'b has 1', 'a ends'])
  })

  it('a batch may begin while the one before it runs, never more than two jobs at once', async () => {
    const log: string[] = []
    let running = 0
    let most = 0
    await using t = new StreamTest({
      conf,
      build: t => {
        t.input('in', [[1], [2], [3]]).foreachRDD(async (rdd, time) => {
          most = Math.max(most, ++running)
          if (time.milliseconds === 1000) await t.clock.sleep(2500)
          log.push(`${time.milliseconds}: ${await rdd.collect()}`)
          running--
        })
      },
    })
    await t.run(3)
    // While the first batch sleeps, time goes on, so further, empty batches follow.
    assert.deepEqual(log.slice(0, 3), ['2000: 2', '3000: 3', '1000: 1'])
    assert.equal(most, 2)
  })

  it('outputs of one stream keep the order of definition when they begin', async () => {
    const begun: string[] = []
    await using t = new StreamTest({
      conf,
      build: t => {
        const stream = t.input('in', [[1], [2]])
        for (const name of ['a', 'b', 'c'])
          stream.foreachRDD(async (rdd, time) => {
            begun.push(`${name}${time.milliseconds}`)
            await rdd.count()
          })
      },
    })
    await t.run(2)
    assert.deepEqual(begun, ['a1000', 'b1000', 'c1000', 'a2000', 'b2000', 'c2000'])
  })

  it('state is right when its batches run side by side, and out of order', async () => {
    const totals = new Map<number, unknown>()
    let applied = 0
    await using t = new StreamTest({
      conf,
      build: t => {
        const sums = t
          .input<[string, number]>('in', [[['a', 1]], [['a', 10]], [['a', 100]]])
          .updateStateByKey<number>((values, sum = 0) => {
            applied += values.length
            return values.reduce((a, b) => a + b, sum)
          })
        sums.foreachRDD(async (rdd, time) => {
          if (time.milliseconds === 1000) await t.clock.sleep(2500)
          totals.set(time.milliseconds, await rdd.collect())
        })
      },
    })
    await t.run(3)
    assert.deepEqual([...totals].slice(0, 3), [
      [2000, [['a', 11]]],
      [3000, [['a', 111]]],
      [1000, [['a', 1]]],
    ])
    assert.equal(applied, 3, 'each value is applied once')
  })

  it('two outputs over one state stream, at the same time, apply a batch once', async () => {
    let applied = 0
    await using t = new StreamTest({
      conf: { ...conf, ...INLINE },
      master: 'local[2]',
      build: t => {
        const counts = t.input<[string, number]>('in', [[['a', 1]], [['a', 2]]]).reduceByKeyAndWindow(
          (a, b) => {
            applied++
            return a + b
          },
          (a, b) => a - b,
          2000,
        )
        t.collect('one', counts)
        t.collect('two', counts)
      },
    })
    await t.run(2)
    const expected = [[['a', 1]], [['a', 3]]]
    assert.deepEqual(t.out('one').batches, expected)
    assert.deepEqual(t.out('two').batches, expected)
    assert.equal(applied, 1)
  })

  it('an output that fails does not take the one beside it along', async () => {
    await using t = new StreamTest({
      conf,
      build: t => {
        const stream = t.input('in', [[1], [2]])
        stream.foreachRDD(() => {
          throw new TypeError('sink is closed')
        })
        t.collect('out', stream)
      },
    })
    await t.run(2, { collectErrors: true })
    assert.deepEqual(t.out('out').batches, [[1], [2]])
    assert.equal(t.errors.length, 2)
  })
})
