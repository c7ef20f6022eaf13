/**
 * One source on trial: the processes that read from a place, on the machine's clock, and what comes out of them.
 *
 * A process that dies here dies as in `StreamTest`: nothing further of it runs or is written, and its connections break.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configEntries } from '../base/config.ts'
import { describeValue, isKindlingError, KindlingError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { encodeRecords } from '../data/codec.ts'
import type { DStream } from '../streaming/dstream/dstream.ts'
import { StreamingContext } from '../streaming/streaming-context.ts'
import { CancelledClock } from './cancelled-clock.ts'
import { type FaultPoint, Faults } from './faults.ts'
import { Incarnation } from './incarnation.ts'
import { never } from './mortal-clock.ts'
import { TestStorage } from './test-storage.ts'
import { until } from './until.ts'

/** Somewhere that a source reads from: a topic, a folder, a port. */
export interface SourcePlace<T> {
  /** A stream of it, as each process that starts makes one of its own. */
  stream(ssc: StreamingContext): DStream<T>
  /**
   * Puts records there, for a source that runs now or later. For those who push it may wait until the source takes them, and offer them
   * again when it has gone.
   */
  send(records: readonly T[]): void | Promise<void>
  /** Makes a partition, a shard: some of the records that are sent from now on go there. Default: there is no such thing. */
  addPartition?(): void | Promise<void>
  /** Breaks the connections of the source, or makes the other side go and come back. Default: not tried. */
  interrupt?(): void | Promise<void>
  /** Of a reliable receiver: of how many records the other side has been told that they are safe. */
  acknowledged?(): number | Promise<number>
  /** What the source has open there: names, for messages. Default: not looked at. */
  open?(): readonly string[] | Promise<readonly string[]>
  /** Called after each case. */
  dispose?(): void | Promise<void>
}

/** How a program over the place is set up. */
export interface TrialConf {
  readonly conf?: Record<string, string | number | boolean>
  /** Instead of that of the place. */
  readonly stream?: (ssc: StreamingContext) => DStream<unknown>
}

const BATCH_MS = 50

/** A place under trial. */
export class SourceTrial<T> {
  readonly place: SourcePlace<T>
  readonly name: string
  /** Messages of errors and warnings, and of receivers. */
  readonly told: string[] = []
  readonly faults: Faults = new Faults()
  /** Records that were planned for batches, where the source counts them. */
  planned = 0
  /** Batches that were planned. */
  ticks = 0
  /** What `output` waits for, before it reads. */
  gate: Promise<void> | undefined
  readonly conf: Readonly<Record<string, string | number | boolean>>
  readonly record: (n: number) => T
  readonly patienceMs: number
  private readonly folder: string = mkdtempSync(join(tmpdir(), 'kindling-conformance-'))
  /** What each batch had, by its time. */
  private readonly batches = new Map<number, readonly string[]>()
  private readonly sent: T[] = []
  /** Records as messages show them, by value. */
  private readonly shown = new Map<string, string>()
  private clock = new CancelledClock()
  private life: Incarnation | undefined
  private failure: Error | undefined
  private number = 0
  private isOver = false
  private next = 0

  constructor(
    place: SourcePlace<T>,
    { name, record, conf, patienceMs }: Pick<SourceTrial<T>, 'name' | 'record' | 'conf' | 'patienceMs'>,
  ) {
    this.patienceMs = patienceMs
    this.place = place
    this.name = name
    this.record = record
    this.conf = conf
  }

  fail(reason: string, cause?: unknown): never {
    throw new KindlingError('SOURCE_NOT_CONFORMING', { source: this.name, reason }, { cause })
  }

  // ---- the program ----

  /** Starts a process that goes on where the one before was. */
  async start({ conf = {}, stream = ssc => this.place.stream(ssc) }: TrialConf = {}): Promise<void> {
    this.clock = new CancelledClock()
    const life = new Incarnation(this.clock, this.number++)
    this.life = life
    this.failure = undefined
    const sc = life.sparkContext({
      master: String(this.conf['spark.master'] ?? 'local'),
      conf: {
        [configEntries.maxQueuedBatches.key]: 1000,
        [configEntries.blockInterval.key]: 20,
        [configEntries.receiverRestartDelay.key]: 50,
        ...this.conf,
        ...conf,
      },
      appName: 'conformance',
      logger: this.logger(life),
    })
    const ssc = new StreamingContext(sc, BATCH_MS)
    life.context = ssc
    ssc.checkpoint(new TestStorage(this.folder, life, (...at) => this.faults.arrive(...at)))
    stream(ssc).foreachRDD(async (rdd, time) => {
      await this.faults.arrive('output', { name: 'out' }, undefined, life)
      await this.gate
      const [first, again] = [await rdd.collect(), await rdd.collect()]
      await life.alive(undefined)
      this.took(time.milliseconds, first, again)
      await this.faults.arrive('output-done', { name: 'out' }, undefined, life)
      await life.alive(undefined)
    })
    ssc.addStreamingListener({
      onReceiverError: ({ receiverInfo }) => this.told.push(receiverInfo.lastErrorMessage),
      onBatchSubmitted: ({ batchInfo }) => {
        this.ticks++
        this.planned += batchInfo.numRecords
      },
    })
    const ended = ssc.awaitTermination()
    ended.catch((error: unknown) => {
      if (life === this.life) this.failure = error instanceof Error ? error : new Error(String(error))
    })
    await Promise.race([ssc.start(), life.death])
  }

  async stop(options: { readonly graceful?: boolean } = {}): Promise<void> {
    const { life } = this
    this.life = undefined
    if (life === undefined) return
    if (life.isDead) {
      await life.bury()
      this.clock.cancelAll()
    } else await life.context.stop({ stopSparkContext: true, ...options })
  }

