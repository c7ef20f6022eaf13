/**
 * What the engine counts on in a sink (`rdd/sink/sink.ts`), as cases that any test runner can run. They play the driver and its tasks,
 * processes that die and those that come after them.
 */
import { isDeepStrictEqual } from 'node:util'
import { configEntries } from '../base/config.ts'
import { describeValue, isKindlingError, KindlingError } from '../base/errors.ts'
import { silentLogger } from '../base/logger.ts'
import { SparkContext } from '../context/spark-context.ts'
import { decodeRecords, encodeRecords } from '../data/codec.ts'
import type { BatchToken, ExactlyOnceSink, Sink } from '../rdd/sink/sink.ts'

/** Somewhere that a sink writes to: a directory, a table. */
export interface SinkPlace<T> {
  /** A sink that writes there, as each process that starts makes one of its own. */
  sink(): Sink<T>
  /** The records that a reader sees now, in any order. */
  read(): readonly T[] | Promise<readonly T[]>
  /** What is there besides, that should have been cleared away; names, for messages. Default: not looked at. */
  leftovers?(): readonly string[] | Promise<readonly string[]>
  /** From now on nothing can be written there. Default: failures are not tried. */
  break?(): void | Promise<void>
  /** Called after each case. */
  dispose?(): void | Promise<void>
}

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
        if (isOnce === isForOnce) await body(new Trial(place, subject.records))
      } finally {
        await place.dispose?.()
      }
    },
  }
}

/** One process that writes to the place. */
class Driver<T> {
  readonly sink: Sink<T>
  private readonly epoch: number

  constructor(sink: Sink<T>, epoch: number) {
    this.sink = sink
    this.epoch = epoch
  }

  get once(): ExactlyOnceSink<T> {
    return this.sink as ExactlyOnceSink<T>
  }

  token(batchTime: number): BatchToken {
    return { program: 'conformance', operatorId: 'out', batchTime, epoch: this.epoch }
  }

  async open(): Promise<this> {
    const { program, operatorId, epoch } = this.token(0)
    await this.sink.open?.({ program, operatorId, epoch, logger: silentLogger })
    return this
  }

  async close(): Promise<void> {
    await this.sink.close?.(this.token(0))
  }

  /** One attempt, up to its message: as data, since it comes from elsewhere. */
  async attempt(
    batchTime: number,
    at: { readonly partition: number; readonly attempt?: number; readonly isAbandoned?: boolean },
    records: readonly T[],
  ): Promise<unknown> {
    const { partition, attempt = 0, isAbandoned = false } = at
    const writer = await this.sink.writer({ ...this.token(batchTime), partition, attempt })
    try {
      for (const record of records) await writer.write([record])
      if (isAbandoned) return await writer.abort()
      return decodeRecords(encodeRecords([await writer.prepare()]))[0]
    } finally {
      await writer.close?.()
    }
  }

  /** Begins, and prepares a partition for each list of records. */
  async prepare(batchTime: number, partitions: readonly (readonly T[])[]): Promise<unknown[]> {
    await this.sink.begin?.(this.token(batchTime))
    const messages: unknown[] = []
    for (const [partition, records] of partitions.entries())
      messages.push(await this.attempt(batchTime, { partition }, records))
    return messages
  }

  async commit(batchTime: number, messages: readonly unknown[]): Promise<void> {
    await this.sink.commit?.(this.token(batchTime), messages)
  }

  async write(batchTime: number, partitions: readonly (readonly T[])[]): Promise<void> {
    await this.commit(batchTime, await this.prepare(batchTime, partitions))
  }

  async held(...batchTimes: readonly number[]): Promise<readonly number[]> {
    const tokens = batchTimes.map(time => this.token(time))
    return (await this.once.committed(tokens)).map(({ batchTime }) => batchTime)
  }
}

/** A place under trial. */
class Trial<T> {
  readonly place: SinkPlace<T>
  private readonly records: readonly T[]

  constructor(place: SinkPlace<T>, records: readonly T[]) {
    this.place = place
    this.records = records
  }

  /** Some of the records, in two partitions; other ones for each `n`. */
  some(n: 0 | 1): readonly (readonly T[])[] {
    const from = n * 3
    return [this.records.slice(from, from + 1), this.records.slice(from + 1, from + 3)]
  }

  start(epoch: number): Promise<Driver<T>> {
    return new Driver(this.place.sink(), epoch).open()
  }

  fail(reason: string): never {
    throw new KindlingError('SINK_NOT_CONFORMING', { sink: this.place.sink().name, reason })
  }

  /** A reader sees exactly these. */
  async expect(when: string, ...parts: readonly (readonly (readonly T[])[])[]): Promise<void> {
    const texts = (records: readonly T[]): string[] => records.map(record => describeValue(record)).sort()
    const expected = texts(parts.flat(2))
    const seen = texts(await this.place.read())
    if (isDeepStrictEqual(seen, expected)) return
    this.fail(`${when}, readers see ${describeValue(seen)} instead of ${describeValue(expected)}`)
  }

  async expectNothingElse(when: string): Promise<void> {
    const left = (await this.place.leftovers?.()) ?? []
    if (left.length > 0) this.fail(`${when}, this is left over: ${left.join(', ')}`)
  }

  async expectHeld(driver: Driver<T>, asked: readonly number[], expected: readonly number[]): Promise<void> {
    const held = [...(await driver.held(...asked))].sort((a, b) => a - b)
    if (!isDeepStrictEqual(held, [...expected]))
      this.fail(
        `committed gives ${describeValue(held)} of ${describeValue(asked)}, instead of ${describeValue(expected)}`,
      )
  }

  /** A late step of a driver that was overtaken: refused by SINK_FENCED, or without effect. */
  async overtaken(step: () => Promise<unknown>): Promise<void> {
    try {
      await step()
    } catch (error) {
      if (!isKindlingError(error, 'SINK_FENCED'))
        throw new KindlingError(
          'SINK_NOT_CONFORMING',
          {
            sink: this.place.sink().name,
            reason: `a driver that was overtaken is to be refused with SINK_FENCED, not ${describeValue(error)}`,
          },
          { cause: error },
        )
    }
  }

  async rejects(when: string, step: () => Promise<unknown>): Promise<void> {
    try {
      await step()
    } catch {
      return
    }
    this.fail(`${when}, and nothing was thrown`)
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
