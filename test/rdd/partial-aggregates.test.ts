import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { onEveryBackend } from '../support/backends.ts'
import { rejected, thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'
import { keys as anyKeys } from '../support/values.ts'

const numRuns = Math.ceil(runs / 3)
const add = (a: number, b: number): number => a + b
const pairs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: -9, max: 9 })), {
  maxLength: 15,
})

onEveryBackend('aggregates', ({ sc, itHere }) => {
  it('treeReduce and treeAggregate give what the flat ones give, in order, for every depth (D44)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(9), { maxLength: 30 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 5 }),
        async (data, p, depth) => {
          const rdd = sc.parallelize(data, p)
          // Not commutative: order shows.
          const list = await rdd.treeAggregate(
            '',
            (s, x) => s + x,
            (a, b) => a + b,
            depth,
          )
          assert.equal(list, data.join(''))
          const text = rdd.map(String)
          if (data.length === 0)
            await rejected('EMPTY_COLLECTION', () => text.treeReduce((a, b) => a + b, depth))
          else assert.equal(await text.treeReduce((a, b) => a + b, depth), data.join(''))
        },
      ),
      { numRuns },
    )
    assert.equal(await sc.emptyRDD<number>().treeAggregate(7, add, add), 7)
    await rejected('PROMISE_RETURNED', () => sc.range(3).treeReduce((async () => 1) as never))
    await rejected('PROMISE_RETURNED', () => sc.range(3).treeAggregate(0, (async () => 1) as never, add))
    for (const p of [1, 3]) {
      const rdd = sc.parallelize([1, 2, 3, 4], p)
      const later = (async () => 1) as never
      await rejected('PROMISE_RETURNED', () => rdd.reduce(later))
      await rejected('PROMISE_RETURNED', () => rdd.aggregate(0, add, later))
      await rejected('PROMISE_RETURNED', () => rdd.keyBy(() => 'k').reduceByKeyLocally(later))
      await rejected('PROMISE_RETURNED', () => rdd.treeReduce(later))
    }
    await rejected('INVALID_ARGUMENT', () => sc.range(3).treeReduce(add, 0))
    await rejected('INVALID_ARGUMENT', () => sc.range(3).treeAggregate(0, add, add, 1.5))
  })

  it('a zero value that functions change in place harms nobody', async () => {
    const rdd = sc.parallelize(['x', 'y', 'x', 'z'], 3).map(k => [k, 1] as [string, number])
    const push = (list: number[], x: number): number[] => {
      list.push(x)
      return list
    }
    const join = (a: number[], b: number[]): number[] => {
      a.push(...b)
      return a
    }
    const zero: number[] = []
    const values = rdd.values()
    assert.deepEqual(await values.aggregate(zero, push, join), [1, 1, 1, 1])
    assert.deepEqual(await values.aggregate(zero, push, join), [1, 1, 1, 1])
    assert.deepEqual(await values.treeAggregate(zero, push, join), [1, 1, 1, 1])
    assert.deepEqual(await values.map(x => [x] as number[]).fold(zero, join), [1, 1, 1, 1])
    const byKey = rdd.aggregateByKey(zero, push, join, 2)
    for (let i = 0; i < 2; i++)
      assert.deepEqual((await byKey.collect()).sort(), [
        ['x', [1, 1]],
        ['y', [1]],
        ['z', [1]],
      ])
    const folded = rdd.mapValues(x => [x] as number[]).foldByKey(zero, join)
    assert.deepEqual((await folded.collectAsMap()).get('x'), [1, 1])
    assert.deepEqual(zero, [])
  })

  it('reduceByKeyLocally, countByKey, countByValue, lookup agree with a Map', async () => {
    await fc.assert(
      fc.asyncProperty(
        pairs,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 3 }),
        async (data, p, known) => {
          const raw = sc.parallelize(data, p)
          const rdd = known === 0 ? raw : known === 1 ? raw.partitionBy(3) : raw.sortByKey(known === 2, 2)
          const groups = Map.groupBy(data, ([k]) => k)
          const reduced = await rdd.reduceByKeyLocally(add)
          const counts = await rdd.countByKey()
          const values = await rdd.countByValue()
          assert.equal(reduced.size, groups.size)
          for (const k of ['a', 'b', 'c', 'd']) {
            const mine = groups.get(k as 'a')?.map(([, v]) => v) ?? []
            assert.equal(reduced.get(k as 'a'), mine.length === 0 ? undefined : mine.reduce(add))
            assert.equal(counts.get(k as 'a'), mine.length === 0 ? undefined : mine.length)
            assert.deepEqual(await rdd.lookup(k as 'a'), mine)
            if (mine.length > 0)
              assert.equal(values.get(groups.get(k as 'a')![0]!), mine.filter(v => v === mine[0]).length)
          }
        },
      ),
      { numRuns },
    )
    assert.equal((await sc.emptyRDD<[string, number]>().reduceByKeyLocally(add)).size, 0)
    await rejected('NOT_A_PAIR', () =>
      (sc.range(3) as never as ReturnType<typeof pairsOf>).reduceByKeyLocally(add),
    )
    await rejected('NOT_A_PAIR', () => (sc.range(3) as never as ReturnType<typeof pairsOf>).lookup('a'))
  })

  const pairsOf = () => sc.parallelize([] as [string, number][])

  itHere('lookup computes only the partition of the key, and refuses a partitioner that errs', async () => {
    const read: string[] = []
    const by = sc
      .parallelize(['a', 'b', 'c', 'd'], 2)
      .map(k => [k, 1] as [string, number])
      .partitionBy({ numPartitions: 4, partition: k => 'abcd'.indexOf(k as string) })
      .mapPartitions(records => {
        const all = [...records]
        read.push(...all.map(r => r[0]))
        return all
      }, true)
    assert.deepEqual(await by.lookup('c'), [1])
    assert.deepEqual(read, ['c'])
    await rejected('INVALID_ARGUMENT', () => by.lookup('x'))
    const sorted = sc
      .parallelize([3, 1, 2], 2)
      .map(k => [k, `v${k}`] as [number, string])
      .sortByKey()
    assert.deepEqual(await sorted.lookup(2), ['v2'], 'the bounds are found out first')
    assert.deepEqual(await sorted.lookup(9), [])
  })

  it('countApproxDistinct is exact for few and within its error for many (D45)', async () => {
    const error = (found: number, n: number): number => Math.abs(found - n) / n
    for (const n of [1, 10, 100, 5000]) {
      const rdd = sc.range(0, n * 3, 1, 4).map(x => x % n)
      assert.ok(error(await rdd.countApproxDistinct(0.02), n) < 0.08, `numbers, ${n}`)
      assert.ok(
        error(await rdd.map(x => `word ${x}`).countApproxDistinct({ p: 12, sp: 0 }), n) < 0.07,
        `texts, ${n}`,
      )
      assert.ok(
        error(await rdd.map(x => [x, { x }]).countApproxDistinct({ p: 11, sp: 25 }), n) < 0.1,
        `tuples, ${n}`,
      )
      if (n <= 100) assert.equal(await rdd.countApproxDistinct({ p: 14, sp: 25 }), n, 'sparse: exact')
    }
    assert.equal(await sc.emptyRDD().countApproxDistinct(), 0)
    for (const bad of [
      0,
      -1,
      0.0001,
      Number.NaN,
      { p: 3, sp: 0 },
      { p: 25, sp: 0 },
      { p: 9, sp: 8 },
      { p: 9, sp: 33 },
    ])
      thrown('INVALID_ARGUMENT', () => sc.range(3).countApproxDistinct(bad))
    await rejected('KEY_NOT_SUPPORTED', () =>
      sc
        .parallelize([1])
        .map(() => new Map())
        .countApproxDistinct(),
    )
  })

  it('countApproxDistinctByKey', async () => {
    for (const precision of [0.05, { p: 9, sp: 20 }]) {
      const rdd = sc
        .range(0, 2000, 1, 3)
        .map(x => [x % 2 ? 'few' : 'many', x % 2 ? x % 10 : x] as [string, number])
      const counts = await rdd.countApproxDistinctByKey(precision, 2).collectAsMap()
      assert.ok(Math.abs(counts.get('few')! - 5) <= 1, `${counts.get('few')}`)
      assert.ok(Math.abs(counts.get('many')! - 1000) < 200, `${counts.get('many')}`)
    }
  })

  it('first seen: keys of any kind in reduceByKeyLocally', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyKeys, { minLength: 1, maxLength: 6 }), async data => {
        const sums = await sc
          .parallelize([...data, ...data], 3)
          .map(k => [k, 1] as [unknown, number])
          .reduceByKeyLocally(add)
        assert.equal([...sums.values()].reduce(add), 2 * data.length)
        for (const k of data) assert.ok(sums.get(k)! >= 2)
      }),
      { numRuns },
    )
  })
})
