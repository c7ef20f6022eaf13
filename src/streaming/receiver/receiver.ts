/** Receivers: where records are pushed into the engine. */
import { KindlingError } from '../../base/errors.ts'
import type { LogLevel } from '../../base/logger.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'

/** What a receiver asks of the engine; attached when its context starts. */
export interface ReceiverSupervisor {
  readonly streamId: number
  /** Names the context: its receivers share a thread. */
  readonly context: object
  readonly isStarted: boolean
  readonly isStopped: boolean
  store(record: unknown): void | Promise<void>
  storeMany(records: readonly unknown[], metadata: unknown): Promise<void>
  storeBlock(bytes: Uint8Array, metadata: unknown): Promise<void>
  storeLines(bytes: Uint8Array, lines: number): void | Promise<void>
  /** Hands over what is no record: for dead letters, where somebody takes them. */
  storeBad(bad: unknown): void
  reportError(message: string, error: unknown): void
  restart(message: string, error: unknown, delayMs: number | undefined): void
  stopReceiver(message: string, error: unknown): Promise<void>
  /** What a receiver on another thread writes to the log. */
  log(level: LogLevel, message: string): void
}

/**
 * A receiver of your own: override `onStart` and `onStop`, and hand over what comes in.
 *
 * `store` is for single records: they are gathered into a block for each block interval, and the rate is limited; await what it
 * returns, so that a source that is too fast waits. `storeMany` makes one block now: a source that wants acknowledgements gives
 * them when it has resolved. (Spark overloads `store` by type; here a record may be an array itself.)
 *
 * @typeParam T the type of a record
 * @source Spark Receiver
 * @example
 * class Ticks extends Receiver<number> {
 *   private timer: NodeJS.Timeout | undefined
 *   override onStart() {
 *     this.timer = setInterval(() => void this.store(Date.now()), 10)
 *   }
 *   override onStop() {
 *     clearInterval(this.timer)
 *   }
 * }
 * t.collect('counts', ssc.receiverStream(new Ticks()).count())
 * await ssc.start()
 * await t.until(async () => {
 *   await t.run(1)
 *   return t.out<number>('counts').batches.some(([n]) => n! > 0)
 * })
 * ssc.getState() // => 'active'
 */
export abstract class Receiver<T> {
  readonly storageLevel: StorageLevel
  private supervisor: ReceiverSupervisor | undefined

  constructor(storageLevel: StorageLevel = StorageLevel.MEMORY_AND_DISK_SER_2) {
    this.storageLevel = storageLevel
  }

  /**
   * Begins to receive, without waiting for data: starts timers, opens sockets. What it throws or rejects with stops the receiver and
   * is reported.
   */
  abstract onStart(): void | Promise<void>

  /**
   * Lets go of all that `onStart` opened. Called at each stop and before each restart.
   *
   * @example
   * class Ticks extends Receiver<number> {
   *   timer: NodeJS.Timeout | undefined
   *   override onStart() { this.timer = setInterval(() => void this.store(Date.now()), 100) }
   *   override onStop() { clearInterval(this.timer); this.timer = undefined }
   * }
   * const receiver = new Ticks()
   * t.collect('out', ssc.receiverStream(receiver))
   * await ssc.start()
   * await ssc.stop()
   * receiver.timer // => undefined
   */
  onStop(): void | Promise<void> {}

  /** The host to run on; `undefined` for any. */
  get preferredLocation(): string | undefined {
    return undefined
  }

  /** The number of its stream. @throws ILLEGAL_STATE before the context has started */
  get streamId(): number {
    return this.attached().streamId
  }

  /**
   * Whether it has been started and not been stopped.
   *
   * @example
   * const receiver = t.receiver<string>()
   * t.collect('out', ssc.receiverStream(receiver))
   * receiver.isStarted() // => false
   * await ssc.start()
   * receiver.isStarted() // => true
   */
  isStarted(): boolean {
    return this.supervisor?.isStarted === true
  }

  /**
   * Whether it has been stopped, or never been started: a reading loop ends then.
   *
   * @example
   * class Count extends Receiver<number> {
   *   override onStart() { void this.count() }
   *   private async count() { for (let n = 0; !this.isStopped() && n < 3; n++) await this.store(n) }
   * }
   * t.collect('out', ssc.receiverStream(new Count()))
   * await t.run(2)
   * t.out('out').batches.flat() // => [0, 1, 2]
   */
  isStopped(): boolean {
    return this.supervisor === undefined || this.supervisor.isStopped
  }

