/**
 * What the engine counts on in a sink (`rdd/sink/sink.ts`), as cases that any test runner can run. They play the driver and its tasks,
 * processes that die and those that come after them.
 */
import { configEntries } from '../base/config.ts'
import { KindlingError } from '../base/errors.ts'
import { silentLogger } from '../base/logger.ts'
import { SparkContext } from '../context/spark-context.ts'
import { type SinkPlace, Trial } from './sink-trial.ts'

/** The sink that is tried. */
export interface SinkSubject<T> {
  /** A new empty place. Called once for each case. */
  place(): SinkPlace<T> | Promise<SinkPlace<T>>
  /** At least six records, all different. */
  readonly records: readonly T[]
  /** Writers made in other threads write to the place too, as those of files and databases do. Default false: not tried. */
  readonly isReachedFromThreads?: boolean
}

/** One thing that a sink has to do. */
export interface ConformanceCase {
  readonly name: string
  /** Plays it. @throws SINK_NOT_CONFORMING saying what is wrong */
  run(): Promise<void>
}

/**
 * The cases for a sink: those of exactly once, or those of sinks that repeat, as it declares itself.
 *
 * @example
 * const rows: string[] = []
 * const cases = sinkConformance<string>({
 *   records: ['1', '2', '3', '4', '5', '6'],
 *   place() {
 *     rows.length = 0
 *     const writer = () => ({ write: (more: readonly string[]) => void rows.push(...more), prepare() {}, abort() {} })
 *     return { sink: () => ({ name: 'rows', guarantee: 'idempotent', writer }), read: () => rows }
 *   },
 * })
 * const wrong: string[] = []
 * for (const { name, run } of cases) await run().catch(() => wrong.push(name)) // or: test(name, run), of any test runner
 * wrong // => ['an idempotent sink takes a batch again without a trace']
 */
export function sinkConformance<T>(subject: SinkSubject<T>): ConformanceCase[] {
  const once = Object.entries(exactlyOnceCases<T>()).map(([name, body]) => caseOf(subject, name, body, true))
  const repeats = Object.entries(repeatingCases<T>()).map(([name, body]) =>
    caseOf(subject, name, body, false),
  )
  if (subject.isReachedFromThreads !== true) return [...once, ...repeats]
  const onThreads = (isForOnce: boolean): ConformanceCase =>
    caseOf(
      subject,
      `the engine writes an RDD on worker threads${isForOnce ? '' : ', repeating'}`,
      trial => throughEngine(trial, 'threads'),
      isForOnce,
    )
  return [...once, ...repeats, onThreads(true), onThreads(false)]
}

type Body<T> = (trial: Trial<T>) => Promise<void>

function caseOf<T>(
  subject: SinkSubject<T>,
  name: string,
  body: Body<T>,
  isForOnce: boolean,
): ConformanceCase {
  return {
    name,
    async run() {
      const place = await subject.place()
      try {
        const isOnce = place.sink().guarantee === 'exactly-once'
        if (isOnce !== isForOnce) return
        const trial = new Trial(place, subject.records)
        try {
          await body(trial)
        } finally {
          await trial.end()
        }
      } finally {
        await place.dispose?.()
      }
    },
  }
}

