/** What goes on after a restart, and what is reported. The crash matrix has a file of its own. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { seconds } from '../../src/base/time.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { StreamingContext } from '../../src/streaming/streaming-context.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import type { TestReceiver } from '../../src/testing/test-receiver.ts'
import { rejected, thrown } from '../support/rejected.ts'

type Pair = [string, number]
const add = (a: number, b: number): number => a + b
const sum = (values: number[], total = 0): number => values.reduce(add, total)
const numbers = (n: number): number[][] => Array.from({ length: n }, (_, i) => [i + 1])
const script = (n: number): Pair[][] => numbers(n).map(([i]) => [['a', i!]])
const sums = (t: StreamTest, input: DStream<Pair>): void =>
  void t.collect('out', input.updateStateByKey<number>(sum).uid('sums'))

describe('time after a restart', () => {
  it('goes on from the zero time, with the batches that were missed, once each (D92)', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => void t.collect('out', t.input('in', numbers(12)).window(seconds(3), seconds(3))),
    })
    await t.run(4)
    await t.crashAndRestart({ downFor: 3500 })
    assert.deepEqual(t.out('out').times, [3000, 6000])
    await t.run(5)
    assert.deepEqual(t.out('out').batches, [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
      [10, 11, 12],
    ])
    assert.equal(t.out('out').runs.length, 4)
  })

  it('never goes back when the clock does', async () => {
    await using t = new StreamTest({ build: t => void t.collect('x', t.input('in', [])) })
    const times: number[] = []
    for (const start of [0, 2500]) {
      const clock = new ManualClock(start)
      const ssc = await StreamingContext.getOrCreate(`${t.dir}/saved`, () => {
        const ssc = new StreamingContext(new SparkContext({ clock }), seconds(1))
        ssc.textFileStream(t.dir).foreachRDD((_, time) => void times.push(time.milliseconds))
        return ssc
      })
      await ssc.start()
      await clock.advanceTo(start + 4000)
      await ssc.stop({ stopSparkContext: true })
    }
    assert.deepEqual(times, [1000, 2000, 3000, 4000, 5000, 6000])
  })

  it('missed batches are bounded: further ticks are merged, and stay so after another crash', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      conf: { 'kindling.streaming.maxQueuedBatches': 3 },
      build: t => {
        const pairs = t.input('in', script(40))
        pairs.foreachRDD(() => t.ssc.sc.clock.sleep(100))
        sums(t, pairs)
      },
    })
    await t.run(2)
    await t.crashAndRestart({ downFor: seconds(20) })
    assert.ok(t.warnings.some(warning => warning.includes('processing is behind')))
    await t.crashAndRestart()
    await t.run(3)
    const { times, batches } = t.out<Pair>('out')
    assert.equal(times.at(-1), 25_000)
    assert.deepEqual(batches.at(-1), [['a', (25 * 26) / 2]])
    assert.ok(times.length < 15, `${times.length} batches`)
  })

  it('a batch that failed runs again', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => sums(t, t.input('in', script(6))),
    })
    t.failAt('output-done', { nth: 2 })
    await t.run(3, { collectErrors: true })
    await t.crashAndRestart()
    assert.deepEqual(
      t.out('out').runs.map(({ time, run }) => [time, run]),
      [
        [1000, 0],
        [2000, 0],
        [3000, 0],
        [2000, 1],
      ],
    )
    assert.deepEqual(t.out('out').batches.at(1), [['a', 3]])
  })
})

describe('what is saved', () => {
  it('is found by uid when the program around it changes', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => sums(t, t.input('in', script(30))),
    })
    await t.run(12)
    await t.crashAndRestart({
      build: t =>
        sums(
          t,
          t
            .input('in', script(30))
            .filter(([, n]) => n !== 13)
            .map(([k, n]) => [k, n] as Pair),
        ),
    })
    await t.run(2)
    assert.deepEqual(t.out('out').batches.at(-1), [['a', (14 * 15) / 2 - 13]])
  })

  it('is found by place without a uid, and a warning says so', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => {
        t.collect('out', t.input('in', script(30)).updateStateByKey<number>(sum))
        t.collect(
          'max',
          t.input('in', script(30)).updateStateByKey<number>(values => Math.max(...values)),
        )
      },
    })
    await t.run(11)
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches.at(-1), [['a', 78]])
    assert.deepEqual(t.out('max').batches.at(-1), [['a', 12]])
    assert.ok(t.warnings.some(warning => warning.includes("Give it one, .uid('name')")))
  })

  it('is spread anew when the number of partitions changes', async () => {
    const build = (partitions: number) => (t: StreamTest) => {
      const pairs = t.input(
        'in',
        Array.from({ length: 30 }, (_, i): Pair[] => [
          [`k${i % 7}`, i],
          ['all', 1],
        ]),
      )
      t.collect('sums', pairs.updateStateByKey<number>(sum, { partitions }).uid('sums'))
      t.collect(
        'window',
        pairs.reduceByKeyAndWindow(Math.max, seconds(5), seconds(1), partitions).uid('window'),
      )
    }
    const sorted = (t: StreamTest, name: string): unknown =>
      t.out<Pair>(name).batches.map(batch => batch.toSorted(([a], [b]) => (a < b ? -1 : 1)))
    await using expected = new StreamTest({ build: build(3) })
    await expected.run(16)
    await using t = new StreamTest({ checkpointDir: true, build: build(3) })
    await t.run(12)
    await t.crashAndRestart({ build: build(2) })
    await t.run(4)
    assert.equal(t.out('sums').partitions.at(-1)!.length, 2)
    for (const name of ['sums', 'window']) assert.deepEqual(sorted(t, name), sorted(expected, name))
  })

  it('an operator that is new begins without state, from the next batch on', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => sums(t, t.input('in', script(30))),
    })
    await t.run(12)
    const build = (t: StreamTest): void => {
      const input = t.input('in', script(30))
      sums(t, input)
      t.collect('new', input.updateStateByKey<number>(sum).uid('new'))
    }
    await t.crashAndRestart({ build })
    await t.run(2)
    assert.deepEqual(t.out('new').batches, [[['a', 13]], [['a', 27]]])
    await t.crashAndRestart({ build })
    await t.run(1)
    assert.deepEqual(t.out('new').batches.at(-1), [['a', 42]])
  })

  it('and does not match is refused before anything is taken over (D94)', async () => {
    const noState = (t: StreamTest): void => void t.collect('out', t.input('in', script(30)))
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => sums(t, t.input('in', script(30))),
    })
    await t.run(3)
    const error = await rejected('CHECKPOINT_MISMATCH', () => t.crashAndRestart({ build: noState }))
    assert.match(error.message, /state of sums \(updateStateByKey\)/)
    const other = (t: StreamTest): void =>
      void t.collect('out', t.input('in', script(30)).reduceByKeyAndWindow(add, seconds(2)).uid('sums'))
    assert.match(
      (await rejected('CHECKPOINT_MISMATCH', () => t.crashAndRestart({ build: other }))).message,
      /operator was updateStateByKey and is reduceByKeyAndWindow/,
    )
    await t.crashAndRestart({ build: t => sums(t, t.input('in', script(30))) })
    await t.run(1)
    assert.deepEqual(t.out('out').batches.at(-1), [['a', 10]])
  })

  it('is dropped with kindling.checkpoint.allowDrop (D94)', async () => {
    let changed = false
    await using t = new StreamTest({
      checkpointDir: true,
      conf: { 'kindling.checkpoint.allowDrop': true },
      build: t => {
        const input = t.input('in', script(30))
        if (changed) t.collect('out', input)
        else sums(t, input)
      },
    })
    await t.run(3)
    changed = true
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches.at(-1), [['a', 4]])
    assert.ok(t.warnings.some(warning => /dropped, since it holds state of sums/.test(warning)))
  })

  it('a window that was made longer begins with what is kept', async () => {
    const build = (window: number) => (t: StreamTest) => {
      const input = t.input('in', script(60))
      sums(t, input)
      t.collect('plain', input.map(([, n]) => n).window(seconds(window), seconds(1)))
    }
    await using t = new StreamTest({ checkpointDir: true, build: build(2) })
    await t.run(50)
    await t.crashAndRestart({ build: build(40) })
    await t.run(1)
    const last = t.out<number>('plain').batches.at(-1)!
    assert.ok(last.length > 2 && last.length < 40, `${last.length}`)
    assert.deepEqual(
      last,
      Array.from({ length: last.length }, (_, i) => 52 - last.length + i),
    )
    assert.deepEqual(t.out('out').batches.at(-1), [['a', (51 * 52) / 2]])
    assert.ok(t.warnings.some(warning => warning.includes('look further back begin with less')))
  })

  it('state that no output asked for is made of all batches all the same', async () => {
    const seen: unknown[] = []
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => {
        const states = t.input('in', script(40)).updateStateByKey<number>(sum).uid('sums')
        states.foreachRDD(async (rdd, time) => {
          if (time.milliseconds % 7000 === 0) seen.push(...(await rdd.collect()))
        })
      },
    })
    await t.run(12)
    await t.crashAndRestart()
    await t.run(16)
    assert.deepEqual(
      seen,
      [28, 105, 231, 406].map(n => ['a', n]),
    )
  })
})

describe('sources that cannot be read again', () => {
  const receivers: TestReceiver<number>[] = []

  it('lose what a crash interrupts, and say what', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => {
        const receiver = t.receiver<number>()
        receivers.push(receiver)
        t.collect('out', t.ssc.receiverStream(receiver))
      },
    })
    t.crashAt('output', { nth: 1 })
    await t.ssc.start()
    await receivers[0]!.push(1, 2, 3)
    await t.run(1)
    assert.equal(t.crashed, true)
    await t.crashAndRestart()
    assert.deepEqual(t.out('out').batches, [[]])
    assert.equal(t.warnings.filter(w => /cannot be read again.*1000.*3 records/.test(w)).length, 1)
  })
  it('leave their mark in state that is saved in every batch (D101)', async () => {
    let n = 0
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => {
        const live = t.ssc.inputStream<Pair>({
          name: 'live',
          start() {},
          stop() {},
          plan: () => ({ rdd: t.sc.parallelize<Pair>([['a', 10 ** n++]]), numRecords: 1 }),
        })
        sums(t, live)
      },
    })
    await t.run(4)
    await t.crashAndRestart()
    await t.run(2)
    assert.deepEqual(t.out('out').batches.at(-1), [['a', 111_111]])
  })

  it('queueStream warns, and refuses a restart', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => void t.collect('out', t.ssc.queueStream([[1]])),
    })
    await t.run(2)
    assert.equal(t.warnings.filter(w => w.includes("queueStream doesn't support checkpointing")).length, 1)
    await rejected('QUEUE_NOT_RESTORABLE', () => t.crashAndRestart())
  })
})

describe('checkpoint intervals', () => {
  const started = (interval: number, checkpointDir: boolean) => async () => {
    await using t = new StreamTest({
      checkpointDir,
      build: t =>
        void t.collect('out', t.input('in', script(1)).window(seconds(2), seconds(2)).checkpoint(interval)),
    })
    await t.run(1)
  }

  it('need a directory, and are multiples of the slide', async () => {
    await rejected('CHECKPOINT_INTERVAL_WITHOUT_DIRECTORY', started(2000, false))
    const low = await rejected('INVALID_CHECKPOINT_INTERVAL', started(1000, true))
    assert.match(
      low.message,
      /which is lower than its slide time \(2000 ms\). Please set it to at least 2000 ms/,
    )
    const odd = await rejected('INVALID_CHECKPOINT_INTERVAL', started(3000, true))
    assert.match(odd.message, /Please set it to a multiple of 2000 ms/)
    await started(4000, true)()
  })

  it('and directories and uids are set before the start', async () => {
    await using t = new StreamTest({ build: t => sums(t, t.input('in', script(1))) })
    assert.match(thrown('INVALID_ARGUMENT', () => t.input('x', []).uid('')).message, /1 to 256 characters/)
    const input = t.input('x', [])
    await t.run(1)
    thrown('CONTEXT_STARTED', () => input.uid('a'))
    thrown('CONTEXT_STARTED', () => input.checkpoint(1000))
    thrown('CONTEXT_STARTED', () => t.ssc.checkpoint('x'))
  })

  it('two operators of one uid are refused', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => {
        sums(t, t.input('in', script(1)))
        sums(t, t.input('in', script(1)))
      },
    })
    assert.match((await rejected('INVALID_ARGUMENT', () => t.run(1))).message, /no other operator has/)
  })
})

describe('getOrCreate', () => {
  it('always builds, and goes on with what is saved (D90)', async () => {
    await using t = new StreamTest({ build: t => void t.collect('x', t.input('in', [])) })
    const directory = `${t.dir}/saved`
    const seen: unknown[] = []
    let built = 0
    const open = (): Promise<StreamingContext> =>
      StreamingContext.getOrCreate(directory, () => {
        built++
        const sc = new SparkContext({ clock: t.clock })
        const ssc = new StreamingContext(sc, seconds(1))
        ssc
          .textFileStream(`${t.dir}/in`)
          .map(word => [word, 1] as Pair)
          .updateStateByKey<number>(sum)
          .uid('counts')
          .foreachRDD(async rdd => void seen.push(await rdd.collect()))
        return ssc
      })
    t.file('in/1', 'a\na\n', { at: 500 })
    t.file('in/2', 'a\n', { at: 1500 })
    for (let i = 0; i < 2; i++) {
      const ssc = await open()
      await ssc.start()
      assert.equal(StreamingContext.getActive(), ssc)
      assert.equal(await StreamingContext.getActiveOrCreate(directory, () => assert.fail()), ssc)
      await t.clock.advance(1000)
      await ssc.stop({ graceful: true })
    }
    assert.equal(built, 2)
    assert.deepEqual(seen, [[['a', 2]], [['a', 3]]])
  })

  it('takes the directory from spark.streaming.checkpoint.directory', async () => {
    await using t = new StreamTest({ build: t => void t.collect('x', t.input('in', [])) })
    const conf = { 'spark.streaming.checkpoint.directory': `${t.dir}/from-conf` }
    await using ssc = new StreamingContext({ batchDuration: seconds(1), conf })
    assert.ok(existsSync(`${t.dir}/from-conf`))
    assert.equal(ssc.getState(), 'initialized')
  })
})
