/** Shuffles within a budget: the same results through files, whatever the budget; and files that are lost, damaged or left. */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, truncateSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { RDD } from '../../src/rdd/rdd.ts'
import { until } from '../../src/testing/index.ts'
import { INLINE, LOCAL, ON_THREADS, type Place, spilledBytes, thorough } from '../support/backends.ts'
import { rejected } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const parent = mkdtempSync(join(tmpdir(), 'kindling-spill-test-'))
after(() => rmSync(parent, { recursive: true, force: true }))

let contexts = 0

interface Spilling {
  readonly sc: SparkContext
  /** Paths of the files that are there. */
  files(): string[]
  spilled(): number
}

/** A context with a folder of its own. */
function context(
  place: Place,
  maxBytes: number | undefined,
  conf: Readonly<Record<string, string>> = {},
): Spilling {
  const folder = join(parent, `context-${contexts++}`)
  const budget = maxBytes === undefined ? {} : { 'kindling.shuffle.maxBytes': maxBytes }
  const sc = new SparkContext({
    master: place.master,
    conf: { ...place.conf, ...budget, 'spark.local.dir': folder, ...conf },
  })
  return { sc, files: () => filesBelow(folder), spilled: spilledBytes(sc) }
}

function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
  } catch {
    return []
  }
}

type Pair = [string, number]

/** What shuffles give, in its order. Functions that are not associative show every difference. */
const operations: Readonly<Record<string, (pairs: RDD<Pair>, others: RDD<Pair>) => RDD<unknown>>> = {
  reduceByKey: pairs => pairs.reduceByKey((a, b) => a * 0.3 - b, 3),
  'aggregateByKey, a zero that is none': pairs =>
    pairs.aggregateByKey(
      1,
      (a, b) => a * 0.5 + b,
      (a, b) => a - b,
      2,
    ),
  'combineByKey without a map side': pairs =>
    pairs.combineByKey(
      n => `<${n}>`,
      (text, n) => `${text},${n}`,
      (a, b) => `${a}|${b}`,
      { partitions: 2, mapSideCombine: false },
    ),
  groupByKey: pairs => pairs.groupByKey(2),
  'keys that are tuples': pairs =>
    pairs.map(([key, n]): [[string, boolean], number] => [[key, n > 0], n]).groupByKey(2),
  cogroup: (pairs, others) => pairs.cogroup(others, 3),
  fullOuterJoin: (pairs, others) => pairs.fullOuterJoin(others, 2),
  sortByKey: pairs => pairs.sortByKey(),
  partitionBy: pairs => pairs.partitionBy(3),
  'co-partitioned cogroup': (pairs, others) => {
    const left = pairs.reduceByKey((a, b) => a - b, 2)
    return left.cogroup(others.groupByKey(2), 2)
  },
}

describe('a budget changes no result and no order', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'dd', 'Aa', 'BB', 'C#', '', 'a longer key than the others')
  const pairs = fc.array(fc.tuple(key, fc.integer({ min: -99, max: 99 })), { maxLength: 60 })
  /** Spill without any room. */
  const certain: Pair[] = [
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ]
  const unlimited = new SparkContext({ master: 'local[2]', conf: INLINE })
  after(() => unlimited.stop())

  for (const [name, operation] of Object.entries(operations))
    it(name, async () => {
      let spills = 0
      await fc.assert(
        fc.asyncProperty(
          pairs,
          pairs,
          fc.constantFrom(0, 100, 400, 1500, 5000),
          fc.integer({ min: 1, max: 4 }),
          async (some, others, maxBytes, partitions) => {
            const { sc, spilled } = context(LOCAL, maxBytes)
            const run = (on: SparkContext): Promise<unknown[][]> =>
              operation(chunked(on, some, partitions), chunked(on, others, partitions))
                .glom()
                .collect()
            const expected = await run(unlimited)
            assert.deepEqual(await run(sc), expected)
            await sc.stop()
            if (spilled() > 0) spills++
          },
        ),
        { numRuns: Math.ceil(runs / 2), examples: [[certain, certain, 0, 2]] },
      )
      assert.ok(spills > 0)
    })
})

/** Records in chunks of three, for a budget is looked at after each. */
function chunked(sc: SparkContext, pairs: readonly Pair[], partitions: number): RDD<Pair> {
  const parts = Array.from({ length: partitions }, (_, p) => pairs.filter((_, i) => i % partitions === p))
  const thirds = (list: readonly Pair[]): Pair[][] =>
    Array.from({ length: Math.ceil(list.length / 3) }, (_, i) => list.slice(3 * i, 3 * i + 3))
  const unions = parts.map(list => sc.union(thirds(list).map(third => sc.parallelize(third, 1))).coalesce(1))
  return sc.union(unions)
}

