import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { seconds } from '../../src/base/time.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { StreamingContext } from '../../src/streaming/streaming-context.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'

const program = (t: StreamTest): void => void t.collect('out', t.input('in', [[1], [2], [3]]))

describe('the life of a StreamingContext', () => {
  it('goes from initialized to active to stopped', async () => {
    const t = new StreamTest({ build: program })
    assert.equal(t.ssc.getState(), 'initialized')
    await t.ssc.start()
    assert.equal(t.ssc.getState(), 'active')
    assert.equal(StreamingContext.getActive(), t.ssc)
    await t.ssc.stop()
    assert.equal(t.ssc.getState(), 'stopped')
    assert.notEqual(StreamingContext.getActive(), t.ssc)
    await t[Symbol.asyncDispose]()
  })

  it('getActiveOrCreate gives the active one, or makes one that is not started', async () => {
    await using t = new StreamTest({ build: program })
    let made = 0
    const make = (): StreamingContext => {
      made++
      return new StreamingContext({ batchDuration: seconds(1) })
    }
    const fresh = StreamingContext.getActiveOrCreate(make)
    assert.equal(fresh.getState(), 'initialized')
    await fresh.stop()
    await t.ssc.start()
    assert.equal(StreamingContext.getActiveOrCreate(make), t.ssc)
    assert.equal(made, 1)
  })

  it('a second start only warns; after the stop it is refused', async () => {
    await using t = new StreamTest({ build: program })
    await t.ssc.start()
    await t.ssc.start()
    await t.ssc.stop()
    await assert.rejects(t.ssc.start(), { code: 'CONTEXT_STOPPED_ALREADY' })
  })

  it('stop twice, and both at once, is one stop', async () => {
    await using t = new StreamTest({ build: program })
    await t.run(1)
    await Promise.all([t.ssc.stop(), t.ssc.stop()])
    await t.ssc.stop()
    assert.equal(t.ssc.getState(), 'stopped')
  })

  it('without an output there is nothing to start, and the context is dead', async () => {
    await using t = new StreamTest({ build: t => void t.input('in', [[1]]) })
    await assert.rejects(t.ssc.start(), { code: 'NO_OUTPUT_OPERATIONS' })
    assert.equal(t.ssc.getState(), 'stopped')
    await assert.rejects(t.ssc.start(), { code: 'CONTEXT_STOPPED_ALREADY' })
  })

  it('nothing can be defined after the start, nor after the stop', async () => {
    let stream!: DStream<number>
    await using t = new StreamTest({
      build: t => {
        stream = t.collect('out', t.input('in', [[1]]))
      },
    })
    await t.ssc.start()
    for (const late of [
      () => stream.map(x => x),
      () => stream.print(),
      () => stream.foreachRDD(() => {}),
      () => stream.persist(),
      () => stream.batches(),
      () => t.ssc.textFileStream('/tmp'),
      () => t.ssc.remember(seconds(5)),
    ])
      assert.throws(late, { code: 'CONTEXT_STARTED' })
    await t.ssc.stop()
    assert.throws(() => stream.map(x => x), { code: 'CONTEXT_STOPPED_ALREADY' })
  })

  it('remember can be set once', async () => {
    await using t = new StreamTest({ build: program })
    t.ssc.remember(seconds(5))
    assert.throws(() => t.ssc.remember(seconds(6)), { code: 'INVALID_ARGUMENT' })
  })

  it('stops the SparkContext only if it made it, unless told otherwise', async () => {
    const own = new StreamingContext({ batchDuration: seconds(1) })
    await own.stop()
    assert.equal(own.sc.isStopped, true)
    const sc = new SparkContext()
    await new StreamingContext(sc, seconds(1)).stop()
    assert.equal(sc.isStopped, false)
    await new StreamingContext(sc, seconds(1)).stop({ stopSparkContext: true })
    assert.equal(sc.isStopped, true)
    const likeSpark = new SparkContext({ conf: { 'spark.streaming.stopSparkContextByDefault': true } })
    await new StreamingContext(likeSpark, seconds(1)).stop()
    assert.equal(likeSpark.isStopped, true)
  })

  it('several contexts run side by side', async () => {
    await using a = new StreamTest({ build: program })
    await using b = new StreamTest({ build: program })
    await Promise.all([a.run(3), b.run(2)])
    assert.deepEqual(a.out('out').batches, [[1], [2], [3]])
    assert.deepEqual(b.out('out').batches, [[1], [2]])
  })

  it('awaitTermination ends with the stop', async () => {
    await using t = new StreamTest({ build: program })
    await t.run(1)
    const ended = t.ssc.awaitTermination()
    await t.ssc.stop()
    await ended
    assert.equal(await t.ssc.awaitTerminationOrTimeout(seconds(1)), true)
  })

  it('awaitTerminationOrTimeout gives false when the time is over', async () => {
    await using t = new StreamTest({ build: program })
    await t.run(1)
    const waiting = t.ssc.awaitTerminationOrTimeout(seconds(2))
    await t.run(2)
    assert.equal(await waiting, false)
  })

  it('a failed batch ends awaitTermination, and the next ones come all the same', async () => {
    await using t = new StreamTest({
      build: t => {
        const stream = t.input('in', [[1], [2], [3]])
        t.collect(
          'out',
          stream.map(x => {
            if (x === 2) throw new Error('two is bad')
            return x
          }),
        )
      },
    })
    await t.run(3, { collectErrors: true })
    assert.deepEqual(t.out('out').batches, [[1], [3]])
    await assert.rejects(t.ssc.awaitTermination(), error => {
      assert.match(String(error), /two is bad/)
      assert.match(String(error), /map, at test\/streaming\/life-cycle\.test\.ts:\d+/)
      return (error as { code?: string }).code === 'USER_CODE_FAILED'
    })
  })

  it('stop inside a batch ends the context', async () => {
    const seen: number[] = []
    await using t = new StreamTest({
      build: t => {
        const { ssc } = t
        t.input('in', [[1], [2], [3]]).foreachRDD(async (rdd, time) => {
          seen.push(...(await rdd.collect()))
          if (time.milliseconds === 2000) await ssc.stop({ graceful: true })
        })
      },
    })
    await t.run(3)
    await t.ssc.awaitTermination()
    assert.equal(t.ssc.getState(), 'stopped')
    assert.deepEqual(seen, [1, 2])
  })

  it('stop by a listener is refused', async () => {
    let refused: unknown
    await using t = new StreamTest({
      build: t => {
        program(t)
        const { ssc } = t
        ssc.addStreamingListener({
          onBatchCompleted: async () => {
            await ssc.stop().catch(error => {
              refused = error
            })
          },
        })
      },
    })
    await t.run(1)
    assert.equal((refused as { code: string }).code, 'ILLEGAL_STATE')
  })

  it('an immediate stop aborts a long batch', async () => {
    const clock = new ManualClock(0)
    const sc = new SparkContext({ clock })
    const ssc = new StreamingContext(sc, seconds(1))
    let rows = 0
    ssc.queueStream([sc.parallelize([1])]).foreachRDD(rdd =>
      rdd
        .flatMap(function* () {
          for (;;) yield 1
        })
        .foreach(() => void rows++),
    )
    await ssc.start()
    const advancing = clock.advance(1000)
    while (rows < 1000) await new Promise(resolve => setImmediate(resolve))
    await ssc.stop({ stopSparkContext: true })
    await advancing
    assert.equal(ssc.getState(), 'stopped')
  })
})

