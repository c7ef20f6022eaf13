import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { keyEquals } from '../../src/data/key.ts'
import { HashPartitioner } from '../../src/rdd/partitioner.ts'
import { onEveryBackend } from '../support/backends.ts'
import { runs } from '../support/runs.ts'
import { keys as anyKeys } from '../support/values.ts'

const numRuns = Math.ceil(runs / 3)
const parts = fc.integer({ min: 1, max: 5 })
const letters = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const words = fc.array(letters, { maxLength: 12 })
const pairs = fc.array(fc.tuple(letters, fc.nat(9)), { maxLength: 12 })

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
const sorted = <T>(items: readonly T[]): T[] => [...items].sort(byText)

onEveryBackend('sets and groups', ({ sc }) => {
  it('intersection has each common record once, subtract keeps duplicates (D52)', async () => {
    await fc.assert(
      fc.asyncProperty(words, words, parts, parts, fc.option(parts), async (a, b, p, q, n) => {
        const [left, right] = [sc.parallelize(a, p), sc.parallelize(b, q)]
        const common = left.intersection(right, n ?? undefined)
        assert.deepEqual(sorted(await common.collect()), sorted([...new Set(a)].filter(x => b.includes(x))))
        assert.equal(common.getNumPartitions(), n ?? Math.max(p, q))
        const rest = left.subtract(right, n ?? undefined)
        assert.deepEqual(sorted(await rest.collect()), sorted(a.filter(x => !b.includes(x))))
        assert.equal(rest.getNumPartitions(), n ?? p)
        assert.equal(rest.partitioner, undefined)
      }),
      { numRuns },
    )
  })

  it('subtractByKey keeps duplicates and the partitioner of the left side', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, pairs, parts, parts, fc.boolean(), async (a, b, p, q, known) => {
        const raw = sc.parallelize(a, p)
        const left = known ? raw.partitionBy(new HashPartitioner(q)) : raw
        const rest = left.subtractByKey(sc.parallelize(b, q))
        const gone = new Set(b.map(([k]) => k))
        assert.deepEqual(sorted(await rest.collect()), sorted(a.filter(([k]) => !gone.has(k))))
        assert.equal(rest.getNumPartitions(), known ? q : p)
        if (known) assert.equal(rest.partitioner, left.partitioner)
      }),
      { numRuns },
    )
  })

  it('cogroup of two, three and four, and joins, agree with brute force', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(pairs, { minLength: 2, maxLength: 4 }), parts, parts, async (data, p, n) => {
        const [a, b, c, d] = data.map((side, i) => sc.parallelize(side, p + (i % 2)))
        const grouped =
          d !== undefined
            ? a!.cogroup(b!, c!, d, n)
            : c !== undefined
              ? a!.cogroup(b!, c, n)
              : a!.cogroup(b!, n)
        const keys = [...new Set(data.flat().map(([k]) => k))]
        const expected = keys.map(k => [k, data.map(side => side.filter(s => s[0] === k).map(s => s[1]))])
        assert.deepEqual(sorted<unknown>(await grouped.collect()), sorted(expected))
        assert.equal(grouped.getNumPartitions(), n)
        const with_ = c === undefined ? a!.groupWith(b!) : a!.groupWith(b!, c)
        const three = keys
          .map(k => [k, data.slice(0, 3).map(side => side.filter(s => s[0] === k).map(s => s[1]))] as const)
          .filter(([, lists]) => lists.some(l => l.length > 0))
        assert.deepEqual(sorted<unknown>(await with_.collect()), sorted(three))

        const [x, y] = data as [(typeof data)[0], (typeof data)[0]]
        const inner = x.flatMap(([k, v]) => y.filter(([l]) => l === k).map(([, w]) => [k, [v, w]]))
        const leftOnly = x.filter(([k]) => !y.some(([l]) => l === k)).map(([k, v]) => [k, [v, undefined]])
        const rightOnly = y.filter(([k]) => !x.some(([l]) => l === k)).map(([k, v]) => [k, [undefined, v]])
        assert.deepEqual(sorted(await a!.join(b!, n).collect()), sorted(inner))
        assert.deepEqual(sorted(await a!.leftOuterJoin(b!, n).collect()), sorted([...inner, ...leftOnly]))
        assert.deepEqual(sorted(await a!.rightOuterJoin(b!, n).collect()), sorted([...inner, ...rightOnly]))
        assert.deepEqual(
          sorted(await a!.fullOuterJoin(b!, n).collect()),
          sorted([...inner, ...leftOnly, ...rightOnly]),
        )
      }),
      { numRuns },
    )
  })

  it('keys of every kind are equal by value in groups, sets, look-ups and partitions', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyKeys, { maxLength: 8 }), parts, parts, async (data, p, n) => {
        const twice = sc.parallelize([...data, ...data], p)
        const different = data.filter((k, i) => data.findIndex(other => keyEquals(other, k)) === i)
        const found = await twice.distinct(n).collect()
        assert.equal(found.length, different.length)
        for (const key of different) assert.equal(found.filter(other => keyEquals(other, key)).length, 1)
        assert.equal((await twice.intersection(sc.parallelize(data, n)).collect()).length, different.length)
        assert.deepEqual(await twice.subtract(sc.parallelize(data, n)).collect(), [])
        const counted = twice.map(k => [k, 1] as [unknown, number]).reduceByKey((a, b) => a + b, n)
        const all = data.filter(k => data.length > 0 && keyEquals(k, data[0])).length * 2
        if (data.length > 0) assert.deepEqual(await counted.lookup(data[0]), [all])
        const counts = await twice.countByValue()
        for (const key of different)
          assert.equal(counts.get(key), 2 * data.filter(other => keyEquals(other, key)).length)
      }),
      { numRuns },
    )
  })

  it('union keeps order and duplicates, and the partitioner where all sides have the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(pairs, { maxLength: 4 }), parts, async (data, n) => {
        const rdds = data.map((side, i) => sc.parallelize(side, 1 + (i % 3)))
        assert.deepEqual(await sc.union(rdds).collect(), data.flat())
        const alike = rdds.map(r => r.partitionBy(n))
        const all = sc.union([...alike, sc.emptyRDD<never>()])
        if (data.length > 0) assert.equal(all.getNumPartitions(), n)
        assert.equal(all.partitioner, alike[0]?.partitioner)
        assert.deepEqual(sorted(await all.collect()), sorted(data.flat()))
      }),
      { numRuns },
    )
    const mixed = sc.parallelize([1], 2).union(sc.parallelize([2], 3))
    assert.equal(mixed.getNumPartitions(), 5)
  })
})