const inTurns: Place = { title: 'local[2] inline', master: 'local[2]', conf: INLINE, sharesMemory: true }

describe('errors through files', () => {
  it('a function that throws is named with its operator and line', async () => {
    const { sc } = context(LOCAL, 0)
    const error = await rejected('USER_CODE_FAILED', () =>
      chunked(
        sc,
        [
          ['a', 1],
          ['a', 2],
          ['b', 1],
          ['a', 3],
        ],
        1,
      )
        .reduceByKey((a, b) => {
          if (b === 3) throw new Error('no threes')
          return a + b
        })
        .collect(),
    )
    assert.match(error.message, /no threes/)
    assert.equal(error.context.operator, 'reduceByKey')
    assert.match(error.context.site!, /spill\.test\.ts/)
    await sc.stop()
  })

  it('a promise, and a key that is none, are refused', async () => {
    const { sc } = context(LOCAL, 0)
    const pairs = chunked(
      sc,
      [
        ['a', 1],
        ['a', 2],
        ['b', 1],
        ['a', 3],
        ['c', 1],
      ],
      1,
    )
    await rejected('PROMISE_RETURNED', () => pairs.reduceByKey((async () => 1) as never).collect())
    const bad = pairs.map(([key, n]): [unknown, number] => [key === 'c' ? () => n : key, n])
    await rejected('KEY_NOT_SUPPORTED', () => bad.reduceByKey((a, b) => a + b).collect())
    await sc.stop()
  })
})

const damages: Readonly<Record<string, (path: string) => void>> = {
  'a byte was changed': path => {
    const file = openSync(path, 'r+')
    writeSync(file, Uint8Array.of(0xa5, 0x5a, 0xa5), 0, 3, 40)
    closeSync(file)
  },
  'it was cut off': path => truncateSync(path, 30),
  'it was removed': path => rmSync(path),
}

it('a shuffle may be larger than the heap of a thread', { skip: !thorough }, async () => {
  const n = 300_000
  const { sc, spilled } = context(ON_THREADS, undefined, { 'spark.executor.memory': '32m' })
  const pairs = sc.range(0, n, 1, 2).map((i): [number, string] => [(i * 7919) % n, `${i} `.repeat(20)])
  const sorted = pairs.sortByKey(true, 2).keys()
  const isSorted = sorted.mapPartitions(function* (keys) {
    let last = -1
    let count = 0
    for (const key of keys) {
      if (key <= last) return
      last = key
      count++
    }
    yield count
  })
  assert.equal(await isSorted.reduce((a, b) => a + b), n)
  await sc.stop()
  assert.ok(spilled() > 30_000_000, String(spilled()))
})

it('a folder that cannot be written is named', async () => {
  const file = join(parent, 'no-folder')
  closeSync(openSync(file, 'w'))
  const { sc } = context(LOCAL, 0, { 'spark.local.dir': file })
  const pairs = sc.parallelize([['a', 1] as Pair], 1)
  const error = await rejected('OUTPUT_FAILED', () => pairs.groupByKey(1).collect())
  assert.ok(error.message.includes(file))
  await sc.stop()
})

