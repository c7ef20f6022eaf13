import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configEntries } from '../../src/base/config.ts'
import { seconds } from '../../src/base/time.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { StateNode, StateTask } from '../../src/rdd/nodes.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import { StreamingProgress } from '../../src/status/streaming-progress.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import type { BatchInfo } from '../../src/streaming/listener.ts'
import { type State, StateSpec } from '../../src/streaming/state/state-spec.ts'
import { VersionedState } from '../../src/streaming/state/versions.ts'
import { StreamTest, type StreamTestOptions } from '../../src/testing/stream-test.ts'
import type { TestReceiver } from '../../src/testing/test-receiver.ts'
import { INLINE, THREADS_IF_TIME } from '../support/backends.ts'
import { rejected } from '../support/rejected.ts'

const key = 'kindling.streaming.failurePolicy'

/** Counts of words, and how many there were; `poisoned` makes a record fail for good. */
function program(
  policy: string | undefined,
  opts: Partial<StreamTestOptions> = {},
): { t: StreamTest; poison: { on: boolean }; completed: BatchInfo[] } {
  const poison = { on: true }
  const completed: BatchInfo[] = []
  const t = new StreamTest({
    build: t => {
      const words = t.input('in', [['a'], ['b', 'a'], ['bad', 'a'], ['c'], ['a']], { partitions: 2 })
      const pairs = words.map(word => {
        if (word === 'bad' && poison.on) throw new Error('poisoned')
        return [word, 1] as const
      })
      t.collect('first', words.count())
      const counts = pairs.updateStateByKey<number>((ones, n = 0) => n + ones.length).uid('counts')
      if (opts.checkpointDir !== undefined) counts.checkpoint(seconds(2))
      t.collect('counts', counts)
      t.collect('last', words.count())
      t.ssc.addStreamingListener({ onBatchCompleted: ({ batchInfo }) => void completed.push(batchInfo) })
    },
    ...opts,
    conf: { ...(policy === undefined ? {} : { [key]: policy }), ...opts.conf },
  })
  return { t, poison, completed }
}

describe('failurePolicy stop', () => {
  it('the batch that fails ends the context: later ones do not run, and whoever waits is told', async () => {
    const { t, completed } = program('stop')
    await using _ = t
    await t.ssc.start()
    const ended = rejected('USER_CODE_FAILED', () => t.ssc.awaitTermination())
    await t.run(5, { collectErrors: true })
    assert.match((await ended).message, /poisoned/)
    await t.until(() => t.ssc.getState() === 'stopped')
    assert.deepEqual(t.out('first').times, [1000, 2000, 3000])
    assert.deepEqual(t.out('last').times, [1000, 2000], 'outputs after the one that failed do not run')
    assert.deepEqual(
      completed.map(({ batchTime }) => batchTime.milliseconds),
      [1000, 2000, 3000],
    )
    const infos = [...completed[2]!.outputOperationInfos.values()]
    assert.deepEqual(
      infos.map(({ startTime, failureReason }) => [startTime !== undefined, failureReason !== undefined]),
      [
        [true, false],
        [true, true],
        [false, false],
      ],
    )
    assert.equal(t.errors.length, 1)
  })

  it('is what a program does that says nothing (D115)', async () => {
    await using sc = new SparkContext({ master: 'local' })
    assert.equal(sc.conf.get(configEntries.failurePolicy), 'stop')
  })

  it('after a restart the batch runs again with the same data, and then those that were missed', async () => {
    const { t, poison } = program('stop', { checkpointDir: true })
    await using _ = t
    await t.run(5, { collectErrors: true })
    await t.until(() => t.ssc.getState() === 'stopped')
    poison.on = false
    await t.crashAndRestart()
    const runs = t
      .out<[string, number]>('counts')
      .runs.map(({ time, values }) => [time, Object.fromEntries(values)])
    assert.deepEqual(runs.slice(2), [
      [3000, { a: 3, b: 1, bad: 1 }],
      [4000, { a: 3, b: 1, bad: 1, c: 1 }],
      [5000, { a: 4, b: 1, bad: 1, c: 1 }],
    ])
  })

  it('a source that fails, and a function that makes no RDD, end it too', async () => {
    for (const where of ['plan', 'transform']) {
      await using t = new StreamTest({
        conf: { [key]: 'stop' },
        build: t => {
          const numbers = t.input('in', [[1], [2], [3]])
          t.collect(
            'out',
            numbers.transform((rdd, time) => {
              if (where === 'transform' && time.milliseconds === 2000) throw new Error('no RDD')
              return rdd
            }),
          )
        },
      })
      if (where === 'plan') t.failAt('plan', { nth: 2 })
      await t.run(3, { collectErrors: true })
      await t.until(() => t.ssc.getState() === 'stopped')
      assert.deepEqual(t.out('out').batches, [[1]])
      await assert.rejects(t.ssc.awaitTermination())
    }
  })

  it('tries of tasks come first: a task that succeeds in the end is no failure', async () => {
    await using t = new StreamTest({
      master: 'local[2,3]',
      conf: { [key]: 'stop' },
      build: t => void t.collect('out', t.input('in', [[1], [2]], { partitions: 1 })),
    })
    t.failAt('task', { attempt: 0 })
    t.failAt('task', { attempt: 1 })
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [[1], [2]])
  })

  it('a batch that a stop aborts is no failure', async () => {
    const { t } = program('stop')
    await using _ = t
    const held = t.holdTask({ partition: 0 })
    const running = t.run(1)
    await held.held
    const stopped = t.ssc.stop()
    held.release()
    await Promise.all([running, stopped])
    await t.ssc.awaitTermination()
  })

  it('with several jobs at once, what runs beside it is aborted', async () => {
    let rest: string | undefined
    await using t = new StreamTest({
      conf: { [key]: 'stop', 'spark.streaming.concurrentJobs': 2 },
      build: t => {
        t.input('in', [[1], [2], [3]]).foreachRDD(async (rdd, time) => {
          if (time.milliseconds === 2000) throw new Error(`fails at ${time}`)
          if (time.milliseconds === 1000) await t.clock.sleep(1500)
          rest = `${time} goes on`
          await rdd.count()
        })
      },
    })
    await t.run(3, { collectErrors: true })
    await t.until(() => t.ssc.getState() === 'stopped')
    assert.equal(t.errors.length, 1)
    assert.match(t.errors[0]!.message, /fails at 2000/)
    assert.equal(rest, '1000 ms goes on')
  })
})

