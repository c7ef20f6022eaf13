/** What reads TCP connections: lines of text, and records that a converter makes; see `socket.ts`. */
import { connect, type Socket } from 'node:net'
import { KindlingError } from '../../base/errors.ts'
import { countLines, LineFramer, type LongLine } from '../../data/text.ts'
import { type DeadLetter, errorOf } from '../../rdd/dead-letters/dead-letter.ts'
import type { StorageLevel } from '../../rdd/storage-level.ts'
import { Receiver } from '../receiver/receiver.ts'

/** Makes records of the bytes of one connection. */
export type BytesConverter<T> = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<T> | Iterable<T>

/** Where to connect to. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** A connection that is made again; subclasses read it. */
export abstract class ConnectingReceiver<T> extends Receiver<T> {
  protected readonly address: Address
  private socket: Socket | undefined

  constructor(address: Address, level?: StorageLevel) {
    super(level)
    this.address = address
  }

  override onStart(): void {
    const socket = connect(this.address)
    this.socket = socket
    const { host, port } = this.address
    let connected = false
    socket.once('connect', () => {
      connected = true
    })
    this.read(socket).then(
      () => this.again(socket, `the connection to ${host}:${port} was closed by the other side`, undefined),
      (error: Error) => {
        const what = connected
          ? `the connection to ${host}:${port} broke`
          : `cannot connect to ${host}:${port}`
        const advice = connected ? '' : '; is a server listening there (for a test: nc -lk PORT)?'
        this.again(socket, `${what}: ${error.message || (error as { code?: string }).code}${advice}`, error)
      },
    )
  }

  override onStop(): void {
    const { socket } = this
    this.socket = undefined
    socket?.destroy()
  }

  /** Reads the connection to its end; rejects with its error. */
  protected abstract read(socket: Socket): Promise<void>

  private again(socket: Socket, message: string, error: unknown): void {
    socket.destroy()
    if (this.socket !== socket) return
    this.socket = undefined
    this.restart(message, error)
  }
}

/** How lines are read. */
export interface SocketTextSettings {
  /** Longer ones are dropped. */
  readonly maxLineBytes: number
  /** Whether these go to dead letters; else they are only told. */
  readonly keepsLong: boolean
}

/** A line that was too long, as data. */
export type BadLine = Pick<DeadLetter, 'error' | 'source' | 'raw'>

function badLine({ bytes, offset, head }: LongLine, { host, port }: Address, limit: number): BadLine {
  const socket = `${host}:${port}`
  const source = `${socket} (the one that begins at byte ${offset} of a connection)`
  const { stack: _, ...error } = errorOf(new KindlingError('LINE_TOO_LONG', { source, limit }))
  return { error, source: { socket, offset, bytes }, raw: head }
}

/** Lines, each of at most so many bytes. */
export class SocketTextReceiver extends ConnectingReceiver<string> {
  private readonly settings: SocketTextSettings

  constructor(address: Address, settings: SocketTextSettings, level?: StorageLevel) {
    super(address, level)
    this.settings = settings
  }

  protected read(socket: Socket): Promise<void> {
    const { maxLineBytes, keepsLong } = this.settings
    const framer = new LineFramer({
      maxLineBytes,
      onTooLong: line => {
        if (keepsLong) this.attached().storeBad(badLine(line, this.address, maxLineBytes))
        else
          this.reportError(
            `a line of ${line.bytes} bytes was dropped; the limit is ${maxLineBytes} (kindling.text.maxLineBytes)`,
          )
      },
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const hand = (lines: Uint8Array | undefined): void | Promise<void> =>
      lines === undefined ? undefined : this.attached().storeLines(lines, countLines(lines))
    socket.on('data', (bytes: Buffer) => {
      try {
        const wait = hand(framer.push(bytes))
        if (wait === undefined) return
        socket.pause()
        wait.then(() => socket.resume(), reject)
      } catch (error) {
        reject(error)
      }
    })
    let failure: Error | undefined
    socket.on('error', error => {
      failure = error
    })
    socket.on('close', () => {
      // As a reader of lines does, the last one counts also without its end.
      const last = this.isStopped() ? undefined : framer.end()
      Promise.resolve(hand(last)).then(() => (failure === undefined ? resolve() : reject(failure)), reject)
    })
    return promise
  }
}

/** What the converter makes of the bytes. */
export class SocketReceiver<T> extends ConnectingReceiver<T> {
  private readonly converter: BytesConverter<T>

  constructor(address: Address, converter: BytesConverter<T>, level?: StorageLevel) {
    super(address, level)
    this.converter = converter
  }

  protected async read(socket: Socket): Promise<void> {
    for await (const record of this.converter(socket)) {
      if (this.isStopped()) return
      const wait = this.store(record)
      if (wait !== undefined) await wait
    }
  }
}