it('the copy of a slow task leaves no file of its own', async () => {
  const conf = {
    'spark.speculation': 'true',
    'spark.speculation.quantile': '0.5',
    'spark.speculation.interval': '1ms',
    'kindling.task.killAfter': '20ms',
  }
  const { sc, files } = context(ON_THREADS, 0, conf)
  const flag = join(parent, 'slow')
  const pairs = sc.parallelize([0, 1], 2).mapPartitionsWithIndex(function* (partition) {
    const fs = process.getBuiltinModule('node:fs')
    for (let i = 0; i < 3000; i++) yield [i, partition] as [number, number]
    if (partition === 0 || fs.existsSync(flag)) return
    fs.writeFileSync(flag, '')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
  const groups = pairs.groupByKey(2)
  assert.equal(await groups.count(), 3000)
  assert.ok(filesBelow(parent).includes(flag))
  // The outputs of the two that counted; the thread of the slow one ends, and its folder goes.
  await until(() => files().length === 2)
  await sc.stop()
  assert.deepEqual(files(), [])
})

describe('damaged files', () => {
  for (const place of [LOCAL, inTurns, ON_THREADS])
    for (const [what, damage] of Object.entries(damages))
      it(`a map output is made again: ${what}, ${place.title}`, async () => {
        const { sc, files } = context(place, 0)
        const made = sc.longAccumulator()
        const pairs = sc
          .parallelize(
            Array.from({ length: 400 }, (_, i) => i),
            4,
          )
          .map((i): Pair => {
            made.add(1)
            return [`key ${i % 37}`, i]
          })
        const groups = pairs.groupByKey(3)
        const expected = await groups.collect()
        assert.equal(made.value, 400)
        const outputs = files()
        assert.equal(outputs.length, 4)
        damage(outputs[1]!)
        assert.deepEqual(await groups.collect(), expected)
        // That partition alone was computed again.
        assert.equal(made.value, 500)
        await sc.stop()
        assert.deepEqual(files(), [])
      })

  it('runs of a task: it is tried again', async () => {
    const { sc, files } = context(LOCAL, 0)
    let attempts = 0
    const result = await sc
      .parallelize([0], 1)
      .mapPartitions(function* () {
        attempts++
        for (let i = 0; i < 5000; i++) {
          if (i === 4999 && attempts === 1) {
            assert.ok(files().length > 0)
            for (const path of files()) damages['a byte was changed']!(path)
          }
          yield [i % 7, i] as [number, number]
        }
      })
      .reduceByKey((a, b) => a + b)
      .collect()
    assert.equal(attempts, 2)
    const expected = new Map<number, number>()
    for (let i = 0; i < 5000; i++) expected.set(i % 7, (expected.get(i % 7) ?? 0) + i)
    assert.deepEqual(new Map(result), expected)
    await sc.stop()
  })
})

describe('files', () => {
  for (const place of [LOCAL, ON_THREADS]) {
    it(`runs go with the task, outputs with the shuffle, all with the context, ${place.title}`, async () => {
      const { sc, files, spilled } = context(place, 0)
      const numbers = sc.parallelize(
        Array.from({ length: 300 }, (_, i) => i),
        3,
      )
      const sums = (): RDD<[number, number]> =>
        numbers.map((i): [number, number] => [i % 50, i]).reduceByKey((a, b) => a + b, 2)
      let kept: RDD<unknown> | undefined = sums()
      await kept.count()
      assert.equal(files().length, 3)
      await (() => sums().count())()
      kept = undefined
      await until(() => {
        collectGarbage()
        return files().length === 0
      })
      await sums().count()
      await sc.stop()
      assert.ok(spilled() > 0)
      assert.deepEqual(files(), [])
    })

    it(`of tasks that fail are removed, ${place.title}`, async () => {
      const { sc, files } = context(place, 0, { 'spark.task.maxFailures': '2' })
      const pairs = sc
        .parallelize(
          Array.from({ length: 3000 }, (_, i) => i),
          1,
        )
        .map((i): [number, number] => {
          if (i === 2999) throw new Error('at the end')
          return [i, i]
        })
      await rejected('USER_CODE_FAILED', () => pairs.reduceByKey((a, b) => a + b).collect())
      assert.deepEqual(files(), [])
      await sc.stop()
    })
  }

  it('of a thread that dies are removed, and its task runs again', async () => {
    const { sc, files } = context(ON_THREADS, 0)
    const flag = join(parent, 'died')
    const folder = join(parent, `context-${contexts - 1}`)
    const records = sc.parallelize([0], 1).mapPartitions(function* () {
      const fs = process.getBuiltinModule('node:fs')
      for (let i = 0; i < 9000; i++) {
        yield [i % 500, i] as [number, number]
        if (i < 8999) continue
        const own = fs
          .readdirSync(folder, { recursive: true })
          .filter(name => /thread-\d+.spill/.test(String(name)))
        if (own.length === 0) throw new Error('nothing was spilled')
        if (fs.existsSync(flag)) continue
        fs.writeFileSync(flag, own.join())
        process.exit(1)
      }
    })
    const result = await records.reduceByKey((a, b) => a + b).collect()
    assert.equal(result.length, 500)
    assert.ok(process.getBuiltinModule('node:fs').existsSync(flag))
    // Only the output, which the driver took over.
    assert.equal(files().length, 1)
    assert.ok(!files()[0]!.includes('thread-'))
    await sc.stop()
    assert.deepEqual(files(), [])
  })
})
