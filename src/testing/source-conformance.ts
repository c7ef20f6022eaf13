/**
 * What the engine counts on in a source, as cases that any test runner can run: of direct sources (`streaming/direct/direct-source.ts`),
 * and of receivers (`streaming/receiver/receiver.ts`). They run real programs over real places, on the machine's clock.
 */
import { configEntries } from '../base/config.ts'
import { isKindlingError } from '../base/errors.ts'
import type { DStream } from '../streaming/dstream/dstream.ts'
import type { StreamingContext } from '../streaming/streaming-context.ts'
import type { FaultPoint } from './faults.ts'
import type { ConformanceCase } from './sink-conformance.ts'
import { type SourcePlace, SourceTrial } from './source-trial.ts'

/** The source that is tried. */
export interface SourceSubject<T> {
  /** For messages. */
  readonly name: string
  /** `direct`: planned by the driver; `reliable`: a receiver that tells the other side what is safe; `receiver`: any other. */
  readonly kind: 'direct' | 'reliable' | 'receiver'
  /** A new empty place. Called once for each case. */
  place(): SourcePlace<T> | Promise<SourcePlace<T>>
  /** The n-th record, from 0, as the stream gives it: all are different. */
  record(n: number): T
  /** Settings of all programs, also their master (`spark.master`). Default `local`. */
  readonly conf?: Readonly<Record<string, string | number | boolean>>
  /**
   * Settings by which the first batch may have so many records, and no others have any until it is done. Default for direct sources: an
   * initial rate of two records a batch.
   */
  readonly slow?: {
    readonly conf: Readonly<Record<string, string | number | boolean>>
    readonly records: number
  }
  /**
   * So many records are more than a receiver may hold with `heldBytes`, and more than is on the way to it meanwhile. Default 2000 and
   * 2000.
   */
  readonly flood?: { readonly records: number; readonly heldBytes: number }
  /** Streams that cannot work, and how they say so. */
  readonly failures?: readonly FailingStream[]
  /** How long to wait for what has to come, in ms. Default 30,000. */
  readonly patienceMs?: number
  /** What must stand in no message and in no file of the checkpoint. */
  readonly secrets?: readonly string[]
}

/** A stream that cannot work. */
export interface FailingStream {
  /** Why: `an unknown topic`. */
  readonly what: string
  /** Defines it in a context of its own. */
  stream(ssc: StreamingContext): DStream<unknown>
  /** Of the error that ends the program. A receiver's is told to listeners, and has no code there. */
  readonly code?: string
  /** What the message says: the server, the object. */
  readonly message: RegExp
}

type Body<T> = (trial: SourceTrial<T>, subject: SourceSubject<T>) => Promise<void>

/**
 * The cases for a source. Those that need what a place has not (`addPartition`, `interrupt`, …) are left out.
 *
 * @example
 * const subject: SourceSubject<number> = {
 *   name: 'a forgetful log',
 *   kind: 'direct',
 *   record: n => n,
 *   place() {
 *     const log: number[] = []
 *     const source: DirectSource<number, number, number> = {
 *       name: 'log',
 *       plan: ({ position = 0 }) => ({ ranges: [position], position: log.length, numRecords: log.length - position }),
 *       read: (sc, ranges) => sc.fromPartitions(ranges, from => log.slice(from)), // up to where?
 *       close() {},
 *     }
 *     return { stream: ssc => ssc.directStream(source), send: records => void log.push(...records) }
 *   },
 * }
 * const names = sourceConformance(subject).map(({ name }) => name)
 * names[0] // => 'what comes is in the output, each record once'
 * names.length // => 12
 */
