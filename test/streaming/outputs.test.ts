import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { seconds } from '../../src/base/time.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { Batches } from '../../src/streaming/dstream/batches.ts'
import { StreamingContext } from '../../src/streaming/streaming-context.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'

describe('print', () => {
  it('writes a head and ten records, and dots when there are more', async () => {
    const clock = new ManualClock(0)
    let text = ''
    const ssc = new StreamingContext({ clock, batchDuration: seconds(1), write: more => void (text += more) })
    ssc.queueStream([Array.from({ length: 12 }, (_, i) => i), [['a', 1] as never]]).print()
    await ssc.start()
    await clock.advance(2000)
    await ssc.stop()
    const rule = '-'.repeat(43)
    const head = (ms: number): string => `${rule}\nTime: ${ms} ms\n${rule}\n`
    assert.equal(text, `${head(1000)}0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n...\n\n${head(2000)}["a",1]\n\n`)
  })
})

describe('saveAsTextFiles', () => {
  it('makes a directory for each batch, and replaces one that is there', async () => {
    await using t = new StreamTest({
      build: t => t.input('in', [['a', 'b'], []], { partitions: 2 }).saveAsTextFiles(`${t.dir}/out`, 'txt'),
    })
    t.file('out-1000.txt/old', 'old')
    await t.run(2)
    assert.deepEqual(readdirSync(t.dir).sort(), ['out-1000.txt', 'out-2000.txt'])
    assert.deepEqual(readdirSync(`${t.dir}/out-1000.txt`).sort(), ['_SUCCESS', 'part-00000', 'part-00001'])
    assert.equal(readFileSync(`${t.dir}/out-1000.txt/part-00001`, 'utf8'), 'b\n')
  })
})

describe('an output that fails', () => {
  it('leaves the directory that it would have replaced as it was, and nothing beside it', async () => {
    await using t = new StreamTest({
      build: t =>
        t
          .input('in', [['a']])
          .map((line): string => {
            throw new Error(`no ${line}`)
          })
          .saveAsTextFiles(`${t.dir}/out`),
    })
    t.file('out-1000/part-00000', 'what was there')
    await t.run(1, { collectErrors: true })
    assert.equal(t.errors.length, 1)
    assert.deepEqual(readdirSync(t.dir), ['out-1000'])
    assert.equal(readFileSync(`${t.dir}/out-1000/part-00000`, 'utf8'), 'what was there')
  })
})

describe('foreachRDD', () => {
  it('runs outputs one at a time, in order of definition, also for empty batches', async () => {
    const log: string[] = []
    await using t = new StreamTest({
      build: t => {
        const stream = t.input('in', [[1], []])
        for (const name of ['a', 'b'])
          stream.foreachRDD(async (rdd, time) => {
            log.push(`${name}> ${time.milliseconds}`)
            await rdd.count()
            log.push(`${name}< ${time.milliseconds}`)
          })
      },
    })
    await t.run(2)
    assert.deepEqual(log, [
      'a> 1000',
      'a< 1000',
      'b> 1000',
      'b< 1000',
      'a> 2000',
      'a< 2000',
      'b> 2000',
      'b< 2000',
    ])
  })

  it('an action that was not awaited belongs to its batch: it is waited for, and its error fails the batch', async () => {
    const done: number[] = []
    await using t = new StreamTest({
      build: t => {
        t.input('in', [[1], [2], [3]]).foreachRDD((rdd, time) => {
          void rdd.foreach(n => {
            if (n === 2) throw new Error('nobody awaits me')
            done.push(n)
          })
          if (time.milliseconds === 3000) done.push(-1)
        })
      },
    })
    await t.run(3, { collectErrors: true })
    assert.deepEqual(done, [1, -1, 3])
    assert.equal(t.errors.length, 1)
    assert.match(t.errors[0]!.message, /nobody awaits me.*batch 2000 ms/)
  })

  it('an error of the callback names output, line and batch; the next output runs all the same', async () => {
    await using t = new StreamTest({
      build: t => {
        const stream = t.input('in', [[1]])
        stream.foreachRDD(() => {
          throw new TypeError('sink is closed')
        })
        t.collect('out', stream)
      },
    })
    await t.run(1, { collectErrors: true })
    const [error] = t.errors as (Error & { code?: string })[]
    assert.equal(error!.code, 'OUTPUT_OPERATION_FAILED')
    assert.match(
      error!.message,
      /foreachRDD failed for the batch at 1000 ms: sink is closed.*outputs\.test\.ts:\d+/,
    )
    assert.ok(error!.cause instanceof TypeError)
    assert.deepEqual(t.out('out').batches, [[1]])
  })
})

