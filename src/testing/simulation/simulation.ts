/**
 * A whole streaming program in a simulated world: virtual time, workers, disk and network in one thread, with delays and faults drawn from
 * a seed. The engine is the one that runs in production. The same seed gives the same events.
 */
import { configEntries } from '../../base/config.ts'
import { KindlingError } from '../../base/errors.ts'
import { type DurationLike, toDuration } from '../../base/time.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import type { Mapped } from '../../rdd/rdd.ts'
import { type FileSinkOptions, fileSink } from '../../rdd/sink/file-sink.ts'
import type { FileStorage } from '../../rdd/sink/file-storage.ts'
import type { ExactlyOnceSink } from '../../rdd/sink/sink.ts'
import type { RemoteFiles } from '../../rdd/sources/remote-files.ts'
import type { DStream } from '../../streaming/dstream/dstream.ts'
import type { BatchSkipped } from '../../streaming/listener.ts'
import type { StreamingContext } from '../../streaming/streaming-context.ts'
import type { RecordedOutput } from '../recorded-output.ts'
import { type LifeSettings, StreamTest } from '../stream-test.ts'
import type { ScriptedBatches } from '../test-input.ts'
import { SIMULATED_FAULTS, type SimulatedFault } from './faults.ts'
import { SimulatedMachine } from './machine.ts'
import { SimulatedFiles } from './simulated-files.ts'
import { putFiles, SimulatedFolder } from './simulated-folder.ts'
import { type Peer, SimulatedReceiver } from './simulated-receiver.ts'
import { arrivalsOf, keepLog, SimulatedSource } from './simulated-source.ts'
import { SimulatedStorage } from './simulated-storage.ts'
import { Supervisor } from './supervisor.ts'
import { SimulatedWorld, type SimulationEvent } from './world.ts'
import { writtenBatches } from './written-batches.ts'

/** How a simulation is set up. */
export interface SimulationOptions {
  /** Decides everything that is left to chance. */
  readonly seed: number | string
  /** Defines the program: at once, and again in each of its lives. */
  readonly build: (s: Simulation) => void
  /** What must hold in the end; it throws if it does not. */
  readonly check?: (s: Simulation) => void | Promise<void>
  /** Batch intervals with faults. Default 12. */
  readonly batches?: number
  /** Batch intervals without faults after that, in which everything is made up for. Default 6. */
  readonly calm?: number
  /** Default 1 s. */
  readonly batchDuration?: DurationLike
  /** Default `local[2]`. */
  readonly master?: string
  readonly conf?: Readonly<Record<string, string | number | boolean>>
  /**
   * What is otherwise in a life of the program, as when it was changed while it was down: from 0, the one that begins first. A batch
   * interval must go together with those of the lives before. Default: nothing.
   */
  readonly life?: (life: number) => {
    readonly batchDuration?: DurationLike
    readonly master?: string
    readonly conf?: Readonly<Record<string, string | number | boolean>>
  }
  /** What can go wrong. Default: everything; `[]`: nothing. Of these each seed has some often, some seldom and some not at all. */
  readonly faults?: readonly SimulatedFault[]
  /** Where the program is saved: on the disk of its machine, or in a storage elsewhere. Default: the seed decides. */
  readonly checkpoint?: 'disk' | 'storage'
}

/** What the real clock says must not matter. */
const CONF = {
  'kindling.executor': 'threads',
  'kindling.task.yieldAfter': '1h',
  'kindling.task.longCallWarning': '1h',
  'kindling.task.timeout': '3s',
  'kindling.task.killAfter': '500ms',
  'kindling.streaming.failurePolicy': 'stop',
}
const SHOWN_EVENTS = 20
/** With these a batch that fails for good is given up, and the program goes on. */
const GIVING_UP: readonly unknown[] = ['skip', 'dead-letter']

/**
 * See the file head. A program that stops because of a fault is started again, as whoever runs it would; any other error fails the
 * simulation.
 *
 * @example
 * await using s = new Simulation({
 *   seed: 7,
 *   build: s => {
 *     const words = s.source('words', [['a', 'b'], ['a'], ['c', 'a']])
 *     s.collect('counts', words.map(word => [word, 1]).updateStateByKey<number>((ones, n = 0) => n + ones.length))
 *   },
 * })
 * await s.run()
 * new Map(s.out<[string, number]>('counts').batches.at(-1)) // => new Map([['a', 3], ['b', 1], ['c', 1]])
 */
