import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SystemClock } from '../../src/base/clock.ts'
import { ManualClock } from '../../src/base/manual-clock.ts'
import { Random } from '../../src/base/random.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import { estimateCount, estimateMean, estimateSum } from '../../src/rdd/approximate/estimates.ts'
import { normalQuantile, studentQuantile } from '../../src/rdd/approximate/quantiles.ts'
import { StatCounter } from '../../src/rdd/stat-counter.ts'
import { onEveryBackend } from '../support/backends.ts'
import { rejected } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const HOUR = 3_600_000

onEveryBackend(
  'approximate actions',
  ({ sc }) => {
    it('are exact when the job is quicker than the time limit', async () => {
      const data = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 20 })
      await fc.assert(
        fc.asyncProperty(data, fc.integer({ min: 1, max: 5 }), async (all, p) => {
          const rdd = sc.parallelize(all, p)
          const sum = all.reduce((a, b) => a + b)
          const exact = (x: number) => ({ mean: x, confidence: 1, low: x, high: x })
          const count = await rdd.countApprox(HOUR)
          assert.equal(count.isInitialValueFinal, true)
          assert.deepEqual(count.initialValue, exact(all.length))
          assert.deepEqual(await count.getFinalValue(), exact(all.length))
          assert.ok(Math.abs((await rdd.sumApprox(HOUR)).initialValue.mean - sum) < 1e-9)
          assert.ok(Math.abs((await rdd.meanApprox(HOUR)).initialValue.mean - sum / all.length) < 1e-9)
          const values = (await rdd.countByValueApprox(HOUR)).initialValue
          assert.deepEqual(values.get(all[0]!), exact(all.filter(x => x === all[0]).length))
          const keys = (await rdd.keyBy(x => Math.sign(x)).countByKeyApprox(HOUR)).map(
            m => [...m.keys()].length,
          )
          assert.equal(keys.initialValue, new Set(all.map(x => Math.sign(x))).size)
          assert.equal(await keys.getFinalValue(), keys.initialValue)
        }),
        { numRuns: Math.ceil(runs / 5) },
      )
      assert.deepEqual((await sc.emptyRDD().countApprox(HOUR)).initialValue.mean, 0)
      await rejected('INVALID_ARGUMENT', () => sc.range(3).countApprox(1, 2))
      await rejected('INVALID_ARGUMENT', () => sc.range(3).countApprox(-1))
      const failing = sc.range(3).map(() => {
        throw new Error('no')
      })
      await rejected('USER_CODE_FAILED', () => failing.countApprox(HOUR))
    })
  },
  { shuffles: false },
)

describe('when time is over', () => {
  it('gives an estimate from the partitions that are done; the job goes on', async () => {
    const gate = Promise.withResolvers<void>()
    const clock = new SystemClock()
    let timeOver: () => void = () => {}
    // Time is over when the test says so.
    clock.schedule = (_, run) => {
      timeOver = run
      return { cancel: () => {} }
    }
    await using sc = new SparkContext({
      master: 'local[2]',
      clock,
      taskHook: task => (task.partition === 3 ? gate.promise : undefined),
    })
    const three = Promise.withResolvers<void>()
    let ended = 0
    sc.addSparkListener({
      onTaskEnd: () => {
        if (++ended === 3) three.resolve()
      },
    })
    const waiting = sc.parallelize([1, 2, 3, 4, 5, 6, 7, 8], 4).countApprox(1000, 0.9)
    await three.promise
    timeOver()
    const result = await waiting
    assert.equal(result.isInitialValueFinal, false)
    const { mean, confidence, low, high } = result.initialValue
    assert.equal(mean, 8)
    assert.equal(confidence, 0.9)
    assert.ok(low >= 6 && low <= 8 && high >= 8, `${low} … ${high}`)
    gate.resolve()
    assert.deepEqual(await result.getFinalValue(), { mean: 8, confidence: 1, low: 8, high: 8 })
  })

  it('a job that fails afterwards rejects only getFinalValue', async () => {
    const clock = new ManualClock()
    await using sc = new SparkContext({ clock })
    const failing = sc.range(0, 2, 1, 2).map(x => {
      if (x === 1) throw new Error('late')
      return x
    })
    const result = await failing.countApprox(0).catch((error: unknown) => error)
    // With no time at all either may come first; both are right, and nothing is unhandled.
    if (!(result instanceof Error))
      await rejected('USER_CODE_FAILED', () => (result as { getFinalValue(): unknown }).getFinalValue())
  })
})

describe('estimates', () => {
  it('know nothing before the first partition, and everything after the last', () => {
    assert.deepEqual(estimateCount(0, { done: 0, total: 4 }, 0.9), {
      mean: 0,
      confidence: 0,
      low: 0,
      high: Number.POSITIVE_INFINITY,
    })
    assert.equal(estimateMean(new StatCounter(), { done: 1, total: 4 }, 0.9).high, Number.POSITIVE_INFINITY)
    assert.equal(estimateSum(new StatCounter().merge(3), { done: 1, total: 4 }, 0.9).mean, 12)
    assert.equal(
      estimateSum(new StatCounter().merge(3), { done: 1, total: 4 }, 0.9).low,
      Number.NEGATIVE_INFINITY,
    )
    assert.deepEqual(estimateSum(new StatCounter().mergeAll([1, 2]), { done: 4, total: 4 }, 0.9), {
      mean: 3,
      confidence: 1,
      low: 3,
      high: 3,
    })
  })

  it('hold the truth about as often as they say', () => {
    let [counts, means, sums] = [0, 0, 0]
    const trials = 400
    for (let t = 0; t < trials; t++) {
      const random = new Random(t)
      // Records fall into partitions at random; half the partitions are seen.
      const all = Array.from({ length: 2000 }, () => random.next() * 10)
      const seen = all.filter(() => random.next() < 0.5)
      const progress = { done: 5, total: 10 }
      const stats = new StatCounter().mergeAll(seen)
      const holds = (b: { low: number; high: number }, x: number): number => Number(b.low <= x && x <= b.high)
      counts += holds(estimateCount(seen.length, progress, 0.9), all.length)
      means += holds(estimateMean(stats, progress, 0.9), all.reduce((a, b) => a + b) / all.length)
      sums += holds(
        estimateSum(stats, progress, 0.9),
        all.reduce((a, b) => a + b),
      )
    }
    for (const n of [counts, means, sums]) assert.ok(n / trials > 0.84, `${n} of ${trials}`)
  })

  it('quantiles agree with the tables', () => {
    for (const [p, z] of [
      [0.5, 0],
      [0.975, 1.959964],
      [0.995, 2.575829],
      [0.0001, -3.719016],
    ] as const)
      assert.ok(Math.abs(normalQuantile(p) - z) < 1e-5, `${normalQuantile(p)} ${z}`)
    for (const [p, v, t] of [
      [0.975, 1, 12.7062],
      [0.975, 10, 2.228139],
      [0.95, 5, 2.015048],
      [0.025, 10, -2.228139],
      [0.975, 100, 1.983972],
    ] as const)
      assert.ok(Math.abs(studentQuantile(p, v) - t) < 1e-4, `${studentQuantile(p, v)} ${t}`)
  })
})
