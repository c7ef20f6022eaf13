import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../src/base/clock.ts'
import { seconds } from '../../src/base/time.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { MapAsyncOptions } from '../../src/rdd/async-operations.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { onEachContext } from '../support/contexts.ts'
import { rejected, thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Runs `body` while time goes on as far as it sleeps. */
async function onClock<R>(clock: ManualClock, body: () => Promise<R>): Promise<R> {
  const result = clock.activity.track(body())
  result.catch(() => {})
  await clock.advance(0)
  return result
}

/** Counts calls in flight. */
class Gauge {
  now = 0
  most = 0
  calls = 0
  enter(): void {
    this.calls++
    this.most = Math.max(this.most, ++this.now)
  }
  leave(): void {
    this.now--
  }
}

onEachContext('mapAsync', (make, itHere) => {
  itHere('agrees with map, for any concurrency, delay and order', async () => {
    const clock = new ManualClock(0)
    const sc = make({ clock })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer(), fc.integer({ min: 0, max: 20 })), { maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        fc.constantFrom('literal', 'shuffled', 'async') as fc.Arbitrary<string>,
        async (data, partitions, concurrency, ordered, input) => {
          const gauges = new Map<number, Gauge>()
          let rdd = sc.parallelize(data, partitions)
          if (input === 'shuffled') rdd = rdd.sortBy(r => r[0])
          if (input === 'async') rdd = rdd.mapAsync(async r => r, { concurrency: 2 })
          const expected = await onClock(clock, () =>
            rdd
              .map(r => r[0] + 1)
              .glom()
              .collect(),
          )
          const mapped = rdd
            .mapPartitionsWithIndex(function* (p, records) {
              for (const r of records) yield [p, ...r] as const
            })
            .mapAsync(
              async ([p, n, ms]) => {
                const gauge = gauges.get(p) ?? new Gauge()
                gauges.set(p, gauge)
                gauge.enter()
                if (ms > 0) await clock.sleep(ms)
                gauge.leave()
                return n + 1
              },
              { concurrency, ordered },
            )
          const got = await onClock(clock, () => mapped.glom().collect())
          const sort = (parts: number[][]) => parts.map(p => p.toSorted((a, b) => a - b))
          assert.deepEqual(ordered ? got : sort(got), ordered ? expected : sort(expected))
          for (const gauge of gauges.values()) assert.ok(gauge.most <= concurrency)
        },
      ),
      { numRuns: Math.ceil(runs / 4) },
    )
  })

  itHere('keeps the order unless told otherwise', async () => {
    const clock = new ManualClock(0)
    const sc = make({ clock })
    const slow = async (ms: number): Promise<number> => (ms > 0 ? clock.sleep(ms).then(() => ms) : ms)
    const rdd = sc.parallelize([30, 10, 20, 0], 1)
    assert.deepEqual(await onClock(clock, () => rdd.mapAsync(slow).collect()), [30, 10, 20, 0])
    assert.deepEqual(
      await onClock(clock, () => rdd.mapAsync(slow, { ordered: false }).collect()),
      [0, 10, 20, 30],
    )
  })

  itHere('fills its concurrency, and goes no further than twice that ahead of a slow head', async () => {
    const clock = new ManualClock(0)
    const sc = make({ clock })
    const gauge = new Gauge()
    let callsAtHead = 0
    const rdd = sc.parallelize(numbers(100), 1).mapAsync(
      async n => {
        gauge.enter()
        await clock.sleep(n === 0 ? 1000 : 1)
        if (n === 0) callsAtHead = gauge.calls
        gauge.leave()
        return n
      },
      { concurrency: 4 },
    )
    assert.deepEqual(await onClock(clock, () => rdd.collect()), numbers(100))
    assert.equal(gauge.most, 4)
    assert.equal(callsAtHead, 8)
  })

  it('fuses with what is around it on both sides, in every action', async () => {
    const sc = make()
    const rdd = sc
      .parallelize(numbers(10), 2)
      .filter(n => n % 2 === 0)
      .mapAsync(async n => turn().then(() => n + 1))
      .flatMap(n => [n, n])
    assert.deepEqual(await rdd.collect(), [1, 1, 3, 3, 5, 5, 7, 7, 9, 9])
    assert.equal(await rdd.count(), 10)
    assert.equal(await rdd.reduce((a, b) => a + b), 50)
    assert.deepEqual(await rdd.take(3), [1, 1, 3])
    assert.deepEqual(
      (
        await rdd
          .map(n => [n, 1])
          .reduceByKey((a, b) => a + b)
          .collect()
      ).length,
      5,
    )
    assert.deepEqual(await rdd.mapPartitions(records => [Array.from(records).length]).collect(), [6, 4])
    assert.deepEqual(await rdd.coalesce(1).zip(rdd.coalesce(1)).count(), 10)
    assert.equal(await rdd.cache().count(), 10)
    assert.equal(await rdd.count(), 10)
    assert.deepEqual(
      await sc
        .parallelize([1], 1)
        .mapAsync(n => n + 1)
        .collect(),
      [2],
    )
    assert.deepEqual(
      await sc
        .emptyRDD<number>()
        .mapAsync(async n => n)
        .collect(),
      [],
    )
  })

  itHere('take closes it: no further calls begin, those in flight are told', async () => {
    const sc = make()
    let calls = 0
    let aborted = 0
    const rdd = sc.parallelize(numbers(1000), 1).mapAsync(
      async (n, { signal }) => {
        calls++
        if (n < 3) return n
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        aborted++
        return n
      },
      { concurrency: 5 },
    )
    assert.deepEqual(await rdd.take(3), [0, 1, 2])
    const begun = calls
    await turn()
    assert.equal(calls, begun)
    assert.ok(calls <= 8, `${calls} calls`)
    assert.equal(aborted, calls - 3)
  })

  it('what it throws or rejects with names operator, line and record; those before it still come', async () => {
    const sc = make()
    const bad = (n: number): Promise<number> => {
      if (n === 3) throw new Error('sync')
      return n === 5 ? Promise.reject(new Error('later')) : Promise.resolve(n)
    }
    const rdd = sc.parallelize(numbers(10), 1).mapAsync(bad)
    const error = await rejected('USER_CODE_FAILED', () => rdd.collect())
    assert.match(error.message, /sync/)
    assert.match(error.message, /operator mapAsync, at .*map-async\.test\.ts:\d+/)
    assert.match(error.message, /value 3/)
    assert.deepEqual(await rdd.take(3), [0, 1, 2])
    const unordered = sc.parallelize([5], 1).mapAsync(bad, { ordered: false })
    assert.match((await rejected('USER_CODE_FAILED', () => unordered.collect())).message, /later/)
    const before = sc.parallelize([1, 2], 1).map(n => {
      if (n === 2) throw new Error('upstream')
      return n
    })
    const after = before.mapAsync(async n => n)
    assert.match(
      (await rejected('USER_CODE_FAILED', () => after.collect())).message,
      /upstream.*operator map,/,
    )
    assert.deepEqual(await after.take(1), [1])
  })

  itHere('a timeout ends the attempt, aborts its signal, and has a code', async () => {
    const clock = new ManualClock(0)
    const sc = make({ clock, conf: { 'spark.task.maxFailures': 1 } })
    const reasons: string[] = []
    const rdd = sc.parallelize(['fast', 'slow'], 1).mapAsync(
      (word, { signal }) => {
        signal.addEventListener('abort', () => reasons.push((signal.reason as Error).name))
        return word === 'fast' ? Promise.resolve(word) : new Promise<string>(() => {})
      },
      { timeout: seconds(5), retries: 1, backoff: 100 },
    )
    const error = await rejected('CALL_TIMED_OUT', () => onClock(clock, () => rdd.collect()))
    assert.match(error.message, /mapAsync gave no result within 5000 ms \(2 attempts\)/)
    assert.match(error.message, /operator mapAsync, at .*value 'slow'/)
    assert.deepEqual(reasons.slice(0, 2), ['TimeoutError', 'TimeoutError'])
    assert.equal(clock.now(), 10_100)
  })

  itHere('retries with pauses that double, on the clock', async () => {
    const clock = new ManualClock(0)
    const sc = make({ clock })
    const at: number[] = []
    const rdd = sc.parallelize(['x'], 1).mapAsync(
      async word => {
        at.push(clock.now())
        if (at.length < 4) throw new Error('not yet')
        return word
      },
      { retries: 3, backoff: '1s' },
    )
    assert.deepEqual(await onClock(clock, () => rdd.collect()), ['x'])
    assert.deepEqual(at, [0, 1000, 3000, 7000])
  })

  itHere('a cancelled job ends although a call never does', async () => {
    const sc = make()
    const begun = Promise.withResolvers<AbortSignal>()
    const job = sc
      .parallelize([1], 1)
      .mapAsync((_, { signal }) => {
        begun.resolve(signal)
        return new Promise<number>(() => {})
      })
      .countAsync()
    const signal = await begun.promise
    job.cancel()
    await rejected('JOB_CANCELLED', () => job)
    assert.ok(signal.aborted)
    await sc.stop()
  })

  it('after take, timers of calls that ignore their signal are gone', async () => {
    const clock = new ManualClock(0)
    const sc = make({ clock })
    const rdd = sc
      .parallelize([1, 2, 3], 1)
      .mapAsync(n => (n === 1 ? Promise.resolve(n) : new Promise<number>(() => {})), { timeout: '1h' })
    assert.deepEqual(await onClock(clock, () => rdd.take(1)), [1])
    await turn()
    assert.equal(clock.activity.asleep, 0)
    assert.equal(clock.now(), 0)
  })

  it('options are checked when it is defined', () => {
    const rdd = make().parallelize([1])
    const wrong: [MapAsyncOptions, string][] = [
      [{ concurrency: 0 }, 'INVALID_ARGUMENT'],
      [{ concurrency: 1.5 }, 'INVALID_ARGUMENT'],
      [{ retries: -1 }, 'INVALID_ARGUMENT'],
      [{ timeout: 2 }, 'INVALID_DURATION'],
    ]
    for (const [options, code] of wrong) thrown(code as never, () => rdd.mapAsync(async n => n, options))
  })

  it('a promise where none is wanted: the message names mapAsync', async () => {
    const sc = make()
    const rdd = sc.parallelize([1], 1)
    const error = await rejected('PROMISE_RETURNED', () => rdd.map(async n => n).collect())
    assert.match(error.message, /use mapAsync/)
    const whole = rdd.mapPartitions((async () => []) as never)
    assert.match((await rejected('PROMISE_RETURNED', () => whole.collect())).message, /mapPartitionsAsync/)
  })
})