export class Simulation {
  readonly seed: number | string
  private readonly options: SimulationOptions
  private readonly world: SimulatedWorld
  private readonly machine: SimulatedMachine
  private readonly batchMs: number
  private readonly peers = new Map<string, Peer>()
  /** What outlives the program and has been made. */
  private readonly made = new Set<string>()
  private readonly skipped = new Map<number, BatchSkipped>()
  private readonly supervisor: Supervisor
  private test!: StreamTest

  constructor(options: SimulationOptions) {
    const { seed, faults = SIMULATED_FAULTS, batchDuration = 1000, master = 'local[2]', conf } = options
    this.options = options
    this.seed = seed
    this.batchMs = toDuration(batchDuration, 'The batch interval').milliseconds
    this.world = new SimulatedWorld(seed, faults)
    this.machine = new SimulatedMachine(this.world, options.checkpoint)
    const build = (test: StreamTest): void => {
      this.test = test
      options.build(this)
      this.watch()
    }
    const first = { batchDuration, master, ...options.life?.(0) }
    const settings = { ...CONF, ...conf }
    const test = new StreamTest({ ...first, conf: { ...settings, ...first.conf }, build }, this.machine)
    this.test = test
    this.supervisor = new Supervisor(this.world, this.machine, {
      test,
      givesUp: GIVING_UP.includes(test.sc.conf.get(configEntries.failurePolicy)),
      beginAnew: () => test.beginAnew(undefined, { batchDuration, master, ...this.lifeSettings() }),
    })
  }

  private lifeSettings(): LifeSettings {
    const { conf, ...settings } = this.options.life?.(this.test.life.number + 1) ?? {}
    return { ...settings, conf: { ...CONF, ...this.options.conf, ...conf } }
  }

  /** Whether a batch is given up, its last run says: a program that dies before it could log that runs it again. */
  private watch(): void {
    const { life, ssc } = this.test
    ssc.addStreamingListener({
      onBatchSkipped: event => {
        if (life.isDead || !this.machine.owns(life)) return
        const time = event.batchInfo.batchTime.milliseconds
        this.world.note(`given up: the batch at ${time}`)
        this.skipped.set(time, event)
      },
      onBatchCompleted: ({ batchInfo: { batchTime, outputOperationInfos } }) => {
        if (life.isDead || !this.machine.owns(life)) return
        for (const { failureReason } of outputOperationInfos.values()) if (failureReason !== undefined) return
        this.skipped.delete(batchTime.milliseconds)
      },
    })
  }

  /** The context of the program, in its present life. */
  get ssc(): StreamingContext {
    return this.test.ssc
  }

  get sc(): SparkContext {
    return this.test.sc
  }

  /** What has happened so far, in order. */
  get log(): readonly SimulationEvent[] {
    return this.world.log
  }

  /**
   * Which life of the program this is, from 0.
   *
   * @example
   * await using s = new Simulation({ seed: 7, build: s => s.collect('out', s.input('numbers', [[s.life]])) })
   * s.life // => 0
   */
  get life(): number {
    return this.test.life.number
  }

  /**
   * The batches that failed for good and were given up, by batch time; with `kindling.streaming.failurePolicy` set to `skip` or
   * `dead-letter`.
   *
   * @example
   * await using s = new Simulation({
   *   seed: 7,
   *   faults: [],
   *   conf: { 'kindling.streaming.failurePolicy': 'skip' },
   *   build: s => s.collect('out', s.input('texts', [['1'], ['x'], ['2']]).map(text => BigInt(text))),
   * })
   * await s.run()
   * s.out('out').batches.slice(0, 2) // => [[1n], [2n]]
   * s.givenUp.get(2000)?.batchInfo.numRecords // => 1
   */
  get givenUp(): ReadonlyMap<number, BatchSkipped> {
    return this.skipped
  }

  /** How often each fault came. */
  get faults(): Readonly<Record<SimulatedFault, number>> {
    return this.world.hits
  }

  // ---- defining, inside build ----

