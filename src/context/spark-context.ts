/** The joint: builds and owns everything below, makes RDDs, and runs their jobs. */
import { type Clock, SystemClock } from '../base/clock.ts'
import { Config, configEntries } from '../base/config.ts'
import { KindlingError } from '../base/errors.ts'
import { ListenerBus } from '../base/listener-bus.ts'
import { consoleLogger, type Logger, silentLogger } from '../base/logger.ts'
import { hashString } from '../data/hash.ts'
import { InlineBackend, type TaskHook } from '../executor/inline-backend.ts'
import { TaskRunner } from '../executor/task-runner.ts'
import { describeLongCall, type LongCall } from '../executor/task-time.ts'
import { unionNode } from '../rdd/arrange-operations.ts'
import { filter } from '../rdd/narrow-operations.ts'
import type { Node, SourceNode } from '../rdd/nodes.ts'
import { checkPartitions } from '../rdd/partitioner.ts'
import type { JobRequest, JobRunner, TaskInput } from '../rdd/ports.ts'
import { RDD } from '../rdd/rdd.ts'
import { currentBatch, currentScope, describeScope, type OperatorScope, operator } from '../rdd/scope.ts'
import { iterateSource } from '../rdd/segment/iterate.ts'
import type { SegmentMode } from '../rdd/segment/segment.ts'
import {
  binaryRecordsNode,
  objectFileNode,
  rangeNode,
  textFileNode,
  wholeFilesNode,
} from '../rdd/sources/source-node.ts'
import { type PartitionReader, type PartitionsOptions, userMadeNode } from '../rdd/sources/user-made.ts'
import { DAGScheduler } from '../scheduler/dag-scheduler.ts'
import type { SparkListener } from '../scheduler/events.ts'
import { ShuffleStore } from '../shuffle/shuffle-store.ts'
import { BlockStore } from '../storage/block-store.ts'
import { processDefaults } from './defaults.ts'
import { currentJobScope } from './job-scope.ts'
import { literalSource, locatedSource } from './literals.ts'
import { type Master, parseMaster } from './master.ts'

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
}

/** Long calls that are remembered. */
const LONG_CALLS_KEPT = 100
/** Places in a program, in a batch, whose uses are counted, so that each draws other random numbers. */
const MAX_SEED_PLACES = 4096

/**
 * Makes RDDs and runs their jobs. Several may live in one process.
 *
 * @source Spark SparkContext
 * @example
 * await using sc = new SparkContext({ appName: 'sums' })
 * await sc.parallelize([1, 2, 3]).reduce((a, b) => a + b) // => 6
 */
export class SparkContext implements JobRunner {
  readonly appName: string
  readonly master: string
  readonly conf: Config
  readonly logger: Logger
  readonly clock: Clock
  readonly defaultParallelism: number
  readonly configuredParallelism: number | undefined
  readonly takeScaleUp: number
  readonly maxLineBytes: number
  /** @internal */
  readonly blocks: BlockStore = new BlockStore()
  /** @internal */
  readonly shuffle: ShuffleStore = new ShuffleStore()
  private readonly bus: ListenerBus<SparkListener>
  private readonly scheduler: DAGScheduler
  private readonly backend: InlineBackend
  private readonly longCallsKept: LongCall[] = []
  private readonly longCallPlaces = new Set<string>()
  private readonly seedsGiven = new Map<string, number>()
  private stopping: Promise<void> | undefined

