import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Chunk, chunkLength, chunkRows } from '../../src/data/chunk.ts'

describe('chunks', () => {
  const table: [string, Chunk, unknown[]][] = [
    ['rows', { kind: 'rows', rows: [1, 'a', undefined] }, [1, 'a', undefined]],
    ['no rows', { kind: 'rows', rows: [] }, []],
    ['text', { kind: 'text', text: 'a\n\nb c\n' }, ['a', '', 'b c']],
    ['no text', { kind: 'text', text: '' }, []],
    [
      'pairs',
      { kind: 'pairs', keys: ['a', 'b'], values: [1, 2] },
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
    ['no pairs', { kind: 'pairs', keys: [], values: [] }, []],
  ]
  for (const [name, chunk, rows] of table) {
    it(`${name}: their records and their number`, () => {
      assert.deepEqual(chunkRows(chunk), rows)
      assert.equal(chunkLength(chunk), rows.length)
    })
  }
})
