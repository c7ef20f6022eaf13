import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import type { SparkContext } from '../../src/context/spark-context.ts'
import type { RDD } from '../../src/rdd/rdd.ts'
import type { JobEnded, JobStarted } from '../../src/scheduler/events.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { onEachContext } from '../support/contexts.ts'
import { rejected, thrown } from '../support/rejected.ts'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** An RDD whose tasks wait until they are released, and what resolves when the first has begun. */
function gated(sc: SparkContext): { rdd: RDD<number>; begun: Promise<void>; release: () => void } {
  const begun = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const rdd = sc.parallelize([1, 2], 2).mapAsync(async n => {
    begun.resolve()
    await gate.promise
    return n
  })
  return { rdd, begun: begun.promise, release: () => gate.resolve() }
}

onEachContext('local properties', (make, itHere) => {
  it('are those of the innermost scope, also after awaits and side by side (D60)', async () => {
    const sc = make()
    sc.setLocalProperty('a', 'program')
    const inner = async (value: string): Promise<unknown[]> =>
      sc.withLocalProperties({ b: value, a: undefined }, async () => {
        await turn()
        sc.setLocalProperty('c', value)
        await turn()
        return ['a', 'b', 'c'].map(key => sc.getLocalProperty(key))
      })
    assert.deepEqual(await Promise.all([inner('x'), inner('y')]), [
      [undefined, 'x', 'x'],
      [undefined, 'y', 'y'],
    ])
    assert.deepEqual(
      ['a', 'b', 'c'].map(key => sc.getLocalProperty(key)),
      ['program', undefined, undefined],
    )
    sc.setLocalProperty('a', undefined)
    assert.equal(sc.getLocalProperty('a'), undefined)
  })

  itHere('go with the job, to listeners and into tasks', async () => {
    const sc = make()
    const started: JobStarted[] = []
    sc.addSparkListener({ onJobStart: job => void started.push(job) })
    const rdd = sc.parallelize([1, 2, 3], 3)
    const seen = await Promise.all(
      ['x', 'y'].map(value =>
        sc.withLocalProperties({ 'spark.job.description': `job ${value}`, own: value }, () =>
          rdd
            .mapAsync(async () => {
              await turn()
              return sc.getLocalProperty('own') ?? ''
            })
            .collect(),
        ),
      ),
    )
    await rdd.count()
    await sc.stop()
    assert.deepEqual(seen, [Array(3).fill('x'), Array(3).fill('y')])
    assert.deepEqual(
      started.map(job => job.description.split(' at ')[0]),
      ['job x', 'job y', 'count'],
    )
    assert.deepEqual(
      started.map(job => job.properties['own']),
      ['x', 'y', undefined],
    )
    assert.match(started[0]!.name, /^collect at /)
  })

  it('group, description and tags are properties', () => {
    const sc = make()
    sc.setJobGroup('g', 'what it is', true)
    sc.addJobTag('t1')
    sc.addJobTag('t2')
    sc.addJobTag('t1')
    assert.deepEqual([...sc.getJobTags()], ['t1', 't2'])
    sc.removeJobTag('t1')
    assert.equal(sc.getLocalProperty('spark.job.tags'), 't2')
    assert.equal(sc.getLocalProperty('spark.jobGroup.id'), 'g')
    assert.equal(sc.getLocalProperty('spark.job.description'), 'what it is')
    assert.equal(sc.getLocalProperty('spark.job.interruptOnCancel'), 'true')
    sc.setJobDescription('other')
    assert.equal(sc.getLocalProperty('spark.job.description'), 'other')
    sc.clearJobGroup()
    sc.clearJobTags()
    for (const key of ['spark.jobGroup.id', 'spark.job.description', 'spark.job.tags'])
      assert.equal(sc.getLocalProperty(key), undefined)
    thrown('INVALID_ARGUMENT', () => sc.addJobTag(''))
    thrown('INVALID_ARGUMENT', () => sc.addJobTag('a,b'))
  })
})

