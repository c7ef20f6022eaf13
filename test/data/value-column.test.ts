import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { copyValue } from '../../src/data/copy-value.ts'
import { ValueColumn } from '../../src/data/value-column.ts'
import { runs } from '../support/runs.ts'
import { assertSame, numbers, texts, values } from '../support/values.ts'

const flat = fc.oneof(numbers, texts, fc.boolean(), fc.constantFrom(null, undefined))
/** Values that mostly share a shape, so that columns stay flat for a while and then widen. */
const shaped = fc.oneof(
  { weight: 6, arbitrary: fc.record({ n: numbers, s: flat }) },
  { weight: 3, arbitrary: fc.tuple(numbers, numbers) },
  { weight: 3, arbitrary: flat },
  { weight: 1, arbitrary: values },
)

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

describe('ValueColumn', () => {
  for (const { title, given } of [
    { title: 'numbers', given: [1, -0, Number.NaN, 2 ** 53, 1e-300] },
    { title: 'texts', given: ['a', '', 'длинная строка из многих букв'] },
    { title: 'numbers, then a text', given: [1, 2, 'three'] },
    {
      title: 'tuples',
      given: [
        [1, 'a', null],
        [2, 'b', undefined],
      ],
    },
    {
      title: 'tuples, then one with a text for a number',
      given: [
        [1, 2],
        [1, 'x'],
        [3, 4],
      ],
    },
    { title: 'tuples of different lengths', given: [[1], [1, 2], []] },
    {
      title: 'records',
      given: [
        { n: 1, s: 'a' },
        { n: 2, s: 'b' },
      ],
    },
    {
      title: 'records in another order of fields',
      given: [
        { n: 1, s: 'a' },
        { s: 'b', n: 2 },
      ],
    },
    { title: 'records, then one with a further field', given: [{ n: 1 }, { n: 1, m: 2 }] },
    { title: 'nested values', given: [{ list: [1, 2] }, { list: [] }] },
    { title: 'maps, sets and dates', given: [new Map([[1, 'x']]), new Set([1]), new Date(5)] },
    { title: 'a field named __proto__', given: [JSON.parse('{"__proto__": 1, "a": 2}')] },
  ])
    it(`gives back what was put in: ${title}`, () => {
      const column = new ValueColumn()
      given.forEach((value, slot) => {
        column.set(slot, value)
      })
      given.forEach((value, slot) => {
        assertSame(column.get(slot), copyValue(value))
      })
    })

  it('neither the value put in nor the one taken out is shared', () => {
    for (const make of [() => [1, 'a'], () => ({ n: 1 }), () => ({ list: [1] })]) {
      const column = new ValueColumn()
      const given = make() as Record<string, unknown>
      column.set(0, given)
      for (const value of [given, column.get(0) as Record<string, unknown>])
        for (const name of Object.keys(value)) value[name] = 'changed'
      assert.deepEqual(column.get(0), make())
    }
  })

  it('refuses what is no data, and keeps what it had', () => {
    for (const before of [1, [1, 2], { n: 1 }, { list: [1] }]) {
      const column = new ValueColumn()
      column.set(0, before)
      for (const value of [() => {}, Symbol('s'), [1, () => {}], { n: () => {} }])
        assert.throws(() => column.set(0, value), { code: 'RECORD_NOT_ENCODABLE' })
      assert.deepEqual(column.get(0), before)
      column.set(1, before)
      assert.deepEqual(column.get(1), before)
    }
  })

  it('keeps no chunk of input alive through a text cut out of it', () => {
    const column = new ValueColumn()
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    for (let slot = 0; slot < 64; slot++) {
      const chunk = `${'x'.repeat(1 << 20)}${slot}`
      const cut = chunk.slice(5, 40)
      column.set(slot, slot % 2 === 0 ? cut : { last: [cut] })
    }
    // 64 chunks of 1 MiB would still be here.
    collectGarbage()
    assert.ok(process.memoryUsage().heapUsed - before < 16 << 20)
    assert.equal(column.get(0), 'x'.repeat(35))
  })

  it('is a plain array of copies, whatever is put where (property)', () => {
    const step = fc.tuple(fc.nat({ max: 12 }), shaped)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const column = new ValueColumn()
        const other = new ValueColumn()
        const oracle = new Map<number, unknown>()
        for (const [slot, value] of steps) {
          column.set(slot, value)
          oracle.set(slot, copyValue(value))
          if (column.isSame(slot, value)) assertSame(copyValue(value), oracle.get(slot))
          for (const [at, kept] of oracle) assertSame(column.get(at), kept)
          other.setFrom(12 - slot, column, slot)
          assertSame(other.get(12 - slot), oracle.get(slot))
        }
      }),
      { numRuns: runs },
    )
  })
})
