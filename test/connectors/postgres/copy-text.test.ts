import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Column, copyLine } from '../../../src/connectors/postgres/copy-text.ts'
import { thrown } from '../../support/rejected.ts'
import { runs } from '../../support/runs.ts'

const column = (type: string, name = 'c'): Column => ({ name, type })

describe('copyLine', () => {
  const values: [unknown, string, string][] = [
    [null, 'text', '\\N'],
    [undefined, 'text', '\\N'],
    ['', 'text', ''],
    ['\\N', 'text', '\\\\N'],
    ['a\tb\nc\rd', 'text', 'a\\tb\\nc\\rd'],
    [-0.5, 'float8', '-0.5'],
    [2n ** 62n, 'int8', '4611686018427387904'],
    [true, 'bool', 'true'],
    [new Date(1234), 'timestamptz', '1970-01-01T00:00:01.234Z'],
    [new Uint8Array([0, 255]), 'bytea', '\\\\x00ff'],
    [['x', null, 'q"'], '_text', '{"x",NULL,"q\\\\""}'],
    [[[1, 2], []], '_int4', '{{"1","2"},{}}'],
    [[1, { k: '\\' }], 'jsonb', '[1,{"k":"\\\\\\\\"}]'],
    ['text', 'json', '"text"'],
  ]
  for (const [value, type, text] of values)
    it(`writes ${typeof value} ${String(value)} as ${type}`, () => {
      assert.equal(copyLine([value], [column(type)], true), `${text}\n`)
    })

  it('takes properties by the names of columns, and what is missing as NULL', () => {
    const columns = [column('int4', 'b'), column('int4', 'a'), column('int4', 'd')]
    assert.equal(copyLine({ a: 1, b: 2, c: 3 }, columns, false, '\t7'), '2\t1\t\\N\t7\n')
  })

  it('gives any text as one line with one value', () => {
    const unescaped = (text: string): string =>
      text.replace(/\\(.)/g, (_, c: string) => ({ t: '\t', n: '\n', r: '\r' })[c] ?? c)
    const text = fc.string({ unit: fc.constantFrom('a', '\t', '\n', '\r', '\\', 't', 'N', 'é') })
    fc.assert(
      fc.property(text, value => {
        const line = copyLine([value], [column('text')], true)
        assert.equal(line.search(/[\t\n\r]/), line.length - 1)
        assert.equal(unescaped(line.slice(0, -1)), value)
      }),
      { numRuns: runs },
    )
  })

  const mistakes: [unknown, RegExp][] = [
    [{ c: 1, d: 2 }, /no column d/],
    [[1, 2], /2 values, and there are 1 columns/],
    ['text', /no object and no array/],
    [{ c: 'a\0' }, /has a zero/],
    [{ c: { k: 1 } }, /value for c is no text/],
    [{ c: new Date(Number.NaN) }, /value for c is no text/],
    [{ c: Symbol('s') }, /value for c is no text/],
  ]
  for (const [record, message] of mistakes)
    it(`refuses what does not fit: ${message.source}`, () => {
      assert.match(
        thrown('RECORD_NOT_FITTING', () => copyLine(record, [column('text')], true)).message,
        message,
      )
    })
})