function exactlyOnceCases<T>(): Record<string, Body<T>> {
  return {
    'a batch is seen once it is committed, and nothing of it before': async trial => {
      const driver = await trial.start(1)
      const messages = await driver.prepare(1000, trial.some(0))
      await trial.expect('before the commit')
      await driver.commit(1000, messages)
      await trial.expect('after the commit', trial.some(0))
      await driver.write(2000, trial.some(1))
      await trial.expect('after a second batch', trial.some(0), trial.some(1))
      await driver.close()
      await trial.expect('after close', trial.some(0), trial.some(1))
      await trial.expectNothingElse('after close')
    },
    'partitions and batches without records are batches like others': async trial => {
      const driver = await trial.start(1)
      await driver.write(1000, [[], []])
      await trial.expect('after an empty batch')
      await driver.write(2000, [[], ...trial.some(0)])
      await trial.expect('after a batch with an empty partition', trial.some(0))
      await driver.write(3000, [])
      await trial.expectHeld(driver, [1000, 2000, 3000], [1000, 2000, 3000])
    },
    'committed names the batches that are there, and no others': async trial => {
      const driver = await trial.start(1)
      await driver.write(1000, trial.some(0))
      await driver.prepare(2000, trial.some(1))
      await trial.expectHeld(driver, [1000, 2000, 3000], [1000])
      const next = await trial.start(2)
      await trial.expectHeld(next, [1000, 2000, 3000], [1000])
      const other = { ...next.token(1000), program: 'another' }
      if ((await next.once.committed([other])).length > 0)
        trial.fail('committed takes the batch of another program for its own')
    },
    'a batch that is committed again changes nothing': async trial => {
      const driver = await trial.start(1)
      const messages = await driver.prepare(1000, trial.some(0))
      await driver.commit(1000, messages)
      await driver.commit(1000, messages)
      await trial.expect('after a second commit', trial.some(0))
      await driver.write(1000, trial.some(0))
      await trial.expect('after the batch was written again', trial.some(0))
      const next = await trial.start(2)
      await next.write(1000, trial.some(0))
      await trial.expect('after a restart wrote the batch again', trial.some(0))
      await trial.expectNothingElse('after that')
    },
    'of several attempts at a partition one is seen': async trial => {
      const driver = await trial.start(1)
      const [first = [], second = []] = trial.some(0)
      await driver.sink.begin?.(driver.token(1000))
      await driver.attempt(1000, { partition: 0, isAbandoned: true }, first)
      const slow = driver.attempt(1000, { partition: 0, attempt: 1 }, first)
      const quick = driver.attempt(1000, { partition: 0, attempt: 2 }, first)
      const [, message] = await Promise.all([slow, quick])
      await driver.commit(1000, [message, await driver.attempt(1000, { partition: 1 }, second)])
      await trial.expect('after the commit', trial.some(0))
      await trial.expectNothingElse('after the commit')
    },
    'a batch that is aborted leaves nothing, and can be written again': async trial => {
      const driver = await trial.start(1)
      await driver.prepare(1000, trial.some(0))
      await driver.once.abort(driver.token(1000))
      await trial.expect('after abort')
      await trial.expectNothingElse('after abort')
      await trial.expectHeld(driver, [1000], [])
      await driver.write(1000, trial.some(0))
      await trial.expect('after it was written again', trial.some(0))
    },
    'abort of a batch that was never begun, and of one that is committed, changes nothing': async trial => {
      const driver = await trial.start(1)
      await driver.once.abort(driver.token(1000))
      await driver.write(1000, trial.some(0))
      await driver.once.abort(driver.token(1000))
      await trial.expect('after abort', trial.some(0))
    },
    'a process that died leaves nothing to be seen, and the next one clears up': async trial => {
      const dead = await trial.start(1)
      await dead.write(1000, trial.some(0))
      await dead.prepare(2000, trial.some(1))
      const next = await trial.start(2)
      await trial.expectHeld(next, [2000], [])
      await trial.expect('after the restart', trial.some(0))
      await next.write(2000, trial.some(1))
      await trial.expect('after the batch ran again', trial.some(0), trial.some(1))
      await next.close()
      await trial.expectNothingElse('after that')
    },
    'a driver that was overtaken cannot commit what it had prepared': async trial => {
      const older = await trial.start(1)
      const messages = await older.prepare(1000, trial.some(0))
      const newer = await trial.start(2)
      await trial.overtaken(() => older.commit(1000, messages))
      await trial.expect('after the commit of a driver that was overtaken')
      await newer.write(1000, trial.some(0))
      await trial.expect('after both', trial.some(0))
      await trial.overtaken(() => older.commit(1000, messages))
      await trial.expect('after a late commit', trial.some(0))
    },
    'a driver that was overtaken can neither replace what the later one wrote nor add to it': async trial => {
      const older = await trial.start(1)
      const newer = await trial.start(2)
      await newer.write(1000, trial.some(0))
      await trial.overtaken(() => older.write(1000, trial.some(1)))
      await trial.overtaken(() => older.write(2000, trial.some(1)))
      await trial.overtaken(async () => older.once.abort(older.token(1000)))
      await trial.expect('after a late write', trial.some(0))
    },
    'failures are thrown, and leave nothing': async trial => {
      if (trial.place.break === undefined) return
      const driver = await trial.start(1)
      const messages = await driver.prepare(1000, trial.some(0))
      await trial.place.break()
      await trial.rejects('nothing can be written', async () => {
        await driver.commit(1000, messages)
        await driver.write(2000, trial.some(1))
      })
      await trial.expect('after the failure')
    },
    'the engine writes an RDD, also when attempts fail': trial => throughEngine(trial),
  }
}

function repeatingCases<T>(): Record<string, Body<T>> {
  return {
    'all records arrive': async trial => {
      const driver = await trial.start(1)
      await driver.write(1000, [...trial.some(0), []])
      await driver.write(2000, [])
      await driver.close()
      await trial.expect('after a batch', trial.some(0))
    },
    'an idempotent sink takes a batch again without a trace': async trial => {
      const driver = await trial.start(1)
      if (driver.sink.guarantee !== 'idempotent') return
      await driver.write(1000, trial.some(0))
      const next = await trial.start(2)
      await next.write(1000, trial.some(0))
      await next.close()
      await trial.expect('after the batch was written again', trial.some(0))
    },
    'failures of writes are thrown': async trial => {
      if (trial.place.break === undefined) return
      const driver = await trial.start(1)
      await trial.place.break()
      await trial.rejects('nothing can be written', () => driver.write(1000, trial.some(0)))
    },
    'the engine writes an RDD': trial => throughEngine(trial),
  }
}

/** Attempts fail before they write, so that also sinks that repeat have each record once. */
async function throughEngine<T>(trial: Trial<T>, executor: 'inline' | 'threads' = 'inline'): Promise<void> {
  const failed = new Set<number>()
  const sc = new SparkContext({
    master: 'local[2,2]',
    conf: { [configEntries.executor.key]: executor },
    logger: silentLogger,
    taskHook: ({ partition }) => {
      if (failed.has(partition)) return
      failed.add(partition)
      throw new KindlingError('PLANNED_FAULT', { point: 'task' })
    },
  })
  try {
    const rdd = sc.parallelize(trial.some(0).flat(1) as readonly T[], 2)
    await rdd.writeTo(trial.place.sink(), { id: 'engine', time: 1000 })
  } finally {
    await sc.stop()
  }
  await trial.expect('after an RDD was written', trial.some(0))
  await trial.expectNothingElse('after an RDD was written')
}
