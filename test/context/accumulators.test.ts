import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AccumulatorV2 } from '../../src/context/accumulator.ts'
import { LongAccumulator } from '../../src/context/accumulators.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { AccumulatorUpdate } from '../../src/scheduler/events.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'
import { onEachContext } from '../support/contexts.ts'
import { rejected, thrown } from '../support/rejected.ts'

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

class Longest extends AccumulatorV2<string, string> {
  private word = ''
  get isZero(): boolean {
    return this.word === ''
  }
  get value(): string {
    return this.word
  }
  copy(): Longest {
    return Object.assign(new Longest(), this)
  }
  reset(): void {
    this.word = ''
  }
  add(word: string): void {
    if (word.length > this.word.length) this.word = word
  }
  merge(other: Longest): void {
    this.add(other.word)
  }
}

onEachContext('accumulators', (make, itHere) => {
  it('sum, count and average of what tasks and the driver add', async () => {
    const sc = make()
    const sum = sc.longAccumulator('sum')
    const half = sc.doubleAccumulator()
    const all = sc.collectionAccumulator<number>('all')
    assert.ok(sum.isZero && half.isZero && all.isZero)
    sum.add(100)
    assert.equal(sum.value, 100)
    await sc.parallelize(numbers(10), 3).foreach(n => {
      sum.add(n)
      half.add(n / 2)
      all.add(n)
    })
    assert.deepEqual([sum.value, sum.sum, sum.count, sum.avg], [155, 155, 11, 155 / 11])
    assert.deepEqual([half.value, half.count], [27.5, 10])
    assert.deepEqual(
      [...all.value].sort((a, b) => a - b),
      numbers(10),
    )
    sum.reset()
    assert.ok(sum.isZero)
    assert.ok(Number.isNaN(sum.avg))
    assert.equal(sum.name, 'sum')
    assert.equal(half.name, undefined)
    assert.match(thrown('INVALID_ARGUMENT', () => sum.add(0.5)).message, /accumulator sum/)
  })

  it('a custom one: registered once, usable as it is', async () => {
    const sc = make()
    const longest = new Longest()
    thrown('ILLEGAL_STATE', () => longest.id)
    assert.equal(sc.register(longest, 'longest'), longest)
    assert.ok(longest.isRegistered)
    thrown('ILLEGAL_STATE', () => sc.register(longest))
    await sc.parallelize(['a', 'ccc', 'bb'], 3).foreachPartition(records => {
      for (const word of records) longest.add(word)
    })
    assert.equal(longest.value, 'ccc')
    const copy = longest.copy()
    copy.add('dddd')
    assert.deepEqual([copy.value, copy.isRegistered, longest.value], ['dddd', false, 'ccc'])
  })

  it('in a transformation it counts each time that is computed', async () => {
    const sc = make()
    const seen = sc.longAccumulator()
    const mapped = sc.parallelize(numbers(4), 2).map(n => {
      seen.add(1)
      return n
    })
    await mapped.count()
    await mapped.count()
    assert.equal(seen.value, 8)
    mapped.cache()
    await mapped.count()
    await mapped.count()
    assert.equal(seen.value, 12)
  })

  it('works in every kind of user function', async () => {
    const sc = make()
    const calls = sc.collectionAccumulator<string>()
    const rdd = sc.parallelize(numbers(2), 2)
    await rdd
      .flatMap(function* (n) {
        calls.add('flatMap')
        yield n
      })
      .filter(() => {
        calls.add('filter')
        return true
      })
      .mapPartitions(function* (records) {
        for (const n of records) {
          calls.add('mapPartitions')
          yield n
        }
      })
      .mapAsync(async n => {
        await turn()
        calls.add('mapAsync')
        return n
      })
      .mapPartitionsAsync(async function* (records) {
        for await (const n of records) {
          calls.add('mapPartitionsAsync')
          yield n
        }
      })
      .map(n => [n % 1, n])
      .reduceByKey((a, b) => {
        calls.add('reduce')
        return a + b
      }, 1)
      .foreach(async () => {
        await turn()
        calls.add('foreach')
      })
    const count = (name: string): number => calls.value.filter(call => call === name).length
    const names = [
      'flatMap',
      'filter',
      'mapPartitions',
      'mapAsync',
      'mapPartitionsAsync',
      'reduce',
      'foreach',
    ]
    assert.deepEqual(names.map(count), [2, 2, 2, 2, 2, 1, 1])
  })

  itHere('tasks that take turns at awaits do not mix what they add', async () => {
    const sc = make()
    const updates: AccumulatorUpdate[][] = []
    const partitions: number[] = []
    sc.addSparkListener({
      onTaskEnd: task => {
        partitions.push(task.partition)
        updates.push([...task.accumulatorUpdates])
      },
    })
    const sum = sc.longAccumulator('sum')
    const unnamed = sc.longAccumulator()
    const log: number[] = []
    await sc.parallelize(numbers(40), 2).foreach(async n => {
      log.push(n > 20 ? 1 : 0)
      await turn()
      sum.add(n > 20 ? 1000 : 1)
      await turn()
      unnamed.add(1)
    })
    await sc.stop()
    if (sc.master === 'local[2]') assert.ok(log.slice(0, 20).includes(1), 'the two tasks were interleaved')
    const added = new Map(partitions.map((p, i) => [p, updates[i]!.map(u => [u.name, u.update])]))
    assert.deepEqual(added.get(0), [
      ['sum', 20],
      [undefined, 20],
    ])
    assert.deepEqual(added.get(1), [
      ['sum', 20_000],
      [undefined, 20],
    ])
    assert.equal(updates.at(-1)![0]!.value, 20_020)
    assert.equal(sum.value, 20_020)
  })
})

