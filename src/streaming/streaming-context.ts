/**
 * StreamingContext: where a streaming program is defined, started and stopped.
 *
 *   initialized ──start──▶ active ──stop──▶ stopped        (one way; a start that fails ends in stopped)
 */
import { type Config, configEntries } from '../base/config.ts'
import { markKind } from '../base/engine-kind.ts'
import { KindlingError } from '../base/errors.ts'
import type { EventOf } from '../base/listener-bus.ts'
import { ListenerBus } from '../base/listener-bus.ts'
import { type Duration, type DurationLike, Time, toDuration } from '../base/time.ts'
import { withoutGroup } from '../context/job-properties.ts'
import { currentJobScope } from '../context/job-scope.ts'
import { SparkContext, type SparkContextOptions } from '../context/spark-context.ts'
import { operator } from '../rdd/scope.ts'
import { activeContexts, contextStarted, contextStopped } from './active-contexts.ts'
import { JobGenerator } from './batch/job-generator.ts'
import { JobScheduler } from './batch/job-scheduler.ts'
import type { JobSet } from './batch/job-set.ts'
import { skipBatch } from './batch/skip-batch.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import { findCheckpoint } from './checkpoint/find.ts'
import { checkIntervals } from './checkpoint/intervals.ts'
import { LocalStorage } from './checkpoint/local-storage.ts'
import { type OpenedCheckpoint, openCheckpoint } from './checkpoint/open.ts'
import { type OperatorIds, operatorIds } from './checkpoint/operator-ids.ts'
import type { CheckpointStorage } from './checkpoint/storage.ts'
import type { DStream } from './dstream/dstream.ts'
import type { OutputOperation, StreamHost } from './dstream/host.ts'
import { InputDStream } from './dstream/input.ts'
import { extraListeners } from './extra-listeners.ts'
import { DStreamGraph } from './graph.ts'
import type { InputSource, SourceHost } from './input-source.ts'
import { interceptedStart } from './intercepted-start.ts'
import type { StreamingListener } from './listener.ts'
import { endStopAtSignals, stopAtSignals } from './signals.ts'
import { StreamCreators } from './stream-creators.ts'
import { settledWithin, Termination } from './termination.ts'

/** How a context is made that brings its own SparkContext. */
export interface StreamingContextOptions extends SparkContextOptions {
  /** The batch interval. */
  readonly batchDuration: DurationLike
  /** Where `print` writes. Default: standard output. */
  readonly write?: (text: string) => void
}

/** `'initialized'`: being defined; `'active'`: started; `'stopped'`: for good. */
export type StreamingContextState = 'initialized' | 'active' | 'stopped'

/** How to stop. */
export interface StopOptions {
  /** Process all data received so far before the end. Default false. */
  readonly graceful?: boolean
  /** With `graceful`: how long to wait at most. Default: `spark.streaming.gracefulStopTimeout`, ten batch intervals. */
  readonly deadline?: DurationLike
  /** Stop the SparkContext too. Default: only if this context made it. */
  readonly stopSparkContext?: boolean
}

/** How `getOrCreate` goes about saved data. */
export interface GetOrCreateOptions {
  /** Begin anew when the saved data cannot be used. Default false: CHECKPOINT_NOT_USABLE. */
  readonly createOnError?: boolean
}

/** What a batch does that fails: the values of kindling.streaming.failurePolicy. */
type FailurePolicy = 'stop' | 'continue' | 'skip'

/** How long an immediate stop waits for the callback of an output that is running, in ms of real time. */
const CALLBACK_GRACE_MS = 2000

/**
 * The entry to streams.
 *
 * @source Spark StreamingContext
 * @example
 * await using ssc = new StreamingContext({ master: 'local', appName: 'words', batchDuration: seconds(1) })
 * ssc.socketTextStream('localhost', 9999).flatMap(line => line.split(' ')).countByValue().print()
 * await ssc.start()
 * await ssc.awaitTermination()
 */
export class StreamingContext extends StreamCreators implements StreamHost {
  static {
    markKind(StreamingContext, 'StreamingContext')
  }