  constructor(options: SparkContextOptions = {}) {
    const defaults = processDefaults()
    const given =
      options.conf instanceof Config ? Object.fromEntries(options.conf.entries()) : (options.conf ?? {})
    const conf = new Config({ ...defaults.conf, ...given })
    this.logger =
      typeof options.logger === 'string'
        ? consoleLogger(options.logger)
        : (options.logger ?? defaults.logger ?? silentLogger)
    this.master = options.master ?? conf.getRaw('spark.master') ?? defaults.master ?? 'local'
    this.appName = options.appName ?? conf.getRaw('spark.app.name') ?? 'kindling'
    this.conf = conf
    this.clock = options.clock ?? new SystemClock()
    const master = parseMaster(this.master)
    this.configuredParallelism = conf.has('spark.default.parallelism')
      ? conf.get(configEntries.defaultParallelism)
      : undefined
    this.defaultParallelism = this.configuredParallelism ?? master.slots
    this.takeScaleUp = conf.get(configEntries.limitScaleUpFactor)
    this.maxLineBytes = conf.get(configEntries.textMaxLineBytes)
    for (const warning of conf.warnings()) this.logger.warn(warning)
    this.bus = new ListenerBus({
      capacity: conf.get(configEntries.listenerBusCapacity),
      logger: this.logger,
      clock: this.clock,
    })
    const runner = new TaskRunner(this, {
      mode: conf.get(configEntries.segments) as SegmentMode,
      yieldAfterMs: conf.get(configEntries.taskYieldAfter),
      longCallMs: conf.get(configEntries.taskLongCallWarning),
      onLongCall: call => this.noteLongCall(call),
    })
    this.backend = new InlineBackend(runner, master.slots, this.clock.activity, options.taskHook)
    this.scheduler = new DAGScheduler({
      backend: this.backend,
      available: {
        isComplete: node =>
          node.kind === 'state' ? node.versions.complete(node.time) : this.blocks.isComplete(node),
        missingOutputs: (shuffle, input) => this.shuffle.missing(shuffle, input),
      },
      clock: this.clock,
      bus: this.bus,
      limits: {
        maxFailures: maxFailures(master, conf),
        maxStageAttempts: conf.get(configEntries.stageMaxConsecutiveAttempts),
      },
    })
  }

  /** `spark.default.parallelism`, or the number of slots; at most 2. */
  get defaultMinPartitions(): number {
    return Math.min(this.defaultParallelism, 2)
  }

  get isStopped(): boolean {
    return this.stopping !== undefined
  }

  // ---- making RDDs ----

  /**
   * The records of an array in `numPartitions` slices of nearly equal length. They are copied now.
   *
   * @param numPartitions default: `defaultParallelism`
   * @throws INVALID_ARGUMENT unless `numPartitions` is a whole number of at least 1
   * @throws RECORD_NOT_ENCODABLE for records that are no data
   */
  parallelize<T>(records: Iterable<T>, numPartitions: number = this.defaultParallelism): RDD<T> {
    checkPartitions(numPartitions)
    const all = Array.isArray(records) ? records : Array.from(records)
    return this.made('parallelize', () => literalSource('parallelize', all, numPartitions))
  }

  /** {@link SparkContext.parallelize} under Spark's other name. */
  makeRDD<T>(records: Iterable<T>, numPartitions?: number): RDD<T> {
    return operator('makeRDD', () => this.parallelize(records, numPartitions))
  }

  /**
   * One partition for each record, with the hosts that it is best read on: `[[record, hosts], …]`. Spark's other `makeRDD`.
   *
   * @throws RECORD_NOT_ENCODABLE for records that are no data
   */
  makeRDDWithLocations<T>(records: Iterable<readonly [T, readonly string[]]>): RDD<T> {
    return this.made('makeRDDWithLocations', () => locatedSource([...records]))
  }

  /** An RDD without partitions. */
  emptyRDD<T>(): RDD<T> {
    return operator('emptyRDD', () => new RDD(this, literalSource('emptyRDD', [], 0)))
  }

  /**
   * The whole numbers from `start` up to, but not including, `end`; with one argument, from 0 up to it. Nothing is stored but the
   * bounds of each partition.
   *
   * @param step default 1; may be negative, not 0
   * @param numPartitions default: `defaultParallelism`
   * @throws INVALID_ARGUMENT for numbers that are not whole, or a step of 0
   * @example
   * await sc.range(0, 10, 3).collect() // => [0, 3, 6, 9]
   */
  range(start: number, end?: number, step = 1, numPartitions: number = this.defaultParallelism): RDD<number> {
    checkPartitions(numPartitions)
    const range = end === undefined ? { start: 0, end: start, step } : { start, end, step }
    return this.made('range', () => rangeNode(range, numPartitions))
  }