  /**
   * Hands over one record. Returns nothing while there is room, else a promise to be awaited before the next one. The record counts
   * as received, but is lost when the process dies before its batch is done; with
   * `spark.streaming.receiver.writeAheadLog.enable`, when it dies before the block of the record is in the log.
   *
   * @throws ILLEGAL_STATE before the start and after the stop; RECORD_NOT_ENCODABLE
   * @example
   * class Lines extends Receiver<string> {
   *   override onStart() { void this.read() }
   *   private async read() { for (const line of ['a', 'b']) await this.store(line) }
   * }
   * t.collect('out', ssc.receiverStream(new Lines()))
   * await t.run(2)
   * t.out('out').batches.flat() // => ['a', 'b']
   */
  store(record: T): void | Promise<void> {
    return this.attached().store(record)
  }

  /**
   * Hands over records as one block; resolves when it is stored. Not rate limited.
   *
   * With `spark.streaming.receiver.writeAheadLog.enable` it is in the checkpoint directory then, and is in the output also if the
   * process dies at once: a source that is told only now, and sends again what it was not told of, loses nothing.
   *
   * @throws BLOCK_NOT_LOGGED when it could not be logged: it does not count, and must not be acknowledged; RECORD_NOT_ENCODABLE
   * @example
   * class Acknowledging extends Receiver<string> {
   *   override onStart() {}
   *   async arrived(messages: string[]) {
   *     await this.storeMany(messages)
   *     return 'acknowledged'
   *   }
   * }
   * const receiver = new Acknowledging()
   * t.collect('out', ssc.receiverStream(receiver))
   * await ssc.start()
   * await receiver.arrived(['a', 'b']) // => 'acknowledged'
   */
  async storeMany(records: Iterable<T>, metadata?: unknown): Promise<void> {
    await this.attached().storeMany(Array.from(records), metadata)
  }

  /**
   * Hands over records that are encoded already, in the format of docs/reference/block-format.md, as one block; resolves when it is
   * stored, as with `storeMany`. The bytes must not be changed any more. Not rate limited.
   *
   * @throws BLOCK_NOT_LOGGED; BLOCK_DAMAGED when they do not begin as a block does; damage further in fails the batch
   * @example
   * class Blocks extends Receiver<string> {
   *   override onStart() { return this.storeBlock(rawFrame(['a', 'b']).subarray(4)) }
   * }
   * t.collect('out', ssc.receiverStream(new Blocks()))
   * await t.run(1)
   * t.out('out').batches // => [['a', 'b']]
   */
  async storeBlock(bytes: Uint8Array, metadata?: unknown): Promise<void> {
    await this.attached().storeBlock(bytes, metadata)
  }

  /**
   * Tells listeners of an error; the receiver goes on.
   *
   * @example
   * const errors: string[] = []
   * ssc.addStreamingListener({ onReceiverError: ({ receiverInfo }) => errors.push(receiverInfo.lastErrorMessage) })
   * const receiver = t.receiver<string>()
   * t.collect('out', ssc.receiverStream(receiver))
   * await ssc.start()
   * receiver.reportError('a line was too long')
   * await t.run(1)
   * errors // => ['a line was too long']
   */
  reportError(message: string, error?: unknown): void {
    this.attached().reportError(message, error)
  }

  /**
   * Stops, waits, starts again; returns at once.
   *
   * @param delayMs default: `spark.streaming.receiverRestartDelay`
   * @example
   * const receiver = t.receiver<string>()
   * t.collect('out', ssc.receiverStream(receiver))
   * await ssc.start()
   * receiver.restart('the connection broke', undefined, 1000)
   * receiver.isStarted() // => false
   * await t.run(1)
   * receiver.isStarted() // => true
   */
  restart(message: string, error?: unknown, delayMs?: number): void {
    this.attached().restart(message, error, delayMs)
  }

  /**
   * Stops for good; what it has stored is processed. Listeners are told, with the message.
   *
   * @example
   * const receiver = t.receiver<string>()
   * t.collect('out', ssc.receiverStream(receiver))
   * await ssc.start()
   * receiver.stop('the file has ended')
   * receiver.isStopped() // => true
   */
  stop(message: string, error?: unknown): void {
    void this.attached().stopReceiver(message, error)
  }

  /** @internal */
  attach(supervisor: ReceiverSupervisor): void {
    this.supervisor = supervisor
  }

  /** @internal */
  protected attached(): ReceiverSupervisor {
    if (this.supervisor !== undefined) return this.supervisor
    throw new KindlingError('ILLEGAL_STATE', {
      what: 'Using a receiver',
      reason: 'its StreamingContext has not been started',
    })
  }
}
