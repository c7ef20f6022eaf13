import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ArenaIndex, LOOKUP_BLOCK } from '../../src/data/arena-index.ts'
import { keyEquals } from '../../src/data/key.ts'
import { runs } from '../support/runs.ts'
import { keys as anyKey } from '../support/values.ts'

/** The slots of all keys, looked up in blocks. */
function slotsOf(index: ArenaIndex, keys: readonly unknown[]): number[] {
  const slots: number[] = []
  const block = new Int32Array(LOOKUP_BLOCK)
  for (let from = 0; from < keys.length; from += LOOKUP_BLOCK) {
    const to = Math.min(from + LOOKUP_BLOCK, keys.length)
    index.slotsOf(keys, from, to, block)
    slots.push(...block.subarray(0, to - from))
  }
  return slots
}

describe('ArenaIndex', () => {
  it('gives slots in order of first appearance, also within one block', () => {
    const index = new ArenaIndex()
    assert.deepEqual(slotsOf(index, ['b', 'a', 'b', 'c', 'a']), [0, 1, 0, 2, 1])
    assert.equal(index.size, 3)
    assert.equal(index.find('c'), 2)
    assert.equal(index.find('d'), -1)
  })

  for (const { title, keys, equal } of [
    { title: 'zeros', keys: [0, -0], equal: true },
    { title: 'NaN of different bits', keys: [Number.NaN, 0 / 0, -Number.NaN], equal: true },
    { title: 'a number, its text and its bigint', keys: [1, '1', 1n], equal: false },
    { title: 'keys that all hash to 0', keys: [0, null, undefined, ''], equal: false },
    { title: 'nothing and its texts', keys: [null, undefined, 'null', 'undefined', ''], equal: false },
    { title: 'a tuple and its canonical text', keys: [[1, 'x'], '[2:n1;s1:x'], equal: false },
    {
      title: 'tuples by value',
      keys: [
        [1, 'x'],
        [1, 'x'],
      ],
      equal: true,
    },
    {
      title: 'records in any order',
      keys: [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      equal: true,
    },
    { title: 'dates by value', keys: [new Date(7), new Date(7)], equal: true },
    { title: 'a date and its ms', keys: [new Date(7), 7], equal: false },
    { title: 'Latin-1 and wider text', keys: ['é', 'e\u0301', '€'], equal: false },
    { title: 'texts of equal hash', keys: ['kaaaaaaa', 'kaafa3aH', 'kaahaGar', 'kaoc5QKy'], equal: false },
    {
      title: 'texts that differ in their last letters, or by zeros',
      keys: ['abcde', 'abcdf', 'abcde\0', 'abcd'],
      equal: false,
    },
  ])
    it(`tells keys apart: ${title}`, () => {
      const expected = keys.map((_, i) => (equal ? 0 : i))
      const index = new ArenaIndex()
      // Once as new keys, once as known ones, once one by one.
      assert.deepEqual(slotsOf(index, keys), expected)
      assert.deepEqual(slotsOf(index, keys), expected)
      assert.deepEqual(
        keys.map(key => index.slotOf(key)),
        expected,
      )
    })

  it('refuses what is no key, and is as before', () => {
    const index = new ArenaIndex()
    for (const key of [() => {}, Symbol('s'), new Map(), [new Set()]])
      assert.throws(() => slotsOf(index, ['a', key]), { code: 'KEY_NOT_SUPPORTED' })
    assert.deepEqual(slotsOf(index, ['a', 'b']), [0, 1])
  })

  it('a key changed by its owner is still the key that it was', () => {
    const index = new ArenaIndex()
    const key = [1, 2]
    index.slotOf(key)
    key[0] = 9
    assert.equal(index.find([1, 2]), 0)
    assert.equal(index.find([9, 2]), -1)
    assert.deepEqual(index.keyAt(0), [1, 2])
  })

  it('finds a hundred thousand keys again, whatever their kind', () => {
    const index = new ArenaIndex()
    const keys = Array.from({ length: 100_000 }, (_, i) =>
      i % 3 === 0 ? `key ${i}` : i % 3 === 1 ? i / 7 : `${'ключ'.repeat(1 + (i % 5))} ${i}`,
    )
    assert.deepEqual(
      slotsOf(index, keys),
      keys.map((_, i) => i),
    )
    for (const i of [0, 1, 2, 777, 99_998, 99_999]) assert.equal(index.keyAt(i), keys[i])
  })

  it('finds keys longer than what is kept of a block', () => {
    const index = new ArenaIndex()
    const keys = Array.from({ length: 600 }, (_, i) => `${'long '.repeat(i % 3 === 0 ? 9000 : 60)}${i}`)
    const expected = keys.map((_, i) => i)
    assert.deepEqual(slotsOf(index, keys), expected)
    assert.deepEqual(slotsOf(index, keys), expected)
    assert.deepEqual(
      keys.map(key => index.find(key)),
      expected,
    )
  })

  it('gives its own string for an equal one, where it has that', () => {
    const index = new ArenaIndex()
    const [latin, wide] = [index.slotOf('plain text of one byte'), index.slotOf('текст')]
    assert.equal(index.textOf(latin, 'plain text of one byte'), 'plain text of one byte')
    assert.equal(index.textOf(wide, 'текст'), 'текст')
  })

  it('is the same with room for its keys from the start, for too few of them, and for none', () => {
    const keys = Array.from({ length: 5000 }, (_, i) => (i % 3 === 0 ? i : `key ${i % 4000}`))
    const plain = new ArenaIndex()
    const expected = slotsOf(plain, keys)
    for (const room of [0, 1, 100, 5000, 20_000]) {
      const index = new ArenaIndex()
      index.expect(room)
      assert.deepEqual(slotsOf(index, keys), expected, `room for ${room}`)
      index.expect(100_000)
      assert.deepEqual(slotsOf(index, keys), expected)
      assert.equal(index.size, plain.size)
    }
  })

  it('gives one slot exactly to equal keys (property)', () => {
    fc.assert(
      fc.property(fc.array(anyKey, { maxLength: 60 }), keys => {
        const index = new ArenaIndex()
        const expected: number[] = []
        const distinct: unknown[] = []
        for (const key of keys) {
          let slot = distinct.findIndex(known => keyEquals(known, key))
          if (slot < 0) slot = distinct.push(key) - 1
          expected.push(slot)
        }
        assert.deepEqual(slotsOf(index, keys), expected)
        assert.deepEqual(slotsOf(index, keys), expected)
        assert.deepEqual(
          keys.map(key => index.find(key)),
          expected,
        )
        distinct.forEach((key, slot) => {
          assert.ok(keyEquals(index.keyAt(slot), key))
        })
      }),
      { numRuns: runs },
    )
  })
})