  /**
   * Partitions that you describe and read yourself.
   *
   * Order and partitions: those of `descriptors`, which are copied now and must be data. `read` is called once for each attempt of
   * a task and must give the same records each time; it may be asynchronous, or give an asynchronous iterable.
   *
   * @throws RECORD_NOT_ENCODABLE for descriptors that are no data
   * @throws NOT_ITERABLE (in the job) when `read` gives nothing iterable
   * @source Spark RDD.compute of a class of one's own
   * @example
   * sc.fromPartitions([{ from: 0 }, { from: 1000 }], async ({ from }) => (await query(from, 1000)).rows)
   */
  fromPartitions<D, T>(
    descriptors: readonly D[],
    read: PartitionReader<D, T>,
    opts: PartitionsOptions<D> = {},
  ): RDD<T> {
    return this.made('fromPartitions', () => userMadeNode(descriptors, read, opts))
  }

  /**
   * The lines of text files, without their ends.
   *
   * Partitions: files are cut by byte ranges of about total ÷ `minPartitions`, at most 32 MiB; `.gz` files are not cut. Bytes that
   * are no UTF-8 become U+FFFD. The files are listed now, and read again by each job unless persisted.
   *
   * @param path a file, a directory (its files, without those whose names begin with `.` or `_`), a glob, or several by commas
   * @param minPartitions default: `defaultMinPartitions`
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE; LINE_TOO_LONG in the job
   */
  textFile(path: string, minPartitions: number = this.defaultMinPartitions): RDD<string> {
    return this.made('textFile', () => textFileNode(path, minPartitions, this.maxLineBytes))
  }

  /**
   * Each file as `[path, text]`; small files share partitions of about total ÷ `minPartitions` bytes. `.gz` files are unpacked. A
   * file is held in memory as a whole.
   *
   * @param path as for {@link SparkContext.textFile}; paths come out as they were found
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE
   */
  wholeTextFiles(path: string, minPartitions: number = this.defaultMinPartitions): RDD<[string, string]> {
    return this.made('wholeTextFiles', () => wholeFilesNode(path, minPartitions, 'text'))
  }

  /** Each file as `[path, bytes]`, as it is; see {@link SparkContext.wholeTextFiles}. */
  binaryFiles(path: string, minPartitions: number = this.defaultMinPartitions): RDD<[string, Uint8Array]> {
    return this.made('binaryFiles', () => wholeFilesNode(path, minPartitions, 'bytes'))
  }

  /**
   * Files of records of `recordBytes` bytes each, as byte arrays; cut between records into partitions of about 32 MiB.
   *
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE
   * @throws FILE_DAMAGED when a file ends in mid-record
   */
  binaryRecords(path: string, recordBytes: number): RDD<Uint8Array> {
    return this.made('binaryRecords', () => binaryRecordsNode(path, recordBytes))
  }

  /**
   * What {@link RDD.saveAsObjectFile} wrote; one partition for each file.
   *
   * @throws INPUT_PATH_NOT_FOUND; FILE_DAMAGED (in the job) when a file is not as it was written
   */
  objectFile<T>(path: string): RDD<T> {
    return this.made('objectFile', () => objectFileNode(path))
  }

  /** The lines of text files, each read as JSON: what {@link RDD.saveAsNDJSONFile} wrote, or any file of such lines. */
  ndjsonFile<T>(path: string, minPartitions: number = this.defaultMinPartitions): RDD<T> {
    return operator('ndjsonFile', () =>
      filter(this.textFile(path, minPartitions), line => line.trim() !== '').map(line => JSON.parse(line)),
    )
  }

  /** An RDD over a new node; definitions need a running context. */
  private made<T>(name: string, node: () => SourceNode): RDD<T> {
    this.assertRunning(name)
    return operator(name, () => new RDD(this, node()))
  }

  /** The records of several RDDs; see {@link RDD.union}. */
  union<T>(rdds: readonly RDD<T>[]): RDD<T> {
    return new RDD(this, unionNode(rdds.map(r => r.node)))
  }

  // ---- running jobs ----

  /**
   * Runs `f` over the records of each partition and gives the results in order of `partitions`.
   *
   * @throws INVALID_ARGUMENT for a partition that does not exist
   */
  runJob<T, R>(
    rdd: RDD<T>,
    f: (records: IterableIterator<T>) => R | Promise<R>,
    partitions?: readonly number[],
  ): Promise<R[]> {
    const run = async (records: TaskInput): Promise<unknown> => {
      await records.prepare()
      return f(iterateSource(records) as unknown as IterableIterator<T>)
    }
    return this.action('runJob', () => {
      const request = { node: rdd.node, sink: { kind: 'chunks', run }, scope: rdd.node.scope } as const
      return this.runRequest<R>(partitions === undefined ? request : { ...request, partitions })
    })
  }

