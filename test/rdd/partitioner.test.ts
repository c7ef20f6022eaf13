import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SparkContext } from '../../src/context/spark-context.ts'
import { naturalCompare } from '../../src/data/compare.ts'
import { hashKey } from '../../src/data/hash.ts'
import { keyEquals } from '../../src/data/key.ts'
import {
  defaultPartitioner,
  HashPartitioner,
  type Partitioner,
  RangePartitioner,
  samePartitioner,
} from '../../src/rdd/partitioner.ts'
import { thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'
import { keys as anyKeys } from '../support/values.ts'

describe('HashPartitioner', () => {
  it('non-negative modulo of the portable hash, null to 0', () => {
    const by = new HashPartitioner(4)
    assert.deepEqual(
      [6, -1, -4, null, undefined].map(k => by.partition(k)),
      [2, 3, 0, 0, 0],
    )
    fc.assert(
      fc.property(anyKeys, anyKeys, fc.integer({ min: 1, max: 9 }), (a, b, n) => {
        const p = new HashPartitioner(n)
        const at = p.partition(a)
        assert.ok(Number.isInteger(at) && at >= 0 && at < n && !Object.is(at, -0))
        assert.equal(at, ((hashKey(a) % n) + n) % n)
        if (keyEquals(a, b)) assert.equal(at, p.partition(b))
      }),
      { numRuns: runs * 5 },
    )
    for (const n of [0, -1, 1.5, Number.NaN]) thrown('INVALID_ARGUMENT', () => new HashPartitioner(n))
  })

  it('is equal to those of the same size only', () => {
    assert.equal(samePartitioner(new HashPartitioner(2), new HashPartitioner(2)), true)
    assert.equal(samePartitioner(new HashPartitioner(2), new HashPartitioner(3)), false)
    assert.equal(samePartitioner(undefined, undefined), false)
    const own: Partitioner = { numPartitions: 2, partition: () => 0 }
    assert.equal(samePartitioner(own, own), true)
    assert.equal(samePartitioner(own, { ...own }), false)
  })
})

describe('RangePartitioner', () => {
  it('keeps order over partitions, equal keys together, whatever was sampled', () => {
    const sample = fc.record({
      count: fc.integer({ min: 1, max: 100 }),
      keys: fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 10 }),
    })
    fc.assert(
      fc.property(
        fc.array(sample, { maxLength: 4 }),
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        (samples, n, up) => {
          const by = new RangePartitioner(n, up, naturalCompare)
          by.setBounds(samples)
          let last = up ? 0 : n
          for (let key = -25; key <= 25; key++) {
            const at = by.partition(key)
            assert.ok(at >= 0 && at < n)
            assert.ok(up ? at >= last : at <= last)
            last = at
          }
        },
      ),
      { numRuns: runs * 2 },
    )
  })

  it('weighs the keys of a large partition more', () => {
    const by = new RangePartitioner(2, true, naturalCompare)
    by.setBounds([
      { count: 1000, keys: [1, 2, 3, 4] },
      { count: 4, keys: [101, 102, 103, 104] },
    ])
    assert.deepEqual(
      [3, 4, 101].map(k => by.partition(k)),
      [0, 1, 1],
    )
  })

  it('is not usable before its bounds are known', () => {
    thrown('ILLEGAL_STATE', () => new RangePartitioner(2, true, naturalCompare).partition(1))
    assert.equal(new RangePartitioner(1, true, naturalCompare).partition(1), 0)
  })
})

describe('the default partitioner', () => {
  const up = (numPartitions: number, partitioner?: Partitioner) => ({ numPartitions, partitioner })
  const hash = (n: number) => new HashPartitioner(n)
  const known = hash(10)

  it('follows Spark’s rule', () => {
    const table: [
      name: string,
      upstreams: ReturnType<typeof up>[],
      configured: number | undefined,
      expected: number | Partitioner,
    ][] = [
      ['none known: as many as the largest', [up(3), up(7)], undefined, 7],
      ['none known, configured', [up(3), up(7)], 5, 5],
      ['known, within an order of magnitude', [up(10, known), up(99)], undefined, known],
      ['known, an order of magnitude away', [up(10, known), up(100)], undefined, 100],
      ['known, far away, but as many as configured', [up(10, known), up(1000)], 10, known],
      ['known, far away, fewer than configured', [up(10, known), up(1000)], 11, 11],
      ['the one with most partitions', [up(2, hash(2)), up(10, known), up(5)], undefined, known],
      ['no partitions at all', [up(0)], undefined, 1],
    ]
    for (const [name, upstreams, configured, expected] of table) {
      const chosen = defaultPartitioner(upstreams, configured)
      if (typeof expected === 'number') assert.deepEqual(chosen, new HashPartitioner(expected), name)
      else assert.equal(chosen, expected, name)
    }
  })

  it('decides for joins, groups and cogroups alike', async () => {
    const counts = async (conf: Record<string, number>): Promise<number[]> => {
      await using sc = new SparkContext({ conf })
      const rdd = (n: number) => sc.range(0, 5, 1, n).map(x => [x, x] as [number, number])
      const by = rdd(3).partitionBy(4)
      return [
        rdd(3).reduceByKey(a => a),
        rdd(3).join(rdd(6)),
        by.join(rdd(6)),
        rdd(6).cogroup(by),
        by.groupByKey(),
        by.mapValues(x => x).join(by),
        rdd(2).intersection(rdd(3)),
        rdd(7).subtractByKey(by),
        rdd(7).distinct(),
        rdd(7).sortByKey(),
      ].map(r => r.getNumPartitions())
    }
    assert.deepEqual(await counts({}), [3, 6, 4, 4, 4, 4, 3, 7, 7, 7])
    assert.deepEqual(await counts({ 'spark.default.parallelism': 2 }), [2, 2, 4, 4, 4, 4, 2, 7, 7, 7])
  })

  it('nothing crosses between RDDs that are partitioned alike', async () => {
    await using sc = new SparkContext()
    const by = sc
      .range(0, 20, 1, 3)
      .map(x => [x % 5, x] as [number, number])
      .partitionBy(4)
    const kinds = (rdd: { dependencies: readonly { kind: string }[] }) => rdd.dependencies.map(d => d.kind)
    assert.deepEqual(kinds(by), ['shuffle'])
    assert.deepEqual(kinds(by.reduceByKey(a => a)), ['narrow'])
    assert.deepEqual(kinds(by.cogroup(by.mapValues(x => x))), ['narrow', 'narrow'])
    assert.deepEqual(kinds(by.cogroup(by.map(r => r))), ['narrow', 'shuffle'])
    assert.deepEqual(kinds(by.cogroup(by.partitionBy(3))), ['narrow', 'shuffle'])
    assert.deepEqual((await by.reduceByKey((a, b) => a + b).collect()).sort(), [
      [0, 30],
      [1, 34],
      [2, 38],
      [3, 42],
      [4, 46],
    ])
  })
})