  /** At the next arrival at a point the process dies. Resolves when it has. */
  crashAt(point: FaultPoint): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.faults.plan(point, {}, crashed => {
      crashed?.()
      this.life?.die()
      resolve()
      return never()
    })
    return this.within(promise, `the process comes to ${point}`)
  }

  /** The process waits at the next arrival at a point, until it is let go. */
  holdAt(point: FaultPoint): { readonly held: Promise<void>; readonly release: () => void } {
    const held = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.faults.plan(point, {}, () => {
      held.resolve()
      return released.promise
    })
    return { held: this.within(held.promise, `the process comes to ${point}`), release: released.resolve }
  }

  /** The next arrival at a point fails. */
  failAt(point: FaultPoint): void {
    this.faults.plan(point, {}, () => {
      throw new KindlingError('PLANNED_FAULT', { point })
    })
  }

  // ---- records ----

  /** Sends so many records that were not sent before. Where the source takes them, that may be awaited; where it may not, it must not. */
  send(n: number): Promise<void> {
    const records = Array.from({ length: n }, () => this.record(this.next++))
    this.sent.push(...records)
    const sending = this.within(Promise.resolve(this.place.send(records)), `the source takes ${n} records`)
    sending.catch(() => {})
    return sending
  }

  /** Resolves when everything that was sent is in batches; fails if some of it is there twice, unless repeats are allowed. */
  async expectAll(when: string, { repeats = false }: { readonly repeats?: boolean } = {}): Promise<void> {
    const wanted = this.sent.map(textOf)
    await this.until(
      () => {
        const seen = new Set([...this.batches.values()].flat())
        return wanted.every(one => seen.has(one))
      },
      () => `${when}, these records are not in the output: ${this.missing().join(', ')}`,
    )
    const all = [...this.batches.values()].flat()
    const known = new Set(wanted)
    const counted = new Set<string>()
    for (const one of all) {
      const shown = this.shown.get(one)!
      if (!known.has(one)) this.fail(`${when}, the output has what nobody sent: ${shown}`)
      if (counted.has(one) && !repeats) this.fail(`${when}, ${shown} is in two batches`)
      counted.add(one)
    }
  }

  /** Lets so many more batches be planned. */
  async pass(ticks: number): Promise<void> {
    const from = this.ticks
    await this.until(
      () => this.ticks >= from + ticks,
      () => 'no batches are made any more',
    )
  }

  /** How many records the output has. */
  get count(): number {
    return [...this.batches.values()].reduce((sum, records) => sum + records.length, 0)
  }

  /** Sizes of the batches that have any records, in order of time. */
  get sizes(): number[] {
    const inOrder = [...this.batches].sort(([a], [b]) => a - b)
    return inOrder.map(([, records]) => records.length).filter(n => n > 0)
  }

  private missing(): string[] {
    const seen = new Set([...this.batches.values()].flat())
    return this.sent.filter(one => !seen.has(textOf(one))).map(one => describeValue(one))
  }

  private took(time: number, records: readonly unknown[], again: readonly unknown[]): void {
    const texts = records.map(textOf)
    for (const [i, text] of texts.entries()) this.shown.set(text, describeValue(records[i]))
    const before = this.batches.get(time) ?? again.map(textOf)
    if (texts.length !== before.length || texts.some((text, i) => text !== before[i]))
      this.failure ??= new KindlingError('SOURCE_NOT_CONFORMING', {
        source: this.name,
        reason: `a batch that was read again had other records: ${describeValue(again)}, and then ${describeValue(records)}`,
      })
    this.batches.set(time, texts)
  }

  // ---- waiting ----

  /** @throws what ended the program, or SOURCE_NOT_CONFORMING saying `otherwise` */
  async until(holds: () => boolean | Promise<boolean>, otherwise: () => string): Promise<void> {
    try {
      await until(
        async () => {
          if (this.failure !== undefined) throw this.failure
          if (this.isOver) this.fail('the case is over')
          return holds()
        },
        { timeoutMs: this.patienceMs },
      )
    } catch (error) {
      if (!isKindlingError(error, 'WAIT_TIMED_OUT')) throw error
      const told = this.told.length === 0 ? '' : `; it was told: ${this.told.slice(-3).join(' | ')}`
      this.fail(`${otherwise()}${told}`)
    }
  }

  private async within(what: Promise<void>, text: string): Promise<void> {
    let end: { readonly error?: unknown } | undefined
    what.then(
      () => (end = {}),
      error => (end = { error }),
    )
    await this.until(
      () => end !== undefined,
      () => `${text}: it never did`,
    )
    if (end !== undefined && 'error' in end) throw (end as { readonly error: unknown }).error
  }

  /** Files of the checkpoint that have a text in them. */
  filesWith(text: string): string[] {
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter(
        file => file.isFile() && readFileSync(join(file.parentPath, file.name), 'latin1').includes(text),
      )
      .map(({ name }) => name)
  }

  async dispose(): Promise<void> {
    this.isOver = true
    try {
      await this.stop()
      await this.place.dispose?.()
    } finally {
      rmSync(this.folder, { recursive: true, force: true })
    }
  }

  private logger(life: Incarnation): Logger {
    const ignore = (): void => {}
    const tell = (message: string, fields?: object): void => {
      if (!life.isDead) this.told.push(fields === undefined ? message : `${message} ${describeValue(fields)}`)
    }
    return { debug: ignore, info: ignore, warn: tell, error: tell }
  }
}

/** Records by value. */
function textOf(record: unknown): string {
  return Buffer.from(encodeRecords([record])).toString('latin1')
}
