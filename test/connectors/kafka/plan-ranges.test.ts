import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { planRanges, type RateLimits } from '../../../src/connectors/kafka/plan-ranges.ts'
import { runs } from '../../support/runs.ts'

const partition = (n: number, from: number, end: number) => ({ topic: 't', partition: n, from, end })
const limits = (given: Partial<RateLimits>): RateLimits => ({
  batchSeconds: 1,
  rate: undefined,
  perPartition: {},
  ...given,
})

describe('the plan of a batch', () => {
  for (const [title, unread, given, expected] of [
    [
      'has all that there is without limits',
      [
        [0, 10],
        [5, 5],
      ],
      {},
      [10, 5],
    ],
    ['has nothing where there is nothing', [], { rate: 5 }, []],
    [
      'stops at the maximum of a partition',
      [
        [0, 1000],
        [0, 50],
      ],
      { perPartition: { maxRatePerPartition: () => 100 } },
      [100, 50],
    ],
    [
      'counts the maximum by the second',
      [[0, 1000]],
      { batchSeconds: 0.2, perPartition: { maxRatePerPartition: () => 100 } },
      [20],
    ],
    [
      'shares the rate by how far partitions are behind',
      [
        [0, 900],
        [0, 100],
        [0, 0],
      ],
      { rate: 100 },
      [90, 10, 0],
    ],
    [
      'keeps both limits',
      [
        [0, 900],
        [0, 100],
      ],
      { rate: 100, perPartition: { maxRatePerPartition: () => 50 } },
      [50, 10],
    ],
    [
      'gives each partition at least one',
      [
        [0, 100_000],
        [0, 1],
      ],
      { rate: 10 },
      [10, 1],
    ],
    [
      'gives at least the minimum, which comes last',
      [[0, 1000]],
      { rate: 1, perPartition: { maxRatePerPartition: () => 5, minRatePerPartition: () => 30 } },
      [30],
    ],
    ['never goes beyond the end', [[0, 7]], { rate: 1000 }, [7]],
    ['never goes back', [[9, 7]], { rate: 1000 }, [9]],
  ] as const)
    it(title, () => {
      const partitions = unread.map(([from, end], i) => partition(i, from, end))
      assert.deepEqual(planRanges(partitions, limits(given)), expected)
    })

  it('asks for the limits of each partition by its name', () => {
    const asked: string[] = []
    const maxRatePerPartition = (one: { topic: string; partition: number }) => {
      asked.push(`${one.topic}-${one.partition}`)
      return one.partition === 0 ? 1 : undefined
    }
    assert.deepEqual(
      planRanges([partition(0, 0, 9), partition(1, 0, 9)], limits({ perPartition: { maxRatePerPartition } })),
      [1, 9],
    )
    assert.deepEqual(asked, ['t-0', 't-1'])
  })

  it('moves on through any backlog, within the limits', () => {
    const lag = fc.nat({ max: 10_000 })
    const partitions = fc.array(fc.record({ from: lag, more: lag }), { minLength: 1, maxLength: 5 })
    const rates = fc.record({
      rate: fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined }),
      max: fc.option(fc.integer({ min: 1, max: 2000 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(partitions, rates, (given, { rate, max }) => {
        let unread = given.map(({ from, more }, i) => partition(i, from, from + more))
        const perPartition = { maxRatePerPartition: () => max }
        for (let batch = 0; batch < 50; batch++) {
          const until = planRanges(unread, limits({ rate, perPartition }))
          const counts = until.map((offset, i) => offset - unread[i]!.from)
          counts.forEach((count, i) => {
            const { from, end } = unread[i]!
            assert.ok(count >= Math.min(1, end - from) && count <= end - from)
            assert.ok(max === undefined || count <= max)
          })
          // Rounding and the least of one add up to one record a partition.
          const total = counts.reduce((sum, count) => sum + count, 0)
          assert.ok(rate === undefined || total <= rate + unread.length)
          unread = unread.map((one, i) => ({ ...one, from: until[i]! }))
        }
      }),
      { numRuns: runs },
    )
  })
})