  /**
   * A stream of scripted batches, as `StreamTest.input`: the i-th is the batch at (i+1) · batchDuration.
   *
   * @example
   * await using s = new Simulation({ seed: 1, build: s => s.collect('out', s.input('numbers', [[1, 2], [3]]).map(n => n * 10)) })
   * await s.run()
   * s.out('out').batches.flat() // => [10, 20, 30]
   */
  input<T extends Mapped>(
    name: string,
    batches: ScriptedBatches<T>,
    opts: { readonly partitions?: number } = {},
  ): DStream<T> {
    return this.test.input(name, batches, opts)
  }

  /**
   * A stream of a log elsewhere, as Kafka has them. The records of entry i are made in the course of interval i and arrive late now and
   * then, so which batch has them is left to the seed. Each is there once, whatever happens.
   *
   * @param opts.partitions default 2
   * @example
   * await using s = new Simulation({ seed: 2, build: s => s.collect('out', s.source('numbers', [[1, 2], [3]])) })
   * await s.run()
   * s.out<number>('out').batches.flat().sort() // => [1, 2, 3]
   */
  source<T extends Mapped>(
    name: string,
    batches: readonly (readonly T[])[],
    opts: { readonly partitions?: number } = {},
  ): DStream<T> {
    const { world, test } = this
    this.once(`log ${name}`, () => keepLog(world, name, arrivalsOf(world, name, batches, this.batchMs)))
    const { partitions = 2 } = opts
    return this.ssc.inputStream(
      new SimulatedSource<T>(name, { world, life: test.life, sc: this.sc, partitions }),
    )
  }

  /**
   * A stream of what a peer sends over connections that break; it sends again what was not acknowledged. With
   * `spark.streaming.receiver.writeAheadLog.enable` each record is there at least once.
   *
   * @example
   * await using s = new Simulation({
   *   seed: 3,
   *   conf: { 'spark.streaming.receiver.writeAheadLog.enable': true },
   *   build: s => s.collect('out', s.receiver('numbers', [[1, 2], [3]])),
   * })
   * await s.run()
   * new Set(s.out('out').batches.flat()) // => new Set([1, 2, 3])
   */
  receiver<T extends Mapped>(name: string, batches: readonly (readonly T[])[]): DStream<T> {
    const { world, test } = this
    let peer = this.peers.get(name)
    if (peer === undefined) {
      peer = { name, arrivals: arrivalsOf(world, name, batches, this.batchMs), acknowledged: 0 }
      this.peers.set(name, peer)
    }
    return this.ssc.receiverStream(new SimulatedReceiver<T>(world, peer, test.life))
  }

  /**
   * A folder on the disk of the machine into which others put text files, as a place for `ssc.filesIn` and `sc.filesIn`: the i-th entry
   * has the lines of the file `i.txt`, which comes in the course of interval i, and now and then later than it says. An empty entry is no
   * file. `newFilesOnly: false` takes those that come while the program begins for the first time, too.
   *
   * @param opts.at all of them are there from then on, in ms
   * @example
   * await using s = new Simulation({
   *   seed: 3,
   *   build(s) {
   *     const place = s.folder('/in', [['a', 'b'], [], ['c']])
   *     s.collect('lines', s.ssc.filesIn(place).textFileStream('/in', { newFilesOnly: false }))
   *   },
   * })
   * await s.run()
   * s.out('lines').batches.flat() // => ['a', 'b', 'c']
   */
  folder(
    path: string,
    files: readonly (readonly string[])[],
    { at }: { readonly at?: number } = {},
  ): RemoteFiles {
    const { world, test, batchMs } = this
    const texts = files.map(lines => (lines.length === 0 ? undefined : `${lines.join('\n')}\n`))
    this.once(`folder ${path}`, () => putFiles(world, path, texts, { batchMs, at }))
    return new SimulatedFolder(world.id, test.life.number)
  }

  /**
   * Records every RDD of a stream under `name`, as `StreamTest.collect`. Gives the stream.
   *
   * @example
   * await using s = new Simulation({ seed: 4, build: s => s.collect('out', s.input('numbers', [[1], [2]])) })
   * await s.run()
   * s.out('out').times.slice(0, 2) // => [1000, 2000]
   */
  collect<T>(name: string, stream: DStream<T>): DStream<T> {
    return this.test.collect(name, stream)
  }