  /** @internal */
  action<R>(name: string, run: () => Promise<R>): Promise<R> {
    return operator(name, () => {
      const result = run()
      currentJobScope()?.add(currentScope(name), result)
      return result
    })
  }

  /** @internal */
  runRequest<R>(request: JobRequest<R>): Promise<R[]> {
    const scope = currentJobScope()
    return this.submit(request, scope?.signal, scope?.properties ?? {})
  }

  /** @internal */
  prepare(node: Node): Promise<void> {
    const scope = currentJobScope()
    this.assertRunning('A job')
    return this.clock.activity.track(this.scheduler.prepare(node, scope?.signal, scope?.properties ?? {}))
  }

  private async submit<R>(
    request: JobRequest<R>,
    scopeSignal: AbortSignal | undefined,
    properties: JobRequestProperties,
  ): Promise<R[]> {
    this.assertRunning(describeScope(request.scope))
    const n = request.node.numPartitions
    for (const p of request.partitions ?? [])
      if (!Number.isInteger(p) || p < 0 || p >= n)
        throw new KindlingError('INVALID_ARGUMENT', {
          what: `a partition of ${describeScope(request.scope)}`,
          value: p,
          expected: `a whole number from 0 to ${n - 1}`,
        })
    const signal = both(request.signal, scopeSignal)
    return this.clock.activity.track(this.scheduler.runJob({ ...request, signal }, properties))
  }

  /** Fails all running jobs with JOB_CANCELLED. */
  cancelAllJobs(reason = 'cancelAllJobs was called'): void {
    this.scheduler.cancelAll(new KindlingError('JOB_CANCELLED', { reason }))
  }

  // ---- listening ----

  /** Tells `listener` of jobs, stages and tasks from now on. */
  addSparkListener(listener: Partial<SparkListener>): void {
    this.bus.add(listener)
  }

  removeSparkListener(listener: Partial<SparkListener>): void {
    this.bus.remove(listener)
  }

  /** User code that held the thread for longer than `kindling.task.longCallWarning`, the latest last; at most 100. */
  get longCalls(): readonly LongCall[] {
    return this.longCallsKept
  }

  private noteLongCall(call: LongCall): void {
    if (this.longCallsKept.length === LONG_CALLS_KEPT) this.longCallsKept.shift()
    this.longCallsKept.push(call)
    const place = call.operators.map(describeScope).join()
    if (this.longCallPlaces.has(place) || this.longCallPlaces.size >= LONG_CALLS_KEPT) return
    this.longCallPlaces.add(place)
    this.logger.warn(describeLongCall(call))
  }

  // ---- end ----

  /** Ends everything at once: running jobs fail with JOB_CANCELLED. Idempotent. */
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
    if (!this.bus.insideListener) await this.bus.drain()
    this.bus.stop()
  }

  private assertRunning(what: string): void {
    if (this.isStopped) throw new KindlingError('CONTEXT_STOPPED', { what })
  }

  // ---- what RDDs ask ----

  /** @internal */
  seedFor(scope: OperatorScope): number {
    const batch = currentJobScope()?.properties.batchTime ?? currentBatch()
    const place = `${describeScope(scope)} ${batch ?? ''}`
    const nth = this.seedsGiven.get(place) ?? 0
    // Put last again: what goes first was not used for longest.
    this.seedsGiven.delete(place)
    this.seedsGiven.set(place, nth + 1)
    if (this.seedsGiven.size > MAX_SEED_PLACES) this.seedsGiven.delete(this.seedsGiven.keys().next().value!)
    return hashString(`${place} ${nth}`) >>> 0
  }

  /** @internal */
  unpersist(node: Node): void {
    this.blocks.drop(node)
  }

  /** @internal */
  mayOverwriteOutput(): boolean {
    return currentJobScope()?.properties.batchTime !== undefined
  }
}

type JobRequestProperties =
  | NonNullable<ReturnType<typeof currentJobScope>>['properties']
  | Record<string, never>

function maxFailures(master: Master, conf: Config): number {
  return master.maxFailures ?? conf.get(configEntries.taskMaxFailures)
}

function both(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return AbortSignal.any([a, b])
}
