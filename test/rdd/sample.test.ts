import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Random } from '../../src/base/random.ts'
import { Draw, spread } from '../../src/rdd/exact-sample.ts'
import { onEveryBackend } from '../support/backends.ts'
import { rejected, thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const numRuns = Math.ceil(runs / 3)
const parts = fc.integer({ min: 1, max: 5 })
const seeds = fc.nat()

/** Whether a count is within six standard deviations of what is expected, and a few more where that is small. */
function near(count: number, expected: number, variance: number): void {
  assert.ok(Math.abs(count - expected) <= 6 * Math.sqrt(variance) + 4, `${count}, expected about ${expected}`)
}

onEveryBackend('samples', ({ sc }) => {
  it('sample: in order, repeatable by seed, about as large as asked, keeps the partitioner', async () => {
    await fc.assert(
      fc.asyncProperty(parts, seeds, fc.double({ min: 0, max: 1, noNaN: true }), async (p, seed, f) => {
        const rdd = sc.range(0, 400, 1, p)
        const some = await rdd.sample(false, f, seed).collect()
        assert.deepEqual(
          some,
          [...new Set(some)].sort((a, b) => a - b),
        )
        near(some.length, 400 * f, 400 * f * (1 - f))
        assert.deepEqual(await rdd.sample(false, f, seed).collect(), some)
        const many = await rdd.sample(true, 2 * f, seed).collect()
        near(many.length, 800 * f, 800 * f)
        assert.deepEqual(
          many,
          many.toSorted((a, b) => a - b),
        )
      }),
      { numRuns },
    )
    assert.equal(await sc.range(100).sample(false, 1).count(), 100)
    assert.equal(await sc.range(100).sample(false, 0).count(), 0)
    near(await sc.range(0, 20, 1, 2).sample(true, 1000, 1).count(), 20_000, 20_000)
    for (const f of [-0.1, 1.1, Number.NaN]) thrown('INVALID_ARGUMENT', () => sc.range(3).sample(false, f))
    thrown('INVALID_ARGUMENT', () => sc.range(3).sample(true, -1))
  })

  it('without a seed the same line draws anew each time, and one RDD always the same (D42)', async () => {
    const rdd = sc.range(0, 1000, 1, 2)
    const draws: string[] = []
    for (let i = 0; i < 3; i++) {
      const some = rdd.sample(false, 0.5)
      draws.push(String(await some.collect()))
      assert.equal(String(await some.collect()), draws[i])
    }
    assert.equal(new Set(draws).size, 3)
  })

  it('randomSplit is disjoint and complete, in proportion to the weights', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }),
        parts,
        seeds,
        async (weights, p, seed) => {
          const total = weights.reduce((a, b) => a + b, 0)
          const rdd = sc.range(0, 300, 1, p)
          if (total === 0) return void thrown('INVALID_ARGUMENT', () => rdd.randomSplit(weights, seed))
          const splits = rdd.randomSplit(weights, seed)
          const found = await Promise.all(splits.map(s => s.collect()))
          assert.deepEqual(
            found.flat().sort((a, b) => a - b),
            await rdd.collect(),
          )
          for (const [i, split] of found.entries()) {
            const share = weights[i]! / total
            near(split.length, 300 * share, 300 * share * (1 - share))
            if (share === 0) assert.equal(split.length, 0)
          }
        },
      ),
      { numRuns },
    )
    thrown('INVALID_ARGUMENT', () => sc.range(3).randomSplit([1, -1, 2]))
    thrown('INVALID_ARGUMENT', () => sc.range(3).randomSplit([]))
  })

  it('takeSample gives exactly as many as asked (D43)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(40), fc.nat(60), parts, seeds, async (size, n, p, seed) => {
        const rdd = sc.range(0, size, 1, p)
        const some = await rdd.takeSample(false, n, seed)
        assert.equal(some.length, Math.min(n, size))
        assert.equal(new Set(some).size, some.length)
        assert.deepEqual(await rdd.takeSample(false, n, seed), some)
        const repeated = await rdd.takeSample(true, n, seed)
        assert.equal(repeated.length, size === 0 ? 0 : n)
        assert.ok([...some, ...repeated].every(x => x >= 0 && x < size))
      }),
      { numRuns },
    )
    await rejected('INVALID_ARGUMENT', () => sc.range(3).takeSample(false, -1))
    assert.deepEqual(await sc.emptyRDD().takeSample(true, 5), [])
  })

  it('sampleByKey and sampleByKeyExact', async () => {
    const keyed = (p: number) =>
      sc.range(0, 600, 1, p).map(x => [x % 3 === 0 ? 'a' : 'b', x] as [string, number])
    await fc.assert(
      fc.asyncProperty(
        parts,
        seeds,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        async (p, seed, f, again) => {
          const rdd = keyed(p)
          const fractions = new Map([
            ['a', f],
            ['b', again ? 1 + f : 1 - f],
          ])
          const some = await rdd.sampleByKey(again, fractions, seed).countByKey()
          for (const [key, size] of [
            ['a', 200],
            ['b', 400],
          ] as const)
            near(some.get(key) ?? 0, size * fractions.get(key)!, size * (1 + f))
          const exact = rdd.sampleByKeyExact(again, fractions, seed)
          const found = await exact.collect()
          for (const [key, size] of [
            ['a', 200],
            ['b', 400],
          ] as const) {
            const of = found.filter(([k]) => k === key).map(([, v]) => v)
            assert.equal(of.length, Math.ceil(size * fractions.get(key)!))
            if (!again) assert.equal(new Set(of).size, of.length)
          }
          assert.deepEqual(await rdd.sampleByKeyExact(again, fractions, seed).collect(), found)
        },
      ),
      { numRuns: Math.ceil(numRuns / 2) },
    )
    const by = keyed(2).partitionBy(3)
    const all = new Map([
      ['a', 1],
      ['b', 1],
    ])
    assert.equal(by.sampleByKey(false, all).partitioner, by.partitioner)
    assert.equal(by.sampleByKeyExact(false, all).partitioner, by.partitioner)
    const missing = keyed(2).sampleByKey(false, new Map([['a', 1]]))
    assert.match((await rejected('INVALID_ARGUMENT', () => missing.count())).message, /key 'b'/)
    await rejected('INVALID_ARGUMENT', () => keyed(2).sampleByKeyExact(false, new Map()).count())
    thrown('INVALID_ARGUMENT', () => keyed(2).sampleByKey(false, new Map([['a', 2]])))
  })
})

describe('exact samples', () => {
  it('spread and draw are fair', () => {
    for (const again of [false, true]) {
      const counts = [5, 0, 20, 75]
      const totals = [0, 0, 0, 0]
      const positions = new Array<number>(75).fill(0)
      for (let i = 0; i < 400; i++) {
        const random = new Random(i)
        const shares = spread(counts, 40, again, random)
        assert.equal(
          shares.reduce((a, b) => a + b),
          40,
        )
        for (const [p, k] of shares.entries()) {
          totals[p]! += k
          if (!again) assert.ok(k <= counts[p]!)
        }
        const draw = new Draw(75, shares[3]!, again, random.fork('draw'))
        for (let at = 0; at < 75; at++) positions[at]! += draw.next()
        assert.equal(draw.over, true)
      }
      for (const [p, n] of counts.entries()) near(totals[p]!, 400 * 40 * (n / 100), 400 * 40 * (n / 100))
      for (const n of positions) near(n, 160, 160)
    }
    assert.deepEqual(spread([0, 0], 5, true, new Random(1)), [0, 0])
    assert.deepEqual(spread([2, 1], 5, false, new Random(1)), [2, 1])
  })
})
