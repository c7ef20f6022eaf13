import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { StatCounter } from '../../src/rdd/stat-counter.ts'
import { onEveryBackend } from '../support/backends.ts'
import { rejected } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const numRuns = Math.ceil(runs / 3)
const parts = fc.integer({ min: 1, max: 5 })
const reals = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 30 })

function close(actual: number, expected: number, scale = 1): void {
  if (Number.isNaN(expected)) assert.ok(Number.isNaN(actual), `${actual} instead of NaN`)
  else
    assert.ok(
      Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected), scale),
      `${actual} ≈ ${expected}`,
    )
}

/** Two passes: slow and sure. */
function oracle(data: readonly number[]): {
  sum: number
  mean: number
  variance: number
  sampleVariance: number
} {
  const sum = data.reduce((a, b) => a + b, 0)
  const mean = data.length === 0 ? 0 : sum / data.length
  const squares = data.reduce((a, x) => a + (x - mean) ** 2, 0)
  return {
    sum,
    mean,
    variance: squares / data.length,
    sampleVariance: data.length < 2 ? Number.NaN : squares / (data.length - 1),
  }
}

onEveryBackend(
  'numbers',
  ({ sc }) => {
    it('statistics agree with two passes, whatever the partitions', async () => {
      await fc.assert(
        fc.asyncProperty(reals, parts, async (data, p) => {
          const rdd = sc.parallelize(data, p)
          const expected = oracle(data)
          const scale = 1e12
          close(await rdd.sum(), expected.sum, 1e6)
          close(await rdd.mean(), expected.mean, 1e6)
          const stats = await rdd.stats()
          assert.equal(stats.count, data.length)
          assert.equal(stats.min, Math.min(...data))
          assert.equal(stats.max, Math.max(...data))
          close(stats.variance, expected.variance, scale)
          close(await rdd.variance(), expected.variance, scale)
          close(await rdd.popVariance(), expected.variance, scale)
          close(await rdd.sampleVariance(), expected.sampleVariance, scale)
          close(await rdd.stdev(), Math.sqrt(expected.variance), 1e6)
          close(await rdd.popStdev(), Math.sqrt(expected.variance), 1e6)
          close(await rdd.sampleStdev(), Math.sqrt(expected.sampleVariance), 1e6)
        }),
        { numRuns },
      )
    })

    it('empty RDDs: sum and mean 0, variances NaN', async () => {
      for (const rdd of [sc.emptyRDD<number>(), sc.parallelize([] as number[], 3)]) {
        assert.equal(await rdd.sum(), 0)
        assert.equal(await rdd.mean(), 0)
        assert.equal(await rdd.variance(), Number.NaN)
        assert.equal(await rdd.sampleStdev(), Number.NaN)
        assert.equal((await rdd.stats()).min, Number.POSITIVE_INFINITY)
      }
      assert.equal(await sc.parallelize([5]).sampleVariance(), Number.NaN)
      assert.equal(await sc.parallelize([5]).variance(), 0)
    })

    it('histograms with given edges', async () => {
      const table: [name: string, data: number[], edges: number[], counts: number[], even?: boolean][] = [
        ['closed-open buckets, the last one closed', [1, 2, 3, 4], [1, 2, 4], [1, 3]],
        ['outside and NaN are left out', [0, 1, 5, Number.NaN], [1, 2], [1]],
        [
          'an infinity in an infinite bucket',
          [-5, Number.POSITIVE_INFINITY],
          [Number.NEGATIVE_INFINITY, 0, Number.POSITIVE_INFINITY],
          [1, 1],
        ],
        ['a last edge of NaN takes NaN and all above', [1, 7, Number.NaN], [0, 5, Number.NaN], [1, 2]],
        ['nothing', [], [0, 1], [0]],
        ['equal edges', [1, 1, 2], [1, 1, 2], [0, 3]],
        ['uneven', [10.01, -0.01, 5, 1, 3, 9.99, 10], [0, 5, 10], [2, 3]],
        ['even edges by division', [0, 1, 2.5, 9.999, 10, 11, -1, Number.NaN], [0, 5, 10], [3, 2], true],
      ]
      for (const [name, data, edges, counts, even] of table)
        assert.deepEqual(await sc.parallelize(data, 2).histogram(edges, even), counts, name)
      await rejected('INVALID_ARGUMENT', () => sc.parallelize([1]).histogram([]))
      await rejected('INVALID_ARGUMENT', () => sc.parallelize([1]).histogram([1]))
      await rejected('INVALID_ARGUMENT', () => sc.parallelize([1]).histogram([2, 1]))
      await rejected('INVALID_ARGUMENT', () => sc.parallelize([1]).histogram([1, Number.NaN, 2]))
    })

    it('histograms with a number of buckets', async () => {
      assert.deepEqual(await sc.parallelize([1, 2, 3, 4], 2).histogram(2), {
        buckets: [1, 2.5, 4],
        counts: [2, 2],
      })
      assert.deepEqual(await sc.parallelize([1, 1, 1]).histogram(3), { buckets: [1, 1], counts: [3] })
      for (const data of [[], [1, Number.NaN], [1, Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY]])
        await rejected('UNSUPPORTED_OPERATION', () => sc.parallelize(data, 2).histogram(2))
      await rejected('INVALID_ARGUMENT', () => sc.parallelize([1]).histogram(0))
      await fc.assert(
        fc.asyncProperty(reals, parts, fc.integer({ min: 1, max: 9 }), async (data, p, n) => {
          if (data.length === 0) return
          const { buckets, counts } = await sc.parallelize(data, p).histogram(n)
          const [min, max] = [Math.min(...data), Math.max(...data)]
          assert.equal(buckets[0], min)
          assert.equal(buckets.at(-1), max)
          assert.equal(counts.length, min === max ? 1 : n)
          assert.equal(
            counts.reduce((a, b) => a + b),
            data.length,
          )
          const loose = counts.map(() => 0)
          for (const x of data)
            loose[Math.min(Math.floor(((x - min) / (max - min)) * n) || 0, counts.length - 1)]!++
          assert.deepEqual(counts, loose)
        }),
        { numRuns },
      )
    })
  },
  { shuffles: false },
)

describe('StatCounter', () => {
  it('stays exact where sums of squares would cancel', () => {
    const stats = new StatCounter().mergeAll([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])
    assert.equal(stats.sampleVariance, 30)
    assert.equal(stats.mean, 1e9 + 10)
  })

  it('merges in any grouping, itself too, and shows itself', () => {
    fc.assert(
      fc.property(reals, reals, (a, b) => {
        const merged = new StatCounter().mergeAll(a).mergeStats(new StatCounter().mergeAll(b))
        const all = new StatCounter().mergeAll([...a, ...b])
        assert.equal(merged.count, all.count)
        close(merged.mean, all.mean, 1e6)
        close(merged.variance, all.variance, 1e12)
      }),
      { numRuns: runs },
    )
    const twice = new StatCounter().mergeAll([1, 3])
    twice.mergeStats(twice)
    assert.equal(twice.count, 4)
    assert.equal(twice.variance, 1)
    assert.equal(String(twice), '(count: 4, mean: 2, stdev: 1, max: 3, min: 1)')
  })
})
