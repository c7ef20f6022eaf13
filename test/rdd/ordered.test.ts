import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { naturalCompare } from '../../src/data/compare.ts'
import { HashPartitioner, RangePartitioner } from '../../src/rdd/partitioner.ts'
import { onEveryBackend } from '../support/backends.ts'
import { rejected } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'
import { keys as anyKeys, numbers } from '../support/values.ts'

const numRuns = Math.ceil(runs / 3)
const parts = fc.integer({ min: 1, max: 5 })
const small = fc.integer({ min: -5, max: 5 })
const pairs = fc.array(fc.tuple(small, fc.nat(99)), { maxLength: 20 })
const byFirst = (a: readonly [number, unknown], b: readonly [number, unknown]): number => a[0] - b[0]

onEveryBackend('order', ({ sc }) => {
  it('takeOrdered, top, min and max agree with sorting, equal records in order (D53)', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, parts, fc.nat(25), async (data, p, n) => {
        const rdd = sc.parallelize(data, p)
        assert.deepEqual(await rdd.takeOrdered(n, byFirst), data.toSorted(byFirst).slice(0, n))
        assert.deepEqual(await rdd.top(n, byFirst), data.toSorted((a, b) => byFirst(b, a)).slice(0, n))
        if (data.length === 0) return
        assert.deepEqual(await rdd.min(byFirst), data.toSorted(byFirst)[0])
        assert.deepEqual(await rdd.max(byFirst), data.toSorted((a, b) => byFirst(b, a))[0])
      }),
      { numRuns },
    )
    const many = Array.from({ length: 5000 }, (_, i) => (i * 7919) % 5003)
    assert.deepEqual(await sc.parallelize(many, 3).takeOrdered(4), many.toSorted((a, b) => a - b).slice(0, 4))
  })

  it('natural order: any keys, NaN above all numbers; empty RDDs; bad counts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(numbers, anyKeys), { minLength: 1, maxLength: 8 }),
        parts,
        async (data, p) => {
          const rdd = sc.parallelize(data, p)
          // In boxes: `sort` puts undefined last, whatever the comparison says.
          const expected = data
            .map(key => ({ key }))
            .sort((a, b) => naturalCompare(a.key, b.key))
            .map(({ key }) => key)
          const taken = await rdd.takeOrdered(data.length)
          assert.ok(taken.every((key, i) => naturalCompare(key, expected[i]) === 0))
          assert.equal(naturalCompare(await rdd.min(), expected[0]), 0)
          assert.equal(naturalCompare(await rdd.max(), expected.at(-1)), 0)
        },
      ),
      { numRuns },
    )
    assert.equal(await sc.parallelize([1, Number.NaN, 2]).max(), Number.NaN)
    const empty = sc.parallelize([] as number[], 2)
    assert.deepEqual(await empty.takeOrdered(3), [])
    assert.deepEqual(await sc.emptyRDD<number>().top(3), [])
    assert.match((await rejected('EMPTY_COLLECTION', () => empty.max())).message, /^max /)
    await rejected('EMPTY_COLLECTION', () => sc.emptyRDD<number>().min())
    await rejected('INVALID_ARGUMENT', () => sc.parallelize([1]).takeOrdered(-1))
    await rejected('INVALID_ARGUMENT', () => sc.parallelize([1]).top(1.5))
    const failing = sc.parallelize([3, 1, 2], 1).takeOrdered(1, () => {
      throw new Error('no order')
    })
    assert.match(
      (await rejected('USER_CODE_FAILED', () => failing)).message,
      /takeOrdered.*ordered\.test\.ts/,
    )
  })

  it('sortByKey: partitions in order, each sorted and stable, both ways and by a comparison', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, parts, parts, fc.boolean(), fc.boolean(), async (data, from, to, up, odd) => {
        // The odd order: by the last digit.
        const compare = odd ? (a: number, b: number) => (a % 3) - (b % 3) : (a: number, b: number) => a - b
        const sorted = sc.parallelize(data, from).sortByKey(up, to, odd ? { compare } : {})
        const expected = data.toSorted((a, b) => (up ? compare(a[0], b[0]) : compare(b[0], a[0])))
        assert.deepEqual(await sorted.collect(), expected)
        assert.equal(sorted.getNumPartitions(), to)
        assert.ok(sorted.partitioner instanceof RangePartitioner)
      }),
      { numRuns },
    )
  })

  it('range bounds: partitions are balanced, also where one input partition holds nearly all', async () => {
    const n = 40_000
    // Two inputs: one tiny, one with nearly everything, so that its reservoir alone would be too small.
    const heavy = sc
      .range(0, n, 1, 1)
      .union(sc.parallelize([-1, -2], 20))
      .map(x => [(x * 7919) % 40_009, x] as const)
    const sorted = heavy.sortByKey(true, 8)
    const sizes = (await sorted.glom().collect()).map(part => part.length)
    assert.equal(
      sizes.reduce((a, b) => a + b),
      n + 2,
    )
    for (const size of sizes) assert.ok(Math.abs(size - n / 8) < n / 16, `sizes ${sizes}`)
    const again = await heavy.sortByKey(true, 8).glom().collect()
    assert.deepEqual(
      again.map(part => part.length),
      sizes,
      'the same data, the same bounds',
    )
  })

  it('range partitioners are sampled where they are used first, and are equal by their bounds (D54)', async () => {
    const a = sc.parallelize(
      Array.from({ length: 100 }, (_, i) => [i, i] as const),
      3,
    )
    const sorted = a.sortByKey(true, 4)
    const other = sc.parallelize([[1000, 'x']] as [number, string][]).partitionBy(sorted.partitioner!)
    assert.deepEqual(
      (await other.glom().collect()).map(p => p.length),
      [0, 0, 0, 1],
      'bounds of a, not of the other side',
    )
    const twin = a.sortByKey(true, 4)
    assert.equal(sorted.partitioner!.equals!(twin.partitioner!), false, 'not known yet')
    await twin.count()
    assert.equal(sorted.partitioner!.equals!(twin.partitioner!), true)
    assert.equal(
      a.partitionBy(twin.partitioner!).partitionBy(sorted.partitioner!).partitioner,
      twin.partitioner,
    )
    const down = a.sortByKey(false, 4)
    await down.count()
    assert.equal(sorted.partitioner!.equals!(down.partitioner!), false)
    const joined = await sorted
      .join(
        sc.parallelize(
          [
            [7, 'x'],
            [99, 'y'],
          ] as [number, string][],
          2,
        ),
      )
      .collect()
    assert.deepEqual(joined.sort(byFirst), [
      [7, [7, 'x']],
      [99, [99, 'y']],
    ])
    const own = new RangePartitioner(2, true, naturalCompare)
    const mine = await sc
      .parallelize([
        [2, 0],
        [1, 0],
        [3, 0],
        [4, 0],
      ] as [number, number][])
      .partitionBy(own)
      .glom()
      .collect()
    assert.deepEqual(
      mine.map(p => p.map(r => r[0]).sort()),
      [
        [1, 2],
        [3, 4],
      ],
    )
  })

  it('repartitionAndSortWithinPartitions', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, parts, parts, fc.boolean(), async (data, from, to, known) => {
        const by = new HashPartitioner(to)
        const raw = sc.parallelize(data, from)
        const rdd = (known ? raw.partitionBy(by) : raw).repartitionAndSortWithinPartitions(by)
        const expected = Array.from({ length: to }, (_, p) =>
          data.filter(([k]) => by.partition(k) === p).toSorted(byFirst),
        )
        assert.deepEqual(await rdd.glom().collect(), expected)
        assert.equal(rdd.partitioner, by)
      }),
      { numRuns },
    )
    const down = sc.parallelize(
      [
        [1, 'a'],
        [2, 'b'],
      ] as [number, string][],
      2,
    )
    assert.deepEqual(await down.repartitionAndSortWithinPartitions(1, (a, b) => b - a).collect(), [
      [2, 'b'],
      [1, 'a'],
    ])
  })

  it('filterByRange gives the same with and without range partitioner, and reads only what it must (D41)', async () => {
    await fc.assert(
      fc.asyncProperty(
        pairs,
        parts,
        parts,
        small,
        small,
        fc.boolean(),
        async (data, from, to, low, high, up) => {
          const rdd = sc.parallelize(data, from)
          const expected = data.filter(([k]) => k >= low && k <= high)
          assert.deepEqual(await rdd.filterByRange(low, high).collect(), expected)
          const sorted = rdd.sortByKey(up, to)
          const some = sorted.filterByRange(low, high)
          const order = up ? byFirst : (a: [number, number], b: [number, number]) => byFirst(b, a)
          assert.deepEqual(await some.collect(), expected.toSorted(order))
          assert.equal(some.partitioner, sorted.partitioner)
          assert.equal(some.getNumPartitions(), to)
        },
      ),
      { numRuns },
    )
    const read: number[] = []
    const sorted = sc
      .parallelize(
        Array.from({ length: 100 }, (_, i) => [i, i] as const),
        2,
      )
      .sortByKey(true, 10)
      .mapValues(v => {
        read.push(v)
        return v
      })
    assert.deepEqual(
      (await sorted.filterByRange(42, 44).collect()).map(r => r[0]),
      [42, 43, 44],
    )
    assert.ok(read.length < 30, `${read.length} of 100 records were read`)
  })
})