describe('events', () => {
  it('come in order, with their times', async () => {
    const events: string[] = []
    await using t = new StreamTest({
      build: t => {
        program(t)
        t.input('other', [['x', 'y']]).foreachRDD(() => {})
        t.ssc.addStreamingListener({
          onStreamingStarted: e => events.push(`started ${e.time}`),
          onBatchSubmitted: e => events.push(`submitted ${e.batchInfo.batchTime} ${e.batchInfo.numRecords}`),
          onBatchStarted: e => events.push(`batch started ${e.batchInfo.schedulingDelay}`),
          onOutputOperationStarted: e =>
            events.push(`op ${e.outputOperationInfo.id} ${e.outputOperationInfo.name}`),
          onOutputOperationCompleted: e =>
            events.push(`op ${e.outputOperationInfo.id} done ${e.outputOperationInfo.duration}`),
          onBatchCompleted: e =>
            events.push(`completed ${e.batchInfo.totalDelay} ${e.batchInfo.outputOperationInfos.size}`),
        })
      },
    })
    await t.run(1)
    assert.deepEqual(events, [
      'started 0',
      'submitted 1000 ms 3',
      'batch started 0',
      'op 0 foreachRDD',
      'op 0 done 0',
      'op 1 foreachRDD',
      'op 1 done 0',
      'completed 0 2',
    ])
  })
})

describe('what a stop says it did', () => {
  const program = (): StreamTest =>
    new StreamTest({
      build: t => {
        const numbers = t.input('in', [[1, 2], [3], [4], []], { partitions: 1 })
        numbers.foreachRDD(async (_, time) => {
          if (time.milliseconds === 2000) await t.clock.sleep(60_000)
        })
      },
    })

  it('all, when there was time', async () => {
    await using t = program()
    await t.run(1)
    const report = await t.ssc.stop({ graceful: true })
    assert.deepEqual(report, {
      isComplete: true,
      processed: { batches: 0, records: 0 },
      dropped: { times: [], records: 0 },
      unplanned: [],
    })
  })

  it('which batches did not end by the deadline, and with how many records', async () => {
    await using t = program()
    await t.ssc.start()
    t.clock.advance(3000)
    await t.until(() => t.clock.now() === 3000)
    const stopped = t.ssc.stop({ graceful: true, deadline: seconds(5) })
    t.clock.advance(5000)
    const report = await stopped
    assert.equal(report!.isComplete, false)
    assert.deepEqual(
      report!.dropped.times.map(time => time.milliseconds),
      [2000, 3000],
    )
    assert.equal(report!.dropped.records, 2)
    assert.match(
      t.warnings.join(),
      /not done after 5000 ms and ends now: .*2 batches with 2 records \(from 2000 ms to 3000 ms\) did not end/,
    )
  })
})
