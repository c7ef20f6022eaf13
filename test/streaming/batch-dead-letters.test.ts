import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import type { DeadLetter } from '../../src/rdd/dead-letters/dead-letter.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import type { ExactlyOnceSink } from '../../src/rdd/sink/sink.ts'
import { StreamingProgress } from '../../src/status/streaming-progress.ts'
import { StreamTest, type StreamTestOptions } from '../../src/testing/stream-test.ts'
import { INLINE, THREADS_IF_TIME } from '../support/backends.ts'
import { rejected } from '../support/rejected.ts'

const conf = { 'kindling.streaming.failurePolicy': 'dead-letter' }

/** A sink that keeps letters by batch, and refuses a batch twice. */
function letterBox() {
  const batches = new Map<number, DeadLetter[]>()
  const sink: ExactlyOnceSink<DeadLetter, DeadLetter[]> = {
    name: 'letters',
    guarantee: 'exactly-once',
    by: 'transaction',
    writer: () => {
      const own: DeadLetter[] = []
      return { write: more => void own.push(...more), prepare: () => own, abort() {} }
    },
    committed: tokens => tokens.filter(({ batchTime }) => batches.has(batchTime)),
    commit({ batchTime }, messages) {
      assert.equal(batches.has(batchTime), false)
      batches.set(batchTime, messages.flat())
    },
    abort() {},
  }
  const values = (): unknown[] => [...batches].map(([time, letters]) => [time, letters.map(l => l.value)])
  return { batches, sink, values }
}

const batches = [['a'], ['b', 'a'], ['a', 'b', 'bad'], ['c'], ['a'], []]

/** Counts of words; a batch with `bad` fails after its state was made. */
function program(options: Partial<StreamTestOptions> = {}, given: readonly (readonly string[])[] = batches) {
  const box = letterBox()
  const skipped: string[] = []
  const t = new StreamTest({
    checkpointDir: true,
    ...options,
    conf: { ...THREADS_IF_TIME, ...conf, ...options.conf },
    build: t => {
      t.ssc.deadLetters(t.sink(box.sink), { id: 'bad' })
      const words = t.input('in', given, { partitions: 2 })
      const counts = words
        .map(word => [word, 1] as const)
        .updateStateByKey<number>((ones, n = 0) => n + ones.length)
      t.collect('counts', counts.uid('counts').checkpoint(seconds(2)))
      words.foreachRDD(async rdd => {
        if ((await rdd.collect()).includes('bad')) throw new Error('poisoned')
      })
      t.ssc.addStreamingListener({
        onBatchSkipped: ({ batchInfo, deadLetters }) =>
          void skipped.push(`${batchInfo.batchTime} ${deadLetters}`),
      })
    },
  })
  return { t, skipped, ...box }
}

const asCounts = (t: StreamTest): unknown[] => {
  const out = t.out<[string, number]>('counts')
  return out.times.flatMap((time, i) =>
    time === 3000 ? [] : [[time, Object.fromEntries(out.batches[i]!.toSorted())]],
  )
}
const withoutIt = [
  [1000, { a: 1 }],
  [2000, { a: 2, b: 1 }],
  [4000, { a: 2, b: 1, c: 1 }],
  [5000, { a: 3, b: 1, c: 1 }],
  [6000, { a: 3, b: 1, c: 1 }],
]

