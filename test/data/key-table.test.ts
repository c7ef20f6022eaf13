import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KeyTable } from '../../src/data/key-table.ts'
import { runs } from '../support/runs.ts'

const key = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(null, undefined, Number.NaN, true, 1n, 'a string long enough to be a slice'),
  fc.tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom('x', 'y')),
  fc.integer({ min: 0, max: 3 }).map(ms => new Date(ms)),
)

/** A Map by a text that tells values apart; dates and tuples by what they hold. */
const nameOf = (k: unknown): string =>
  k instanceof Date
    ? `date ${k.getTime()}`
    : Array.isArray(k)
      ? `tuple ${k.join()}`
      : `${typeof k} ${String(k)}`

describe('KeyTable', () => {
  it('counts as a Map does, keeps slots in order of first appearance, and comes back from its block', () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 60 }), keys => {
        const table = new KeyTable<number>()
        const expected = new Map<string, number>()
        for (const k of keys) {
          table.set(k, (table.get(k) ?? 0) + 1)
          expected.set(nameOf(k), (expected.get(nameOf(k)) ?? 0) + 1)
        }
        const found = (t: KeyTable<number>): [string, number][] =>
          t.keys.map((k, i) => [nameOf(k), t.values[i]!])
        assert.deepEqual(found(table), [...expected])
        if (table.size > 0) assert.deepEqual(found(KeyTable.decode<number>(table.encode())), [...expected])
      }),
      { numRuns: runs },
    )
  })

  it('merging agrees with adding one by one', () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 20 }), fc.array(key, { maxLength: 20 }), (a, b) => {
        const count = (keys: unknown[], table = new KeyTable<number>()): KeyTable<number> => {
          for (const k of keys) table.set(k, (table.get(k) ?? 0) + 1)
          return table
        }
        const merged = count(a)
        merged.mergeFrom(count(b), (x, y) => x + y)
        const all = count([...a, ...b])
        assert.deepEqual(merged.keys.map(nameOf), all.keys.map(nameOf))
        assert.deepEqual(merged.values, all.values)
      }),
      { numRuns: runs },
    )
  })

  it('-0 and 0 are one key; composite keys are copies that the program cannot change', () => {
    const table = new KeyTable<string>()
    table.set(-0, 'zero')
    assert.equal(table.get(0), 'zero')
    assert.ok(Object.is(table.keys[0], 0))
    const tuple = [1, 'a']
    table.set(tuple, 'tuple')
    tuple[0] = 2
    assert.equal(table.get([1, 'a']), 'tuple')
    assert.equal(table.get([2, 'a']), undefined)
  })

  it('refuses what is no key, and more keys than it may have', () => {
    const table = new KeyTable<number>(2)
    assert.throws(() => table.set(() => 1, 1), { code: 'KEY_NOT_SUPPORTED' })
    assert.throws(() => table.set(new (class Socket {})(), 1), { code: 'KEY_NOT_SUPPORTED' })
    assert.throws(() => table.set({ nested: () => 1 }, 1), { code: 'KEY_NOT_SUPPORTED' })
    assert.equal(table.size, 0, 'what was refused left nothing behind')
    table.set('a', 1)
    table.set('b', 2)
    table.set('a', 3)
    assert.throws(() => table.set('c', 1), { code: 'TABLE_FULL' })
    assert.deepEqual(
      [table.keys, table.values],
      [
        ['a', 'b'],
        [3, 2],
      ],
    )
  })
})
