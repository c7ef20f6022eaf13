import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type KinesisPosition,
  known,
  readable,
  type Shard,
  shares,
} from '../../../src/connectors/kinesis/shards.ts'
import { runs } from '../../support/runs.ts'

const shard = (id: string, ...parents: string[]): Shard => ({ id, parents })

describe('shards of Kinesis', () => {
  for (const [title, position, there, begin, expected] of [
    ['begin where a first start says', undefined, [shard('a')], 5, [{ id: 'a', timestampMs: 5 }]],
    ['begin with the oldest record', undefined, [shard('a')], undefined, [{ id: 'a' }]],
    [
      'that appear later begin with their first record',
      { shards: [{ id: 'a', at: '7' }] },
      [shard('a'), shard('b', 'a')],
      5,
      [{ id: 'a', at: '7' }, { id: 'b' }],
    ],
    [
      'that are gone are forgotten',
      { shards: [{ id: 'a', hasEnded: true }] },
      [shard('b', 'a')],
      5,
      [{ id: 'b' }],
    ],
  ] as const)
    it(title, () => {
      assert.deepEqual(known(position as KinesisPosition | undefined, there, begin), expected)
    })

  it('are read after their parents, and not once they have ended', () => {
    const there = [shard('a'), shard('b'), shard('c', 'a'), shard('d', 'b', 'c')]
    const read = (...ended: string[]): string[] =>
      readable(
        there.map(({ id }) => (ended.includes(id) ? { id, hasEnded: true as const } : { id })),
        there,
      ).map(({ id }) => id)
    assert.deepEqual(read(), ['a', 'b'])
    assert.deepEqual(read('a'), ['b', 'c'])
    assert.deepEqual(read('a', 'c'), ['b'])
    assert.deepEqual(read('a', 'b', 'c'), ['d'])
  })

  it('share a limit: all of it, evenly, each in turn', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 1, max: 20 }), fc.nat(100), (limit, n, turn) => {
        const given = shares(limit, n, turn)
        assert.equal(
          given.reduce((a, b) => a + b, 0),
          limit,
        )
        assert.ok(Math.max(...given) - Math.min(...given) <= 1)
      }),
      { numRuns: runs },
    )
    assert.deepEqual(
      [0, 1, 2].map(turn => shares(1, 3, turn)),
      [
        [1, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
      ],
    )
  })
})