describe('batches()', () => {
  it('gives every batch to its reader, delays the stream for a slow one, and ends with the context', async () => {
    const clock = new ManualClock(0)
    const sc = new SparkContext({ clock })
    const ssc = new StreamingContext(sc, seconds(1))
    const batches: Batches<number> = ssc.queueStream([[1], [2, 3]]).batches()
    await assert.rejects(batches.next(), { code: 'ILLEGAL_STATE' })
    await ssc.start()
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const { time, values } of batches) {
        seen.push([time.milliseconds, values])
        if (seen.length === 3) await ssc.stop()
      }
    })()
    await clock.advance(3000)
    await reading
    assert.deepEqual(seen, [
      [1000, [1]],
      [2000, [2, 3]],
      [3000, []],
    ])
    await sc.stop()
  })

  it('break detaches: later batches do not wait', async () => {
    await using t = new StreamTest({
      build: t => {
        const stream = t.input('in', [[1], [2], [3]])
        Object.assign(t, { batches: stream.batches() })
        t.collect('out', stream)
      },
    })
    const { batches } = t as unknown as { batches: Batches<number> }
    await t.ssc.start()
    const reading = (async () => {
      for await (const { values } of batches) return values
      return undefined
    })()
    await t.run(3)
    assert.deepEqual(await reading, [1])
    assert.deepEqual(t.out('out').batches, [[1], [2], [3]])
  })
})

describe('faults', () => {
  it('a failed attempt is tried again; its records count once', async () => {
    await using t = new StreamTest({
      master: 'local[2]',
      build: t =>
        void t.collect(
          'out',
          t
            .input('in', [[1, 2, 3, 4]], { partitions: 2 })
            .map(n => [n % 2, n])
            .reduceByKey((a, b) => a + b),
        ),
    })
    t.failAt('task', { stage: 0, partition: 1, attempt: 0 })
    t.failAt('task', { stage: 1, attempt: 0, nth: 2 })
    await t.run(1)
    assert.deepEqual(
      t.out('out').batches.map(b => b.sort()),
      [
        [
          [0, 6],
          [1, 4],
        ],
      ],
    )
  })

  it('a planned fault that is never hit fails the test', async () => {
    const t = new StreamTest({ build: t => void t.collect('out', t.input('in', [[1]])) })
    t.failAt('task', { stage: 7 })
    await t.run(1)
    await assert.rejects(t[Symbol.asyncDispose](), { code: 'FAULT_NOT_HIT' })
  })

  it('a source that fails fails its batch only', async () => {
    await using t = new StreamTest({ build: t => void t.collect('out', t.input('in', [[1], [2], [3]])) })
    t.failAt('plan', { nth: 2 })
    await t.run(3, { collectErrors: true })
    assert.deepEqual(t.out('out').batches, [[1], [3]])
    assert.match(t.errors[0]!.message, /Planned fault at plan/)
  })

  it('a held task holds its batch', async () => {
    await using t = new StreamTest({ build: t => void t.collect('out', t.input('in', [[1]])) })
    const held = t.holdTask({ partition: 0 })
    const running = t.run(1)
    await held.held
    assert.deepEqual(t.out('out').batches, [])
    held.release()
    await running
    assert.deepEqual(t.out('out').batches, [[1]])
  })

  it('after a crash a new program runs on the same clock', async () => {
    await using t = new StreamTest({
      build: t => void t.collect('out', t.input('in', [[1], [2], [3], [4], [5]])),
    })
    t.crashAt('output', { nth: 2 })
    await t.run(3)
    assert.equal(t.crashed, true)
    assert.deepEqual(t.out('out').batches, [[1]])
    await t.crashAndRestart({ downFor: seconds(1) })
    await t.run(2)
    assert.deepEqual(t.out('out').times, [1000, 4000, 5000])
  })
})

describe('thousands of batches', () => {
  it('leave nothing behind: RDDs, state versions and pipelines stay as many', async () => {
    const { compiledPipelines } = await import('../../src/rdd/segment/compile.ts')
    await using t = new StreamTest({
      build: t => {
        const words = t
          .input<string>('in', [])
          .transform(rdd => rdd.union(t.sc.parallelize(['a', 'b'])).map(w => w))
        const sums = words
          .map(w => [w, 1])
          .reduceByKeyAndWindow(
            (a, b) => a + b,
            (a, b) => a - b,
            5000,
          )
          .updateStateByKey<number>((values, state = 0) => values.reduce((a, b) => a + b, state % 1000))
        sums.foreachRDD(async rdd => void (await rdd.count()))
      },
    })
    await t.run(100)
    const remembered = (): number =>
      [...t.ssc['graph'].outputs].reduce(
        (n, o) => n + (o.stream['generated'] as Map<number, unknown>).size,
        0,
      )
    const [pipelines, rdds] = [compiledPipelines(), remembered()]
    await t.run(2000)
    assert.equal(compiledPipelines(), pipelines)
    assert.equal(remembered(), rdds)
  })
})
