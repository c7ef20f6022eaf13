import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { onEveryBackend } from '../support/backends.ts'
import { rejected, thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const numRuns = Math.ceil(runs / 3)
const parts = fc.integer({ min: 1, max: 6 })
const data = fc.array(fc.nat(99), { maxLength: 20 })
const slices = <T>(all: readonly T[], n: number): T[][] =>
  Array.from({ length: n }, (_, i) =>
    all.slice(Math.floor((i * all.length) / n), Math.floor(((i + 1) * all.length) / n)),
  )

onEveryBackend('arrangement', ({ sc, itHere }) => {
  it('zipWithIndex and zipWithUniqueId', async () => {
    await fc.assert(
      fc.asyncProperty(data, parts, async (all, p) => {
        const rdd = sc.parallelize(all, p)
        assert.deepEqual(
          await rdd.zipWithIndex().collect(),
          all.map((x, i) => [x, i]),
        )
        const ids = slices(all, p).flatMap((part, k) => part.map((x, i) => [x, k + i * p]))
        assert.deepEqual(await rdd.zipWithUniqueId().collect(), ids)
      }),
      { numRuns },
    )
    assert.deepEqual(await sc.emptyRDD().zipWithIndex().collect(), [])
  })

  itHere('zipWithIndex counts once, before the first job, and not the last partition (D40)', async () => {
    const computed: number[] = []
    const counted = (p: number) =>
      sc.parallelize([0, 1, 2, 3, 4, 5], p).map(x => {
        computed.push(x)
        return x
      })
    const indexed = counted(3).zipWithIndex()
    assert.deepEqual(computed, [], 'nothing runs when it is defined')
    await indexed.collect()
    assert.deepEqual(computed.splice(0).sort(), [0, 0, 1, 1, 2, 2, 3, 3, 4, 5])
    await indexed.map(r => r).collect()
    assert.equal(computed.splice(0).length, 6, 'counted already')
    await counted(1).zipWithIndex().collect()
    assert.equal(computed.splice(0).length, 6, 'one partition needs no count')
    // Above and below shuffles, and twice in one lineage.
    const deep = sc
      .parallelize(['b', 'a', 'c', 'a'], 3)
      .zipWithIndex()
      .reduceByKey((a, b) => a + b, 2)
      .sortByKey(true, 3)
      .zipWithIndex()
    assert.deepEqual(await deep.collect(), [
      [['a', 4], 0],
      [['b', 0], 1],
      [['c', 2], 2],
    ])
    const failing = sc.parallelize([1, 2], 2).map(() => {
      throw new Error('no')
    })
    await rejected('USER_CODE_FAILED', () => failing.zipWithIndex().collect())
  })

  it('zip and zipPartitions of two to five', async () => {
    await fc.assert(
      fc.asyncProperty(data, parts, fc.integer({ min: 1, max: 4 }), async (all, p, others) => {
        const rdd = sc.parallelize(all, p)
        assert.deepEqual(
          await rdd.zip(rdd.map(x => -x)).collect(),
          all.map(x => [x, -x]),
        )
        const rest = Array.from({ length: others }, (_, i) => rdd.map(x => x + i))
        const sums = rdd.zipPartitions(...rest, (mine: Iterable<number>, ...theirs: Iterable<number>[]) => [
          [...mine, ...theirs.flatMap(t => [...t])].reduce((a, b) => a + b, 0),
        ])
        const extra = (others * (others - 1)) / 2
        assert.deepEqual(
          await sums.collect(),
          slices(all, p).map(s => s.reduce((a, b) => a + b, 0) * (others + 1) + s.length * extra),
        )
      }),
      { numRuns },
    )
    const a = sc.parallelize([1, 2, 3], 2)
    const b = sc.parallelize(['x', 'y', 'z', 'w'], 2)
    const lengths = a.zipPartitions(b, (xs, ys) => [`${[...xs].length}${[...ys].join('')}`])
    assert.deepEqual(await lengths.collect(), ['1xy', '2zw'])
    await rejected('ZIP_LENGTH_MISMATCH', () => a.zip(b).collect())
    thrown('INVALID_ARGUMENT', () => a.zip(sc.parallelize([1], 3)))
    thrown('INVALID_ARGUMENT', () => a.zipPartitions(sc.parallelize([1], 3), () => []))
    const by = sc.parallelize([[1, 1]] as [number, number][]).partitionBy(2)
    assert.equal(by.zipPartitions(a, xs => xs).partitioner, undefined)
    assert.equal(by.zipPartitions(a, xs => xs, true).partitioner, by.partitioner)
  })

  it('cartesian: all pairs, partitions multiply', async () => {
    await fc.assert(
      fc.asyncProperty(data, data, parts, parts, async (a, b, p, q) => {
        const product = sc.parallelize(a, p).cartesian(sc.parallelize(b, q))
        const expected = slices(a, p).flatMap(x => slices(b, q).map(y => x.flatMap(i => y.map(j => [i, j]))))
        assert.deepEqual(await product.glom().collect(), expected)
      }),
      { numRuns },
    )
  })

  it('coalesce joins neighbours, with shuffle takes any number, and asks a coalescer (D51)', async () => {
    await fc.assert(
      fc.asyncProperty(data, parts, parts, async (all, from, to) => {
        const rdd = sc.parallelize(all, from)
        const fewer = rdd.coalesce(to)
        assert.deepEqual(await fewer.collect(), all)
        assert.equal(fewer.getNumPartitions(), Math.min(from, to))
        for (const spread of [rdd.coalesce(to, true), rdd.repartition(to)]) {
          assert.equal(spread.getNumPartitions(), to)
          const found = await spread.glom().collect()
          assert.deepEqual(
            found.flat().sort((x, y) => x - y),
            all.toSorted((x, y) => x - y),
          )
        }
      }),
      { numRuns },
    )
    const spread = await sc.range(0, 100, 1, 2).repartition(5).glom().collect()
    assert.ok(
      spread.every(p => p.length === 20),
      'dealt out in turn',
    )
    const odd = sc.range(0, 6, 1, 6).coalesce(2, false, (max, { numPartitions }) => {
      const all = Array.from({ length: numPartitions }, (_, i) => i)
      return Array.from({ length: max }, (_, g) => all.filter(i => i % max === g))
    })
    assert.deepEqual(await odd.glom().collect(), [
      [0, 2, 4],
      [1, 3, 5],
    ])
    const hosts = sc.makeRDDWithLocations([
      [1, ['a']],
      [2, ['b']],
      [3, ['a']],
    ])
    const byHost = hosts.coalesce(2, false, (_, input) => {
      const of = (h: string) => [0, 1, 2].filter(p => input.preferredLocations(p).includes(h))
      return [of('a'), of('b')]
    })
    assert.deepEqual(await byHost.glom().collect(), [[1, 3], [2]])
    for (const groups of [[[0]], [[0, 1, 1]], [[0], [1], [2]], [[0, 5]]])
      thrown('INVALID_ARGUMENT', () => sc.range(0, 2, 1, 2).coalesce(2, false, () => groups))
    for (const n of [0, -1, 1.5]) {
      thrown('INVALID_ARGUMENT', () => sc.range(3).coalesce(n))
      thrown('INVALID_ARGUMENT', () => sc.range(3).repartition(n))
    }
  })

  it('element-wise operators agree with arrays and keep what they should (D46)', async () => {
    await fc.assert(
      fc.asyncProperty(data, parts, async (all, p) => {
        const rdd = sc.parallelize(all, p)
        assert.deepEqual(
          await rdd.collectPartial(x => (x % 2 ? x * 2 : undefined)).collect(),
          all.filter(x => x % 2).map(x => x * 2),
        )
        assert.deepEqual(
          await rdd.keyBy(x => x % 3).collect(),
          all.map(x => [x % 3, x]),
        )
        assert.deepEqual(await rdd.glom().collect(), slices(all, p))
        assert.deepEqual(
          await rdd.mapPartitionsWithIndex((i, records) => [[i, [...records].length] as const]).collect(),
          slices(all, p).map((part, i) => [i, part.length]),
        )
        const pairs = rdd.keyBy(x => x % 3)
        assert.deepEqual(
          await pairs.flatMapValues(x => [x, -x]).collect(),
          all.flatMap(x => [
            [x % 3, x],
            [x % 3, -x],
          ]),
        )
        assert.deepEqual(await pairs.values().collect(), all)
        assert.deepEqual(
          await pairs.keys().collect(),
          all.map(x => x % 3),
        )
        const groups = new Map((await rdd.groupBy(x => x % 3, 2).collect()).map(([k, v]) => [k, v]))
        for (const [k, v] of groups)
          assert.deepEqual(
            v,
            all.filter(x => x % 3 === k),
          )
      }),
      { numRuns },
    )
    const by = sc.parallelize([[1, 2]] as [number, number][]).partitionBy(3)
    const keeps = [
      by.filter(() => true),
      by.mapValues(v => v),
      by.flatMapValues(v => [v]),
      by.sample(false, 1),
    ]
    for (const rdd of keeps) assert.equal(rdd.partitioner, by.partitioner)
    assert.equal(by.mapPartitions(x => x, true).partitioner, by.partitioner)
    for (const rdd of [
      by.map(x => x),
      by.flatMap(x => [x]),
      by.keyBy(x => x),
      by.mapPartitions(x => x),
      by.glom(),
      by.keys(),
    ])
      assert.equal(rdd.partitioner, undefined)
  })

  it('distinct without a shuffle where partitions are known and stay', async () => {
    const by = sc
      .parallelize(
        [
          [1, 1],
          [1, 1],
          [2, 1],
        ] as [number, number][],
        2,
      )
      .partitionBy(2)
    const once = by.distinct()
    assert.equal(once.partitioner, by.partitioner)
    assert.equal(once.dependencies[0]!.kind, 'narrow')
    assert.deepEqual((await once.collect()).sort(), [
      [1, 1],
      [2, 1],
    ])
    assert.equal(by.distinct(3).partitioner, undefined)
    assert.equal((await by.distinct(3).collect()).length, 2)
  })
})
