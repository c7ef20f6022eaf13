/** Receivers: where records are pushed into the engine. */
import { KindlingError } from '../../base/errors.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'

/** What a receiver asks of the engine; attached when its context starts. */
export interface ReceiverSupervisor {
  readonly streamId: number
  readonly isStarted: boolean
  readonly isStopped: boolean
  store(record: unknown): void | Promise<void>
  storeMany(records: readonly unknown[], metadata: unknown): Promise<void>
  storeBlock(bytes: Uint8Array, metadata: unknown): Promise<void>
  storeLines(bytes: Uint8Array, lines: number): void | Promise<void>
  reportError(message: string, error: unknown): void
  restart(message: string, error: unknown, delayMs: number | undefined): void
  stopReceiver(message: string, error: unknown): Promise<void>
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
 *   override onStart(): void {
 *     this.timer = setInterval(() => void this.store(Date.now()), 100)
 *   }
 *   override onStop(): void {
 *     clearInterval(this.timer)
 *   }
 * }
 * ssc.receiverStream(new Ticks()).count().print()
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

  /** Lets go of all that `onStart` opened. Called at each stop and before each restart. */
  onStop(): void | Promise<void> {}

  /** The host to run on; `undefined` for any. */
  get preferredLocation(): string | undefined {
    return undefined
  }

  /** The number of its stream. @throws ILLEGAL_STATE before the context has started */
  get streamId(): number {
    return this.attached().streamId
  }

  /** Whether it has been started and not been stopped. */
  isStarted(): boolean {
    return this.supervisor?.isStarted === true
  }

  /** Whether it has been stopped, or never been started: a reading loop ends then. */
  isStopped(): boolean {
    return this.supervisor === undefined || this.supervisor.isStopped
  }

  /**
   * Hands over one record. Returns nothing while there is room, else a promise to be awaited before the next one. The record counts
   * as received, but is lost when the process dies before its batch is done; with
   * `spark.streaming.receiver.writeAheadLog.enable`, when it dies before the block of the record is in the log.
   *
   * @throws ILLEGAL_STATE before the start and after the stop; RECORD_NOT_ENCODABLE
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
   *   override onStart(): void {}
   *   async arrived(messages: string[], acknowledge: () => void): Promise<void> {
   *     await this.storeMany(messages)
   *     acknowledge()
   *   }
   * }
   */
  async storeMany(records: Iterable<T>, metadata?: unknown): Promise<void> {
    await this.attached().storeMany(Array.from(records), metadata)
  }

  /**
   * Hands over records that are encoded already, in the format of docs/reference/block-format.md, as one block; resolves when it is
   * stored, as with `storeMany`. The bytes must not be changed any more. Not rate limited.
   *
   * @throws BLOCK_NOT_LOGGED; BLOCK_DAMAGED when they do not begin as a block does; damage further in fails the batch
   */
  async storeBlock(bytes: Uint8Array, metadata?: unknown): Promise<void> {
    await this.attached().storeBlock(bytes, metadata)
  }

  /** Tells listeners of an error; the receiver goes on. */
  reportError(message: string, error?: unknown): void {
    this.attached().reportError(message, error)
  }

  /**
   * Stops, waits, starts again; returns at once. @param delayMs default: `spark.streaming.receiverRestartDelay`
   *
   * @example
   * class Lines extends Receiver<string> {
   *   override onStart(): void {
   *     process.stdin.once('error', error => this.restart('standard input broke', error, 5000))
   *   }
   * }
   */
  restart(message: string, error?: unknown, delayMs?: number): void {
    this.attached().restart(message, error, delayMs)
  }

  /** Stops for good. */
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