onEachContext('cancelling', (make, itHere) => {
  const ways: {
    name: string
    start: (sc: SparkContext, run: () => Promise<unknown>) => Promise<unknown>
    cancel: (sc: SparkContext) => void
    reason: RegExp
  }[] = [
    {
      name: 'cancelJobGroup',
      start: (sc, run) => sc.withJobGroup('g', run),
      cancel: sc => sc.cancelJobGroup('g'),
      reason: /job group g/,
    },
    {
      name: 'cancelJobsWithTag',
      start: (sc, run) => sc.withLocalProperties({ 'spark.job.tags': 's,t' }, run),
      cancel: sc => sc.cancelJobsWithTag('t'),
      reason: /tag t/,
    },
    {
      name: 'cancelJob',
      start: (_, run) => run(),
      cancel: sc => sc.cancelJob(sc.statusTracker.getActiveJobIds()[0]!, 'not needed'),
      reason: /not needed/,
    },
    {
      name: 'cancelStage',
      start: (_, run) => run(),
      cancel: sc => sc.cancelStage(sc.statusTracker.getActiveStageIds()[0]!),
      reason: /stage \d+ was cancelled/,
    },
    {
      name: 'cancelAllJobs',
      start: (_, run) => run(),
      cancel: sc => sc.cancelAllJobs(),
      reason: /cancelAllJobs/,
    },
  ]
  for (const { name, start, cancel, reason } of ways)
    itHere(`${name} fails the action, and others are left alone`, async () => {
      const sc = make()
      const { rdd, begun, release } = gated(sc)
      const job = start(sc, () => rdd.count())
      await begun
      sc.cancelJobGroup('other')
      sc.cancelJobsWithTag('other')
      sc.cancelJob(-1)
      cancel(sc)
      const error = await rejected('JOB_CANCELLED', () => job)
      assert.match(error.message, reason)
      release()
      assert.equal(await sc.parallelize([1], 1).count(), 1)
      assert.deepEqual(sc.statusTracker.getActiveJobIds(), [])
    })

  itHere('a job that waits for the map stage of another is cancelled too, and that one goes on', async () => {
    const sc = make()
    const { rdd, begun, release } = gated(sc)
    const pairs = rdd.map(n => [n, n]).groupByKey(2)
    const first = pairs.count()
    await begun
    const second = sc.withJobGroup('g', () => pairs.collect())
    await turn()
    sc.cancelJobGroup('g')
    await rejected('JOB_CANCELLED', () => second)
    release()
    assert.equal(await first, 2)
  })

  itHere('a job that waits for the sample of its keys is cancelled too', async () => {
    const sc = make()
    const { rdd, begun, release } = gated(sc)
    const sorting = sc.withJobGroup('g', () => rdd.sortBy(n => n, true, 2).collect())
    await begun
    sc.cancelJobGroup('g')
    await rejected('JOB_CANCELLED', () => sorting)
    release()
  })

  it('leaves no listener on a signal', async () => {
    const sc = make()
    const { signal } = new AbortController()
    const rdd = sc.parallelize([1, 2], 2)
    await sc.withSignal(signal, async () => {
      await rdd.sortBy(n => n).collect()
      await rdd.mapAsync(async n => n).take(1)
      await rejected('USER_CODE_FAILED', () =>
        rdd.foreach(() => {
          throw new Error('planned')
        }),
      )
    })
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  it('cancelJobGroupAndFutureJobs also fails what comes later', async () => {
    const sc = make()
    const rdd = sc.parallelize([1], 1)
    sc.cancelJobGroup('g')
    assert.equal(await sc.withJobGroup('g', () => rdd.count()), 1)
    sc.cancelJobGroupAndFutureJobs('g')
    await rejected('JOB_CANCELLED', () => sc.withJobGroup('g', () => rdd.count()))
    assert.equal(await rdd.count(), 1)
  })

  itHere('withSignal: running, later, ended, nested, and the lazy iterator', async () => {
    const sc = make()
    const { rdd, begun, release } = gated(sc)
    const outer = new AbortController()
    const plain = sc.parallelize([1, 2], 2)
    const ended = await sc.withSignal(outer.signal, () => plain.count())
    const lazy = sc.withSignal(outer.signal, () => plain.toLocalIterator())
    assert.deepEqual(await lazy.next(), { done: false, value: 1 })
    const job = sc.withSignal(outer.signal, () =>
      sc.withSignal(new AbortController().signal, () => rdd.count()),
    )
    await begun
    outer.abort(new Error('enough'))
    const error = await rejected('JOB_CANCELLED', () => job)
    assert.match(error.message, /enough/)
    assert.equal((error.cause as Error).message, 'enough')
    await rejected('JOB_CANCELLED', () => sc.withSignal(outer.signal, () => plain.count()))
    await rejected('JOB_CANCELLED', () => lazy.next())
    assert.equal(ended, 2)
    assert.equal(await plain.count(), 2)
    release()
  })
})

onEachContext('async actions', (make, itHere) => {
  itHere('give what the actions give, and the ids of their jobs', async () => {
    const sc = make()
    const rdd = sc.parallelize([1, 2, 3], 3)
    const out: number[] = []
    const counting = rdd.countAsync()
    assert.equal(await counting, 3)
    assert.ok(counting instanceof Promise && counting.isCompleted && !counting.isCancelled)
    assert.equal(counting.jobIds.length, 1)
    assert.deepEqual(await rdd.collectAsync(), [1, 2, 3])
    const taking = rdd.takeAsync(2)
    assert.deepEqual(await taking, [1, 2])
    assert.equal(taking.jobIds.length, 2)
    await rdd.foreachAsync(n => out.push(n))
    await rdd.foreachPartitionAsync(records => void out.push(Array.from(records).length))
    assert.deepEqual(out.sort(), [1, 1, 1, 1, 2, 3])
    assert.equal(await rdd.countAsync().finally(() => {}), 3)
    counting.cancel()
    assert.ok(!counting.isCancelled)
  })

  itHere('can be cancelled, and only they are', async () => {
    const sc = make()
    const { rdd, begun, release } = gated(sc)
    const counting = rdd.countAsync()
    const other = sc.parallelize([1], 1).countAsync()
    await begun
    counting.cancel('too slow')
    assert.ok(counting.isCancelled)
    assert.match((await rejected('JOB_CANCELLED', () => counting)).message, /too slow/)
    release()
    assert.equal(await other, 1)
  })

  it('submitJob: results as they come', async () => {
    const sc = make()
    const results = new Map<number, number>()
    const rdd = sc.parallelize([1, 2, 3, 4], 4)
    const sum = await sc.submitJob(
      rdd,
      records => [...records].reduce((a, b) => a + b, 0),
      [3, 1],
      (index, value) => results.set(index, value),
      () => [...results.values()].reduce((a, b) => a + b, 0),
    )
    assert.equal(sum, 6)
    assert.deepEqual(
      results,
      new Map([
        [0, 4],
        [1, 2],
      ]),
    )
    assert.deepEqual(await sc.runJob(rdd, records => [...records][0], [2]), [3])
    await rejected('INVALID_ARGUMENT', () => sc.runJob(rdd, () => 0, [4]))
  })
})

onEachContext('statusTracker', (make, itHere) => {
  itHere('shows jobs and stages as they stand', async () => {
    const sc = make()
    const { rdd, begun, release } = gated(sc)
    const job = sc.withJobGroup('g', () => {
      sc.addJobTag('t')
      return rdd
        .map(n => [n, n])
        .groupByKey(3)
        .count()
    })
    await begun
    const tracker = sc.statusTracker
    const [jobId] = tracker.getActiveJobIds()
    const info = tracker.getJobInfo(jobId!)!
    assert.deepEqual([info.status, info.stageIds.length], ['running', 2])
    const [stageId] = tracker.getActiveStageIds()
    const active = sc.master === 'local' ? 1 : 2
    const { name, submissionTime, ...counts } = tracker.getStageInfo(stageId!)!
    assert.match(name, /^groupByKey at /)
    assert.equal(typeof submissionTime, 'number')
    assert.deepEqual(counts, {
      stageId,
      numTasks: 2,
      numActiveTasks: active,
      numCompletedTasks: 0,
      numFailedTasks: 0,
    })
    release()
    await job
    assert.equal(tracker.getJobInfo(jobId!)!.status, 'succeeded')
    assert.deepEqual([tracker.getActiveJobIds(), tracker.getActiveStageIds()], [[], []])
    assert.equal(tracker.getStageInfo(stageId!)!.numCompletedTasks, 2)
    assert.deepEqual([tracker.getJobIdsForGroup('g'), tracker.getJobIdsForTag('t')], [[jobId], [jobId]])
    await sc.parallelize([1], 1).count()
    assert.equal(tracker.getJobIdsForGroup().length, 1)
  })

  it('counts failed attempts, and forgets the oldest', async () => {
    const sc = make({ conf: { 'spark.ui.retainedJobs': 2, 'spark.ui.retainedStages': 3 } })
    const bad = sc.parallelize([1], 1).map(() => {
      throw new Error('planned')
    })
    await rejected('USER_CODE_FAILED', () => bad.count())
    const tracker = sc.statusTracker
    const [failed] = tracker.getJobIdsForGroup()
    const { status, stageIds } = tracker.getJobInfo(failed!)!
    assert.equal(status, 'failed')
    assert.equal(tracker.getStageInfo(stageIds[0]!)!.numFailedTasks, sc.master === 'local' ? 1 : 4)
    for (let i = 0; i < 3; i++) await sc.parallelize([1], 1).count()
    assert.equal(tracker.getJobIdsForGroup().length, 2)
    assert.equal(tracker.getJobInfo(failed!), undefined)
    assert.equal(tracker.getStageInfo(stageIds[0]!), undefined)
  })
})

onEachContext('facts of a context', make => {
  it('version, start, id, configuration', () => {
    const sc = make({ conf: { own: 'x' } })
    assert.match(sc.version, /^\d+\.\d+\.\d+/)
    assert.equal(sc.applicationId, `local-${sc.startTime}`)
    assert.ok(sc.isLocal)
    assert.equal(sc.getConf().getRaw('own'), 'x')
  })

  it('setLogLevel decides what the logger gets', () => {
    const told: string[] = []
    const at = (level: string) => (): void => void told.push(level)
    const sc = make({
      logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    })
    for (const level of ['WARN', 'off', 'all']) {
      sc.setLogLevel(level)
      for (const name of ['debug', 'info', 'warn', 'error'] as const) sc.logger[name]('x')
      told.push('|')
    }
    assert.equal(told.join(' '), 'warn error | | debug info warn error |')
    thrown('INVALID_ARGUMENT', () => sc.setLogLevel('loud'))
  })

  it('persisted RDDs and what is kept of them', async () => {
    const sc = make()
    const a = sc
      .parallelize([1, 2, 3, 4], 2)
      .map(n => n)
      .setName('a')
      .cache()
    const b = sc
      .parallelize([{ text: 'x'.repeat(1000) }], 1)
      .map(r => r)
      .cache()
    assert.deepEqual([...sc.getPersistentRDDs().keys()], [a.id, b.id])
    assert.deepEqual(sc.getRDDStorageInfo(), [])
    await a.take(1)
    await b.count()
    const [ofA, ofB] = sc.getRDDStorageInfo()
    assert.deepEqual([ofA!.name, ofA!.numPartitions, ofA!.numCachedPartitions], ['a', 2, 1])
    assert.ok(ofB!.memSize > 1000 && ofB!.memSize < 1200)
    a.unpersist()
    assert.deepEqual([...sc.getPersistentRDDs().keys()], [b.id])
  })
})

describe('jobs of streams', () => {
  it('carry batch, output and description, and the local properties of the start', async () => {
    const started: JobStarted[] = []
    const ended: JobEnded[] = []
    await using t = new StreamTest({
      build: t => {
        const stream = t.input('in', [[1], [2]])
        stream.foreachRDD(rdd => rdd.count())
        stream.foreachRDD(rdd => {
          t.sc.setLocalProperty('mine', 'set in a batch')
          return rdd.count()
        })
        t.sc.addSparkListener({
          onJobStart: job => void started.push(job),
          onJobEnd: job => void ended.push(job),
        })
      },
    })
    t.sc.setJobGroup('g', 'not for batches')
    t.sc.setLocalProperty('own', 'x')
    await t.run(2)
    const facts = started.map(job => [job.batchTime, job.outputOpId, job.description, job.properties['mine']])
    assert.deepEqual(facts, [
      [1000, 0, 'Streaming job from [output operation 0, batch time 1000 ms]', undefined],
      [1000, 1, 'Streaming job from [output operation 1, batch time 1000 ms]', 'set in a batch'],
      [2000, 0, 'Streaming job from [output operation 0, batch time 2000 ms]', undefined],
      [2000, 1, 'Streaming job from [output operation 1, batch time 2000 ms]', 'set in a batch'],
    ])
    assert.deepEqual(started[3]!.properties, {
      own: 'x',
      mine: 'set in a batch',
      'spark.job.description': facts[3]![2],
      'spark.streaming.internal.batchTime': '2000',
      'spark.streaming.internal.outputOpId': '1',
    })
    assert.equal(t.sc.getLocalProperty('mine'), undefined)
    assert.ok(ended.every(job => job.error === undefined))
  })

  it('an action that a batch calls off does not fail it, one that fails does', async () => {
    await using t = new StreamTest({
      build: t => {
        t.input('in', [[1], [2]]).foreachRDD((rdd, time) => {
          if (time.milliseconds === 1000) rdd.countAsync().cancel()
          else
            void rdd.foreachAsync(() => {
              throw new Error('planned')
            })
        })
      },
    })
    await t.run(1)
    await rejected('USER_CODE_FAILED', () => t.run(1))
  })
})
