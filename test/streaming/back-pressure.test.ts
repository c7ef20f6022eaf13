/** Consumers that are ten times too slow, on the virtual clock: nothing piles up, nothing is lost, and delays settle. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import type { InputSource, RateControl } from '../../src/streaming/input-source.ts'
import type { BatchInfo } from '../../src/streaming/listener.ts'
import { BatchRate } from '../../src/streaming/receiver/batch-rate.ts'
import { StreamTest, type StreamTestOptions } from '../../src/testing/stream-test.ts'

/** Records a second that batches can take; sources offer ten times as many. */
const CAPACITY = 20
const TOTAL = 600
const LINE_BYTES = 8000

interface Subject {
  readonly t: StreamTest
  readonly seen: number[]
  readonly batches: BatchInfo[]
  /** The most records that were in the engine and not processed. */
  readonly mostHeld: number
}

/** A program that needs 1 ms for each record. */
function subject(
  input: (t: StreamTest) => { readonly stream: DStream<number>; offered(): number },
  options: Partial<StreamTestOptions> = {},
): Subject {
  const seen: number[] = []
  const batches: BatchInfo[] = []
  const state = { mostHeld: 0 }
  const t = new StreamTest({
    ...options,
    build: t => {
      const { stream, offered } = input(t)
      stream.foreachRDD(async rdd => {
        const records = await rdd.collect()
        state.mostHeld = Math.max(state.mostHeld, offered() - seen.length)
        await t.clock.sleep((records.length / CAPACITY) * 1000)
        seen.push(...records)
      })
      t.ssc.addStreamingListener({ onBatchCompleted: ({ batchInfo }) => void batches.push(batchInfo) })
    },
  })
  return Object.assign(state, { t, seen, batches })
}

/** Delays of the last batches with records, in ms. */
const lastDelays = (batches: readonly BatchInfo[]): number[] =>
  batches
    .filter(({ processingDelay }) => processingDelay! > 0)
    .slice(-12, -2)
    .map(({ totalDelay }) => totalDelay!)

const numbers = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

/** The direct sources: all of the backlog is there at the start. */
const DIRECT: Readonly<Record<string, () => Parameters<typeof subject>[0]>> = {
  files: () => t => {
    const lines = 10
    for (let n = 0; n < TOTAL / lines; n++)
      t.file(
        `in/${String(n).padStart(3, '0')}`,
        numbers(lines, n * lines)
          .map(i => `${String(i).padStart(LINE_BYTES - 1, '0')}\n`)
          .join(''),
        { at: 500 },
      )
    let planned = 0
    const stream = t.ssc.textFileStream(`${t.dir}/in`)
    t.ssc.addStreamingListener({
      onBatchSubmitted: ({ batchInfo }) => {
        const { files } = batchInfo.streamIdToInputInfo.get(0)!.metadata as { files: readonly string[] }
        planned += files.length * lines
      },
    })
    return { stream: stream.map(Number), offered: () => planned }
  },
  'a queue, all at a time': () => t => {
    const queue = Array.from({ length: TOTAL / 10 }, (_, i) => numbers(10, i * 10))
    return {
      stream: t.ssc.queueStream(queue, { oneAtATime: false }),
      offered: () => TOTAL - queue.length * 10,
    }
  },
  'an iterable': () => t => {
    let given = 0
    function* all(): Generator<number, undefined> {
      while (given < TOTAL) yield given++
      return undefined
    }
    return { stream: t.ssc.iterableStream(all()), offered: () => given }
  },
  'a source of a program': () => t => {
    let given = 0
    let rate!: RateControl
    const source: InputSource<number> = {
      name: 'numbers',
      start: host => void (rate = host.rateControl()),
      stop() {},
      plan() {
        const records = numbers(Math.min(rate.limit(), TOTAL - given), given)
        given += records.length
        return { rdd: t.sc.parallelize(records, 2), numRecords: records.length }
      },
    }
    return { stream: t.ssc.inputStream(source), offered: () => given }
  },
}