  /** The context its jobs run in. */
  readonly sc: SparkContext
  /** The batch interval. */
  readonly batchDuration: Duration
  private readonly ownsSparkContext: boolean
  private readonly writeText: (text: string) => void
  private readonly graph = new DStreamGraph()
  private readonly bus: ListenerBus<StreamingListener>
  private readonly generator: JobGenerator
  private readonly scheduler: JobScheduler
  private readonly termination = new Termination()
  private readonly unpersist: boolean
  private readonly failurePolicy: FailurePolicy
  private storage: CheckpointStorage | undefined
  private createOnError = false
  private saved: Checkpoint | undefined
  private state: StreamingContextState = 'initialized'
  /** Local properties of the code that called `start`, without its job group. */
  private startProperties: Readonly<Record<string, string>> = {}
  /** The latest batch that succeeded. */
  private succeeded: Time | undefined
  private starting: Promise<void> | undefined
  private stopping: Promise<void> | undefined

  constructor(options: StreamingContextOptions)
  constructor(sc: SparkContext, batchDuration: DurationLike)
  constructor(first: SparkContext | StreamingContextOptions, batchDuration?: DurationLike) {
    super()
    this.ownsSparkContext = !(first instanceof SparkContext)
    this.batchDuration = batchInterval(first instanceof SparkContext ? batchDuration : first.batchDuration)
    this.sc = first instanceof SparkContext ? first : new SparkContext(first)
    this.writeText =
      (first instanceof SparkContext ? undefined : first.write) ?? (text => void process.stdout.write(text))
    const { conf, clock, logger } = this.sc
    this.unpersist = conf.get(configEntries.unpersist)
    this.failurePolicy = failurePolicyOf(conf)
    this.bus = new ListenerBus({ capacity: conf.get(configEntries.listenerBusCapacity), logger, clock })
    this.scheduler = new JobScheduler({
      clock,
      bus: this.bus,
      logger,
      concurrentJobs: conf.get(configEntries.concurrentJobs),
      goesOn: this.failurePolicy === 'continue',
      maxQueuedBatches: conf.get(configEntries.maxQueuedBatches),
      inScope: (properties, body) =>
        this.sc.withJobScope({ properties: { ...this.startProperties, ...properties } }, body),
      onError: error => this.batchFailed(error),
      onBatchEnd: set => this.batchEnded(set),
    })
    this.generator = new JobGenerator({
      clock,
      graph: this.graph,
      batchDuration: this.batchDuration,
      room: () => this.scheduler.room(),
      submit: set => this.scheduler.submit(set),
      onMerge: (ticks, time) =>
        logger.warn(
          `processing is behind: the batch at ${time} also takes the input of the ${ticks} batches before it, ` +
            `since ${conf.get(configEntries.maxQueuedBatches)} wait already (${configEntries.maxQueuedBatches.key})`,
        ),
      log: async batch => this.saved?.planned(batch),
      onLogFailed: error => this.giveUp(error),
      onError: (error, set) => {
        const failure = generationError(error, set.time)
        this.batchFailed(failure)
        if (this.failurePolicy === 'stop') this.endAfterFailure(set.time)
        if (this.failurePolicy === 'skip') return this.skip(set, failure.message)
      },
    })
    const directory = conf.get(configEntries.checkpointDirectory)
    if (directory !== undefined) this.checkpoint(directory)
  }

  // ---- contexts of this process ----

  /**
   * The context that was started last and has not stopped.
   *
   * @example
   * words.print()
   * await ssc.start()
   * StreamingContext.getActive() === ssc // => true
   * await StreamingContext.getActive()?.stop()
   * StreamingContext.getActive() // => undefined
   */
  static getActive(): StreamingContext | undefined {
    return activeContexts().at(-1)
  }

