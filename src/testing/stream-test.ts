/**
 * A streaming program under test: on a virtual clock, with scripted input, recorded output and planned faults. The engine is the
 * one that runs in production.
 */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { ManualClock } from '../base/clock.ts'
import { configEntries } from '../base/config.ts'
import { KindlingError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { Random } from '../base/random.ts'
import { type Duration, type DurationLike, toDuration } from '../base/time.ts'
import type { SparkContext, SparkContextOptions } from '../context/spark-context.ts'
import type { Mapped } from '../rdd/rdd.ts'
import type { Sink, SinkWriter } from '../rdd/sink/sink.ts'
import type { Task } from '../scheduler/task.ts'
import type { CheckpointStorage } from '../streaming/checkpoint/storage.ts'
import type { DStream } from '../streaming/dstream/dstream.ts'
import { StreamingContext } from '../streaming/streaming-context.ts'
import { type FaultMatch, type FaultPoint, Faults } from './faults.ts'
import { Incarnation } from './incarnation.ts'
import { never } from './mortal-clock.ts'
import { RecordedOutput } from './recorded-output.ts'
import { type ScriptedBatches, TestInput } from './test-input.ts'
import { TestReceiver } from './test-receiver.ts'
import { testSink } from './test-sink.ts'
import { TestStorage } from './test-storage.ts'
import { type UntilOptions, until } from './until.ts'

/** How a test is set up. */
export interface StreamTestOptions {
  /** Default 1 s. */
  readonly batchDuration?: DurationLike
  /** Default `local`. */
  readonly master?: string
  /** As for a context, but that batches go on after one that failed, unless `kindling.streaming.failurePolicy` says otherwise. */
  readonly conf?: Record<string, string | number | boolean>
  /** Where the program is saved: `true` for a folder in `dir`, or a path. Default: it is not. */
  readonly checkpointDir?: boolean | string
  /** Seed of `t.random`. Default 1. */
  readonly seed?: number
  /** Defines the program: at once, and again after each restart. */
  readonly build: (t: StreamTest) => void
}

/** @internal What a simulation puts in the place of the machine. */
export interface TestMachine {
  readonly clock: ManualClock
  readonly faults: Faults
  /** What the context of a life stands on, beside the clock. */
  context(life: Incarnation): Partial<SparkContextOptions>
  /** Whether no later life has taken the program over. */
  owns(life: Incarnation): boolean
  /** Where a life is saved. */
  storage(life: Incarnation): CheckpointStorage
}

/** @internal What another life of a program has of its own. */
export interface LifeSettings {
  readonly batchDuration?: DurationLike
  readonly master?: string
  readonly conf?: Readonly<Record<string, string | number | boolean>>
}

/** A task that waits for the test. */
export interface HeldTask {
  /** Resolves when the task has come to the point where it waits. */
  readonly held: Promise<void>
  /** Lets the task go on. */
  release(): void
}

/**
 * See the file head.
 *
 * @example
 * await using t = new StreamTest({ build: t => void t.collect('out', t.input('in', [[1, 2], [3]]).map(n => n * 10)) })
 * await t.run(2)
 * t.out('out').batches // => [[10, 20], [30]]
 */
export class StreamTest {
  readonly clock: ManualClock
  readonly random: Random
  /** Errors of batches and sources so far. */
  readonly errors: Error[] = []
  /** @internal Those of lives that go on although another has begun. */
  readonly overtakenErrors: Error[] = []
  /** Warnings so far. */
  readonly warnings: string[] = []
  /** Whether a planned crash was hit; `crashAndRestart` goes on from there. */
  crashed = false
  private readonly options: StreamTestOptions
  private readonly batchDuration: Duration
  /** That of the program now. */
  private interval: Duration
  /** Of the program now, beside what the options say. */
  private settings: Omit<LifeSettings, 'batchDuration'> = {}
  private readonly faults: Faults
  private readonly machine: TestMachine | undefined
  private readonly outputs = new Map<string, RecordedOutput<unknown>>()
  private readonly stages: number[] = []
  /** The lives of the program so far; the last one is that of now. */
  private readonly lives: Incarnation[] = []
  private readonly writers = new Set<SinkWriter<never, unknown>>()
  private folder: string | undefined
  private seen = 0

  constructor(options: StreamTestOptions)
  /** @internal */
  constructor(options: StreamTestOptions, machine: TestMachine)
  constructor(options: StreamTestOptions, machine?: TestMachine) {
    this.options = options
    this.machine = machine
    this.clock = machine?.clock ?? new ManualClock(0)
    this.faults = machine?.faults ?? new Faults()
    this.batchDuration = toDuration(options.batchDuration ?? 1000, 'The batch interval')
    this.interval = this.batchDuration
    this.random = new Random(options.seed ?? 1)
    this.buildProgram(options.build)
  }

  get ssc(): StreamingContext {
    return this.life.context
  }

  get sc(): SparkContext {
    return this.ssc.sc
  }

  /** @internal */
  get life(): Incarnation {
    return this.lives.at(-1)!
  }

  /** What was given as `checkpointDir`. */
  get checkpointDir(): string | undefined {
    const { checkpointDir = false } = this.options
    if (checkpointDir === true) return join(this.dir, 'checkpoint')
    return checkpointDir === false ? undefined : checkpointDir
  }

  /** A temporary folder of this test, removed when it is disposed. */
  get dir(): string {
    this.folder ??= mkdtempSync(join(tmpdir(), 'kindling-test-'))
    return this.folder
  }

  private buildProgram(build: (t: StreamTest) => void): void {
    const { master = this.options.master ?? 'local' } = this.settings
    const conf = { ...this.options.conf, ...this.settings.conf }
    const life = new Incarnation(this.clock, this.lives.length)
    this.lives.push(life)
    const sc = life.sparkContext({
      master,
      conf: { [configEntries.failurePolicy.key]: 'continue', ...conf },
      appName: 'test',
      logger: this.loggerOf(life),
      taskHook: task => (life.isDead ? never() : this.arriveAtTask(task, life)),
      ...this.machine?.context(life),
    })
    life.context = new StreamingContext(sc, this.interval)
    const { checkpointDir } = this
    if (this.machine !== undefined) life.context.checkpoint(this.machine.storage(life))
    else if (checkpointDir !== undefined)
      life.context.checkpoint(new TestStorage(checkpointDir, life, (...at) => this.faults.arrive(...at)))
    build(this)
  }

  private loggerOf(life: Incarnation): Logger {
    const ignore = (): void => {}
    return {
      debug: ignore,
      info: ignore,
      warn: message => void this.warnings.push(message),
      error: (message, fields) => {
        if (life.isDead) return
        const { error } = (fields ?? {}) as { readonly error?: unknown }
        const errors = life === this.life ? this.errors : this.overtakenErrors
        errors.push(error instanceof Error ? error : new KindlingError('UNKNOWN_ERROR', { value: message }))
      },
    }
  }

  private arriveAtTask(task: Task, life: Incarnation): void | Promise<void> {
    if (!this.stages.includes(task.stageId)) this.stages.push(task.stageId)
    const stage = this.stages.indexOf(task.stageId)
    return this.faults.arrive(
      'task',
      { stage, partition: task.partition, attempt: task.attempt },
      undefined,
      life,
    )
  }

  // ---- defining, inside build ----

  /**
   * A stream of scripted batches; partition p of P holds the positions ⌊p·n/P⌋ to ⌊(p+1)·n/P⌋.
   *
   * @example
   * const input = t.input('numbers', [[1, 2, 3, 4], [5]], { partitions: 2 })
   * input.map(n => n * 10) // => [[10, 20, 30, 40], [50]]
   */
  input<T extends Mapped>(
    name: string,
    batches: ScriptedBatches<T>,
    opts: { readonly partitions?: number } = {},
  ): DStream<T> {
    const { life } = this
    const setting = {
      partitions: opts.partitions,
      sc: this.sc,
      batchDuration: this.batchDuration,
      arrive: () => this.faults.arrive('plan', { name }, undefined, life),
    }
    return this.ssc.inputStream(new TestInput(name, batches, setting))
  }

  /**
   * Records every RDD of a stream under `name`. Gives the stream.
   *
   * @example
   * t.collect('sums', numbers.reduce((a, b) => a + b))
   * await t.run(2)
   * t.out('sums').batches // => [[6], [9]]
   */
  collect<T>(name: string, stream: DStream<T>): DStream<T> {
    let output = this.outputs.get(name)
    if (output === undefined) {
      output = new RecordedOutput<unknown>()
      this.outputs.set(name, output)
    }
    const recorded = output
    const { life } = this
    stream.foreachRDD(async (rdd, time) => {
      await this.faults.arrive('output', { name }, undefined, life)
      // Of a program that died meanwhile, this never resolves.
      const partitions = await rdd.glom().collect()
      // One that another has overtaken may still be at it.
      if (this.machine?.owns(life) !== false) recorded.record(time.milliseconds, partitions)
      await this.faults.arrive('output-done', { name }, undefined, life)
    })
    return stream
  }

  /**
   * A receiver that the test feeds: for `t.ssc.receiverStream`.
   *
   * @example
   * const receiver = t.receiver<string>()
   * t.collect('out', t.ssc.receiverStream(receiver))
   * await t.ssc.start()
   * await receiver.push('a', 'b')
   * await t.run(1)
   * t.out('out').batches // => [['a', 'b']]
   */
  receiver<T>(opts: { readonly reliable?: boolean } = {}): TestReceiver<T> {
    return new TestReceiver<T>(opts.reliable ?? false)
  }

  /**
   * The same sink with places for faults before and after each of its steps, and which a program that has died leaves alone. Called in
   * `build`, so that each life of the program has its own.
   *
   * @example
   * const test = new StreamTest({
   *   checkpointDir: true,
   *   build: t => t.input('in', [['a'], ['b'], ['c']]).writeTo(t.sink(fileSink(`${t.dir}/out`))),
   * })
   * test.crashAt('sink-commit-before', { nth: 2 })
   * await test.run(5)
   * await test.crashAndRestart()
   * await test.run(1)
   * await sc.textFile(`${test.dir}/out-*`).collect() // => ['a', 'b', 'c']
   * await test[Symbol.asyncDispose]()
   */
  sink<T, M>(sink: Sink<T, M>): Sink<T, M> {
    return testSink(sink, this.places(), this.writers)
  }

  /** @internal Comes to places in the life of the program that is being built; nothing comes back from there once it has died. */
  places(): (point: FaultPoint, name: string, crashed?: () => void) => Promise<void> {
    const { life } = this
    return async (point, name, crashed) => {
      await life.alive(undefined)
      await this.faults.arrive(point, { name }, crashed)
      await life.alive(undefined)
    }
  }

  // ---- running ----

  /**
   * Lets `n` batch intervals pass; starts the program first. Resolves when all work is done.
   *
   * @throws the first new error, unless `collectErrors` (then see `errors`)
   * @example
   * t.collect('out', numbers)
   * await t.run(3)
   * t.out('out').times // => [1000, 2000, 3000]
   * t.clock.now() // => 3000
   */
  async run(n: number, opts: { readonly collectErrors?: boolean } = {}): Promise<void> {
    if (this.ssc.getState() === 'initialized') await this.start()
    for (let i = 0; i < n && !this.crashed; i++) {
      await this.clock.advance(this.interval.milliseconds)
      const fresh = this.errors.slice(this.seen)
      this.seen = this.errors.length
      if (fresh[0] !== undefined && opts.collectErrors !== true && !this.crashed) throw fresh[0]
    }
  }

  private start(): Promise<void> {
    return Promise.race([this.ssc.start(), this.life.death])
  }

  /**
   * What was collected under `name`.
   *
   * @example
   * t.collect('out', numbers)
   * await t.run(1)
   * t.out<number>('out').batches[0] // => [1, 2, 3]
   */
  out<T = unknown>(name: string): RecordedOutput<T> {
    const output = this.outputs.get(name)
    if (output !== undefined) return output as RecordedOutput<unknown> as RecordedOutput<T>
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'the name of an output',
      value: name,
      expected: `one given to collect: ${[...this.outputs.keys()].join(', ')}`,
    })
  }

  /**
   * Writes a file whose modification time is in virtual time. Relative paths lie in `dir`. Gives the path.
   *
   * @example
   * t.collect('out', t.ssc.textFileStream(`${dir}/in`))
   * await t.ssc.start()
   * t.file('in/a.txt', 'one\ntwo\n', { at: 500 })
   * await t.run(1)
   * t.out('out').batches // => [['one', 'two']]
   */
  file(path: string, text: string | Uint8Array, opts: { readonly at?: number } = {}): string {
    const full = isAbsolute(path) ? path : join(this.dir, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text)
    const seconds = (opts.at ?? this.clock.now()) / 1000
    utimesSync(full, seconds, seconds)
    return full
  }

  /**
   * Waits in real time, for real sockets and processes.
   *
   * @example
   * let connected = false
   * setImmediate(() => {
   *   connected = true
   * })
   * await t.until(() => connected)
   * connected // => true
   */
  until(predicate: () => boolean | Promise<boolean>, opts?: UntilOptions): Promise<void> {
    return until(predicate, opts)
  }

  // ---- faults ----

  /**
   * The n-th arrival at `point` throws PLANNED_FAULT.
   *
   * @example
   * t.collect('out', numbers)
   * t.failAt('task', { attempt: 0 })
   * await t.run(2, { collectErrors: true })
   * t.errors.length // => 1
   * t.out('out').batches // => [[4, 5]]
   */
  failAt(point: FaultPoint, match: FaultMatch = {}): void {
    this.faults.plan(point, match, () => {
      throw new KindlingError('PLANNED_FAULT', { point })
    })
  }

  /**
   * At the n-th arrival at `point` the program dies: nothing further runs, `run` resolves, `crashed` is true.
   *
   * Gives a function that takes the plan back, for tests of random points, which may not be reached.
   *
   * @example
   * t.collect('out', numbers)
   * t.crashAt('output', { nth: 2 })
   * await t.run(5)
   * t.crashed // => true
   * t.out('out').batches // => [[1, 2, 3]]
   */
  crashAt(point: FaultPoint, match: FaultMatch = {}): () => void {
    return this.faults.plan(point, match, crashed => {
      crashed?.()
      this.crashed = true
      this.life.die()
      return never()
    })
  }

  /**
   * The first task that matches waits until it is released.
   *
   * @example
   * t.collect('out', numbers)
   * const held = t.holdTask({ partition: 0 })
   * const running = t.run(1)
   * await held.held
   * t.out('out').batches // => []
   * held.release()
   * await running
   * t.out('out').batches // => [[1, 2, 3]]
   */
  holdTask(match: Pick<FaultMatch, 'stage' | 'partition' | 'attempt'>): HeldTask {
    const held = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.faults.plan('task', match, () => {
      held.resolve()
      return released.promise
    })
    return { held: held.promise, release: () => released.resolve() }
  }

  /**
   * Ends the program as a crash would, unless it has died already, and starts it anew: nothing further of it runs or is written. Then
   * the batches that were missed run.
   *
   * @param opts.build another program; default the same
   * @param opts.downFor virtual time until it is back
   * @param opts.batchDuration another batch interval, from now on; scripted input comes at the times of the first one
   * @throws what the start throws
   * @example
   * await using test = new StreamTest({
   *   checkpointDir: true,
   *   build: t => {
   *     const pairs = t.input<[string, number]>('in', [[['a', 1]], [['a', 2]], [['a', 3]], [['a', 4]]])
   *     t.collect('sums', pairs.updateStateByKey<number>((values, sum = 0) => values.reduce((a, b) => a + b, sum)))
   *   },
   * })
   * await test.run(1)
   * await test.crashAndRestart({ downFor: seconds(2) })
   * await test.run(1)
   * test.out('sums').batches // => [[['a', 1]], [['a', 3]], [['a', 6]], [['a', 10]]]
   */
  async crashAndRestart(
    opts: {
      readonly build?: (t: StreamTest) => void
      readonly downFor?: DurationLike
      readonly batchDuration?: DurationLike
    } = {},
  ): Promise<void> {
    this.die()
    if (opts.downFor !== undefined) await this.clock.advance(toDuration(opts.downFor, 'downFor').milliseconds)
    this.beginAnew(opts.build, opts.batchDuration === undefined ? {} : { batchDuration: opts.batchDuration })
    await this.start()
    await this.clock.advance(0)
  }

  /** @internal The program dies. */
  die(): void {
    this.life.die()
  }

  /** @internal Defines the program in a new life. */
  beginAnew(
    build: (t: StreamTest) => void = this.options.build,
    { batchDuration, ...settings }: LifeSettings = {},
  ): void {
    this.crashed = false
    this.settings = settings
    if (batchDuration !== undefined) this.interval = toDuration(batchDuration, 'The batch interval')
    this.seen = this.errors.length
    this.buildProgram(build)
  }

  /** Stops everything. @throws FAULT_NOT_HIT when a planned fault was never hit */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const life of this.lives)
      if (life.isDead) await life.bury()
      else await life.context.stop({ stopSparkContext: true })
    for (const writer of this.writers) await writer.close?.()
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true })
    this.faults.assertAllHit()
  }
}