export function sourceConformance<T>(subject: SourceSubject<T>): ConformanceCase[] {
  const { kind, failures = [] } = subject
  const bodies: [name: string, body: Body<T>][] = [
    ...Object.entries(commonCases<T>()),
    ...(kind === 'direct' ? Object.entries(directCases<T>()) : Object.entries(receiverCases<T>())),
    ...(kind === 'reliable' ? Object.entries(reliableCases<T>()) : []),
    ...failures.map((failing): [string, Body<T>] => [
      `${failing.what} is told`,
      (trial, { secrets = [] }) => tells(trial, failing, secrets),
    ]),
  ]
  return bodies.map(([name, body]) => ({
    name,
    async run() {
      const { name, record, conf = {}, patienceMs = 30_000 } = subject
      const settings = kind === 'reliable' ? { [configEntries.receiverLogEnable.key]: true, ...conf } : conf
      const trial = new SourceTrial(await subject.place(), { name, record, conf: settings, patienceMs })
      try {
        await body(trial, subject)
      } finally {
        await trial.dispose()
      }
    },
  }))
}

function commonCases<T>(): Record<string, Body<T>> {
  return {
    'what comes is in the output, each record once': async (trial, { secrets = [] }) => {
      await trial.start()
      for (const n of [3, 1, 4]) {
        await trial.send(n)
        await trial.expectAll('after records were sent')
      }
      await trial.pass(3)
      await trial.expectAll('some batches later')
      for (const secret of secrets) {
        const files = trial.filesWith(secret)
        if (files.length > 0) trial.fail(`a secret is in the checkpoint: ${files.join(', ')}`)
      }
    },
    'a stop lets everything go, at once and gracefully, and a start comes after it': async trial => {
      for (const graceful of [false, true]) {
        await trial.start()
        await trial.send(2)
        await trial.expectAll('after records were sent', { repeats: true })
        await trial.stop({ graceful })
        await nothingOpen(trial, graceful ? 'a graceful stop' : 'a stop')
      }
    },
    'an interruption is overcome': async trial => {
      if (trial.place.interrupt === undefined) return
      await trial.start()
      await trial.send(2)
      await trial.expectAll('before the interruption')
      await trial.place.interrupt()
      await trial.pass(2)
      await trial.send(2)
      // What was not acknowledged comes again.
      await trial.expectAll('after the interruption', { repeats: true })
    },
    'partitions that are added are found': async trial => {
      if (trial.place.addPartition === undefined) return
      await trial.start()
      await trial.send(2)
      await trial.expectAll('before a partition was added')
      await trial.place.addPartition()
      await trial.send(8)
      await trial.expectAll('after a partition was added')
    },
  }
}

async function nothingOpen<T>(trial: SourceTrial<T>, after: string): Promise<void> {
  const { place } = trial
  if (place.open === undefined) return
  let open: readonly string[] = []
  await trial.until(
    async () => {
      open = (await place.open?.()) ?? []
      return open.length === 0
    },
    () => `after ${after}, this is still open: ${open.join(', ')}`,
  )
}

/** Two records a batch of 50 ms. */
const SLOW = { conf: { [configEntries.backpressureInitialRate.key]: 40 }, records: 2 }

function directCases<T>(): Record<string, Body<T>> {
  return {
    'a batch has no more than it may, and while nothing is known no other has any': async (
      trial,
      subject,
    ) => {
      const { conf, records } = subject.slow ?? SLOW
      const gate = Promise.withResolvers<void>()
      trial.gate = gate.promise
      await trial.start({ conf })
      await trial.send(3 * records)
      await trial.pass(8)
      const { planned } = trial
      gate.resolve()
      await trial.expectAll('after a slow start')
      const [first = 0] = trial.sizes
      if (first > records) trial.fail(`a batch that may have ${records} records had ${first}`)
      if (planned > records)
        trial.fail(`${planned} records were planned while nothing was known, where ${records} may be`)
    },
    'what came while the program was away is in the output': async trial => {
      await trial.start()
      await trial.send(2)
      await trial.expectAll('before the stop')
      await trial.stop()
      await trial.send(3)
      await trial.start()
      await trial.send(2)
      await trial.expectAll('after the restart')
    },
    ...crashCases(['log-before', 'log-half', 'log-after', 'output', 'output-done', 'commit-after'], false),
  }
}