describe('failurePolicy continue', () => {
  it("Spark's way: later outputs and batches run", async () => {
    const { t } = program('continue')
    await using _ = t
    await t.run(5, { collectErrors: true })
    assert.deepEqual(t.out('last').times, [1000, 2000, 3000, 4000, 5000])
    assert.equal(t.ssc.getState(), 'active')
    assert.ok(t.errors.length >= 1)
  })
})

const add = (a: number, b: number): number => a + b

describe('failurePolicy skip', () => {
  const batches = [['a'], ['b', 'a'], ['a', 'b', 'bad'], ['c'], ['a'], [], ['b'], []]

  /** What is collected of a program that fails in its third batch, by the name of the operator. */
  const operators: Readonly<Record<string, (pairs: DStream<readonly [string, number]>) => DStream<unknown>>> =
    {
      updateStateByKey: pairs =>
        pairs.updateStateByKey<number>((ones, n = 0) => n + ones.length + 100).checkpoint(seconds(2)),
      mapWithState: pairs =>
        pairs
          .mapWithState(
            StateSpec.function((key: string, one: number | undefined, state: State<number>) => {
              if (one === undefined) return [key, 'gone', state.get()] as const
              state.update((state.getOption() ?? 0) + one)
              return [key, 'is', state.get()] as const
            }).timeout(seconds(2)),
          )
          .checkpoint(seconds(2)),
      'inverse window': pairs =>
        pairs.reduceByKeyAndWindow(add, (a, b) => a - b, seconds(3)).checkpoint(seconds(2)),
      'window without inverse': pairs => pairs.reduceByKeyAndWindow(add, seconds(3)).checkpoint(seconds(2)),
      'plain window': pairs => pairs.window(seconds(3)),
      'state without initial batches': pairs =>
        pairs
          .filter(([word]) => word === 'c' || word === 'b')
          .updateStateByKey<number>((ones, n = 0) => n + ones.length)
          .checkpoint(seconds(2)),
    }

  function skipping(
    operator: string,
    given: readonly (readonly string[])[],
    fails: boolean,
  ): { t: StreamTest; skipped: number[] } {
    const skipped: number[] = []
    const t = new StreamTest({
      master: 'local[2]',
      checkpointDir: true,
      conf: { ...THREADS_IF_TIME, [key]: 'skip' },
      build: t => {
        const words = t.input('in', given, { partitions: 2 })
        t.collect('out', operators[operator]!(words.map(word => [word, 1] as const)))
        // After the state has taken the batch in.
        words.foreachRDD(async rdd => {
          if (fails && (await rdd.collect()).includes('bad')) throw new Error('poisoned')
        })
        t.ssc.addStreamingListener({
          onBatchSkipped: ({ batchInfo }) => void skipped.push(batchInfo.batchTime.milliseconds),
        })
      },
    })
    return { t, skipped }
  }

  const without = batches.map((batch, i) => (i === 2 ? [] : batch))
  const sorted = (values: readonly unknown[]): unknown[] => values.map(v => JSON.stringify(v)).sort()

  for (const operator of Object.keys(operators))
    for (const crash of [undefined, 'commit-before', 'commit-after', 'output'] as const)
      it(`${operator}, ${crash === undefined ? 'no crash' : `a crash at ${crash}`}: as if the batch had no records`, async () => {
        const expected = await (async () => {
          await using t = skipping(operator, without, false).t
          await t.run(batches.length)
          const { batches: out, times } = t.out('out')
          return new Map(times.map((time, i) => [time, sorted(out[i]!)]))
        })()
        const { t, skipped } = skipping(operator, batches, true)
        await using _ = t
        if (crash !== undefined) t.crashAt(crash, { nth: crash === 'output' ? 6 : 3 })
        await t.run(batches.length, { collectErrors: true })
        assert.equal(t.crashed, crash !== undefined)
        if (t.crashed) {
          await t.crashAndRestart()
          await t.run(batches.length - t.clock.now() / 1000, { collectErrors: true })
        }
        const { batches: out, times } = t.out('out')
        for (const [i, time] of times.entries())
          if (time !== 3000) assert.deepEqual(sorted(out[i]!), expected.get(time), `${time} ms`)
        assert.deepEqual(times, [...expected.keys()])
        // A crash before it was logged as skipped: it failed and was skipped again.
        assert.deepEqual(new Set(skipped), new Set([3000]))
        assert.ok(t.errors.length >= 1 && t.errors.length <= 2)
      })

  it('says what was skipped: inputs, the output that failed, outputs that had run; and counts it', async () => {
    const events: string[] = []
    const progress = new StreamingProgress()
    const { t } = program('skip', {})
    await using _ = t
    t.ssc.addStreamingListener(progress)
    t.ssc.addStreamingListener({
      onBatchSkipped: ({ batchInfo, failedOutput, failureReason, outputsThatRan }) =>
        void events.push(
          `${batchInfo.batchTime} ${batchInfo.numRecords} ${failedOutput?.id} ${/poisoned/.test(failureReason)} ${outputsThatRan.map(({ id }) => id)}`,
        ),
    })
    await t.run(5, { collectErrors: true })
    assert.deepEqual(events, ['3000 ms 2 1 true 0'])
    assert.match(
      t.warnings.find(w => w.includes('is skipped'))!,
      /batch at 3000 ms failed in foreachRDD at .*input is in no result \(stream 0 \(in\): 2 records\).*have run.*foreachRDD/,
    )
    assert.deepEqual(
      t.out<[string, number]>('counts').batches.map(batch => Object.fromEntries(batch)),
      [{ a: 1 }, { a: 2, b: 1 }, { a: 2, b: 1, c: 1 }, { a: 3, b: 1, c: 1 }],
    )
    assert.equal(progress.snapshot().skippedBatches, 1)
    assert.equal(progress.snapshot().failedBatches, 1)
    assert.equal(t.ssc.getState(), 'active')
  })

  it('batches that wait are made anew, without what was skipped', async () => {
    await using t = new StreamTest({
      conf: { [key]: 'skip' },
      build: t => {
        const words = t.input('in', [['a'], ['a'], ['a', 'b']], { partitions: 1 })
        words.foreachRDD(async (_, time) => {
          if (time.milliseconds !== 1000) return
          await t.clock.sleep(2500)
          throw new Error('late')
        })
        t.collect(
          'counts',
          words.map(word => [word, 1] as const).updateStateByKey<number>((ones, n = 0) => n + ones.length),
        )
      },
    })
    await t.run(4, { collectErrors: true })
    assert.deepEqual(t.out('counts').batches.slice(0, 3), [
      [['a', 1]],
      [
        ['a', 2],
        ['b', 1],
      ],
      [
        ['a', 2],
        ['b', 1],
      ],
    ])
  })

  it('a task that is still under way when its batch is skipped changes no state', async () => {
    let fails = true
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    await using t = new StreamTest({
      master: 'local[2,1]',
      conf: { ...INLINE, [key]: 'skip' },
      build: t => {
        const words = t.input('in', [keys, keys, []], { partitions: 2 })
        const counts = words
          .map(word => [word, 1] as const)
          .updateStateByKey<number>((ones, n = 0) => {
            if (fails) throw new Error('poisoned')
            return n + ones.length
          }, 2)
        t.collect('counts', counts)
      },
    })
    const held = t.holdTask({ stage: 1, partition: 1 })
    const running = t.run(1, { collectErrors: true })
    await held.held
    await t.until(() => t.errors.length > 0)
    fails = false
    held.release()
    await running
    await t.run(2)
    assert.deepEqual(t.out('counts').times, [2000, 3000])
    for (const batch of t.out<[string, number]>('counts').batches)
      assert.deepEqual(
        batch.toSorted(([a], [b]) => (a < b ? -1 : 1)),
        keys.map(word => [word, 1]),
      )
  })

  it('a version that is being made is waited for, and none is made of a skipped batch after that', async () => {
    const gate = Promise.withResolvers<void>()
    const made: number[] = []
    const sc = new SparkContext()
    const versions = new VersionedState(sc, 'counts', 1, () => async (_table, _inputs, { time }) => {
      await gate.promise
      made.push(time)
      return undefined
    })
    const node = { kind: 'state', time: 2000, previous: undefined, inputs: [] } as unknown as StateNode
    const task = {} as StateTask
    const making = versions.advance(node, 0, [], task)
    let hasEnded = false
    const ended = versions.endMaking(node).then(() => {
      hasEnded = true
    })
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(hasEnded, false)
    gate.resolve()
    await Promise.all([making, ended])
    versions.undo(2000)
    await rejected('JOB_CANCELLED', () => versions.advance(node, 0, [], task))
    await versions.advance({ ...node }, 0, [], task)
    assert.deepEqual(made, [2000, 2000], 'a new node of the same time makes one')
    await sc.stop()
  })

  it('a batch whose jobs cannot be made is skipped too', async () => {
    const failures: unknown[] = []
    await using t = new StreamTest({
      conf: { [key]: 'skip' },
      checkpointDir: true,
      build: t => {
        const numbers = t.input('in', [[1], [2], [3]])
        t.collect(
          'out',
          numbers.transform((rdd, time) => {
            if (time.milliseconds === 2000) throw new Error('no RDD')
            return rdd
          }),
        )
        t.ssc.addStreamingListener({
          onBatchSkipped: ({ batchInfo, failedOutput }) =>
            void failures.push([batchInfo.batchTime.milliseconds, batchInfo.numRecords, failedOutput]),
        })
      },
    })
    await t.run(3, { collectErrors: true })
    assert.deepEqual(t.out('out').batches, [[1], [3]])
    assert.deepEqual(failures, [[2000, 1, undefined]])
    await t.crashAndRestart()
    assert.deepEqual(t.out('out').times, [1000, 3000], 'it does not run again')
  })

  it('received blocks of a skipped batch are not given again', async () => {
    let receiver!: TestReceiver<string>
    await using t = new StreamTest({
      conf: { [key]: 'skip', 'spark.streaming.receiver.writeAheadLog.enable': true },
      checkpointDir: true,
      build: t => {
        receiver = t.receiver<string>({ reliable: true })
        const words = t.ssc.receiverStream(receiver)
        words.foreachRDD(async rdd => {
          if ((await rdd.collect()).includes('bad')) throw new Error('poisoned')
        })
        t.collect('out', words)
      },
    })
    await t.ssc.start()
    await receiver.push('bad')
    await t.run(1, { collectErrors: true })
    await receiver.push('good')
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['good'])
  })

  it('goes with one job at a time only', async () => {
    const error = await rejected('INVALID_CONFIG', () => {
      new StreamTest({ conf: { [key]: 'skip', 'spark.streaming.concurrentJobs': 2 }, build: () => {} })
    })
    assert.match(error.message, /concurrentJobs 1/)
  })
})