onEachContext('mapPartitionsAsync', (make, itHere) => {
  it('reads with for await or a plain loop, and gives records as they come', async () => {
    const sc = make()
    const rdd = sc.parallelize(numbers(6), 2)
    const later = rdd.mapPartitionsAsync(async function* (records) {
      for await (const n of records) {
        await turn()
        yield n * 2
      }
    })
    assert.deepEqual(await later.glom().collect(), [
      [0, 2, 4],
      [6, 8, 10],
    ])
    const plain = rdd.mapPartitionsAsync(async function* (records) {
      yield [...records].length
    })
    assert.deepEqual(await plain.collect(), [3, 3])
    const shuffled = rdd
      .sortBy(n => -n)
      .mapPartitionsAsync(async function* (records) {
        for (const n of records) yield n
      })
    assert.deepEqual(await shuffled.collect(), [5, 4, 3, 2, 1, 0])
    assert.deepEqual(await rdd.mapPartitionsAsync((() => [7]) as never).collect(), [7, 7])
    assert.equal(
      await later
        .map(n => n + 1)
        .filter(n => n > 3)
        .count(),
      4,
    )
  })

  it('a plain loop over records that arrive asynchronously is an error that says so', async () => {
    const sc = make()
    const rdd = sc.parallelize([1], 1).mapAsync(async n => n)
    const plain = rdd.mapPartitionsAsync(async function* (records) {
      for (const n of records) yield n
    })
    assert.match((await rejected('INPUT_NOT_AT_HAND', () => plain.collect())).message, /for await/)
    const good = rdd.mapPartitionsAsync(async function* (records) {
      for await (const n of records) yield n
    })
    assert.deepEqual(await good.collect(), [1])
  })

  itHere('take closes an endless generator, and its finally has run', async () => {
    const sc = make()
    const log: string[] = []
    const rdd = sc.parallelize([1], 1).mapPartitionsAsync(async function* (_, { signal }) {
      try {
        for (let n = 0; ; n++) {
          log.push(`made ${n}`)
          yield n
        }
      } finally {
        log.push(`closed ${signal.aborted}`)
      }
    })
    assert.deepEqual(await rdd.take(2), [0, 1])
    assert.deepEqual(log, ['made 0', 'made 1', 'closed true'])
    assert.deepEqual(await rdd.map(n => n * 2).take(3), [0, 2, 4])
  })

  it('errors fail the task, and name the operator', async () => {
    const sc = make()
    const rdd = sc.parallelize([1, 2], 1).mapPartitionsAsync(async function* (records) {
      for await (const n of records) {
        if (n === 2) throw new Error('planned')
        yield n
      }
    })
    const error = await rejected('USER_CODE_FAILED', () => rdd.collect())
    assert.match(error.message, /planned.*operator mapPartitionsAsync, at /)
    assert.deepEqual(await rdd.take(1), [1])
    const one = sc.parallelize([1], 1)
    await rejected('PROMISE_RETURNED', () => one.mapPartitionsAsync((async () => []) as never).collect())
    await rejected('NOT_ITERABLE', () => one.mapPartitionsAsync((() => 1) as never).collect())
  })

  itHere('a cancelled job ends although its generator waits for ever', async () => {
    const sc = make()
    const begun = Promise.withResolvers<void>()
    const job = sc
      .parallelize([1], 1)
      .mapPartitionsAsync(async function* () {
        yield 1
        begun.resolve()
        await new Promise(() => {})
        yield 2
      })
      .countAsync()
    await begun.promise
    job.cancel()
    await rejected('JOB_CANCELLED', () => job)
    await sc.stop()
  })
})

