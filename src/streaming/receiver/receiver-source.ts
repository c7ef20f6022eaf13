/**
 * Runs a receiver as a source: starts and restarts it, gathers blocks, and gives each batch those that came since the last one.
 *
 *   initialized ─▶ started ◀──delay── restarting        (restarting only from started)
 *                     └──────▶ stopped ◀───┘
 */
import { hostname } from 'node:os'
import { type Config, configEntries } from '../../base/config.ts'
import { describeValue, KindlingError } from '../../base/errors.ts'
import type { LogLevel } from '../../base/logger.ts'
import type { Time } from '../../base/time.ts'
import { RDD } from '../../rdd/rdd.ts'
import type { BatchInput, InputSource, SourceGuarantee, SourceHost } from '../input-source.ts'
import type { BatchInfo, ReceiverInfo } from '../listener.ts'
import { BlockGenerator } from './block-generator.ts'
import { RateLimiter } from './rate-limiter.ts'
import { type BlocksPlan, ReceivedBlockTracker } from './received-block-tracker.ts'
import { blocksNode, type ReceivedBlock } from './received-blocks.ts'
import type { Receiver, ReceiverSupervisor } from './receiver.ts'

type State = 'initialized' | 'started' | 'restarting' | 'stopped'

/** See the file head. */
export class ReceiverSource<T> implements InputSource<T>, ReceiverSupervisor {
  readonly name: string
  /** Takes what is no record. */
  onBad: (bad: unknown) => void = () => {}
  private readonly make: (host: SourceHost) => Receiver<T>
  /** `undefined` until it starts. */
  private receiver!: Receiver<T>
  private readonly firstRate: number | undefined
  private state: State = 'initialized'
  private host!: SourceHost
  /** `undefined` until it starts; a start that fails is followed by a stop. */
  private blocks!: ReceivedBlockTracker
  private generator!: BlockGenerator
  private limiter!: RateLimiter
  private readonly abort = new AbortController()
  private lastError: { readonly message: string; readonly stack: string; readonly time: number } | undefined
  private warnedFull = false

  /**
   * @param receiver or what makes it when the context starts
   * @param firstRate records a second until it is known what batches can take, with back-pressure. Default: no limit
   */
  constructor(
    receiver: Receiver<T> | ((host: SourceHost) => Receiver<T>),
    name?: string,
    firstRate?: number,
  ) {
    this.firstRate = firstRate
    this.make = typeof receiver === 'function' ? receiver : () => receiver
    this.name = name ?? receiver.constructor.name
  }

  // ---- as a source ----

  async start(host: SourceHost): Promise<void> {
    this.host = host
    const { conf, clock, streamId } = host
    this.blocks = new ReceivedBlockTracker({
      name: this.name,
      logger: host.logger,
      maxHeldBytes: conf.get(configEntries.receiverMaxHeldBytes),
      log: host.receivedLog,
      isLogging: conf.get(configEntries.receiverLogEnable),
    })
    await this.blocks.open()
    const maxRate = conf.get(configEntries.receiverMaxRate)
    const backpressure = conf.get(configEntries.backpressureEnabled)
    const initial = backpressure
      ? (conf.get(configEntries.backpressureInitialRate) ?? maxRate ?? this.firstRate)
      : maxRate
    this.limiter = new RateLimiter(clock, initial, maxRate)
    if (backpressure)
      host.rateControl({
        // Held bytes are bounded, so a receiver may take in what comes until something is known.
        initial: initial ?? Number.POSITIVE_INFINITY,
        ...(maxRate === undefined ? {} : { max: maxRate }),
        changed: rate => this.limiter.update(rate),
      })
    const intervalMs = conf.get(configEntries.blockInterval)
    this.generator = new BlockGenerator({
      clock,
      streamId,
      intervalMs,
      deliver: block => this.blocks.store(block),
      onLost: ({ records }, error) =>
        this.reportError(`${records} received records are lost, since they could not be stored`, error),
    })
    this.generator.start()
    this.receiver = this.make(host)
    this.receiver.attach(this)
    await this.startReceiver()
  }

  async stop({ graceful }: { readonly graceful: boolean }): Promise<void> {
    await this.stopReceiver('the StreamingContext stops', undefined)
    if (graceful) await this.blocks?.settled()
    else this.blocks?.held.allocate(0)
    this.blocks?.held.close()
  }

  plan(time: Time): BatchInput<T> {
    const blocks = this.blocks.allocate(time.milliseconds)
    const numRecords = blocks.reduce((sum, block) => sum + block.records, 0)
    const metadata = { Description: `${blocks.length} blocks of ${this.name}` }
    return { rdd: this.rddOf(blocks), numRecords, metadata }
  }

  private rddOf(blocks: readonly ReceivedBlock[]): RDD<T> {
    const { sc, streamId } = this.host
    if (blocks.length === 0) return sc.emptyRDD<T>()
    return new RDD<T>(sc, blocksNode(`${this.name} of stream ${streamId}`, blocks))
  }

  guarantee(conf: Config): SourceGuarantee {
    return conf.get(configEntries.receiverLogEnable) ? 'at-least-once' : 'none'
  }

  get isReplayable(): boolean {
    return this.host?.conf.get(configEntries.receiverLogEnable) === true
  }

  describe(time: Time): unknown {
    return this.blocks.describe(time.milliseconds)
  }

