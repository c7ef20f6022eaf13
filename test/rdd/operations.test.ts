import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { SparkContext } from '../../src/context/spark-context.ts'
import { HashPartitioner } from '../../src/rdd/partitioner.ts'
import { StorageLevel } from '../../src/rdd/storage-level.ts'
import { onEveryBackend } from '../support/backends.ts'
import { runs } from '../support/runs.ts'

const add = (a: number, b: number): number => a + b
const dir = mkdtempSync(join(tmpdir(), 'kindling-rdd-'))
after(() => rmSync(dir, { recursive: true }))
const bySort = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

onEveryBackend('RDDs', ({ sc, id, master, itHere }) => {
  it('slices as Spark does', async () => {
    assert.deepEqual(await sc.parallelize([0, 1, 2, 3, 4], 3).glom().collect(), [[0], [1, 2], [3, 4]])
    assert.deepEqual(await sc.parallelize([], 2).glom().collect(), [[], []])
    assert.throws(() => sc.parallelize([1], 0), { code: 'INVALID_ARGUMENT' })
  })

  it('literals are copied when they are given, results belong to the caller', async () => {
    const record = { n: 1 }
    const rdd = sc.parallelize([record])
    record.n = 2
    const [first] = await rdd.collect()
    assert.deepEqual(first, { n: 1 })
    first!.n = 3
    assert.deepEqual(await rdd.collect(), [{ n: 1 }])
  })

  it('any grouping agrees with a Map, whatever the partitions', async () => {
    const pairs = fc.array(
      fc.tuple(
        fc.oneof(
          fc.string({ maxLength: 2 }),
          fc.integer({ min: -3, max: 3 }),
          fc.constantFrom(null, Number.NaN, true),
        ),
        fc.integer(),
      ),
    )
    await fc.assert(
      fc.asyncProperty(
        pairs,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        async (data, from, to) => {
          const rdd = sc.parallelize(data, from)
          const expected = new Map<unknown, number[]>()
          for (const [k, v] of data) expected.set(k, [...(expected.get(k) ?? []), v])
          assert.deepEqual(new Map(await rdd.groupByKey(to).collect()), expected)
          const sums = new Map([...expected].map(([k, vs]) => [k, vs.reduce(add)]))
          assert.deepEqual(new Map(await rdd.reduceByKey(add, to).collect()), sums)
          assert.deepEqual(new Map(await rdd.aggregateByKey(0, add, add, to).collect()), sums)
          const distinct = (
            await rdd
              .map(p => p[0])
              .distinct(to)
              .collect()
          ).length
          assert.equal(distinct, expected.size)
        },
      ),
      { numRuns: Math.min(runs, 60) },
    )
  })

  it('sortBy gives a total order over partitions, stable, both ways', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.nat())),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        async (data, from, to, ascending) => {
          const sorted = await sc
            .parallelize(data, from)
            .sortBy(r => r[0], ascending, to)
            .collect()
          assert.deepEqual(
            sorted,
            data.toSorted((a, b) => (ascending ? a[0] - b[0] : b[0] - a[0])),
          )
        },
      ),
      { numRuns: Math.min(runs, 60) },
    )
  })

  it('joins: values crossed, duplicates, outer sides', async () => {
    const a = sc.parallelize(
      [
        ['k', 1],
        ['k', 2],
        ['a', 3],
      ] as [string, number][],
      2,
    )
    const b = sc.parallelize(
      [
        ['k', 'x'],
        ['k', 'y'],
        ['b', 'z'],
      ] as [string, string][],
      3,
    )
    const sorted = async (rdd: { collect(): Promise<unknown[]> }): Promise<unknown[]> =>
      (await rdd.collect()).sort(bySort)
    const inner = [
      ['k', [1, 'x']],
      ['k', [1, 'y']],
      ['k', [2, 'x']],
      ['k', [2, 'y']],
    ]
    assert.deepEqual(await sorted(a.join(b)), inner)
    assert.deepEqual(await sorted(a.leftOuterJoin(b)), [['a', [3, undefined]], ...inner].sort(bySort))
    assert.deepEqual(await sorted(a.rightOuterJoin(b)), [['b', [undefined, 'z']], ...inner].sort(bySort))
    assert.deepEqual(
      await sorted(a.fullOuterJoin(b)),
      [['a', [3, undefined]], ['b', [undefined, 'z']], ...inner].sort(bySort),
    )
    assert.deepEqual(await sorted(a.cogroup(b)), [
      ['a', [[3], []]],
      ['b', [[], ['z']]],
      [
        'k',
        [
          [1, 2],
          ['x', 'y'],
        ],
      ],
    ])
  })

  it('partitioners: kept, chosen and asked', async () => {
    const pairs = sc.parallelize(
      [
        [1, 1],
        [2, 2],
      ] as [number, number][],
      4,
    )
    const by = pairs.partitionBy(new HashPartitioner(3))
    assert.equal(by.partitionBy(3), by)
    assert.equal(by.reduceByKey(add).getNumPartitions(), 3)
    assert.equal(by.mapValues(x => x).partitioner, by.partitioner)
    assert.equal(by.map(x => x).partitioner, undefined)
    assert.equal(pairs.reduceByKey(add).getNumPartitions(), 4)
    assert.deepEqual(await by.glom().collect(), [[], [[1, 1]], [[2, 2]]])
    const bad = { numPartitions: 2, partition: () => 7 }
    await assert.rejects(pairs.partitionBy(bad).count(), { code: 'INVALID_ARGUMENT', message: /7/ })
  })

  it('take, first, fold, aggregate, empty collections', async () => {
    const rdd = sc.parallelize(
      Array.from({ length: 100 }, (_, i) => i),
      20,
    )
    assert.deepEqual(
      await rdd.take(13),
      Array.from({ length: 13 }, (_, i) => i),
    )
    assert.deepEqual(await rdd.filter(x => x > 90).take(3), [91, 92, 93])
    assert.deepEqual(await rdd.take(0), [])
    assert.equal(await rdd.first(), 0)
    assert.equal(
      await sc.parallelize([1, 2], 2).fold(10, add),
      33,
      'zero once a partition and once in the merge',
    )
    assert.deepEqual(
      await sc.parallelize([1, 2], 2).aggregate(
        [] as number[],
        (l, x) => [...l, x],
        (a, b) => [...a, ...b],
      ),
      [1, 2],
    )
    await assert.rejects(sc.emptyRDD<number>().reduce(add), { code: 'EMPTY_COLLECTION' })
    await assert.rejects(sc.emptyRDD().first(), { code: 'EMPTY_COLLECTION' })
    assert.equal(await sc.emptyRDD().count(), 0)
    assert.deepEqual(await sc.emptyRDD().collect(), [])
  })

  it('an endless generator ends under take, also through functions of partitions', async () => {
    const endless = sc.parallelize([0]).flatMap(function* () {
      for (let i = 0; ; i++) yield i
    })
    assert.deepEqual(await endless.take(3), [0, 1, 2])
    assert.deepEqual(
      await endless
        .mapPartitions(it => it)
        .mapPartitions(it => it)
        .map(x => x + 1)
        .take(2),
      [1, 2],
    )
  })

  it('countByValue and collectAsMap find tuples and dates by value', async () => {
    const counts = await sc.parallelize([[1, 'a'], [1, 'a'], new Date(5)] as unknown[]).countByValue()
    assert.equal(counts.get([1, 'a']), 2)
    assert.equal(counts.get(new Date(5)), 1)
    const map = await sc
      .parallelize([
        [[1], 'x'],
        [[1], 'y'],
      ] as [number[], string][])
      .collectAsMap()
    assert.equal(map.get([1]), 'y')
    assert.equal(map.size, 1)
  })

  it('text files, there and back', async () => {
    const path = join(dir, `${id}`)
    await sc.parallelize(['a', 'b', 'c'], 2).saveAsTextFile(path)
    assert.deepEqual(readdirSync(path).sort(), ['_SUCCESS', 'part-00000', 'part-00001'])
    assert.equal(readFileSync(join(path, 'part-00001'), 'utf8'), 'b\nc\n')
    assert.deepEqual(await sc.textFile(path).collect(), ['a', 'b', 'c'])
    await assert.rejects(sc.parallelize([1]).saveAsTextFile(path), { code: 'OUTPUT_PATH_EXISTS' })
    const failing = join(dir, `${id}-failing`)
    const bad = sc.parallelize([1, 2], 2).map(x => {
      if (x === 2) throw new Error('no')
      return x
    })
    await assert.rejects(bad.saveAsTextFile(failing), { code: 'USER_CODE_FAILED' })
    assert.equal(
      existsSync(failing) || existsSync(join(dirname(failing), `.${basename(failing)}._temporary`)),
      false,
    )
    assert.throws(() => sc.textFile(join(dir, 'missing')), { code: 'INPUT_PATH_NOT_FOUND' })
  })

  itHere('persist computes once; what is kept is nobody else to change; unpersist forgets', async () => {
    let computed = 0
    const rdd = sc
      .parallelize([{ n: 1 }])
      .map(r => {
        computed++
        return r
      })
      .cache()
    const [first] = await rdd.collect()
    first!.n = 99
    assert.deepEqual(await rdd.collect(), [{ n: 1 }])
    assert.equal(computed, 1)
    assert.throws(() => rdd.persist(StorageLevel.DISK_ONLY), { code: 'UNSUPPORTED_OPERATION' })
    rdd.unpersist()
    await rdd.count()
    assert.equal(computed, 2)
  })

  itHere('a later job skips the map stage; lost map output is computed again', async () => {
    let mapped = 0
    const counts = sc
      .parallelize(['a', 'b', 'a'], 2)
      .map(w => {
        mapped++
        return [w, 1]
      })
      .reduceByKey(add)
    await counts.collect()
    await counts.collect()
    assert.equal(mapped, 3)
    const { node } = counts
    assert.ok(node.kind === 'shuffle')
    sc.shuffle.drop(node, 0, 0)
    assert.deepEqual((await counts.collect()).sort(), [
      ['a', 2],
      ['b', 1],
    ])
    assert.equal(mapped, 4, 'only the lost partition ran again')
  })

  it('errors name the operator, the line and the value', async () => {
    const thrown = sc
      .parallelize(
        Array.from({ length: 20_000 }, (_, i) => i),
        1,
      )
      .map(x => {
        if (x === 10_000) throw new TypeError('ten thousand')
        return x
      })
    await assert.rejects(thrown.count(), error => {
      const e = error as { code: string; message: string; cause: unknown; context: { site: string } }
      assert.equal(e.code, 'USER_CODE_FAILED')
      assert.match(e.message, /map threw: ten thousand.*operations\.test\.ts:\d+.*value 10000/)
      assert.ok(e.cause instanceof TypeError)
      return true
    })
    const pairs = sc.parallelize([1, 2]) as never as typeof thrown & {
      reduceByKey(f: unknown): { collect(): Promise<unknown> }
    }
    await assert.rejects(pairs.reduceByKey(add).collect(), { code: 'NOT_A_PAIR' })
    await assert.rejects(
      sc
        .parallelize([1])
        .map(async x => x)
        .collect(),
      { code: 'PROMISE_RETURNED' },
    )
    await assert.rejects(
      sc
        .parallelize([1])
        .filter(async () => true)
        .collect(),
      { code: 'PROMISE_RETURNED' },
    )
    await assert.rejects(sc.parallelize([1, 2], 1).reduce((async () => 1) as never) as Promise<unknown>, {
      code: 'PROMISE_RETURNED',
    })
    await assert.rejects(
      sc
        .parallelize([1])
        .flatMap(x => x as never)
        .collect(),
      { code: 'NOT_ITERABLE' },
    )
    await assert.rejects(
      sc
        .parallelize([1])
        .map(() => () => 1)
        .map(f => [1, f])
        .groupByKey()
        .collect(),
      { code: 'RECORD_NOT_ENCODABLE' },
    )
  })

  itHere('a task is tried as often as its master says', async () => {
    let attempts = 0
    const failing = sc.parallelize([1], 1).map(() => {
      attempts++
      throw new Error('always')
    })
    await assert.rejects(failing.collect())
    assert.equal(attempts, master === 'local' ? 1 : 4)
    assert.equal(await sc.parallelize([1]).count(), 1, 'the context lives on')
  })

  it('timers go on while a long task runs, and slow calls are told with their line', async () => {
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    const busy = (ms: number): undefined => {
      for (const end = performance.now() + ms; performance.now() < end; );
      return undefined
    }
    await sc
      .parallelize(
        Array.from({ length: 40 }, (_, i) => i),
        1,
      )
      .map(x => busy(3) ?? x)
      .count()
    clearInterval(timer)
    assert.ok(ticks >= 5, `${ticks} turns of the event loop`)
    await sc
      .parallelize([1, 2], 1)
      .map(x => busy(60) ?? x)
      .count()
    const call = sc.longCalls.at(-1)!
    assert.ok(call.ms > 50 && call.records === 1)
    assert.match(String(call.operators[0]!.site), /operations\.test\.ts/)
  })

  itHere('async foreach and foreachPartition are awaited', async () => {
    const seen: number[] = []
    await sc.parallelize([1, 2, 3], 2).foreach(async x => {
      await null
      seen.push(x)
    })
    await sc.parallelize([4, 5], 1).foreachPartition(async records => {
      for await (const x of records) seen.push(x)
    })
    assert.deepEqual(seen.sort(), [1, 2, 3, 4, 5])
    const local: number[] = []
    for await (const x of sc.parallelize([1, 2, 3], 3).toLocalIterator()) local.push(x)
    assert.deepEqual(local, [1, 2, 3])
  })
})