describe('asynchronous operators of streams', () => {
  it('run in each batch, on the virtual clock, with retried tasks', async () => {
    await using t = new StreamTest({
      master: 'local[2]',
      conf: { 'kindling.executor': 'inline' },
      build: t => {
        const input = t.input('in', [[3, 1, 2], [], [5]], { partitions: 2 })
        const slow = input.mapAsync(async n => {
          await t.clock.sleep(n * 10)
          return n * 2
        })
        t.collect('out', slow)
        const plus = slow.mapPartitionsAsync(async function* (records) {
          for await (const n of records) yield n + 1
        })
        t.collect('plus', plus)
      },
    })
    t.failAt('task', { partition: 1 })
    await t.run(3)
    assert.deepEqual(t.out('out').batches, [[6, 2, 4], [], [10]])
    assert.deepEqual(t.out('plus').batches, [[7, 3, 5], [], [11]])
  })

  it('options are checked when the stream is defined', async () => {
    await using t = new StreamTest({
      build: t => {
        const input = t.input('in', [[1]])
        thrown('INVALID_ARGUMENT', () => input.mapAsync(async n => n, { concurrency: 0 }))
        t.collect('out', input)
      },
    })
    await t.run(1)
  })
})

describe('mapAsync and slow consumers', () => {
  it('stops ahead of a consumer that does not take', async () => {
    await using sc = new SparkContext({ master: 'local' })
    const gauge = new Gauge()
    const gate = Promise.withResolvers<void>()
    const rdd = sc.parallelize(numbers(100), 1).mapAsync(
      async n => {
        gauge.enter()
        gauge.leave()
        return n
      },
      { concurrency: 3 },
    )
    let first = true
    const job = rdd.foreach(async () => {
      if (first) await gate.promise
      first = false
    })
    for (let i = 0; i < 20; i++) await turn()
    assert.ok(gauge.calls <= 9, `${gauge.calls} calls`)
    gate.resolve()
    await job
    assert.equal(gauge.calls, 100)
  })
})
