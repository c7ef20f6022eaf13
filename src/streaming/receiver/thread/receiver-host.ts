/** The receivers of a thread: makes, starts and stops them, and sends the driver what they hand over. */
import { asError, fromWire, KindlingError, toWire, type WireError } from '../../../base/errors.ts'
import type { LogLevel } from '../../../base/logger.ts'
import { copyValue, encodeRecords, isImmutable } from '../../../data/codec.ts'
import { revive } from '../../../rdd/functions/revive.ts'
import type { Receiver, ReceiverSupervisor } from '../receiver.ts'
import type { FromReceivers, ToReceivers } from './messages.ts'

type Post = (message: FromReceivers, transfer?: readonly ArrayBuffer[]) => void

/** Records that are gathered before they are sent; fewer go at the end of the turn. */
const SEND_FROM = 512
/** Records on their way that the driver has not taken in, and their bytes; after so many, `store` gives a promise. */
const ON_THE_WAY = { records: 8192, bytes: 1024 * 1024 }

/** See the file head. */
export class ReceiverHost {
  private readonly post: Post
  private readonly runs = new Map<number, RemoteSupervisor>()

  constructor(post: Post) {
    this.post = post
  }

  receive(message: ToReceivers): void {
    if (message.type === 'start') void this.start(message)
    else if (message.type === 'stop') void this.stop(message.run)
    else this.runs.get(message.run)?.answered(message)
  }

  private async start({ run, description, streamId }: ToReceivers & { type: 'start' }): Promise<void> {
    try {
      const make = (await revive(description, NOTHING_SHARED)) as () => Receiver<unknown>
      const receiver = make()
      const supervisor = new RemoteSupervisor(run, streamId, receiver, this.post)
      this.runs.set(run, supervisor)
      receiver.attach(supervisor)
      await receiver.onStart()
      this.post({ type: 'started', run, error: undefined })
    } catch (error) {
      this.post({ type: 'started', run, error: toWire(error) })
    }
  }

  private async stop(run: number): Promise<void> {
    const supervisor = this.runs.get(run)
    this.runs.delete(run)
    let failure: WireError | undefined
    try {
      await supervisor?.stop()
    } catch (error) {
      failure = toWire(error)
    }
    this.post({ type: 'stopped', run, error: failure })
  }
}

/** Functions that use broadcasts or accumulators were refused by the driver. */
const NOTHING_SHARED = { broadcast: () => undefined, accumulator: () => undefined }

/** The supervisor of the driver, as a receiver on the thread has it. */
class RemoteSupervisor implements ReceiverSupervisor {
  readonly streamId: number
  private readonly run: number
  private readonly receiver: Receiver<unknown>
  private readonly post: Post
  private state: 'started' | 'restarting' | 'stopped' = 'started'
  private gathered: unknown[] = []
  private isSending = false
  private readonly onTheWay = { records: 0, bytes: 0 }
  private room: PromiseWithResolvers<void> | undefined
  private calls = 0
  private readonly waiting = new Map<number, PromiseWithResolvers<void>>()

  constructor(run: number, streamId: number, receiver: Receiver<unknown>, post: Post) {
    this.run = run
    this.streamId = streamId
    this.receiver = receiver
    this.post = post
  }

  get context(): object {
    return this
  }

  get isStarted(): boolean {
    return this.state === 'started'
  }

  get isStopped(): boolean {
    return this.state === 'stopped'
  }

  async stop(): Promise<void> {
    this.state = 'stopped'
    try {
      await this.receiver.onStop()
    } finally {
      this.send()
      this.room?.resolve()
      for (const call of this.waiting.values()) call.reject(hasStopped())
      this.waiting.clear()
    }
  }

  answered(message: ToReceivers & { type: 'room' | 'stored' }): void {
    if (message.type === 'room') {
      this.onTheWay.records -= message.records
      this.onTheWay.bytes -= message.bytes
      if (this.isFull) return
      this.room?.resolve()
      this.room = undefined
      return
    }
    const call = this.waiting.get(message.call)
    this.waiting.delete(message.call)
    if (message.error === undefined) call?.resolve()
    else call?.reject(fromWire(message.error))
  }

  store(record: unknown): void | Promise<void> {
    if (this.state !== 'started') throw hasStopped()
    // A copy of its own: it is sent later, and what is no data is refused now.
    const length = this.gathered.push(isImmutable(record) ? record : copyValue(record))
    this.onTheWay.records++
    if (length >= SEND_FROM) this.send()
    else if (!this.isSending) {
      this.isSending = true
      setImmediate(() => this.send())
    }
    return this.whenRoom()
  }

  private get isFull(): boolean {
    return this.onTheWay.records >= ON_THE_WAY.records || this.onTheWay.bytes >= ON_THE_WAY.bytes
  }

  private whenRoom(): undefined | Promise<void> {
    if (!this.isFull) return undefined
    this.room ??= Promise.withResolvers()
    return this.room.promise
  }

  async storeMany(records: readonly unknown[], metadata: unknown): Promise<void> {
    await this.storeBlock(encodeRecords(records), metadata)
  }

  async storeBlock(bytes: Uint8Array, metadata: unknown): Promise<void> {
    if (this.state !== 'started') throw hasStopped()
    this.send()
    const call = this.calls++
    const stored = Promise.withResolvers<void>()
    const message = {
      type: 'block' as const,
      run: this.run,
      call,
      bytes,
      metadata: encodeRecords([metadata]),
    }
    this.waiting.set(call, stored)
    this.post(message)
    await stored.promise
  }

  storeLines(bytes: Uint8Array, count: number): void | Promise<void> {
    if (this.state !== 'started') throw hasStopped()
    this.send()
    // They are views of what comes next too.
    const own = new Uint8Array(bytes)
    this.onTheWay.records += count
    this.onTheWay.bytes += own.length
    this.post({ type: 'lines', run: this.run, bytes: own, count }, [own.buffer])
    return this.whenRoom()
  }

  storeBad(bad: unknown): void {
    this.post({ type: 'bad', run: this.run, bytes: encodeRecords([bad]) })
  }

  reportError(message: string, error: unknown): void {
    this.post({ type: 'error', run: this.run, message, error: wireOf(error) })
  }

  restart(message: string, error: unknown, delayMs: number | undefined): void {
    if (this.state !== 'started') return
    this.state = 'restarting'
    this.post({ type: 'restart', run: this.run, message, error: wireOf(error), delayMs })
  }

  async stopReceiver(message: string, error: unknown): Promise<void> {
    if (this.state === 'stopped') return
    this.send()
    this.post({ type: 'end', run: this.run, message, error: wireOf(error) })
  }

  log(level: LogLevel, message: string): void {
    this.post({ type: 'log', level, message })
  }

  private send(): void {
    this.isSending = false
    const records = this.gathered
    if (records.length === 0) return
    this.gathered = []
    const bytes = encodeRecords(records)
    this.onTheWay.bytes += bytes.length
    this.post({ type: 'records', run: this.run, bytes, count: records.length })
  }
}

function wireOf(error: unknown): WireError | undefined {
  return error === undefined ? undefined : toWire(asError(error))
}

function hasStopped(): KindlingError {
  return new KindlingError('ILLEGAL_STATE', { what: 'Storing records', reason: 'the receiver has stopped' })
}