describe('failurePolicy dead-letter', () => {
  it('the input of a batch that fails for good goes to dead letters, and it counts as one without records', async () => {
    const progress = new StreamingProgress()
    const { t, skipped, batches: boxes } = program()
    await using _ = t
    t.ssc.addStreamingListener(progress)
    await t.run(6, { collectErrors: true })
    assert.deepEqual(asCounts(t), withoutIt)
    const [letter, ...others] = boxes.get(3000)!
    assert.deepEqual(
      [letter!, ...others].map(({ value, partition, index }) => [value, partition, index]),
      [
        ['a', 0, 0],
        ['b', 1, 0],
        ['bad', 1, 1],
      ],
    )
    assert.match(letter!.operator, /^foreachRDD at .*batch-dead-letters\.test\.ts/)
    assert.deepEqual([letter!.error.name, letter!.input, letter!.batchTime], ['KindlingError', 'in', 3000])
    assert.match(letter!.error.message, /poisoned/)
    assert.deepEqual([...boxes.keys()], [3000])
    assert.deepEqual(skipped, ['3000 ms letters'])
    assert.equal(progress.snapshot().deadLetters, 3)
    assert.match(
      t.warnings.join('\n'),
      /batch at 3000 ms failed in foreachRDD .* is skipped: its input is in letters and in no result/,
    )
    assert.equal(t.ssc.getState(), 'active')
  })

  const crashes = [
    ['failed-before', 1],
    ['failed-half', 1],
    ['failed-after', 1],
    ['sink-commit-before', 1],
    ['sink-commit-after', 1],
    ['commit-before', 3],
    ['commit-half', 3],
    ['commit-after', 3],
  ] as const
  for (const [point, nth] of crashes)
    it(`a crash at ${point}: its letters are there once, and it has no part in any result`, async () => {
      const { t, values } = program()
      await using _ = t
      t.crashAt(point, { nth })
      await t.run(6, { collectErrors: true })
      assert.equal(t.crashed, true)
      await t.crashAndRestart()
      await t.run(6 - t.clock.now() / 1000, { collectErrors: true })
      assert.deepEqual(values(), [[3000, ['a', 'b', 'bad']]])
      assert.deepEqual(asCounts(t), withoutIt)
    })

  it('a batch that had failed for good does not run again, also when it would not fail now', async () => {
    let fails = true
    const box = letterBox()
    await using t = new StreamTest({
      checkpointDir: true,
      conf,
      build: t => {
        t.ssc.deadLetters(t.sink(box.sink))
        const numbers = t.input('in', [[1], [2], [3]], { partitions: 1 })
        numbers.foreachRDD((_, time) => {
          if (fails && time.milliseconds === 2000) throw new Error('poisoned')
        })
        t.collect('out', numbers)
      },
    })
    t.crashAt('sink-commit-before')
    await t.run(2, { collectErrors: true })
    fails = false
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(box.values(), [[2000, [2]]])
    assert.deepEqual(t.out('out').batches, [[1], [3]])
  })

  it('lines of files come with their bytes and their place; what cannot be read any more with a letter that says so', async () => {
    const box = letterBox()
    let path = ''
    await using t = new StreamTest({
      conf,
      build: t => {
        t.ssc.deadLetters(box.sink)
        const lines = t.ssc.textFileStream(`${t.dir}/in`)
        lines.foreachRDD(async (rdd, time) => {
          const all = await rdd.collect()
          if (time.milliseconds === 2000) rmSync(path)
          if (all.length > 0) throw new TypeError('poisoned')
        })
      },
    })
    t.file('in/a.txt', 'one\nzwö\n', { at: 500 })
    path = t.file('in/b.txt', 'gone\n', { at: 1500 })
    await t.run(2, { collectErrors: true })
    assert.deepEqual(
      box.batches
        .get(1000)!
        .map(({ value, source, raw }) => [value, source?.['offset'], Buffer.from(raw!).toString()]),
      [
        ['one', 0, 'one'],
        ['zwö', 4, 'zwö'],
      ],
    )
    const [left] = box.batches.get(2000)!
    assert.equal(left!.value, undefined)
    assert.match(left!.unread!, /b\.txt/)
    assert.match(left!.input!, /^files of .*b\.txt$/s)
  })

  it('an input that cannot be read once is read again: only what never can be is given up', async () => {
    const box = letterBox()
    let readings = 0
    await using t = new StreamTest({
      master: 'local[2]',
      conf: { ...conf, ...INLINE },
      build: t => {
        t.ssc.deadLetters(box.sink)
        const numbers = t.ssc.inputStream<number>({
          name: 'numbers',
          start() {},
          stop() {},
          plan: ({ milliseconds }) => ({
            rdd: t.sc.fromPartitions([milliseconds], function* (time: number) {
              yield time
              // The output has read it; then the place does not answer for a while.
              if (time === 1000 && ++readings > 1 && readings < 4) throw new Error('no answer')
              yield time + 1
            }),
            numRecords: 2,
          }),
        })
        numbers.foreachRDD(async (rdd, time) => {
          await rdd.count()
          if (time.milliseconds === 1000) throw new Error('poisoned')
        })
      },
    })
    await t.run(2, { collectErrors: true })
    assert.deepEqual(box.values(), [[1000, [1000, 1001]]])
    assert.equal(readings, 4)
  })

  it('a batch whose jobs cannot be made, and one that waits and can then not be made anew', async () => {
    const box = letterBox()
    let fails = false
    await using t = new StreamTest({
      conf,
      build: t => {
        t.ssc.deadLetters(box.sink)
        const numbers = t.input('in', [[1], [2], [3], [4]], { partitions: 1 })
        numbers.foreachRDD(async (_, time) => {
          if (time.milliseconds !== 1000) return
          await t.clock.sleep(1500)
          fails = true
          throw new Error('late')
        })
        t.collect(
          'out',
          numbers.transform((rdd, time) => {
            if (fails && time.milliseconds === 2000) throw new Error('no RDD')
            return rdd
          }),
        )
      },
    })
    await t.run(4, { collectErrors: true })
    assert.deepEqual(box.values(), [
      [1000, [1]],
      [2000, [2]],
    ])
    assert.deepEqual(t.out('out').batches.slice(0, 2), [[3], [4]])
    assert.equal(box.batches.get(2000)![0]!.operator, 'making the jobs')
  })

  it('is not offered once a sink of exactly once has the batch: the program stops, and nothing is in dead letters', async () => {
    const box = letterBox()
    await using t = new StreamTest({
      conf,
      checkpointDir: true,
      build: t => {
        t.ssc.deadLetters(box.sink)
        const numbers = t.input('in', [[1], [2], [3]], { partitions: 1 })
        numbers.map(String).writeTo(fileSink(`${t.dir}/out`))
        numbers.foreachRDD((_, time) => {
          if (time.milliseconds === 2000) throw new Error('poisoned')
        })
      },
    })
    await t.ssc.start()
    const ended = rejected('BATCH_NOT_SKIPPABLE', () => t.ssc.awaitTermination())
    await t.run(3, { collectErrors: true })
    await ended
    await t.until(() => t.ssc.getState() === 'stopped')
    assert.equal(box.batches.size, 0)
  })

  it('letters that cannot be written end the program, and the batch is dealt with after a restart', async () => {
    const { t, values } = program()
    await using _ = t
    t.failAt('sink-commit-before')
    await t.run(4, { collectErrors: true })
    await t.until(() => t.ssc.getState() === 'stopped')
    assert.deepEqual(values(), [])
    await t.crashAndRestart()
    await t.run(6 - t.clock.now() / 1000, { collectErrors: true })
    assert.deepEqual(values(), [[3000, ['a', 'b', 'bad']]])
    assert.deepEqual(asCounts(t), withoutIt)
  })

  it('needs dead letters, and one batch at a time', async () => {
    await using t = new StreamTest({ conf, build: t => void t.collect('out', t.input('in', [[1]])) })
    await rejected('INVALID_CONFIG', () => t.run(1))
    await rejected('INVALID_CONFIG', async () => {
      new StreamTest({ conf: { ...conf, 'spark.streaming.concurrentJobs': 2 }, build: () => {} })
    })
  })
})
