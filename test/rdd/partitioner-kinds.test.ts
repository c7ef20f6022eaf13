import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Random } from '../../src/base/random.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import { naturalCompare } from '../../src/data/compare.ts'
import {
  checkPartitions,
  defaultPartitioner,
  HashPartitioner,
  keyOrder,
  type Partitioner,
  partitionOf,
  RangePartitioner,
  Reservoir,
  samePartitioner,
  toPartitioner,
} from '../../src/rdd/partitioner.ts'
import { runs } from '../support/runs.ts'
import { keys, sameKey } from '../support/values.ts'

describe('HashPartitioner', () => {
  it('puts whole numbers by their remainder, negative ones too; null and undefined go to the first partition', () => {
    const by4 = new HashPartitioner(4)
    const cases: [unknown, number][] = [
      [0, 0],
      [6, 2],
      [-1, 3],
      [-6, 2],
      [null, 0],
      [undefined, 0],
    ]
    for (const [key, partition] of cases) assert.equal(by4.partition(key), partition, String(key))
  })

  it("puts strings where Java's hash does", () => {
    // "kindling".hashCode() and so on, by the rule h = 31·h + c over UTF-16 units.
    const javaHash = (text: string): number => {
      let h = 0
      for (let i = 0; i < text.length; i++) h = (Math.imul(31, h) + text.charCodeAt(i)) | 0
      return h
    }
    const by7 = new HashPartitioner(7)
    for (const text of ['', 'a', 'kindling', 'Überraschung', '💥'])
      assert.equal(by7.partition(text), ((javaHash(text) % 7) + 7) % 7, text)
  })

  it('gives equal keys the same partition, always inside the range', () => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 50 }), (key, n) => {
        const partitioner = new HashPartitioner(n)
        const at = partitioner.partition(key)
        assert.ok(Number.isInteger(at) && at >= 0 && at < n)
        assert.equal(partitioner.partition(sameKey(key)), at)
      }),
      { numRuns: runs },
    )
  })

  it('equals any with as many partitions', () => {
    assert.equal(samePartitioner(new HashPartitioner(3), new HashPartitioner(3)), true)
    assert.equal(samePartitioner(new HashPartitioner(3), new HashPartitioner(4)), false)
    assert.equal(samePartitioner(undefined, undefined), false)
    assert.equal(samePartitioner(new HashPartitioner(3), undefined), false)
  })

  it('refuses numbers of partitions that are none', () => {
    for (const n of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => new HashPartitioner(n), { code: 'INVALID_ARGUMENT' })
      assert.throws(() => checkPartitions(n), { code: 'INVALID_ARGUMENT' })
    }
  })
})

describe('RangePartitioner', () => {
  const sampled = (n: number, ascending: boolean, sample: unknown[]): RangePartitioner => {
    const partitioner = new RangePartitioner(n, ascending, keyOrder)
    partitioner.setBounds(sample.length === 0 ? [] : [{ count: sample.length, keys: sample }])
    return partitioner
  }

  it('cuts the sample into parts of about equal weight', () => {
    const partitioner = sampled(4, true, [1, 2, 3, 4, 5, 6, 7, 8])
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map(key => partitioner.partition(key)),
      [0, 0, 1, 1, 2, 2, 3, 3],
    )
    assert.equal(partitioner.partition(-100), 0)
    assert.equal(partitioner.partition(100), 3)
    assert.equal(partitioner.partition(4.5), 2)
  })

  it('turns round for a descending order', () => {
    const partitioner = sampled(4, false, [1, 2, 3, 4, 5, 6, 7, 8])
    assert.deepEqual(
      [1, 3, 5, 7].map(key => partitioner.partition(key)),
      [3, 2, 1, 0],
    )
  })

  it('weighs each sampled key by how many it stands for', () => {
    const partitioner = new RangePartitioner(2, true, keyOrder)
    partitioner.setBounds([
      { count: 900, keys: [1, 2, 3] },
      { count: 100, keys: [10, 20, 30] },
    ])
    assert.deepEqual(
      [1, 2, 3, 10].map(key => partitioner.partition(key)),
      [0, 0, 1, 1],
    )
  })

  it('D7: with fewer different keys than partitions the last ones stay empty', () => {
    const partitioner = sampled(5, true, ['a', 'a', 'b', 'b'])
    assert.equal(partitioner.numPartitions, 5)
    assert.deepEqual(
      ['a', 'b', 'c'].map(key => partitioner.partition(key)),
      [0, 1, 2],
    )
    assert.equal(sampled(3, true, []).partition('anything'), 0)
  })

  it('keeps the order of keys over partitions, whatever the sample', () => {
    const options = fc.record({
      sample: fc.array(keys, { maxLength: 40 }),
      asked: fc.array(keys, { minLength: 2, maxLength: 20 }),
      n: fc.integer({ min: 1, max: 9 }),
      ascending: fc.boolean(),
    })
    fc.assert(
      fc.property(options, ({ sample, asked, n, ascending }) => {
        const partitioner = sampled(n, ascending, sample)
        // Within objects, since sort itself puts undefined last.
        const sorted = asked.map(key => ({ key })).sort((a, b) => naturalCompare(a.key, b.key))
        const places = sorted.map(({ key }) => partitionOf(partitioner, key))
        const expected = places.toSorted((a, b) => (ascending ? a - b : b - a))
        assert.deepEqual(places, expected)
      }),
      { numRuns: runs },
    )
  })

  it('needs its bounds, keeps the first it is given, and needs none for one partition', () => {
    const partitioner = new RangePartitioner(2, true, keyOrder)
    assert.equal(partitioner.ready, false)
    assert.throws(() => partitioner.partition(1), { code: 'ILLEGAL_STATE' })
    partitioner.setBounds([{ count: 2, keys: [1, 2] }])
    partitioner.setBounds([{ count: 2, keys: [50, 60] }])
    assert.equal(partitioner.partition(2), 1)
    assert.equal(new RangePartitioner(1, true, keyOrder).ready, true)
  })

  it('takes about 60 samples a partition, spread over the inputs, at most three million', () => {
    const partitioner = new RangePartitioner(10, true, keyOrder)
    assert.equal(partitioner.samplesPerInput(6), 100)
    assert.equal(partitioner.samplesPerInput(0), 600)
    assert.equal(new RangePartitioner(100_000, true, keyOrder).samplesPerInput(1), 3_000_000)
  })
})