describe('a consumer that is ten times too slow', () => {
  for (const [name, input] of Object.entries(DIRECT))
    it(`${name}: the first batch does not swallow the backlog, nothing is lost, delays settle`, async () => {
      const conf = {
        'spark.streaming.backpressure.initialRate': 10 * CAPACITY,
        'kindling.files.initialRate': 10 * CAPACITY * LINE_BYTES,
        'spark.streaming.backpressure.pid.minRate': 1,
      }
      const s = subject(input(), { conf })
      await using t = s.t
      await t.run(60)
      assert.deepEqual(
        s.seen.toSorted((a, b) => a - b),
        numbers(TOTAL),
      )
      // Until two batches have ended it is not known that they are slow.
      assert.ok(s.mostHeld <= 15 * CAPACITY, `${s.mostHeld} records were taken in and not processed`)
      for (const delay of lastDelays(s.batches)) assert.ok(delay <= 2500, `a batch took ${delay} ms`)
    })

  it('a receiver: what is held stays under its bound in bytes, nothing is lost, delays settle', async () => {
    const s = subject(
      t => {
        const receiver = t.receiver<number>()
        let pushed = 0
        const push = async (): Promise<void> => {
          while (pushed < TOTAL) {
            for (let i = 0; i < CAPACITY; i++) await receiver.push(pushed++)
            await t.clock.sleep(100)
          }
        }
        t.ssc.addStreamingListener({ onReceiverStarted: () => void push().catch(() => {}) })
        return { stream: t.ssc.receiverStream(receiver), offered: () => pushed }
      },
      { conf: { 'kindling.receiver.maxHeldBytes': '4k', 'spark.streaming.backpressure.pid.minRate': 1 } },
    )
    await using t = s.t
    await t.run(60)
    assert.deepEqual(s.seen, numbers(TOTAL))
    assert.ok(s.mostHeld <= 20 * CAPACITY, `${s.mostHeld} records were held`)
    for (const delay of lastDelays(s.batches)) assert.ok(delay <= 2500, `a batch took ${delay} ms`)
  })

  it('what is known of the rate is there after a restart', async () => {
    const sizes: number[] = []
    let rate!: RateControl
    const build = (t: StreamTest): void => {
      let given = 0
      const source: InputSource<number> = {
        name: 'numbers',
        start: host => void (rate = host.rateControl()),
        stop() {},
        plan() {
          const n = Math.min(rate.limit(), TOTAL - given)
          given += n
          sizes.push(n)
          return { rdd: t.sc.parallelize([n], 1), numRecords: n }
        },
        describe: () => given,
        restore: () => () => t.sc.parallelize([0], 1),
      }
      t.ssc.inputStream(source).foreachRDD(async rdd => {
        const [n = 0] = await rdd.collect()
        await t.clock.sleep((n / CAPACITY) * 1000)
      })
    }
    await using t = new StreamTest({
      checkpointDir: true,
      conf: {
        'spark.streaming.backpressure.initialRate': 10 * CAPACITY,
        'spark.streaming.backpressure.pid.minRate': 1,
      },
      build,
    })
    await t.run(20)
    const before = rate.rate!
    assert.ok(before <= 1.2 * CAPACITY, `the rate is ${before}`)
    const count = sizes.length
    await t.crashAndRestart({ downFor: seconds(30) })
    await t.run(3)
    assert.ok(sizes.length > count)
    assert.ok(Math.max(...sizes.slice(count)) <= 1.2 * CAPACITY, `batches have ${sizes.slice(count)}`)
  })

  it('files that were left are found after a restart, also when they are old by then', async () => {
    const out: string[] = []
    await using t = new StreamTest({
      checkpointDir: true,
      conf: { 'kindling.files.maxRate': 4, 'spark.streaming.fileStream.minRememberDuration': '2s' },
      build: t =>
        t.ssc.textFileStream(`${t.dir}/in`).foreachRDD(async rdd => void out.push(...(await rdd.collect()))),
    })
    const names = ['c', 'a', 'b', 'e', 'd', 'g', 'f']
    for (const [i, name] of names.entries()) t.file(`in/${name}`, `${name}\n`, { at: 100 + (i >> 1) })
    await t.run(2)
    assert.deepEqual(out, ['a', 'c', 'b', 'e'])
    await t.crashAndRestart({ downFor: seconds(20) })
    await t.run(3)
    assert.deepEqual(out, ['a', 'c', 'b', 'e', 'd', 'g', 'f'])
    assert.equal(t.file('in/late', 'late\n').endsWith('late'), true)
    await t.run(2)
    assert.equal(out.at(-1), 'late')
  })
})

describe('BatchRate', () => {
  it('without back-pressure there is a limit only where one is set', async () => {
    await using t = new StreamTest({
      conf: { 'spark.streaming.backpressure.enabled': false },
      build: t => void t.collect('out', t.input('in', [[1]])),
    })
    const host = { conf: t.sc.conf, batchDuration: seconds(2), streamId: 0 }
    assert.equal(new BatchRate(host, { initial: 10 }).limit(), Number.POSITIVE_INFINITY)
    assert.equal(new BatchRate(host, { initial: 10, max: 7 }).limit(), 14)
    assert.equal(new BatchRate(host, { max: 0.1 }).limit(), 1)
    assert.equal(new BatchRate(host, {}).save(), undefined)
    await t.run(1)
  })
})