describe('a SparkContext', () => {
  it('refuses masters it does not know, and work after its stop', async () => {
    assert.throws(() => new SparkContext({ master: 'yarn' }), { code: 'MASTER_NOT_SUPPORTED' })
    const sc = new SparkContext()
    const rdd = sc.parallelize([1])
    await sc.stop()
    await sc.stop()
    await assert.rejects(rdd.count(), { code: 'CONTEXT_STOPPED' })
    assert.throws(() => sc.parallelize([1]), { code: 'CONTEXT_STOPPED' })
  })

  it('tells listeners of jobs, stages and tasks', async () => {
    await using sc = new SparkContext()
    const events: string[] = []
    sc.addSparkListener({
      onJobStart: e => void events.push(`job ${e.stageIds.length} ${e.description.split(' ')[0]}`),
      onStageSubmitted: e => void events.push(`stage ${e.numTasks}`),
      onTaskEnd: e => void events.push(`task ${e.error?.message ?? 'ok'}`),
      onStageCompleted: () => void events.push('stage done'),
      onJobEnd: e => void events.push(`end ${e.error?.message ?? 'ok'}`),
    })
    await sc
      .parallelize(['a'], 1)
      .map(w => [w, 1])
      .reduceByKey(add)
      .collect()
    await new Promise(resolve => setTimeout(resolve))
    await new Promise(resolve => setTimeout(resolve))
    assert.deepEqual(events, [
      'job 2 collect',
      'stage 1',
      'task ok',
      'stage done',
      'stage 1',
      'task ok',
      'stage done',
      'end ok',
    ])
  })
})