describe('a window that slides by several batches', () => {
  /** Sums by an inverse window of two slides, over records of which some are poisoned. */
  const windowed = (policy: string, poison: { at: number }): StreamTest =>
    new StreamTest({
      checkpointDir: true,
      conf: { ...INLINE, [key]: policy },
      build: t => {
        const numbers = t.input(
          'in',
          Array.from({ length: 16 }, (_, i) => [i + 1]),
        )
        t.collect('in', numbers)
        if (policy === 'dead-letter') t.ssc.deadLetters(fileSink(`${t.dir}/letters`, { format: 'ndjson' }))
        const pairs = numbers.map((n): [string, number] => {
          if (n === poison.at) throw new Error('poisoned')
          return ['sum', n]
        })
        t.collect(
          'sums',
          pairs.reduceByKeyAndWindow(add, (a, b) => a - b, seconds(4), seconds(2)).checkpoint(seconds(2)),
        )
      },
    })
  const sumsOf = (t: StreamTest): Map<number, number | undefined> => {
    const { times, batches } = t.out<[string, number]>('sums')
    return new Map(times.map((time, i) => [time, batches[i]![0]?.[1]]))
  }
  /** Of the four batches up to a time, but those that are left out. */
  const expected = (times: readonly number[], without: readonly number[] = []): Map<number, number> =>
    new Map(
      times.map(time => {
        const last = time / 1000
        const numbers = [last - 3, last - 2, last - 1, last].filter(n => n > 0 && !without.includes(n))
        return [time, numbers.reduce(add, 0)]
      }),
    )

  it('goes on exactly after a batch of it was skipped', async () => {
    await using t = windowed('skip', { at: 4 })
    await t.run(14, { collectErrors: true })
    assert.equal(t.errors.length, 1)
    assert.deepEqual(sumsOf(t), expected([2000, 6000, 8000, 10_000, 12_000, 14_000], [4]))
  })

  it('also after a restart', async () => {
    const poison = { at: 4 }
    await using t = windowed('skip', poison)
    await t.run(5, { collectErrors: true })
    await t.crashAndRestart()
    await t.run(9)
    assert.deepEqual(sumsOf(t), expected([2000, 6000, 8000, 10_000, 12_000, 14_000], [4]))
  })

  for (const policy of ['skip', 'dead-letter'])
    it(`${policy}: ends the program when it fails by records of a batch before, which has ended`, async () => {
      const poison = { at: 3 }
      await using t = windowed(policy, poison)
      await t.ssc.start()
      const ended = rejected('BATCH_TAKES_IN_EARLIER', () => t.ssc.awaitTermination())
      await t.run(8, { collectErrors: true })
      assert.match((await ended).message, /batch at 4000 ms .*reduceByKeyAndWindow at .*poisoned/s)
      assert.deepEqual(t.out('in').times.slice(0, 4), [1000, 2000, 3000, 4000])
      poison.at = 0
      await t.crashAndRestart()
      await t.run(4)
      // That it has failed is logged before its letters are written.
      const times = [2000, 4000, 6000, 8000, 10_000, 12_000]
      if (policy === 'skip') assert.deepEqual(sumsOf(t), expected(times))
      else assert.deepEqual(sumsOf(t), expected(times.toSpliced(1, 1), [4]))
    })

  it('continue: what it needs is kept until it has made up for batches that failed', async () => {
    const poison = { at: 3 }
    await using t = windowed('continue', poison)
    await t.run(9, { collectErrors: true })
    // Those between had nothing to do with it.
    assert.deepEqual([...sumsOf(t).keys()], [2000])
    assert.equal(t.errors.length, 3)
    poison.at = 0
    await t.run(5)
    assert.deepEqual(sumsOf(t), expected([2000, 10_000, 12_000, 14_000]))
  })
})

