/** What happens to worker threads: they die, hang, run out of memory, and are asked to end; and what they are sent. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, describe, it } from 'node:test'
import { isMainThread, threadId, type Worker } from 'node:worker_threads'
import {
  LongAccumulator,
  registerClass,
  SparkContext,
  type SparkContextOptions,
  StorageLevel,
} from 'kindling'
import { StreamTest, until } from 'kindling/testing'
import { freshPaths, isFirst } from '../support/once.ts'
import { rejected } from '../support/rejected.ts'

const made: SparkContext[] = []
after(() => Promise.all(made.map(sc => sc.stop())))
const freshPath = freshPaths()

function context(conf: object = {}, master = 'local[2]'): { sc: SparkContext; warnings: string[] } {
  const warnings: string[] = []
  const ignore = (): void => {}
  const logger: SparkContextOptions['logger'] = {
    debug: ignore,
    info: ignore,
    warn: (m: string) => void warnings.push(m),
    error: (m: string) => void warnings.push(m),
  }
  const all = { 'kindling.executor': 'threads', 'kindling.task.killAfter': 100, ...conf }
  const sc = new SparkContext({ master, logger, conf: all })
  made.push(sc)
  return { sc, warnings }
}

/** In the first call for this path, dies or hangs as it is told. */
function failOnce(path: string, how: 'exit' | 'memory' | 'timer' | 'loop'): void {
  if (!isFirst(path)) return
  if (how === 'exit') process.exit(7)
  if (how === 'timer') {
    setTimeout(() => {
      throw new Error('in a timer')
    })
    // Waits so that the timer comes while the task runs.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    return
  }
  const all: unknown[] = []
  for (;;) if (how === 'memory') all.push(Array.from({ length: 100_000 }, (_, i) => ({ i })))
}

describe('a worker thread that ends', () => {
  for (const [how, reason] of [
    ['exit', /exited with code 7/],
    ['memory', /memory/],
    ['timer', /in a timer/],
  ] as const)
    it(`by ${how} is replaced, and what it ran runs again`, async () => {
      const { sc, warnings } = context(how === 'memory' ? { 'spark.executor.memory': '64m' } : {})
      const path = freshPath()
      const counted = sc.longAccumulator('counted')
      const kept = sc
        .range(0, 100, 1, 4)
        .map(n => [n % 7, n])
        .persist(StorageLevel.MEMORY_ONLY)
      assert.equal(await kept.count(), 100)
      const sums = kept
        .reduceByKey((a, b) => a + b, 3)
        .mapPartitionsAsync(async function* (records) {
          for await (const record of records) {
            if (record[0] === 3) failOnce(path, how)
            if (how === 'timer') await new Promise(resolve => setTimeout(resolve, 20))
            yield record
          }
        })
      const expected = [0, 1, 2, 3, 4, 5, 6].map(k => {
        const all = Array.from({ length: 100 }, (_, n) => n).filter(n => n % 7 === k)
        return [k, all.reduce((a, b) => a + b)]
      })
      const collected = await sums.collect()
      assert.ok(existsSync(path), 'the fault hit')
      assert.deepEqual(
        collected.sort(([a], [b]) => a! - b!),
        expected,
      )
      assert.match(warnings.join('\n'), /a worker thread ended and is replaced/)
      assert.match(warnings.join('\n'), reason)
      // An action counts each partition once, whatever became of threads.
      const again = freshPath()
      await kept.foreach(([, n]) => {
        counted.add(1)
        if (n === 50) failOnce(again, how === 'timer' ? 'exit' : how)
      })
      assert.ok(existsSync(again), 'the fault hit')
      assert.equal(counted.value, 100)
    })

  it('each time fails the job, and the context lives on', async () => {
    const { sc } = context()
    await rejected('WORKER_LOST', () => sc.range(0, 2, 1, 1).foreach(() => process.exit(1)))
    assert.equal(await sc.range(10).count(), 10)
  })
})

describe('a worker thread that hangs', () => {
  it('is ended when its job is cancelled, and another takes its place', async () => {
    const { sc, warnings } = context()
    const path = freshPath()
    const abortion = new AbortController()
    const job = sc.withSignal(abortion.signal, () =>
      sc.range(0, 2, 1, 2).foreach(() => failOnce(path, 'loop')),
    )
    await until(() => existsSync(path))
    abortion.abort()
    await rejected('JOB_CANCELLED', () => job)
    assert.equal(await sc.range(0, 10, 1, 4).count(), 10)
    await until(() => warnings.some(w => /its task was cancelled and did not end/.test(w)))
  })

  it('does not keep its context from stopping', async () => {
    const { sc } = context()
    const path = freshPath()
    const job = sc.range(0, 1, 1, 1).foreach(() => failOnce(path, 'loop'))
    const failed = rejected('JOB_CANCELLED', () => job)
    await until(() => existsSync(path))
    await sc.stop()
    await failed
  })
})

