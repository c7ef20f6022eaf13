/**
 * StreamingContext: where a streaming program is defined, started and stopped.
 *
 *   initialized ──start──▶ active ──stop──▶ stopped        (one way; a start that fails ends in stopped)
 *
 * How it starts is in start-up.ts, what becomes of its batches in batch/batch-runner.ts, how they end in end-batches.ts.
 */
import { configEntries } from '../base/config.ts'
import { markKind } from '../base/engine-kind.ts'
import { KindlingError } from '../base/errors.ts'
import { ListenerBus } from '../base/listener-bus.ts'
import { type Duration, type DurationLike, toDuration } from '../base/time.ts'
import { currentJobScope } from '../context/job-scope.ts'
import { SparkContext } from '../context/spark-context.ts'
import type { DeadLetter } from '../rdd/dead-letters/dead-letter.ts'
import { operator } from '../rdd/scope.ts'
import type { Sink } from '../rdd/sink/sink.ts'
import { activeContexts, contextStarted, contextStopped } from './active-contexts.ts'
import { BatchRunner } from './batch/batch-runner.ts'
import { WorkerAllocation } from './batch/worker-allocation.ts'
import { findCheckpoint } from './checkpoint/find.ts'
import { LocalStorage } from './checkpoint/local-storage.ts'
import type { CheckpointStorage } from './checkpoint/storage.ts'
import type {
  GetOrCreateOptions,
  StopOptions,
  StreamingContextOptions,
  StreamingContextState,
} from './context-options.ts'
import { DeadLetters } from './delivery/dead-letters.ts'
import { Delivery } from './delivery/delivery.ts'
import type { OutputGuarantee } from './delivery/guarantee.ts'
import type { WriteToOptions } from './delivery/sink-operation.ts'
import type { DStream } from './dstream/dstream.ts'
import type { OutputOperation, StreamHost } from './dstream/host.ts'
import { InputDStream } from './dstream/input.ts'
import { endBatches } from './end-batches.ts'
import { DStreamGraph } from './graph.ts'
import type { InputSource } from './input-source.ts'
import { interceptedStart } from './intercepted-start.ts'
import type { StreamingListener } from './listener.ts'
import { endStopAtSignals, stopAtSignals } from './signals.ts'
import { type Program, startProgram } from './start-up.ts'
import { NOTHING_TO_STOP, type StopReport } from './stop-report.ts'
import { StreamCreators } from './stream-creators.ts'
import { settledInTime, Termination } from './termination.ts'

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
  private readonly program: Program
  private readonly termination = new Termination()
  private storage: CheckpointStorage | undefined
  private createOnError = false
  private state: StreamingContextState = 'initialized'
  private starting: Promise<void> | undefined
  private stopping: Promise<StopReport> | undefined

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
    const bus = new ListenerBus<StreamingListener>({
      capacity: conf.get(configEntries.listenerBusCapacity),
      logger,
      clock,
    })
    const parts = { sc: this.sc, batchDuration: this.batchDuration, graph: this.graph, bus }
    const delivery = new Delivery({
      ...{ graph: this.graph, conf, logger, newName: this.sc.newName },
      onFenced: error => runner.giveUp(error),
      onDeadLetters: event => bus.post('onDeadLetters', event),
    })
    const runner: BatchRunner = new BatchRunner({
      ...parts,
      delivery,
      onError: error => this.termination.failed(error),
      stop: async () => void (await this.stop()),
    })
    const allocation = new WorkerAllocation({
      ...{ conf, clock, logger },
      workers: this.sc.workers,
      batchMs: this.batchDuration.milliseconds,
    })
    this.program = { ...parts, delivery, runner, allocation }
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

  /**
   * What holds for each output when the process crashes, in order of definition: as sources, checkpoints and sinks are now. The same is
   * logged at the start, in a line for each.
   *
   * @example
   * words.saveAsTextFiles(`${dir}/words`)
   * ssc.guarantees()[0]?.guarantee // => 'none'
   */
  guarantees(): readonly OutputGuarantee[] {
    return this.program.delivery.guarantees(this.storage !== undefined)
  }

  /**
   * Where records go that a function of the program cannot take: given as `onError` to `map`, `flatMap` and `filter` of any streams. They
   * are written at the end of each batch, with the value, where it came from and the error, and counted; nothing is lost without a trace.
   *
   * @param sink a sink for nothing else
   * @example
   * const bad = ssc.deadLetters(fileSink(`${dir}/bad`, { format: 'ndjson' }))
   * lines.map(line => JSON.parse(line) as unknown, { onError: bad }) // => [[], []]
   */
  deadLetters<M>(sink: Sink<DeadLetter, M>, options: WriteToOptions = {}): DeadLetters {
    return operator('deadLetters', () => new DeadLetters(this, sink as Sink<DeadLetter>, options))
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
    this.program.bus.add(listener)
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
    this.program.bus.remove(listener)
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
    const { sc, graph, batchDuration, storage, createOnError } = this
    const take = interceptedStart()
    if (take !== undefined) {
      take({ sc, graph, batchDuration, storage, createOnError })
      return new Promise(() => {})
    }
    try {
      await startProgram(this.program, {
        ...{ storage, createOnError },
        isStopping: () => this.stopping !== undefined,
        activate: () => {
          this.state = 'active'
          contextStarted(this)
          if (sc.conf.get(configEntries.stopGracefullyOnShutdown)) stopAtSignals(this)
        },
      })
    } catch (error) {
      await this[Symbol.asyncDispose]()
      throw error
    }
  }

  /**
   * Resolves when the context has stopped; rejects with the first error of a batch or a source.
   *
   * A batch that fails after the attempts of its tasks ends the context: later ones do not run, and with a checkpoint directory it
   * runs again after a restart. With `kindling.streaming.failurePolicy` set to `continue` the context goes on until it is stopped; with
   * `skip` or `dead-letter` the batch is taken back and no error.
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
   * running ones aborted. Resolves to what was processed meanwhile and what was not; called inside a batch it resolves at once, to
   * `undefined`, since the stop waits for that batch.
   *
   * @throws ILLEGAL_STATE when called by a listener
   * @example
   * const receiver = t.receiver<string>()
   * t.collect('out', ssc.receiverStream(receiver))
   * await ssc.start()
   * await receiver.push('a')
   * const stopped = ssc.stop({ graceful: true, deadline: seconds(30) })
   * await t.run(1)
   * const report = await stopped
   * report?.isComplete // => true
   * t.out('out').batches // => [['a']]
   */
  stop(options: StopOptions = {}): Promise<StopReport | undefined> {
    if (this.program.bus.insideListener)
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
    } else if (options.stopSparkContext === true)
      this.stopping = this.stopping.then(async report => {
        await this.sc.stop()
        return report
      })
    const { stopping } = this
    const scope = currentJobScope()
    if (scope?.properties.outputOpId === undefined) return stopping
    // From inside a batch: the stop waits for this very callback, so the callback must not wait for the stop.
    stopping.catch(error => this.program.runner.report(error as Error))
    return Promise.resolve(undefined)
  }

  /** {@link StreamingContext.stop}; that of a context which was never started is nothing to warn about. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stopping ??= this.state === 'initialized' ? this.shutDown({}) : undefined
    await this.stop()
  }

  private async shutDown(options: StopOptions): Promise<StopReport> {
    const { graph, bus, delivery, runner } = this.program
    try {
      const report = this.state === 'active' ? await endBatches(this.program, options) : NOTHING_TO_STOP
      if (runner.saved !== undefined) await settledInTime(runner.saved.idle())
      return report
    } finally {
      runner.saved?.close()
      for (const output of graph.outputs) output.stopped?.()
      // Somebody who stops at once does not wait for a sink that hangs.
      if (options.graceful === true) await delivery.close()
      else await settledInTime(delivery.close())
      await bus.drain()
      bus.stop()
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

  /** @internal The first error of the program, as long as nobody has waited for its end. */
  get unseenFailure(): Error | undefined {
    return this.termination.unseenFailure
  }

  /** @internal Stops the sources of a program that died in a test, and nothing else. */
  async abandonSources(): Promise<void> {
    const { inputs } = this.graph
    await Promise.allSettled(inputs.map(async ({ source }) => source.stop({ graceful: false })))
  }

  // ---- what streams ask ----

  /** @internal */
  protected input<T>(name: string, source: InputSource<T>): DStream<T> {
    const { inputs } = this.graph
    return operator(name, () => {
      const stream = new InputDStream(this, name, inputs.length, source)
      inputs.push(stream as InputDStream<unknown>)
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
    this.graph.addOutput(output)
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
