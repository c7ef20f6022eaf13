/** The joint: builds and owns everything below. Making RDDs and running jobs are in `rdd-maker.ts` and `job-control.ts`. */
import { randomUUID } from 'node:crypto'
import { getHeapStatistics } from 'node:v8'
import { type Clock, SystemClock } from '../base/clock.ts'
import { Config, configEntries } from '../base/config.ts'
import { markKind } from '../base/engine-kind.ts'
import { KindlingError } from '../base/errors.ts'
import { ListenerBus } from '../base/listener-bus.ts'
import { consoleLogger, type Logger, silentLogger } from '../base/logger.ts'
import { packageVersion } from '../base/version.ts'
import type { TaskHook } from '../executor/inline-backend.ts'
import { contextBegins, contextEnds } from '../executor/resource.ts'
import type { LongCall } from '../executor/task-time.ts'
import type { StartCarrier } from '../executor/threads/carrier.ts'
import type { ThreadBackend } from '../executor/threads/thread-backend.ts'
import type { Node } from '../rdd/nodes.ts'
import type { JobRequest, JobRunner } from '../rdd/ports.ts'
import { RDD } from '../rdd/rdd.ts'
import { currentBatch, currentScope, describeScope, type OperatorScope } from '../rdd/scope.ts'
import { DAGScheduler } from '../scheduler/dag-scheduler.ts'
import type { SparkListener } from '../scheduler/events.ts'
import { JobHistory } from '../scheduler/job-history.ts'
import type { Submission } from '../scheduler/submitted-job.ts'
import type { Backend } from '../scheduler/task.ts'
import { ShuffleStore } from '../shuffle/shuffle-store.ts'
import { BlockFiles } from '../storage/block-files.ts'
import { BlockStore } from '../storage/block-store.ts'
import { SpillFolder } from '../storage/spill-folder.ts'
import { type AccumulatorV2, registerAccumulator } from './accumulator.ts'
import { CollectionAccumulator, DoubleAccumulator, LongAccumulator } from './accumulators.ts'
import { makeBackends } from './backends.ts'
import { type Broadcast, BroadcastStore } from './broadcast.ts'
import { Checkpoints } from './checkpoints.ts'
import { processDefaults } from './defaults.ts'
import { FunctionChecks } from './function-checks.ts'
import { jobLimits } from './job-limits.ts'
import { currentJobScope } from './job-scope.ts'
import { SwitchedLogger } from './log-level.ts'
import { LongCalls } from './long-calls.ts'
import { parseMaster } from './master.ts'
import { PersistedNodes, type RDDInfo, storageInfo } from './persisted-nodes.ts'
import { RDDMaker } from './rdd-maker.ts'
import { Seeds } from './seeds.ts'

/** How a context is made. All optional. */
export interface SparkContextOptions {
  /** Where tasks run: `local` (default), `local[N]`, `local[*]`, `local[N,F]`. */
  readonly master?: string
  readonly appName?: string
  /** Spark's keys, as texts, numbers or booleans; see docs/reference/configuration.md. */
  readonly conf?: Record<string, string | number | boolean> | Config
  /** Silent by default; `'info'`, `'warn'` … write to standard error. */
  readonly logger?: Logger | 'debug' | 'info' | 'warn' | 'error'
  /** Time as the engine sees it. Default: the machine's. */
  readonly clock?: Clock
  /** @internal for the test kit */
  readonly taskHook?: TaskHook
  /** @internal for simulations: where workers run that go by `clock` */
  readonly carriers?: StartCarrier
  /** @internal for simulations: a name that nobody else has */
  readonly newName?: () => string
}

/** Of the heap: Spark keeps 300 MiB for itself, and 0.6 of the rest for storage and execution. */
function defaultStorageBytes(): number {
  const { heap_size_limit: limit } = getHeapStatistics()
  return Math.max(limit / 10, 0.6 * (limit - 300 * 1024 * 1024))
}

/** @internal How many partitions there are where nothing says a number, and whether a setting says that. Data. */
export interface Parallelism {
  readonly partitions: number
  readonly isConfigured: boolean
}

/**
 * Makes RDDs and runs their jobs. Several may live in one process.
 *
 * @source Spark SparkContext
 * @example
 * await using sc = new SparkContext({ appName: 'sums' })
 * await sc.parallelize([1, 2, 3]).reduce((a, b) => a + b) // => 6
 */
