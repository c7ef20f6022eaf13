import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { plainValue } from '../../../src/connectors/database/row-values.ts'
import { thrown } from '../../support/rejected.ts'

describe('plainValue', () => {
  const date = new Date(0)
  const bytes = new Uint8Array([1])
  const kept: unknown[] = ['', 'a', 0.5, -0, 2n ** 70n, true, date, bytes]
  for (const value of kept)
    it(`keeps ${String(value)}`, () => assert.equal(plainValue(value, { name: 'c', type: 'x' }, {}), value))

  const made: [unknown, string, unknown][] = [
    [null, 'json', null],
    [undefined, 'x', null],
    [['a', 1], 'text', '["a",1]'],
    [{ k: null }, '', '{"k":null}'],
    ['text', 'json', '"text"'],
    [1, 'JSONB', '1'],
  ]
  for (const [value, type, expected] of made)
    it(`makes ${JSON.stringify(expected)} of ${String(value)} for ${type}`, () =>
      assert.equal(plainValue(value, { name: 'c', type }, {}), expected))

  const refused: unknown[] = [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    new Date(Number.NaN),
    new Map(),
    Symbol('s'),
    [1n],
  ]
  for (const value of refused)
    it(`refuses ${String(value)}`, () => {
      const error = thrown('RECORD_NOT_FITTING', () =>
        plainValue(value, { name: 'c', type: 'text' }, { c: 1 }),
      )
      assert.match(error.message, / for c /)
    })
})
