/**
 * TCP clients as sources: one connection, made again after a delay when it fails or ends.
 *
 * Text is cut into whole lines and stays bytes. While the rate limit or a lack of room makes the engine wait, the socket is paused, so
 * that the sender is slowed down by TCP itself.
 */
import { connect, type Socket } from 'node:net'
import { configEntries } from '../../base/config.ts'
import { KindlingError } from '../../base/errors.ts'
import { countLines, LineFramer } from '../../data/text.ts'
import type { StorageLevel } from '../../rdd/storage-level.ts'
import type { InputSource, SourceHost } from '../input-source.ts'
import { Receiver } from '../receiver/receiver.ts'
import { ReceiverSource } from '../receiver/receiver-source.ts'

/** Makes records of the bytes of one connection. */
export type BytesConverter<T> = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<T> | Iterable<T>

/** Lines of text. */
export function socketTextSource(host: string, port: number, level: StorageLevel): InputSource<string> {
  const receiver = new SocketTextReceiver(checkedAddress(host, port), level)
  const source = new ReceiverSource(receiver, `socket ${host}:${port}`)
  const start = source.start.bind(source)
  // The limit of a line is a setting, which is known once the context starts.
  source.start = (given: SourceHost) => {
    receiver.maxLineBytes = given.conf.get(configEntries.textMaxLineBytes)
    return start(given)
  }
  return source
}

/** Records that a converter makes. */
export function socketSource<T>(
  host: string,
  port: number,
  converter: BytesConverter<T>,
  level: StorageLevel,
): InputSource<T> {
  const receiver = new SocketReceiver(checkedAddress(host, port), converter, level)
  return new ReceiverSource<T>(receiver, `socket ${host}:${port}`)
}

/** Where to connect to. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** @throws INVALID_ARGUMENT for a port that is none */
export function checkedAddress(host: string, port: number): Address {
  if (Number.isInteger(port) && port > 0 && port < 65_536) return { host, port }
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'the port of a socket stream',
    value: port,
    expected: 'a whole number from 1 to 65535',
  })
}

/** A connection that is made again; subclasses read it. */
export abstract class ConnectingReceiver<T> extends Receiver<T> {
  protected readonly address: Address
  private socket: Socket | undefined

  constructor(address: Address, level: StorageLevel) {
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

class SocketTextReceiver extends ConnectingReceiver<string> {
  maxLineBytes: number | undefined

  protected read(socket: Socket): Promise<void> {
    const framer = new LineFramer({
      ...(this.maxLineBytes === undefined ? {} : { maxLineBytes: this.maxLineBytes }),
      onTooLong: ({ bytes }) =>
        this.reportError(
          `a line of ${bytes} bytes was dropped; the limit is ${this.maxLineBytes} (kindling.text.maxLineBytes)`,
        ),
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

class SocketReceiver<T> extends ConnectingReceiver<T> {
  private readonly converter: BytesConverter<T>

  constructor(address: Address, converter: BytesConverter<T>, level: StorageLevel) {
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