export class SparkContext extends RDDMaker implements JobRunner {
  static {
    markKind(SparkContext, 'SparkContext')
  }

  readonly appName: string
  readonly master: string
  readonly conf: Config
  readonly logger: Logger
  readonly clock: Clock
  /** ms since epoch. */
  readonly startTime: number
  /** `local-` and the start time; what Spark gives a local program. */
  readonly applicationId: string
  /** @internal How often a task is tried. */
  readonly taskAttempts: number
  /** @internal Of the program, where no batch says otherwise. */
  readonly parallelism: Parallelism
  /** Of batches that run again, by their time in ms: where it was another when they were planned. */
  private readonly parallelismAt = new Map<number, Parallelism>()
  readonly takeScaleUp: number
  readonly maxLineBytes: number
  /** @internal Makes up a name that nobody else has. */
  readonly newName: () => string
  /** @internal */
  readonly blocks: BlockStore
  /** @internal */
  readonly shuffle: ShuffleStore = new ShuffleStore()
  /** @internal */
  readonly spillFolder: SpillFolder
  private readonly log: SwitchedLogger
  private readonly broadcasts = new BroadcastStore()
  private readonly persisted = new PersistedNodes()
  private readonly checkpoints: Checkpoints
  private readonly functionChecks: FunctionChecks | undefined
  private readonly bus: ListenerBus<SparkListener>
  /** @internal */
  protected readonly runner: JobRunner = this
  /** @internal */
  protected readonly scheduler: DAGScheduler
  private readonly backend: Backend
  private readonly threads: ThreadBackend | undefined
  private readonly longCallsNoted: LongCalls
  private readonly seeds = new Seeds()
  private stopping: Promise<void> | undefined

  constructor(options: SparkContextOptions = {}) {
    super()
    const defaults = processDefaults()
    const given =
      options.conf instanceof Config ? Object.fromEntries(options.conf.entries()) : (options.conf ?? {})
    const conf = new Config({ ...defaults.conf, ...given })
    this.log = new SwitchedLogger(
      typeof options.logger === 'string'
        ? consoleLogger(options.logger)
        : (options.logger ?? defaults.logger ?? silentLogger),
    )
    this.logger = this.log
    this.longCallsNoted = new LongCalls(this.logger)
    this.master = options.master ?? conf.getRaw('spark.master') ?? defaults.master ?? 'local'
    this.appName = options.appName ?? conf.getRaw('spark.app.name') ?? 'kindling'
    this.conf = conf
    this.clock = options.clock ?? new SystemClock()
    this.newName = options.newName ?? randomUUID
    this.startTime = this.clock.now()
    this.applicationId = `local-${this.startTime}`
    const master = parseMaster(this.master)
    const configured = conf.has('spark.default.parallelism')
      ? conf.get(configEntries.defaultParallelism)
      : undefined
    this.parallelism = { partitions: configured ?? master.slots, isConfigured: configured !== undefined }
    this.takeScaleUp = conf.get(configEntries.limitScaleUpFactor)
    this.maxLineBytes = conf.get(configEntries.textMaxLineBytes)
    for (const warning of conf.warnings()) this.logger.warn(warning)
    this.bus = new ListenerBus({
      capacity: conf.get(configEntries.listenerBusCapacity),
      logger: this.logger,
      clock: this.clock,
    })
    this.blocks = new BlockStore(
      conf.get(configEntries.storageMaxBytes) ?? defaultStorageBytes(),
      new BlockFiles(conf.get(configEntries.localDir)),
      this.logger,
    )
    this.spillFolder = SpillFolder.in(conf.get(configEntries.localDir))
    const backends = makeBackends(this, {
      master,
      broadcasts: this.broadcasts,
      hook: options.taskHook,
      carriers: options.carriers,
      onLongCall: call => this.longCallsNoted.note(call),
    })
    this.backend = backends.backend
    this.threads = backends.threads
    const limits = jobLimits(master, conf)
    this.taskAttempts = limits.maxFailures
    this.scheduler = new DAGScheduler({
      backend: this.backend,
      available: {
        isComplete: node =>
          node.kind === 'state' ? node.versions.complete(node.time) : this.blocks.isComplete(node),
        missingOutputs: (shuffle, input) => this.shuffle.missing(shuffle, input),
      },
      clock: this.clock,
      bus: this.bus,
      limits,
      history: new JobHistory({
        jobs: conf.get(configEntries.retainedJobs),
        stages: conf.get(configEntries.retainedStages),
      }),
    })
    // Nobody would see the warnings of a silent context.
    const isHeard = options.logger !== undefined || defaults.logger !== undefined
    if (isHeard && this.threads === undefined && conf.get(configEntries.functionsCheck) === 'warn')
      this.functionChecks = new FunctionChecks(this.logger)
    const cleans = conf.get(configEntries.cleanCheckpoints)
    contextBegins()
    this.checkpoints = new Checkpoints(this, this.scheduler, this.blocks, cleans)
  }