describe('accumulators and failures', () => {
  it('in a task the value is that of the program (D63)', async () => {
    await using sc = new SparkContext({ master: 'local' })
    const sum = sc.longAccumulator()
    sum.add(5)
    const seen = await sc
      .parallelize([1, 2], 2)
      .map(n => {
        sum.add(n)
        return sum.value
      })
      .collect()
    assert.deepEqual([seen, sum.value], [[5, 6], 8])
  })

  it('a failed attempt leaves nothing, the one that succeeds counts once', async () => {
    await using sc = new SparkContext({ master: 'local[2]', conf: INLINE })
    const sum = sc.longAccumulator()
    let failures = 0
    await sc.parallelize(numbers(6), 3).foreach(async n => {
      await turn()
      sum.add(n)
      if ((n === 2 || n === 5) && failures++ < 4) throw new Error('planned')
    })
    assert.equal(failures, 6)
    assert.equal(sum.value, 21)
  })

  it('a job that fails keeps what its successful tasks added', async () => {
    await using sc = new SparkContext({ master: 'local' })
    const sum = sc.longAccumulator()
    const job = sc.parallelize(numbers(3), 3).foreach(n => {
      sum.add(n)
      if (n === 3) throw new Error('planned')
    })
    await rejected('USER_CODE_FAILED', () => job)
    assert.equal(sum.value, 3)
  })

  it('a map stage that runs again after lost output counts again', async () => {
    await using sc = new SparkContext({ master: 'local[2]', conf: INLINE })
    const mapped = sc.longAccumulator()
    const reduced = sc.longAccumulator()
    const pairs = sc
      .parallelize(numbers(4), 2)
      .map(n => {
        mapped.add(1)
        return [n % 2, n]
      })
      .reduceByKey((a, b) => a + b, 2)
    await pairs.foreach(() => reduced.add(1))
    sc.shuffle.drop(pairs.node as never, 0, 1)
    await pairs.foreach(() => reduced.add(1))
    assert.deepEqual([mapped.value, reduced.value], [6, 4])
  })

  it('what code of an attempt adds after its end is dropped', async () => {
    await using sc = new SparkContext({ master: 'local' })
    const sum = sc.longAccumulator()
    const gate = Promise.withResolvers<void>()
    let late: Promise<void> | undefined
    await sc.parallelize([1], 1).foreach(n => {
      sum.add(n)
      late = gate.promise.then(() => sum.add(100))
      return undefined
    })
    gate.resolve()
    await late
    assert.equal(sum.value, 1)
  })

  it('a merge that throws is told, and the job stands', async () => {
    const told: string[] = []
    const ignore = (): void => {}
    const logger = { debug: ignore, info: ignore, warn: ignore, error: (m: string) => void told.push(m) }
    await using sc = new SparkContext({ logger })
    class Broken extends LongAccumulator {
      override merge(): void {
        throw new Error('no')
      }
      protected override fresh(): Broken {
        return new Broken()
      }
    }
    const broken = sc.register(new Broken(), 'broken')
    await sc.parallelize([1], 1).foreach(n => broken.add(n))
    assert.match(told.join(), /accumulator broken could not be updated/)
  })

  it('in streams: planned task faults do not count twice', async () => {
    let sum: LongAccumulator | undefined
    await using t = new StreamTest({
      master: 'local[2]',
      conf: INLINE,
      build: t => {
        sum = t.sc.longAccumulator()
        t.input(
          'in',
          [
            [1, 2],
            [3, 4],
          ],
          { partitions: 2 },
        ).foreachRDD(rdd =>
          rdd.foreach(async n => {
            await turn()
            sum!.add(n)
          }),
        )
      },
    })
    t.failAt('task', { partition: 1 })
    t.failAt('task', { partition: 0, nth: 2 })
    await t.run(2)
    assert.equal(sum!.value, 10)
  })
})