  /**
   * The active context, or what `build` makes; with a directory, what {@link StreamingContext.getOrCreate} gives. A new one is not
   * started.
   *
   * @example
   * words.print()
   * await ssc.start()
   * const context = StreamingContext.getActiveOrCreate(() => new StreamingContext({ batchDuration: seconds(1) }))
   * context === ssc // => true
   */
  static getActiveOrCreate(build: () => StreamingContext): StreamingContext
  static getActiveOrCreate(
    directory: string | CheckpointStorage,
    build: () => StreamingContext | Promise<StreamingContext>,
    options?: GetOrCreateOptions,
  ): Promise<StreamingContext>
  static getActiveOrCreate(
    first: string | CheckpointStorage | (() => StreamingContext),
    build?: () => StreamingContext | Promise<StreamingContext>,
    options?: GetOrCreateOptions,
  ): StreamingContext | Promise<StreamingContext> {
    const active = activeContexts().at(-1)
    if (typeof first === 'function') return active ?? first()
    if (active !== undefined) return Promise.resolve(active)
    return StreamingContext.getOrCreate(first, build!, options)
  }

  /**
   * A program that goes on where it was when its process ended, however that happened; the first time it begins. `build` defines the
   * program and is always called; what was saved in the directory is given to it by `start()`.
   *
   * After a restart: state, windows and the zero time are as they were; batches that had not ended run again with the same data; then
   * the batches that were missed.
   *
   * @throws CHECKPOINT_NOT_USABLE when data was saved, and none can be read; `start()` throws CHECKPOINT_MISMATCH for a program with which
   * the saved data does not go together
   * @source Spark StreamingContext.getOrCreate, which does not call `build` after a restart
   * @example
   * await using context = await StreamingContext.getOrCreate(`${dir}/checkpoint`, () => {
   *   const ssc = new StreamingContext({ appName: 'words', batchDuration: seconds(1) })
   *   const words = ssc.textFileStream(`${dir}/in`).map(line => [line, 1])
   *   words.updateStateByKey<number>((ones, n = 0) => n + ones.length).uid('counts').print()
   *   return ssc
   * })
   * await context.start()
   * context.getState() // => 'active'
   */
  static async getOrCreate(
    directory: string | CheckpointStorage,
    build: () => StreamingContext | Promise<StreamingContext>,
    options: GetOrCreateOptions = {},
  ): Promise<StreamingContext> {
    const context = await build()
    if (context.storage === undefined) context.checkpoint(directory)
    context.createOnError = options.createOnError ?? false
    // Nobody wants to learn only at the start that nothing can be read.
    if (interceptedStart() === undefined)
      await findCheckpoint(context.storage!, context.createOnError, () => {})
    return context
  }

  /**
   * Where it is in its life.
   *
   * @example
   * ssc.getState() // => 'initialized'
   */
  getState(): StreamingContextState {
    return this.state
  }

  // ---- settings ----

  /**
   * Remember RDDs at least so long, for `slice` and for queries from outside.
   *
   * @throws INVALID_ARGUMENT at the second call
   * @example
   * ssc.remember(minutes(5))
   * t.collect('out', numbers)
   * await t.run(3)
   * numbers.slice(new Time(1000), new Time(3000)).length // => 3
   */
  remember(duration: DurationLike): void {
    this.assertDefining('remember')
    this.graph.remember(toDuration(duration, 'The remember duration'))
  }

  /**
   * Saves what the program needs to go on after its process has ended: the plan of each batch before it runs, and state. A program
   * whose directory holds saved data goes on from there at `start()`.
   *
   * @param directory made when it is not there; or a storage of your own
   * @throws CONTEXT_STARTED, CHECKPOINT_NOT_WRITABLE
   * @example
   * ssc.checkpoint(`${dir}/checkpoint`)
   * t.collect('out', pairs.updateStateByKey<number>((values, n = 0) => n + values.length))
   * await t.run(1)
   * t.out('out').batches // => [[['a', 1], ['b', 1]]]
   */
  checkpoint(directory: string | CheckpointStorage): void {
    this.assertDefining('checkpoint')
    const create = interceptedStart() === undefined
    this.storage = typeof directory === 'string' ? new LocalStorage(directory, { create }) : directory
  }

  /**
   * Tells `listener` of batches, outputs and receivers from now on.
   *
   * @example
   * const started: string[] = []
   * ssc.addStreamingListener({ onOutputOperationStarted: ({ outputOperationInfo: { name } }) => started.push(name) })
   * words.saveAsTextFiles(`${dir}/words`)
   * await t.run(1)
   * started // => ['saveAsTextFiles']
   */
  addStreamingListener(listener: Partial<StreamingListener>): void {
    this.bus.add(listener)
  }