  /**
   * How many partitions there are where nothing says a number: `spark.default.parallelism`, or as many as tasks run at once. In a batch
   * that runs again after a restart, as many as when it was planned.
   */
  get defaultParallelism(): number {
    return this.currentParallelism.partitions
  }

  /** @internal */
  get configuredParallelism(): number | undefined {
    const { partitions, isConfigured } = this.currentParallelism
    return isConfigured ? partitions : undefined
  }

  /** @internal What is made for the batch at `time`, in ms, is cut as then. */
  useParallelism(time: number, parallelism: Parallelism): void {
    const { partitions, isConfigured } = this.parallelism
    if (parallelism.partitions === partitions && parallelism.isConfigured === isConfigured) return
    this.parallelismAt.set(time, parallelism)
  }

  private get currentParallelism(): Parallelism {
    if (this.parallelismAt.size === 0) return this.parallelism
    const time = currentBatch() ?? currentJobScope()?.properties.batchTime
    return (time === undefined ? undefined : this.parallelismAt.get(time)) ?? this.parallelism
  }

  /** The version of Kindling. */
  get version(): string {
    return packageVersion()
  }

  /** Whether tasks run in this process. */
  get isLocal(): boolean {
    return true
  }

  /**
   * The configuration; what it says is fixed once the context is made.
   *
   * @example
   * const config = sc.getConf()
   * config.get(configEntries.blockInterval) // => 200
   */
  getConf(): Config {
    return this.conf
  }

  get isStopped(): boolean {
    return this.stopping !== undefined
  }

  // ---- shared by tasks ----

  /**
   * A value that all tasks read.
   *
   * It is copied now, as data: changes that the program makes to the original later are not seen, and plain objects and arrays of
   * the copy are frozen (a `Map`, `Set` or typed array cannot be; leave them as they are). Functions, sockets and instances of
   * classes that are not registered are refused, as they could not go to a worker.
   *
   * @throws RECORD_NOT_ENCODABLE naming the place in the value
   * @example
   * const stop = sc.broadcast(new Set(['the', 'a']))
   * words.filter(word => !stop.value.has(word)) // => [['b'], ['b']]
   */
  broadcast<T>(value: T): Broadcast<T> {
    this.assertRunning('broadcast')
    return this.broadcasts.put(value)
  }

  /**
   * An accumulator of whole numbers, 0 at first. With a name it shows in events and the dashboard.
   *
   * @example
   * const bad = sc.longAccumulator('bad lines')
   * const numbers = sc.parallelize(['1', 'x', '3']).collectPartial(text => {
   *   const n = Number(text)
   *   return Number.isNaN(n) ? bad.add(1) : n
   * })
   * numbers // => [1, 3]
   * bad.value // => 1
   */
  longAccumulator(name?: string): LongAccumulator {
    return this.register(new LongAccumulator(), name)
  }

  /**
   * An accumulator of numbers, 0 at first.
   *
   * @example
   * const total = sc.doubleAccumulator()
   * await visits.foreach(([, n]) => total.add(n / 2))
   * total.avg // => 1
   */
  doubleAccumulator(name?: string): DoubleAccumulator {
    return this.register(new DoubleAccumulator(), name)
  }

  /**
   * An accumulator that gathers what is added, in memory: for samples and oddities, not for results.
   *
   * @example
   * const odd = sc.collectionAccumulator<string>('odd')
   * await visits.foreach(([name, n]) => n > 2 && odd.add(name))
   * odd.value // => ['ann']
   */
  collectionAccumulator<T>(name?: string): CollectionAccumulator<T> {
    return this.register(new CollectionAccumulator<T>(), name)
  }