function receiverCases<T>(): Record<string, Body<T>> {
  return {
    'while batches do not keep up the other side waits': async (trial, { flood, kind }) => {
      const { records, heldBytes } = flood ?? { records: 2000, heldBytes: 2000 }
      const gate = Promise.withResolvers<void>()
      trial.gate = gate.promise
      await trial.start({ conf: { [configEntries.receiverMaxHeldBytes.key]: heldBytes } })
      const sending = trial.send(records)
      await trial.pass(10)
      const { planned } = trial
      const acknowledged = (await trial.place.acknowledged?.()) ?? 0
      gate.resolve()
      await sending
      await trial.expectAll('after the batches went on', { repeats: kind === 'reliable' })
      const taken = Math.max(planned, acknowledged)
      if (taken >= records) trial.fail(`all of ${records} records were taken while no batch ended`)
    },
  }
}

function reliableCases<T>(): Record<string, Body<T>> {
  return {
    'records are acknowledged once they are stored, and not before': async trial => {
      const { acknowledged } = trial.place
      if (acknowledged === undefined) return
      const hold = trial.holdAt('received-before')
      await trial.start()
      const sending = trial.send(3)
      await hold.held
      await trial.pass(2)
      const early = await acknowledged.call(trial.place)
      hold.release()
      await sending
      await trial.expectAll('after the records were stored', { repeats: true })
      await trial.until(
        async () => (await acknowledged.call(trial.place)) >= 3,
        () => 'records that are stored are not acknowledged',
      )
      if (early > 0) trial.fail(`${early} records were acknowledged before they were stored`)
    },
    'records that cannot be stored are told, and not lost': async trial => {
      trial.failAt('received-before')
      await trial.start({ conf: { [configEntries.receiverLogMaxFailures.key]: 1 } })
      await trial.send(3)
      await trial.expectAll('after a failure to store records', { repeats: true })
    },
    ...crashCases(['received-before', 'received-half', 'received-after', 'log-after', 'output'], true),
  }
}

/** The process dies at a point with records on their way, and the next one goes on. */
function crashCases<T>(points: readonly FaultPoint[], repeats: boolean): Record<string, Body<T>> {
  const caseAt =
    (point: FaultPoint): Body<T> =>
    async trial => {
      await trial.start()
      await trial.send(2)
      await trial.expectAll('before the crash', { repeats })
      const dead = trial.crashAt(point)
      const sending = trial.send(3)
      await dead
      await trial.stop()
      const late = repeats ? Promise.resolve() : trial.send(2)
      await trial.start()
      await Promise.all([sending, late])
      await trial.send(2)
      await trial.expectAll(`after a crash at ${point}`, { repeats })
      await trial.pass(3)
      await trial.expectAll(`some batches after a crash at ${point}`, { repeats })
    }
  return Object.fromEntries(
    points.map(point => [
      `after a crash at ${point} nothing is lost${repeats ? '' : ' or doubled'}`,
      caseAt(point),
    ]),
  )
}

async function tells<T>(
  trial: SourceTrial<T>,
  { what, stream, code, message }: FailingStream,
  secrets: readonly string[],
): Promise<void> {
  let error: unknown
  try {
    await trial.start({ stream })
    await trial.until(
      () => trial.told.some(text => message.test(text)),
      () => `${what}, and nothing like ${message} is told`,
    )
  } catch (failure) {
    error = failure
  }
  if (isKindlingError(error, 'SOURCE_NOT_CONFORMING')) throw error
  const texts = [...trial.told, ...(error instanceof Error ? [error.message] : [])]
  if (!texts.some(text => message.test(text)))
    trial.fail(`${what}, and what is told is ${texts.join(' | ')}`, error)
  if (code !== undefined && !isKindlingError(error, code as never))
    trial.fail(`${what} is to be ${code}, and not ${String(error)}`, error)
  const leaked = secrets.filter(secret => texts.some(text => text.includes(secret)))
  if (leaked.length > 0) trial.fail(`${what}, and a secret is told`)
  await trial.stop()
  await nothingOpen(trial, `a start that failed (${what})`)
}