  /**
   * Tells `listener` no more.
   *
   * @example
   * let batches = 0
   * const listener = { onBatchCompleted: () => void batches++ }
   * ssc.addStreamingListener(listener)
   * t.collect('out', words)
   * await t.run(1)
   * ssc.removeStreamingListener(listener)
   * await t.run(1)
   * batches // => 1
   */
  removeStreamingListener(listener: Partial<StreamingListener>): void {
    this.bus.remove(listener)
  }

  // ---- life ----

  /**
   * Checks the program and starts it; resolves when all sources have started. A second call only warns.
   *
   * @throws NO_OUTPUT_OPERATIONS; CONTEXT_STOPPED_ALREADY; whatever a source's start throws. The context is stopped then.
   * @example
   * words.print()
   * await ssc.start()
   * ssc.getState() // => 'active'
   */
  async start(): Promise<void> {
    if (this.state === 'stopped') throw new KindlingError('CONTEXT_STOPPED_ALREADY', { what: 'start' })
    if (this.state === 'active' || this.starting !== undefined) {
      this.sc.logger.warn('start() was called on a StreamingContext that has been started already')
      return this.starting
    }
    this.starting = this.startUp()
    return this.starting
  }

  private async startUp(): Promise<void> {
    const take = interceptedStart()
    if (take !== undefined) {
      const { sc, graph, batchDuration, storage, createOnError } = this
      take({ sc, graph, batchDuration, storage, createOnError })
      return new Promise(() => {})
    }
    try {
      if (this.sc.isStopped) throw new KindlingError('CONTEXT_STOPPED', { what: 'start' })
      this.graph.validate()
      this.startProperties = withoutGroup(this.sc.localProperties())
      if (this.sc.conf.has(configEntries.extraListeners.key)) {
        for (const listener of await extraListeners(this.sc.conf)) this.bus.add(listener)
        if (this.stopping !== undefined) return
      }
      const ids = operatorIds(this.graph)
      checkIntervals(ids.streams, this.storage !== undefined)
      if (this.storage === undefined && ids.streams.some(stream => stream.state !== undefined))
        this.sc.logger.info('no checkpoint directory is set: the state of this program ends with its process')
      const opened = this.storage === undefined ? undefined : await this.open(this.storage, ids)
      if (this.stopping !== undefined) return
      if (opened === undefined) this.graph.initialize(this.generator.firstTime().minus(this.batchDuration))
      this.saved = opened?.checkpoint
      this.state = 'active'
      contextStarted(this)
      if (this.sc.conf.get(configEntries.stopGracefullyOnShutdown)) stopAtSignals(this)
      await Promise.all(this.graph.inputs.map(input => input.source.start(this.sourceHost(input, opened))))
      if (this.stopping !== undefined) return
      await opened?.resume()
      if (this.stopping !== undefined) return
      if (opened === undefined) this.generator.start(this.graph.zeroTime.plus(this.batchDuration))
      else this.generator.resume(new Time(opened.last), opened.pending)
      this.bus.post('onStreamingStarted', { time: this.sc.clock.now() })
    } catch (error) {
      await this[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Takes over what is saved, or begins to save. */
  private open(storage: CheckpointStorage, ids: OperatorIds): Promise<OpenedCheckpoint> {
    const { clock, logger, conf } = this.sc
    const { createOnError, graph } = this
    return openCheckpoint({
      ...{ storage, graph, ids, clock, logger, createOnError },
      batchMs: this.batchDuration.milliseconds,
      firstTime: () => this.generator.firstTime(),
      allowDrop: conf.get(configEntries.checkpointAllowDrop),
      onFatal: error => this.giveUp(error),
    })
  }

  private sourceHost(input: InputDStream<unknown>, opened: OpenedCheckpoint | undefined): SourceHost {
    const { sc, bus, batchDuration, graph } = this
    return {
      sc,
      conf: sc.conf,
      clock: sc.clock,
      logger: sc.logger,
      batchDuration,
      zeroTime: graph.zeroTime,
      startTime: opened?.since(input) ?? sc.clock.now(),
      streamId: input.streamId,
      receivedLog: this.saved?.receivedLog(input, {
        rollingMs: sc.conf.get(configEntries.receiverLogRollingInterval),
        maxFailures: sc.conf.get(configEntries.receiverLogMaxFailures),
        timeoutMs: sc.conf.get(configEntries.blockStoreTimeout),
      }),
      post: (event, payload) => bus.post(event, payload as EventOf<StreamingListener, typeof event>),
      fail: error => this.report(error),
    }
  }

  /**
   * Resolves when the context has stopped; rejects with the first error of a batch or a source.
   *
   * A batch that fails after the attempts of its tasks ends the context: later ones do not run, and with a checkpoint directory it
   * runs again after a restart. With `kindling.streaming.failurePolicy` set to `continue` the context goes on until it is stopped; with `skip`
   * the batch is taken back and no error.
   *
   * @example
   * words.map(word => word.at(1)!.length).foreachRDD(rdd => rdd.count())
   * await ssc.start()
   * const ended = ssc.awaitTermination()
   * await t.run(1, { collectErrors: true })
   * await ended.catch(error => error.code) // => 'USER_CODE_FAILED'
   */
  awaitTermination(): Promise<void> {
    return this.termination.wait()
  }

  /**
   * Like {@link StreamingContext.awaitTermination}, but at most so long: true when stopped, false when the time is over.
   *
   * @example
   * t.collect('out', words)
   * await ssc.start()
   * const isStopped = ssc.awaitTerminationOrTimeout(seconds(2))
   * await t.run(2)
   * await isStopped // => false
   */
  async awaitTerminationOrTimeout(timeout: DurationLike): Promise<boolean> {
    const abort = new AbortController()
    const ms = toDuration(timeout, 'The timeout').milliseconds
    const over = this.sc.clock.sleep(ms, abort.signal).then(
      () => false,
      () => false,
    )
    try {
      return await Promise.race([this.termination.wait().then(() => true), over])
    } finally {
      abort.abort()
    }
  }

  /**
   * Stops for good; idempotent, and calls at the same time share one stop.
   *
   * Gracefully: sources stop, everything they took in is processed, then the rest ends. Otherwise: waiting batches are dropped and
   * running ones aborted. Called inside a batch it resolves at once, since the stop waits for that batch.
   *
   * @throws ILLEGAL_STATE when called by a listener
   * @example
   * const receiver = t.receiver<string>()
   * t.collect('out', ssc.receiverStream(receiver))
   * await ssc.start()
   * await receiver.push('a')
   * const stopped = ssc.stop({ graceful: true, deadline: seconds(30) })
   * await t.run(1)
   * await stopped
   * t.out('out').batches // => [['a']]
   */
  stop(options: StopOptions = {}): Promise<void> {
    if (this.bus.insideListener)
      return Promise.reject(
        new KindlingError('ILLEGAL_STATE', {
          what: 'stop()',
          reason: 'it was called by a listener, whose events it waits for',
        }),
      )
    if (this.stopping === undefined) {
      if (this.state === 'initialized')
        this.sc.logger.warn('stop() was called on a StreamingContext that was not started')
      this.stopping = this.shutDown(options)
    } else if (options.stopSparkContext === true) this.stopping = this.stopping.then(() => this.sc.stop())
    const { stopping } = this
    const scope = currentJobScope()
    if (scope?.properties.outputOpId === undefined) return stopping
    // From inside a batch: the stop waits for this very callback, so the callback must not wait for the stop.
    stopping.catch(error => this.report(error as Error))
    return Promise.resolve()
  }

  /** {@link StreamingContext.stop}; that of a context which was never started is nothing to warn about. */
  [Symbol.asyncDispose](): Promise<void> {
    this.stopping ??= this.state === 'initialized' ? this.shutDown({}) : undefined
    return this.stop()
  }

  private async shutDown(options: StopOptions): Promise<void> {
    const wasActive = this.state === 'active'
    try {
      if (wasActive) await this.endBatches(options)
      if (this.saved !== undefined) await settledWithin(this.saved.idle(), CALLBACK_GRACE_MS)
    } finally {
      this.saved?.close()
      for (const output of this.graph.outputs) output.stopped?.()
      await this.bus.drain()
      this.bus.stop()
      if (this.stopsSparkContext(options)) await this.sc.stop()
      this.state = 'stopped'
      contextStopped(this)
      endStopAtSignals(this)
      this.termination.stopped()
    }
  }

  private stopsSparkContext(options: StopOptions): boolean {
    if (options.stopSparkContext !== undefined) return options.stopSparkContext
    const { conf } = this.sc
    const { stopSparkContextByDefault } = configEntries
    return conf.has(stopSparkContextByDefault.key)
      ? (conf.get(stopSparkContextByDefault) ?? this.ownsSparkContext)
      : this.ownsSparkContext
  }

  private async endBatches(options: StopOptions): Promise<void> {
    const { clock, logger } = this.sc
    const graceful = options.graceful === true
    const stopSources = (): Promise<unknown> =>
      Promise.allSettled(this.graph.inputs.map(async input => input.source.stop({ graceful })))
    if (graceful) {
      const ms = this.deadline(options)
      const abort = new AbortController()
      const late = clock.sleep(ms, abort.signal).then(
        () => true,
        () => false,
      )
      const finished = this.finishBatches(stopSources).then(() => false)
      const isLate = await Promise.race([finished, late])
      abort.abort()
      if (!isLate) return
      logger.warn(`the graceful stop was not done after ${ms} ms; what is left is dropped`)
    }
    void this.generator.stop({ drop: true })
    this.scheduler.abort(new KindlingError('JOB_CANCELLED', { reason: 'the StreamingContext was stopped' }))
    // A batch may wait for a reader that waits for this stop.
    for (const output of this.graph.outputs) output.stopped?.()
    await settledWithin(
      Promise.all([stopSources(), this.generator.stop({ drop: true }), this.scheduler.idle()]),
      CALLBACK_GRACE_MS,
    )
  }

  /** Ends when all data that sources took in has been processed. */
  private async finishBatches(stopSources: () => Promise<unknown>): Promise<void> {
    await stopSources()
    while (this.graph.inputs.some(input => input.source.hasUnplanned?.() === true))
      await this.generator.nextBatch()
    await this.generator.stop()
    await this.scheduler.idle()
  }

  private deadline(options: StopOptions): number {
    if (options.deadline !== undefined) return toDuration(options.deadline, 'The deadline').milliseconds
    const configured = this.sc.conf.get(configEntries.gracefulStopTimeout)
    return configured ?? 10 * this.batchDuration.milliseconds
  }

  private batchEnded(set: JobSet): void | Promise<void> {
    const info = set.info()
    for (const { source } of this.graph.inputs) source.batchCompleted?.(info)
    // A failed batch stays remembered until a later one has succeeded, and runs again after a restart.
    if (!set.failed && (this.succeeded === undefined || set.time.greater(this.succeeded)))
      this.succeeded = set.time
    if (set.failure !== undefined) {
      if (this.failurePolicy === 'stop') this.endAfterFailure(set.time)
      if (this.failurePolicy === 'skip') return this.skip(set, set.failure.error!.message)
    }
    if (set.failed || this.saved === undefined) return this.clearMetadata()
    return this.saved.ended(set.time).then(() => this.clearMetadata())
  }

  private clearMetadata(): void {
    const { oldestUnfinished } = this.scheduler
    if (this.succeeded === undefined) return
    // With several jobs at once a batch may end before an earlier one, which still needs its RDDs and state.
    const upTo =
      oldestUnfinished === undefined
        ? this.succeeded
        : this.succeeded.min(oldestUnfinished.minus(this.batchDuration))
    this.graph.clearMetadata(upTo, this.unpersist)
  }

  /** With `skip`, a failure of a batch is not one of the program. */
  private batchFailed(error: Error): void {
    if (this.failurePolicy === 'skip') this.sc.logger.error(error.message, { error })
    else this.report(error)
  }

  /** Never rejects. */
  private async skip(set: JobSet, reason: string): Promise<void> {
    const { graph, scheduler, bus, generator } = this
    const parts = {
      ...{ graph, scheduler, bus, logger: this.sc.logger },
      remake: (later: JobSet) => generator.fill(later),
      logSkipped: async (time: Time) => this.saved?.ended(time, { isSkipped: true }),
      onError: (error: unknown, time: Time) => this.batchFailed(generationError(error, time)),
    }
    try {
      await skipBatch(parts, set, reason)
    } catch (error) {
      this.report(generationError(error, set.time))
      this.endAfterFailure(set.time)
      return
    }
    // What comes before it is remembered until a later batch has been made of it.
    this.clearMetadata()
  }

  /** A batch has failed for good, and later ones would be built on what it left. */
  private endAfterFailure(time: Time): void {
    const reason = `the batch at ${time} failed (${configEntries.failurePolicy.key} is stop)`
    this.scheduler.abort(new KindlingError('JOB_CANCELLED', { reason }))
    void this.stop().catch(failure => this.report(failure as Error))
  }

  /** The log cannot be written: nothing further may run. */
  private giveUp(error: unknown): void {
    this.report(generationError(error, undefined))
    void this.stop().catch(failure => this.report(failure as Error))
  }

  private report(error: Error): void {
    this.sc.logger.error(error.message, { error })
    this.termination.failed(error)
  }

  /** @internal Stops the sources of a program that died in a test, and nothing else. */
  async abandonSources(): Promise<void> {
    const { inputs } = this.graph
    await Promise.allSettled(inputs.map(async ({ source }) => source.stop({ graceful: false })))
  }

  // ---- what streams ask ----

  /** @internal */
  protected input<T>(name: string, source: InputSource<T>): DStream<T> {
    return operator(name, () => {
      const stream = new InputDStream(this, name, this.graph.inputs.length, source)
      this.graph.inputs.push(stream as InputDStream<unknown>)
      return stream
    })
  }

  /** @internal */
  get isStarted(): boolean {
    return this.state === 'active' || this.starting !== undefined
  }

  /** @internal */
  assertDefining(what: string): void {
    if (this.state === 'stopped') throw new KindlingError('CONTEXT_STOPPED_ALREADY', { what })
    if (this.state === 'active' || this.starting !== undefined)
      throw new KindlingError('CONTEXT_STARTED', { what })
  }

  /** @internal */
  registerOutput(output: OutputOperation): void {
    this.graph.outputs.push(output)
  }

  /** @internal */
  write(text: string): void {
    this.writeText(text)
  }
}

function batchInterval(given: DurationLike | undefined): Duration {
  const expected = 'the batch interval, for example seconds(1)'
  if (given === undefined)
    throw new KindlingError('INVALID_ARGUMENT', { what: 'batchDuration', value: undefined, expected })
  const interval = toDuration(given, 'The batch interval')
  if (interval.milliseconds > 0) return interval
  throw new KindlingError('INVALID_ARGUMENT', { what: 'batchDuration', value: String(interval), expected })
}

function failurePolicyOf(conf: Config): FailurePolicy {
  const policy = conf.get(configEntries.failurePolicy) as FailurePolicy
  const { concurrentJobs, failurePolicy } = configEntries
  if (policy === 'skip' && conf.get(concurrentJobs) > 1)
    throw new KindlingError('INVALID_CONFIG', {
      key: failurePolicy.key,
      value: policy,
      expected: `another policy, or ${concurrentJobs.key} 1: what later batches made of a batch cannot be undone while they run`,
    })
  return policy
}

function generationError(error: unknown, time: Time | undefined): Error {
  if (error instanceof Error && error.name === 'KindlingError') return error
  const reason = error instanceof Error ? error.message : String(error)
  const params = { operation: 'making the jobs', time: String(time ?? 'the log'), reason }
  const context = time === undefined ? {} : { batchTime: time.milliseconds }
  return new KindlingError('OUTPUT_OPERATION_FAILED', params, { cause: error, context })
}
