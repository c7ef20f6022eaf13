/**
 * A receiver that runs on the thread of receivers: here it hands over what comes from there, so blocks, rate, log and restarts are those
 * of any receiver.
 */
import { fromWire, isKindlingError, KindlingError, toWire, type WireError } from '../../../base/errors.ts'
import { decodeRecords } from '../../../data/codec.ts'
import { captureFunction } from '../../../rdd/functions/capture-function.ts'
import type { FunctionDescription } from '../../../rdd/functions/description.ts'
import type { StorageLevel } from '../../../rdd/storage-level.ts'
import type { SourceHost } from '../../input-source.ts'
import { Receiver } from '../receiver.ts'
import { type IoThread, ioThreadOf, type ThreadClient } from './io-thread.ts'
import type { FromReceivers } from './messages.ts'

/** The rarer settings of `receiverStream`. */
export interface ReceiverStreamOptions {
  /** Whether the receiver runs on a thread of its own kind. Default false: on the program's. */
  readonly thread?: boolean
}

/**
 * A receiver that reads the network: on the thread of receivers where tasks run on threads too, so that what it does for each piece of
 * data holds up nothing; else here. It is here too where what makes it cannot travel.
 *
 * @param make makes the receiver, with the storage level where it runs here; it keeps nothing from one start to the next
 */
export function networkReceiver<T>(
  { sc, logger }: Pick<SourceHost, 'sc' | 'logger'>,
  level: StorageLevel,
  make: (level?: StorageLevel) => Receiver<T>,
): Receiver<T> {
  if (sc.workers === undefined) return make(level)
  try {
    return new ThreadReceiver(make, level)
  } catch (error) {
    if (!isKindlingError(error)) throw error
    logger.info(`a receiver stays on the program's own thread: ${error.message}`)
    return make(level)
  }
}

/** How long `onStop` of a receiver may take. One that blocks its thread is ended with it. */
const STOP_WITHIN_MS = 5000

/** See the file head. */
export class ThreadReceiver<T> extends Receiver<T> implements ThreadClient {
  private readonly description: FunctionDescription
  private thread: IoThread | undefined
  private run = -1
  private starting: PromiseWithResolvers<void> | undefined
  private stopping: PromiseWithResolvers<void> | undefined
  /** Single records are handed over one after the other. */
  private taken: Promise<void> = Promise.resolve()

  /**
   * @param make makes the receiver, over there
   * @throws CLOSURE_NOT_TRANSFERABLE, CAPTURE_REASSIGNED, INVALID_ARGUMENT
   */
  constructor(make: () => Receiver<T>, storageLevel?: StorageLevel) {
    super(storageLevel)
    this.description = captureFunction(make)
    const shared = this.description.parts.find(({ kind }) => kind === 'broadcast' || kind === 'accumulator')
    if (shared !== undefined)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'a receiver with { thread: true }',
        value: `one that uses ${shared.kind === 'broadcast' ? 'a broadcast' : 'an accumulator'}`,
        expected: 'a receiver without broadcasts and accumulators: they belong to tasks',
      })
  }

  override async onStart(): Promise<void> {
    const thread = ioThreadOf(this.attached().context)
    this.thread = thread
    this.run = thread.add(this)
    this.starting = Promise.withResolvers()
    thread.post({
      type: 'start',
      run: this.run,
      description: this.description,
      streamId: this.streamId,
    })
    await this.starting.promise
  }

  override async onStop(): Promise<void> {
    const { thread, run } = this
    if (thread === undefined) return
    this.stopping = Promise.withResolvers()
    thread.post({ type: 'stop', run })
    const late = setTimeout(() => thread.kill(), STOP_WITHIN_MS)
    try {
      await this.stopping.promise
      await this.taken
    } finally {
      clearTimeout(late)
      this.thread = undefined
      thread.remove(run)
    }
  }

  receive(message: FromReceivers): void {
    switch (message.type) {
      case 'started':
        if (message.error === undefined) this.starting?.resolve()
        else this.starting?.reject(fromWire(message.error))
        return
      case 'stopped':
        if (message.error === undefined) this.stopping?.resolve()
        else this.stopping?.reject(fromWire(message.error))
        return
      case 'records':
        this.taken = this.taken.then(() => this.takeIn(message))
        return
      case 'lines':
        this.taken = this.taken.then(() => this.takeLines(message))
        return
      case 'block':
        void this.takeBlock(message)
        return
      case 'bad':
        this.attached().storeBad(decodeRecords(message.bytes)[0])
        return
      case 'error':
        this.reportError(message.message, errorOf(message.error))
        return
      case 'restart':
        this.restart(message.message, errorOf(message.error), message.delayMs)
        return
      case 'end':
        // What came before it counts.
        void this.taken.then(() => this.stop(message.message, errorOf(message.error)))
        return
      case 'floated':
        this.reportError(
          'a promise was rejected on its thread and nobody handled it',
          fromWire(message.error),
        )
        return
      case 'log':
        this.attached().log(message.level, message.message)
    }
  }

  lost(reason: string): void {
    const error = new KindlingError('WORKER_LOST', { reason })
    this.thread = undefined
    this.restart('its thread has ended', error)
    // It starts again, also when it was just starting.
    this.starting?.resolve()
    this.stopping?.resolve()
  }

  private async takeIn({ run, bytes, count }: FromReceivers & { type: 'records' }): Promise<void> {
    const records = decodeRecords(bytes) as T[]
    let taken = 0
    try {
      for (const record of records) {
        const wait = this.store(record)
        if (wait !== undefined) await wait
        taken++
      }
    } catch {
      // The receiver stops: what has arrived is processed, and nobody waits for the rate any more.
      await this.storeMany(records.slice(taken)).catch((error: unknown) =>
        this.reportError(`${count - taken} records of its thread could not be stored`, error),
      )
    }
    this.thread?.post({ type: 'room', run, records: count, bytes: bytes.length })
  }

  private async takeLines({ run, bytes, count }: FromReceivers & { type: 'lines' }): Promise<void> {
    await this.attached().storeLines(bytes, count)
    this.thread?.post({ type: 'room', run, records: count, bytes: bytes.length })
  }

  private async takeBlock({ run, call, bytes, metadata }: FromReceivers & { type: 'block' }): Promise<void> {
    let failure: WireError | undefined
    try {
      await this.storeBlock(bytes, decodeRecords(metadata)[0])
    } catch (error) {
      failure = toWire(error)
    }
    this.thread?.post({ type: 'stored', run, call, error: failure })
  }
}

function errorOf(error: WireError | undefined): Error | undefined {
  return error === undefined ? undefined : fromWire(error)
}