  /**
   * Makes an accumulator of your own known, so that tasks may add to it. Gives it back.
   *
   * What is added in an action counts once for each partition; in a transformation, each time it is computed.
   *
   * @throws ILLEGAL_STATE when it is registered already
   * @example
   * class Names extends AccumulatorV2<string, ReadonlySet<string>> {
   *   value = new Set<string>()
   *   get isZero() { return this.value.size === 0 }
   *   copy() { const copy = new Names(); copy.merge(this); return copy }
   *   reset() { this.value = new Set() }
   *   add(name: string) { this.value.add(name) }
   *   merge(other: Names) { for (const name of other.value) this.value.add(name) }
   * }
   * const names = sc.register(new Names(), 'names')
   * await visits.foreach(([name]) => names.add(name))
   * names.value // => new Set(['ann', 'bob'])
   */
  register<A extends AccumulatorV2<never, unknown>>(accumulator: A, name?: string): A {
    this.assertRunning('register')
    return registerAccumulator(accumulator, name, this.logger)
  }

  // ---- running jobs; see JobControl ----

  /** @internal */
  protected async submit<R>(request: JobRequest<R>, submission: Submission): Promise<R[]> {
    this.assertRunning(describeScope(request.scope))
    const n = request.node.numPartitions
    for (const p of request.partitions ?? [])
      if (!Number.isInteger(p) || p < 0 || p >= n)
        throw new KindlingError('INVALID_ARGUMENT', {
          what: `a partition of ${describeScope(request.scope)}`,
          value: p,
          expected: `a whole number from 0 to ${n - 1}`,
        })
    return this.clock.activity.track(this.runAndCheckpoint(request, submission))
  }

  /** @internal */
  prepare(node: Node): Promise<void> {
    this.assertRunning('A job')
    return this.clock.activity.track(this.scheduler.prepare(node, this.submission()))
  }

  private async runAndCheckpoint<R>(request: JobRequest<R>, submission: Submission): Promise<R[]> {
    const results = await this.scheduler.runJob(request, submission)
    this.functionChecks?.note(request)
    if (this.checkpoints.anyMarked) await this.checkpoints.afterJob(request.node, submission.properties)
    return results
  }

  // ---- checkpoints and what is kept ----

  /**
   * Where `RDD.checkpoint` writes: a new folder of this context below `directory`, which is made now.
   *
   * @throws OUTPUT_FAILED
   * @example
   * sc.setCheckpointDir(`${dir}/checkpoints`)
   * const sums = visits.reduceByKey((a, b) => a + b)
   * sums.checkpoint()
   * await sums.count() // => 2
   * sums.getCheckpointFile()?.startsWith(sc.getCheckpointDir()!) // => true
   */
  setCheckpointDir(directory: string): void {
    this.checkpoints.setDirectory(directory)
  }

  /**
   * The folder of this context, `<directory>/<uuid>`; `undefined` until `setCheckpointDir` was called.
   *
   * @example
   * sc.getCheckpointDir() // => undefined
   * sc.setCheckpointDir(`${dir}/checkpoints`)
   * sc.getCheckpointDir()?.startsWith(`${dir}/checkpoints/`) // => true
   */
  getCheckpointDir(): string | undefined {
    return this.checkpoints.directory
  }

  /**
   * The RDDs that are marked by `persist` and still referred to, by id.
   *
   * @example
   * const names = visits.keys().cache().setName('names')
   * sc.getPersistentRDDs().get(names.id)?.name // => 'names'
   */
  getPersistentRDDs(): ReadonlyMap<number, RDD<unknown>> {
    return new Map(this.persisted.nodes().map(node => [node.id, new RDD(this, node)]))
  }

  /**
   * What is kept of each persisted RDD of which anything is.
   *
   * @example
   * const names = sc.parallelize(['a', 'b', 'c'], 3).cache().setName('names')
   * sc.getRDDStorageInfo() // => []
   * await names.take(1)
   * sc.getRDDStorageInfo().map(info => `${info.name}: ${info.numCachedPartitions} of ${info.numPartitions}`) // => ['names: 1 of 3']
   */
  getRDDStorageInfo(): RDDInfo[] {
    return storageInfo(this.persisted.nodes(), this.blocks)
  }

