import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { closedRange, type RangeBounds, rangesOf } from '../../../src/connectors/database/ranges.ts'
import { thrown } from '../../support/rejected.ts'
import { runs } from '../../support/runs.ts'

/** Spark's JdbcRDD.getPartitions. */
function spark(lower: bigint, upper: bigint, count: number): [bigint, bigint][] {
  const length = 1n + upper - lower
  return Array.from({ length: count }, (_, i) => {
    const start = lower + (BigInt(i) * length) / BigInt(count)
    return [start, lower + ((BigInt(i) + 1n) * length) / BigInt(count) - 1n]
  })
}

describe('rangesOf', () => {
  it('are those of Spark, for whole numbers of any size', () => {
    const bounds = fc.tuple(
      fc.bigInt(-(2n ** 63n), 2n ** 63n),
      fc.bigInt(0n, 10_000n),
      fc.integer({ min: 1, max: 40 }),
    )
    fc.assert(
      fc.property(bounds, ([lower, more, count]) => {
        const ranges = rangesOf({ lowerBound: lower, upperBound: lower + more, numPartitions: count })
        const found = ranges.map(range => closedRange(range))
        const expected = spark(lower, lower + more, count).map(([from, to]) =>
          to < from ? undefined : [from, to],
        )
        assert.deepEqual(
          found.map(range => range && [BigInt(range.from), BigInt(range.to)]),
          expected,
        )
      }),
      { numRuns: runs },
    )
  })

  it('have every moment in one of them', () => {
    const [first, second] = rangesOf({ lowerBound: new Date(0), upperBound: new Date(9), numPartitions: 2 })
    assert.deepEqual(first, { from: new Date(0), to: new Date(5), isClosed: false })
    assert.deepEqual(second, { from: new Date(5), to: new Date(9), isClosed: true })
  })

  const wrong: RangeBounds[] = [
    { lowerBound: 2, upperBound: 1, numPartitions: 1 },
    { lowerBound: 0.5, upperBound: 1, numPartitions: 1 },
    { lowerBound: 0, upperBound: new Date(1), numPartitions: 1 },
    { lowerBound: new Date(Number.NaN), upperBound: new Date(1), numPartitions: 1 },
    { lowerBound: 0, upperBound: 1, numPartitions: 0 },
  ]
  for (const bounds of wrong)
    it(`refuse ${bounds.lowerBound} to ${bounds.upperBound} in ${bounds.numPartitions}`, () => {
      thrown('INVALID_ARGUMENT', () => rangesOf(bounds))
    })
})