describe('a function that throws on a worker thread', () => {
  it('is tried as often as the master says; its error names operator, line and value', async () => {
    const { sc } = context({}, 'local[2,3]')
    const tries = sc.longAccumulator()
    const attempts: number[] = []
    sc.addSparkListener({ onTaskEnd: ({ attempt }) => void attempts.push(attempt) })
    const job = sc.parallelize([1, 2, 3], 1).map(n => {
      tries.add(1)
      if (n === 2) throw new RangeError('two')
      return n
    })
    await assert.rejects(job.collect(), error => {
      const { code, message, cause } = error as { code: string; message: string; cause: Error }
      assert.equal(code, 'USER_CODE_FAILED')
      assert.match(message, /map threw: two .*threads\.test\.ts:\d+.*value 2/)
      assert.ok(cause instanceof RangeError)
      assert.match(cause.stack!, /threads\.test\.ts:\d+:\d+/)
      return true
    })
    await until(() => attempts.length === 3)
    assert.deepEqual(attempts, [0, 1, 2])
    assert.equal(tries.value, 0, 'nothing of failed attempts counts')
    assert.deepEqual(await sc.parallelize([1]).collect(), [1])
  })

  it('and a promise that floats fails the task that made it', async () => {
    const { sc } = context({}, 'local[2,1]')
    const job = sc.parallelize([1], 1).mapAsync(async n => {
      void Promise.reject(new Error('floats'))
      await new Promise(resolve => setTimeout(resolve, 5))
      return n
    })
    await rejected('FLOATING_REJECTION', () => job.collect())
  })
})

class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
  plus(other: Money): Money {
    return new Money(this.cents + other.cents)
  }
}

class Hidden extends LongAccumulator {
  readonly #secret = 1
  get secret(): number {
    return this.#secret
  }
}

describe('what worker threads are sent', () => {
  it('instances of registered classes cross shuffles, and come back', async () => {
    registerClass(Money, { encode: m => m.cents, decode: cents => new Money(cents) })
    const { sc } = context()
    const sums = await sc
      .parallelize(['a', 'b', 'a'], 3)
      .map(k => [k, new Money(5)] as [string, Money])
      .reduceByKey((a, b) => a.plus(b))
      .collect()
    assert.deepEqual(
      new Map(sums),
      new Map([
        ['a', new Money(10)],
        ['b', new Money(5)],
      ]),
    )
    assert.ok(sums[0]![1] instanceof Money)
  })

  it('accumulators, but none whose class has #private fields', async () => {
    const { sc } = context()
    const hidden = sc.register(new Hidden())
    assert.equal(hidden.secret, 1)
    await rejected('CLOSURE_NOT_TRANSFERABLE', () => sc.parallelize([1], 1).foreach(n => hidden.add(n)))
  })

  it('broadcasts, until they are destroyed', async () => {
    const { sc } = context()
    const names = sc.broadcast(new Map([[1, 'one']]))
    const named = sc.parallelize([1, 2], 2).map(n => names.value.get(n) ?? '?')
    assert.deepEqual(await named.collect(), ['one', '?'])
    names.unpersist()
    assert.deepEqual(await named.collect(), ['one', '?'])
    names.destroy()
    await assert.rejects(named.collect(), /broadcast/i)
  })

  it('functions as they are when their operator is defined', async () => {
    const { sc } = context()
    const factors = { by: 2 }
    const doubled = sc.parallelize([1, 2], 2).map(n => n * factors.by)
    factors.by = 100
    assert.deepEqual(await doubled.collect(), [2, 4])
    let changed = 1
    changed++
    assert.throws(() => sc.parallelize([1]).map(n => n + changed), { code: 'CAPTURE_REASSIGNED' })
    assert.throws(() => sc.parallelize([1]).map(() => sc.appName), { code: 'CLOSURE_NOT_TRANSFERABLE' })
  })

  it('functions of streams too, as they are when their operator is defined', async () => {
    const factors = { by: 2 }
    await using t = new StreamTest({
      master: 'local[2]',
      conf: { 'kindling.executor': 'threads' },
      build: t => {
        const input = t.input('in', [[1, 2], [3]])
        assert.throws(() => input.map(n => n + t.clock.now()), { code: 'CLOSURE_NOT_TRANSFERABLE' })
        let changed = 1
        changed++
        assert.throws(() => input.filter(n => n > changed), { code: 'CAPTURE_REASSIGNED' })
        t.collect(
          'out',
          input.map(n => n * factors.by),
        )
      },
    })
    factors.by = 100
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [[2, 4], [6]])
  })

  it('results that are no data are refused by name', async () => {
    const { sc } = context()
    const rdd = sc.parallelize([1], 1)
    await rejected('RECORD_NOT_ENCODABLE', () => sc.runJob(rdd, () => () => 1))
  })
})

describe('the pool of worker threads', () => {
  it('runs tasks on as many threads as the master says, and uses them again', async () => {
    const { sc } = context()
    const where = (): Promise<[boolean, number][]> =>
      sc
        .range(0, 8, 1, 8)
        .map(() => [isMainThread, threadId] as [boolean, number])
        .collect()
    const all = [...(await where()), ...(await where())]
    assert.ok(all.every(([isMain]) => !isMain))
    assert.ok(new Set(all.map(([, id]) => id)).size <= 2)
  })

  it('leaves nothing behind', async () => {
    const workers = new Set<Worker>()
    const follow = (worker: Worker): void => {
      workers.add(worker)
      worker.once('exit', () => workers.delete(worker))
    }
    process.on('worker', follow)
    const { sc } = context()
    await sc
      .range(0, 100, 1, 4)
      .map(n => [n % 3, n])
      .groupByKey()
      .count()
    assert.equal(workers.size, 2)
    await sc.stop()
    process.off('worker', follow)
    assert.equal(workers.size, 0)
  })
})