  // ---- listening ----

  /**
   * Tells `listener` of jobs, stages and tasks from now on, in order of events, a little after they happened. What it throws is logged.
   *
   * @example
   * const jobs: string[] = []
   * sc.addSparkListener({ onJobStart: ({ name }) => jobs.push(name.split(' ')[0]!) })
   * await visits.count()
   * await sc.stop() // events that are on their way arrive before the end
   * jobs // => ['count']
   */
  addSparkListener(listener: Partial<SparkListener>): void {
    this.bus.add(listener)
  }

  /**
   * Tells `listener` no more.
   *
   * @example
   * let jobs = 0
   * const listener = { onJobStart: () => void jobs++ }
   * sc.addSparkListener(listener)
   * sc.removeSparkListener(listener)
   * await visits.count()
   * await sc.stop()
   * jobs // => 0
   */
  removeSparkListener(listener: Partial<SparkListener>): void {
    this.bus.remove(listener)
  }

  /** User code that held the thread for longer than `kindling.task.longCallWarning`, the latest last; at most 100. */
  get longCalls(): readonly LongCall[] {
    return this.longCallsNoted.latest
  }

  /**
   * Writes only messages from `level` on: to the program's own logger, or to standard error when it gave none.
   *
   * @param level Spark's names, in any case: ALL, TRACE, DEBUG, INFO, WARN, ERROR, FATAL, OFF
   * @throws INVALID_ARGUMENT for another
   * @example
   * sc.setLogLevel('ERROR')
   * sc.logger.warn('not written any more')
   * t.warnings // => []
   */
  setLogLevel(level: string): void {
    this.log.setLevel(level)
  }

  // ---- end ----

  /**
   * Ends everything at once: running jobs fail with JOB_CANCELLED, kept partitions and their files go. Idempotent. `await using` calls it.
   *
   * @example
   * await sc.stop()
   * await visits.count().catch(error => error.code) // => 'CONTEXT_STOPPED'
   */
  stop(): Promise<void> {
    this.stopping ??= this.shutDown()
    return this.stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  private async shutDown(): Promise<void> {
    this.cancelAllJobs('the SparkContext was stopped')
    await this.backend.stop()
    await this.functionChecks?.finish()
    if (!this.bus.insideListener) await this.bus.drain()
    this.bus.stop()
    await this.blocks.close()
    await this.spillFolder.remove()
    await contextEnds(error => this.logger.error('a resource could not be disposed of', { error }))
  }

  /** @internal */
  protected assertRunning(what: string): void {
    if (this.isStopped) throw new KindlingError('CONTEXT_STOPPED', { what })
  }

  // ---- what RDDs ask ----

  /** @internal */
  seedFor(scope: OperatorScope): number {
    return this.seeds.next(describeScope(scope), currentJobScope()?.properties.batchTime ?? currentBatch())
  }

  /** @internal The threads that tasks run on; `undefined` when they run on the program's own. */
  get workers(): Pick<ThreadBackend, 'capacity' | 'resize'> | undefined {
    return this.threads
  }

  /** @internal Has the threads ready when the first job comes. */
  warmUp(): void {
    this.threads?.start()
  }

  /** @internal */
  defined(node: Node): void {
    this.threads?.define(node)
  }

  /**
   * @internal Describes a function for workers while its operator is being defined.
   * @throws CLOSURE_NOT_TRANSFERABLE, CAPTURE_REASSIGNED
   */
  describe(f: (...args: never[]) => unknown): void {
    this.threads?.describe(f)
  }

  /** @internal */
  persist(node: Node): void {
    this.persisted.add(node)
  }

  /** @internal */
  unpersist(node: Node): void {
    this.persisted.remove(node)
    this.blocks.drop(node)
  }

  /** @internal */
  checkpoint(node: Node, kind: 'reliable' | 'local', scope: OperatorScope): void {
    this.checkpoints.mark(node, kind, scope)
  }

  /** @internal Asked before an output makes its directory. */
  mayOverwriteOutput(): boolean {
    const { refuseJob } = processDefaults()
    if (refuseJob !== undefined) throw refuseJob(currentScope('save'))
    return currentJobScope()?.properties.batchTime !== undefined
  }
}
