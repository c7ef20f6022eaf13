import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { hash64 } from '../../src/data/hash64.ts'
import {
  addKey,
  emptySketch,
  estimateKeys,
  mergeSketches,
  type Precision,
  precisionFor,
  type Sketch,
} from '../../src/data/hyper-log-log.ts'
import { keyEquals } from '../../src/data/key.ts'
import { rejected } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'
import { keys as anyKeys } from '../support/values.ts'

const hashOf = (key: unknown): string => {
  const into = { high: 0, low: 0 }
  hash64(key, into)
  return `${into.high}:${into.low}`
}

const sketchOf = (keys: Iterable<unknown>, precision: Precision): Sketch => {
  let sketch = emptySketch(precision)
  for (const key of keys) sketch = addKey(sketch, key, precision)
  return sketch
}

describe('hash64', () => {
  it('is equal for equal keys, and different for others', () => {
    fc.assert(
      fc.property(anyKeys, anyKeys, (a, b) => {
        assert.equal(hashOf(a) === hashOf(b), keyEquals(a, b))
      }),
      { numRuns: runs * 10 },
    )
    assert.equal(hashOf(-0), hashOf(0))
    assert.equal(hashOf(Number.NaN), hashOf(-Number.NaN))
    const alike = [
      1,
      1n,
      '1',
      true,
      'true',
      null,
      'null',
      undefined,
      'undefined',
      [],
      '[0:',
      'Aa',
      'BB',
      [1],
      ['1'],
    ]
    assert.equal(new Set(alike.map(hashOf)).size, alike.length)
  })

  it('spreads every bit', () => {
    const ones = new Array<number>(64).fill(0)
    const n = 4000
    for (let i = 0; i < n; i++) {
      const into = { high: 0, low: 0 }
      hash64(i % 2 ? i : `key ${i}`, into)
      for (let bit = 0; bit < 32; bit++) {
        ones[bit]! += (into.low >>> bit) & 1
        ones[32 + bit]! += (into.high >>> bit) & 1
      }
    }
    for (const [bit, count] of ones.entries())
      assert.ok(Math.abs(count - n / 2) < 200, `bit ${bit}: ${count}`)
  })

  it('refuses what cannot be a key', async () => {
    for (const key of [() => 1, Symbol('s'), new Map(), [new Set()]])
      await rejected('KEY_NOT_SUPPORTED', () => hashOf(key))
  })
})

describe('sketches', () => {
  const precisions: readonly Precision[] = [
    { p: 4, sp: 0 },
    { p: 9, sp: 0 },
    { p: 9, sp: 16 },
    { p: 11, sp: 32 },
  ]

  it('repeated keys and the order do not matter, nor how sketches are merged', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(300), { maxLength: 200 }),
        fc.nat(200),
        fc.constantFrom(...precisions),
        (keys, cut, precision) => {
          const whole = estimateKeys(sketchOf(keys, precision), precision)
          assert.equal(estimateKeys(sketchOf([...keys, ...keys].reverse(), precision), precision), whole)
          const [a, b] = [keys.slice(0, cut), keys.slice(cut)].map(part => sketchOf(part, precision))
          assert.equal(estimateKeys(mergeSketches(a!, b!, precision), precision), whole)
        },
      ),
      { numRuns: runs },
    )
  })

  it('the error is what it says, at every size', () => {
    const precision = { p: 10, sp: 0 }
    const theory = 1.04 / Math.sqrt(2 ** precision.p)
    for (const n of [30, 300, 3000, 30_000]) {
      let [sum, squares] = [0, 0]
      const trials = 40
      for (let t = 0; t < trials; t++) {
        const keys = Array.from({ length: n }, (_, i) => (t % 2 ? `${t}/${i}` : t * 1_000_000 + i))
        const error = estimateKeys(sketchOf(keys, precision), precision) / n - 1
        sum += error
        squares += error * error
      }
      assert.ok(Math.abs(sum / trials) < theory, `bias ${sum / trials} at ${n}`)
      assert.ok(Math.sqrt(squares / trials) < 1.5 * theory, `error ${Math.sqrt(squares / trials)} at ${n}`)
    }
  })

  it('few keys are counted exactly in the sparse form, which becomes registers in time', () => {
    const precision = { p: 12, sp: 25 }
    const few = sketchOf(
      Array.from({ length: 200 }, (_, i) => i),
      precision,
    )
    assert.ok(few instanceof Map)
    assert.equal(estimateKeys(few, precision), 200)
    const many = sketchOf(
      Array.from({ length: 2000 }, (_, i) => i),
      precision,
    )
    assert.ok(many instanceof Uint8Array)
    assert.deepEqual(
      many,
      sketchOf(
        Array.from({ length: 2000 }, (_, i) => i),
        { p: 12, sp: 0 },
      ),
    )
    assert.equal(estimateKeys(emptySketch(precision), precision), 0)
    assert.equal(estimateKeys(emptySketch({ p: 4, sp: 0 }), { p: 4, sp: 0 }), 0)
  })

  it('precisionFor finds the registers for an error', () => {
    assert.deepEqual([0.05, 0.01, 0.9].map(precisionFor), [9, 14, 4])
  })
})