  restore(time: Time, description: unknown): (() => RDD<T>) | undefined {
    if (description === undefined) return undefined
    const blocks = this.blocks.restore(time.milliseconds, description as BlocksPlan)
    return blocks === undefined ? undefined : () => this.rddOf(blocks)
  }

  hasUnplanned(): boolean {
    return this.blocks?.hasWaiting ?? false
  }

  forget(upTo: Time): void {
    this.blocks.held.release(upTo.milliseconds)
  }

  batchCompleted(info: BatchInfo): void {
    this.blocks.held.release(info.batchTime.milliseconds)
  }

  // ---- as the supervisor of its receiver ----

  get streamId(): number {
    return this.host.streamId
  }

  get context(): object {
    return this.host.sc
  }

  get isStarted(): boolean {
    return this.state === 'started'
  }

  get isStopped(): boolean {
    return this.state === 'stopped'
  }

  store(record: unknown): void | Promise<void> {
    const wait = this.limiter.acquire(1, this.abort.signal)
    if (wait !== undefined) return wait.then(() => this.store1(record))
    return this.store1(record)
  }

  private store1(record: unknown): void | Promise<void> {
    const wait = this.whenRoom()
    if (wait !== undefined) return wait.then(() => this.generator.add(record))
    this.generator.add(record)
  }

  async storeMany(records: readonly unknown[], metadata: unknown): Promise<void> {
    await this.whenRoom()
    await this.generator.addBlock(records, metadata)
  }

  async storeBlock(bytes: Uint8Array, metadata: unknown): Promise<void> {
    await this.whenRoom()
    await this.generator.addEncoded(bytes, metadata)
  }

  storeLines(bytes: Uint8Array, lines: number): void | Promise<void> {
    const wait = this.limiter.acquire(lines, this.abort.signal)
    const room = this.whenRoom()
    if (wait === undefined && room === undefined) {
      this.generator.addLines(bytes, lines)
      return
    }
    const own = bytes.slice()
    // Also when the wait ends with the stop: what was received is processed.
    return Promise.allSettled([wait, room]).then(() => this.generator.addLines(own, lines))
  }

  private whenRoom(): Promise<void> | undefined {
    const wait = this.blocks.held.whenRoom(this.generator.gatheredBytes)
    if (wait === undefined || this.warnedFull) return wait
    this.warnedFull = true
    this.host.logger.warn(
      `${this.name}: ${this.blocks.heldBytes} bytes are received and not processed; the source waits until batches catch up`,
    )
    return wait
  }

  storeBad(bad: unknown): void {
    this.onBad(bad)
  }

  reportError(message: string, error: unknown): void {
    const stack =
      error instanceof Error
        ? (error.stack ?? error.message)
        : error === undefined
          ? ''
          : describeValue(error)
    this.lastError = { message, stack, time: this.host.clock.now() }
    this.host.logger.warn(`${this.name}: ${message}`)
    this.host.post('onReceiverError', { receiverInfo: this.info() })
  }

  log(level: LogLevel, message: string): void {
    this.host.logger[level](`${this.name}: ${message}`)
  }

  restart(message: string, error: unknown, delayMs?: number): void {
    if (this.state !== 'started') return
    this.state = 'restarting'
    const delay = delayMs ?? this.host.conf.get(configEntries.receiverRestartDelay)
    this.reportError(`${message}; trying again in ${delay} ms`, error)
    void this.startAgain(delay)
  }

  private async startAgain(delay: number): Promise<void> {
    try {
      await this.receiver.onStop()
      await this.host.clock.sleep(delay, this.abort.signal)
    } catch (error) {
      if (this.abort.signal.aborted) return
      this.reportError('onStop failed', error)
    }
    if (this.state === 'restarting') await this.startReceiver()
  }

  private async startReceiver(): Promise<void> {
    this.state = 'started'
    try {
      await this.receiver.onStart()
      if (this.isStarted) this.host.post('onReceiverStarted', { receiverInfo: this.info() })
    } catch (error) {
      const reason = error instanceof Error ? error.message : describeValue(error)
      const failure = new KindlingError('RECEIVER_FAILED', { receiver: this.name, reason }, { cause: error })
      await this.stopReceiver(failure.message, failure)
    }
  }

  async stopReceiver(message: string, error: unknown): Promise<void> {
    if (this.state === 'stopped') return
    const wasStarted = this.state === 'started'
    this.state = 'stopped'
    this.abort.abort(
      new KindlingError('ILLEGAL_STATE', { what: 'Storing records', reason: 'the receiver has stopped' }),
    )
    try {
      if (wasStarted) await this.receiver.onStop()
    } catch (failure) {
      this.reportError('onStop failed', failure)
    }
    this.blocks?.held.close()
    // Those who waited for the rate or for room hand over what they hold.
    await new Promise(resolve => setImmediate(resolve))
    this.generator?.stop()
    if (this.host === undefined) return
    if (error !== undefined) this.reportError(message, error)
    else this.lastError = { stack: '', time: -1, ...this.lastError, message }
    this.host.post('onReceiverStopped', { receiverInfo: this.info() })
  }

  private info(): ReceiverInfo {
    return {
      streamId: this.host.streamId,
      name: `${this.name}-${this.host.streamId}`,
      active: this.state === 'started',
      location: hostname(),
      executorId: 'driver',
      lastErrorMessage: this.lastError?.message ?? '',
      lastError: this.lastError?.stack ?? '',
      lastErrorTime: this.lastError?.time ?? -1,
    }
  }
}