describe('the first batch with state, on threads', () => {
  for (const bad of [0, 1])
    it(`given up when it is that of ${bad + 1} s: those after it begin with what was before`, async () => {
      const skipped: number[] = []
      await using t = new StreamTest({
        master: 'local[2]',
        conf: { 'kindling.executor': 'threads', [key]: 'skip' },
        build: t => {
          const words = t.input('in', [['a', 'b'], ['a'], ['b', 'a'], ['a']], { partitions: 2 })
          t.collect(
            'counts',
            words
              .map(word => [word, 1] as const)
              .updateStateByKey<number>((ones, n = 0) => n + ones.length)
              .map(([word, n]) => `${word} ${n}`),
          )
          // After the workers have made the state.
          words.foreachRDD((_, time) => {
            if (time.milliseconds === 1000 * (bad + 1)) throw new Error('poisoned')
          })
          t.ssc.addStreamingListener({
            onBatchSkipped: ({ batchInfo }) => void skipped.push(batchInfo.batchTime.milliseconds),
          })
        },
      })
      await t.run(4, { collectErrors: true })
      assert.deepEqual(skipped, [1000 * (bad + 1)])
      const last = t.out<string>('counts').batches.at(-1)!
      assert.deepEqual(last.toSorted(), bad === 0 ? ['a 3', 'b 1'] : ['a 3', 'b 2'])
    })
})
