import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { HashPartitioner } from '../../src/rdd/partitioner.ts'
import { onEveryBackend } from '../support/backends.ts'
import { rejected, thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const numRuns = Math.ceil(runs / 3)

onEveryBackend('sources', ({ sc, itHere }) => {
  it('range is what a loop gives, in slices as of an array', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: -7, max: 7 }).filter(s => s !== 0),
        fc.integer({ min: 1, max: 6 }),
        async (start, end, step, n) => {
          const expected: number[] = []
          for (let x = start; step > 0 ? x < end : x > end; x += step) expected.push(x)
          const range = sc.range(start, end, step, n)
          assert.deepEqual(await range.glom().collect(), await sc.parallelize(expected, n).glom().collect())
          assert.equal(await range.count(), expected.length)
        },
      ),
      { numRuns },
    )
    assert.deepEqual(await sc.range(4).collect(), [0, 1, 2, 3])
    assert.equal(await sc.range(0, 1e15, 1, 4).take(2).then(String), '0,1', 'nothing is stored')
    assert.equal(await sc.range(0, 2_500, 1, 2).sum(), (2_500 * 2_499) / 2)
    for (const [start, end, step] of [
      [0, 5, 0],
      [0.5, 5, 1],
      [0, Number.POSITIVE_INFINITY, 1],
      [0, 5, Number.NaN],
    ] as const)
      thrown('INVALID_ARGUMENT', () => sc.range(start, end, step))
    thrown('INVALID_ARGUMENT', () => sc.range(0, 5, 1, 0))
  })

  it('emptyRDD and empty partitions go through every kind of operator', async () => {
    for (const rdd of [sc.emptyRDD<[string, number]>(), sc.parallelize([] as [string, number][], 3)]) {
      assert.equal(await rdd.isEmpty(), true)
      assert.deepEqual(await rdd.reduceByKey((a, b) => a + b).collect(), [])
      assert.deepEqual(await rdd.sortByKey().collect(), [])
      assert.deepEqual(await rdd.join(rdd).collect(), [])
      assert.deepEqual(await rdd.distinct().collect(), [])
      assert.deepEqual(await rdd.repartition(2).collect(), [])
      assert.deepEqual(await rdd.coalesce(2).collect(), [])
      assert.deepEqual(await rdd.zip(rdd).collect(), [])
      assert.deepEqual(await rdd.cartesian(rdd).collect(), [])
      assert.deepEqual(await rdd.subtract(rdd).collect(), [])
      assert.deepEqual(await rdd.intersection(rdd).collect(), [])
      assert.deepEqual(await rdd.filterByRange('a', 'b').collect(), [])
      assert.equal((await rdd.countByKey()).size, 0)
      assert.deepEqual(await rdd.take(3), [])
      assert.deepEqual(await rdd.lookup('a'), [])
    }
  })

  it('fromPartitions reads what it is told, in every way of giving records', async () => {
    async function* later(n: number): AsyncGenerator<number> {
      for (let i = 0; i < n; i++) {
        await null
        yield i
      }
    }
    function* now(n: number): Generator<number> {
      for (let i = 0; i < n; i++) yield i
    }
    const ways: Record<string, (n: number) => never> = {
      array: n => [...now(n)] as never,
      generator: n => now(n) as never,
      'a promise of an array': n => Promise.resolve([...now(n)]) as never,
      'an async generator': n => later(n) as never,
      'a promise of an async generator': n => Promise.resolve(later(n)) as never,
    }
    for (const [name, read] of Object.entries(ways)) {
      const rdd = sc.fromPartitions([{ n: 3 }, { n: 0 }, { n: 700 }], ({ n }): Iterable<number> => read(n))
      assert.equal(await rdd.count(), 703, name)
      assert.deepEqual(await rdd.map(x => x + 1).take(4), [1, 2, 3, 1], name)
      assert.deepEqual(await rdd.mapPartitions(r => [[...r].length]).collect(), [3, 0, 700], name)
      assert.equal(
        await rdd
          .map(x => [x % 2, x] as [number, number])
          .reduceByKey((a, b) => a + b)
          .values()
          .sum(),
        3 + (700 * 699) / 2,
        name,
      )
    }
  })

  itHere('fromPartitions: endless readers end under take, and are closed', async () => {
    let closed = 0
    const endless = sc.fromPartitions([0], async function* () {
      try {
        for (let i = 0; ; i++) yield i
      } finally {
        closed++
      }
    })
    assert.deepEqual(await endless.take(3), [0, 1, 2])
    assert.equal(closed, 1)
  })

  it('fromPartitions: descriptors are copied, errors name it, partitioners are believed', async () => {
    const descriptor = { n: 1 }
    const rdd = sc.fromPartitions([descriptor], d => {
      const records = [d.n]
      d.n = 99
      return records
    })
    descriptor.n = 50
    assert.deepEqual(await rdd.collect(), [1])
    assert.deepEqual(await rdd.collect(), [1])
    thrown('RECORD_NOT_ENCODABLE', () => sc.fromPartitions([() => 1], () => []))
    await rejected('NOT_ITERABLE', () => sc.fromPartitions([1], () => 5 as never).count())
    for (const read of [
      () => {
        throw new Error('cannot')
      },
      async () => {
        throw new Error('cannot')
      },
      async function* () {
        yield 1
        throw new Error('cannot')
      },
    ]) {
      const error = await rejected('USER_CODE_FAILED', () => sc.fromPartitions([1], read as never).count())
      assert.match(error.message, /fromPartitions threw: cannot.*sources\.test\.ts/)
    }
    const partitioner = new HashPartitioner(2)
    const by = sc.fromPartitions([0, 1], p => [[p, 'x']] as [number, string][], { partitioner })
    assert.equal(by.groupByKey().dependencies[0]!.kind, 'narrow')
    assert.deepEqual(await by.lookup(1), ['x'])
    thrown('INVALID_ARGUMENT', () => sc.fromPartitions([0], () => [], { partitioner }))
  })

  it('makeRDDWithLocations has one partition for each record (D47)', async () => {
    const rdd = sc.makeRDDWithLocations([
      [{ a: 1 }, ['h1']],
      [{ a: 2 }, []],
    ])
    assert.deepEqual(await rdd.glom().collect(), [[{ a: 1 }], [{ a: 2 }]])
    assert.equal(await sc.makeRDDWithLocations([]).count(), 0)
  })

  it('runJob runs over the partitions it is given', async () => {
    const rdd = sc.range(0, 9, 1, 3)
    const sum = (records: Iterable<number>): number => [...records].reduce((a, b) => a + b, 0)
    assert.deepEqual(await sc.runJob(rdd, sum), [3, 12, 21])
    assert.deepEqual(await sc.runJob(rdd, async records => sum(records), [2, 0]), [21, 3])
    assert.deepEqual(await sc.runJob(rdd, sum, []), [])
    await rejected('INVALID_ARGUMENT', () => sc.runJob(rdd, sum, [3]))
    await rejected('INVALID_ARGUMENT', () => sc.runJob(rdd, sum, [-1]))
  })
})