  /**
   * A storage elsewhere that outlives the program, for sinks that write to one. Sinks of files have `fileSink`.
   *
   * @example
   * await using s = new Simulation({
   *   seed: 5,
   *   build: s => s.input('words', [['a']]).writeTo(fileSink('words', { storage: s.storage('bucket') })),
   * })
   * await s.run()
   * s.written('words', 'bucket').get(1000) // => ['a']
   */
  storage(name: string): FileStorage {
    return new SimulatedStorage(name, this.world.id, this.test.life.number)
  }

  /**
   * A sink of files on the disk of the machine, or in a storage that `storage` names; else as `fileSink`.
   *
   * @example
   * await using s = new Simulation({ seed: 6, build: s => s.input('words', [['a', 'b']]).writeTo(s.fileSink('/out/words')) })
   * await s.run()
   * s.written('/out/words').get(1000) // => ['a', 'b']
   */
  fileSink<T>(
    prefix: string,
    { storage, ...options }: Omit<FileSinkOptions, 'storage' | 'files'> & { readonly storage?: string } = {},
  ): ExactlyOnceSink<T> {
    if (storage !== undefined) return fileSink<T>(prefix, { ...options, storage: this.storage(storage) })
    const files = new SimulatedFiles(this.world.id, this.test.life.number)
    return fileSink<T>(prefix, { ...options, files })
  }

  // ---- running ----

  /**
   * Runs the program to the end, and checks.
   *
   * @throws SIMULATION_FAILED with the seed
   * @example
   * await using s = new Simulation({ seed: 7, faults: [], build: s => s.collect('out', s.input('numbers', [[1]])) })
   * await s.run()
   * s.log[0] // => { time: 0, what: 'life 0 begins' }
   * s.faults.crash // => 0
   */
  async run(): Promise<void> {
    const { batches = 12, calm = 6, check } = this.options
    try {
      const { supervisor } = this
      await supervisor.start()
      for (let i = 0; i < batches; i++) await supervisor.pass(this.batchMs)
      this.world.calmDown()
      for (let i = 0; i < calm; i++) await supervisor.pass(this.batchMs)
      await supervisor.end()
      await check?.(this)
    } catch (error) {
      throw this.failed(error)
    }
  }

  /**
   * What was collected under `name`. A batch that ran again has several `runs`.
   *
   * @example
   * await using s = new Simulation({ seed: 8, build: s => s.collect('out', s.input('numbers', [[1, 2], [3]])) })
   * await s.run()
   * s.out<number>('out').batches.flat() // => [1, 2, 3]
   */
  out<T = unknown>(name: string): RecordedOutput<T> {
    return this.test.out<T>(name)
  }

  /**
   * The lines of each batch that a file sink has written, by batch time: what a reader of the disk, or of a storage, finds.
   *
   * @throws FILE_DAMAGED when a file is missing that `_SUCCESS` names
   * @example
   * await using s = new Simulation({ seed: 9, build: s => s.input('words', [['a'], ['b']]).writeTo(s.fileSink('/out/words')) })
   * await s.run()
   * s.written('/out/words').get(2000) // => ['b']
   */
  written(prefix: string, storage?: string): ReadonlyMap<number, readonly string[]> {
    const { disk } = this.machine
    return writtenBatches(storage === undefined ? disk.asSeen() : disk.storageAsSeen(storage), prefix)
  }

  /** Ends what runs, wherever it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.machine.end()
    await this.test[Symbol.asyncDispose]()
    this.world.end()
  }

  /** Makes what outlives the program. */
  private once(what: string, make: () => void): void {
    if (!this.made.has(what)) make()
    this.made.add(what)
  }

  private failed(error: unknown): KindlingError {
    const reason = error instanceof Error ? error.message : String(error)
    const last = this.log.slice(-SHOWN_EVENTS).map(({ time, what }) => `${time} ms  ${what}`)
    const params = { seed: String(this.seed), reason, events: `\n  ${last.join('\n  ')}` }
    return new KindlingError('SIMULATION_FAILED', params, { cause: error })
  }
}