describe('Reservoir', () => {
  it('keeps all while there are few, then a fair sample of fixed size', () => {
    const few = new Reservoir(5, new Random(1))
    for (const key of [1, 2, 3]) few.offer(key)
    assert.deepEqual([few.keys, few.count], [[1, 2, 3], 3])
    const seen = new Array<number>(20).fill(0)
    for (let seed = 0; seed < 2000; seed++) {
      const reservoir = new Reservoir(5, new Random(seed))
      for (let key = 0; key < 20; key++) reservoir.offer(key)
      assert.equal(reservoir.keys.length, 5)
      for (const key of reservoir.keys) seen[key as number]!++
    }
    // Each is kept in a quarter of the 2000 draws; 80 are four standard deviations. The seeds are fixed.
    for (const n of seen) assert.ok(Math.abs(n - 500) < 80, String(seen))
  })
})

describe('the default partitioner', () => {
  const hash = (n: number) => ({ numPartitions: n, partitioner: new HashPartitioner(n) })
  const range = { numPartitions: 4, partitioner: new RangePartitioner(4, true, keyOrder) }
  const plain = (n: number) => ({ numPartitions: n, partitioner: undefined })

  it('follows the rule of Spark', () => {
    const table: [string, Parameters<typeof defaultPartitioner>, number][] = [
      ['none known: as many as the largest upstream', [[plain(3), plain(7)], undefined], 7],
      ['none known, parallelism set', [[plain(3), plain(7)], 5], 5],
      ['no upstream at all', [[], undefined], 1],
      ['only empty ones', [[plain(0)], undefined], 1],
      ['a known one that is the largest', [[hash(7), plain(3)], undefined], 7],
      ['the known one with most partitions', [[hash(3), hash(5), plain(6)], undefined], 5],
      ['within one order of magnitude', [[hash(10), plain(99)], undefined], 10],
      ['ten times smaller is not within it', [[hash(10), plain(100)], undefined], 100],
      ['ten times smaller, but the default is smaller still', [[hash(10), plain(100)], 8], 10],
      ['as many as the default', [[hash(10), plain(1000)], 10], 10],
      ['fewer than the default, and far from the largest', [[hash(10), plain(1000)], 50], 50],
    ]
    for (const [name, args, numPartitions] of table)
      assert.equal(defaultPartitioner(...args).numPartitions, numPartitions, name)
  })

  it('takes over a partitioner of any kind, the first of those with most partitions', () => {
    assert.equal(defaultPartitioner([range, plain(2)], undefined), range.partitioner)
    const own: Partitioner = { numPartitions: 4, partition: () => 0 }
    const mine = { numPartitions: 4, partitioner: own }
    assert.equal(defaultPartitioner([mine, range], undefined), own)
  })

  it('is what operators use: an RDD partitioned already is not shuffled again', () => {
    const sc = new SparkContext()
    const left = sc
      .parallelize([1, 2, 3], 3)
      .map(n => [n, n])
      .reduceByKey((a, b) => a + b)
    const joined = left.join(sc.parallelize([1, 2], 2).map(n => [n, 'x']))
    assert.equal(joined.partitioner, left.partitioner)
    assert.equal(left.reduceByKey((a, b) => a + b).node.kind === 'shuffle', true)
    assert.equal(left.partitionBy(3).node, left.node)
  })
})

describe('a partitioner of the user', () => {
  const sc = new SparkContext()
  const pairs = sc.parallelize([1, 2, 3, 4], 2).map(n => [n, n])

  it('says where keys go', async () => {
    const byParity: Partitioner = { numPartitions: 2, partition: key => (key as number) % 2 }
    assert.deepEqual(await pairs.partitionBy(byParity).keys().glom().collect(), [
      [2, 4],
      [1, 3],
    ])
  })

  it('is the same only as itself, unless it says otherwise', () => {
    const make = (): Partitioner => ({ numPartitions: 2, partition: () => 0 })
    const one = make()
    assert.equal(samePartitioner(one, one), true)
    assert.equal(samePartitioner(one, make()), false)
    const equal: Partitioner = { ...make(), equals: other => other.numPartitions === 2 }
    assert.equal(samePartitioner(equal, make()), true)
  })

  it('that gives a partition outside its range is refused', async () => {
    for (const bad of [-1, 2, 0.5, Number.NaN]) {
      const partitioner: Partitioner = { numPartitions: 2, partition: () => bad }
      assert.throws(() => partitionOf(partitioner, 'k'), { code: 'INVALID_ARGUMENT' })
      await assert.rejects(pairs.partitionBy(partitioner).collect(), { code: 'INVALID_ARGUMENT' })
    }
  })

  it('or just a number, which means hash', () => {
    assert.ok(toPartitioner(3) instanceof HashPartitioner)
    assert.throws(() => toPartitioner(0), { code: 'INVALID_ARGUMENT' })
  })
})
