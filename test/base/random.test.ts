import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Random } from '../../src/base/random.ts'
import { thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const draw = (random: Random, n: number): number[] => Array.from({ length: n }, () => random.next())

test('the numbers of a seed are fixed for ever', () => {
  // Recorded with version 0.1.0: samples and simulations of old seeds must stay reproducible.
  assert.deepEqual(
    Array.from({ length: 4 }, (_, i) => new Random(42).fork(i).int(1_000_000)),
    [259163, 370210, 185577, 382634],
  )
})

test('equal seeds give equal streams, and other seeds others', () => {
  assert.deepEqual(draw(new Random('a'), 10), draw(new Random('a'), 10))
  const firsts = new Set([0, 1, -1, 2 ** 40, '1', '', 'a', 'b', 'ab'].map(seed => new Random(seed).next()))
  assert.equal(firsts.size, 9)
})

test('a fork depends on seed and label, not on what was drawn', () => {
  const random = new Random(7)
  const before = draw(random.fork('x'), 5)
  random.next()
  assert.deepEqual(draw(random.fork('x'), 5), before)
  assert.notDeepEqual(draw(random.fork('y'), 5), before)
  assert.notDeepEqual(draw(new Random(8).fork('x'), 5), before)
  assert.notEqual(new Random(7).fork('a').fork('b').next(), new Random(7).fork('ab').next())
  assert.notEqual(new Random(7).fork(1).next(), new Random(7).fork('1').next())
})

test('numbers lie in their range', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 2 ** 50 }), (seed, n) => {
      const random = new Random(seed)
      const next = random.next()
      assert.ok(next >= 0 && next < 1)
      const int = random.int(n)
      assert.ok(Number.isInteger(int) && int >= 0 && int < n)
    }),
    { numRuns: runs },
  )
  for (const bad of [0, -1, 1.5, Number.NaN]) thrown('INVALID_ARGUMENT', () => new Random(1).int(bad))
})

test('numbers are evenly spread, also over the first numbers of consecutive forks', () => {
  const random = new Random('spread')
  const inOrder = new Array<number>(16).fill(0)
  const ofForks = new Array<number>(16).fill(0)
  for (let i = 0; i < 16_000; i++) {
    inOrder[random.int(16)]!++
    ofForks[random.fork(i).int(16)]!++
  }
  // 15 degrees of freedom: chi-squared is above 45 once in 10,000 seeds, and the seed is fixed.
  for (const counts of [inOrder, ofForks]) {
    const chiSquared = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    assert.ok(chiSquared < 45, `${chiSquared}: ${counts}`)
  }
})
