/**
 * Messages of a WebSocket, by Node's own client.
 *
 * That client cannot be told to wait: what came and is not stored is kept here, up to a bound in bytes. Beyond it the connection is closed,
 * and made again when all is stored.
 */
import { KindlingError } from '../../base/errors.ts'
import { Receiver } from '../../streaming/receiver/receiver.ts'
import type { WebSocketStreamOptions } from './http-utils.ts'
import { shownAddress } from './shown-address.ts'

const DEFAULT_WAITING_BYTES = 16 * 1024 * 1024

/** See the file head. */
export class WebSocketReceiver extends Receiver<string | Uint8Array> {
  private readonly options: WebSocketStreamOptions
  private socket: WebSocket | undefined
  private waiting: (string | Uint8Array)[] = []
  private waitingBytes = 0
  private storing: Promise<void> | undefined

  constructor(options: WebSocketStreamOptions) {
    super(options.storageLevel)
    this.options = options
  }

  override async onStart(): Promise<void> {
    await this.storing
    if (this.isStopped()) return
    const { url, protocols = [], headers = {}, hello = [] } = this.options
    const socket = new WebSocket(url, { protocols: [...protocols], headers: { ...headers } })
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    let isOpen = false
    socket.addEventListener('open', () => {
      isOpen = true
      for (const message of hello) socket.send(message)
    })
    socket.addEventListener('message', ({ data }: { readonly data: string | ArrayBuffer }) => {
      if (this.socket === socket) this.arrived(socket, typeof data === 'string' ? data : new Uint8Array(data))
    })
    socket.addEventListener('error', () => {})
    socket.addEventListener('close', ({ code, reason }) => {
      const what = isOpen ? `the connection was closed with code ${code}` : 'it cannot be connected to'
      this.again(socket, reason === '' ? what : `${what}: ${reason}`)
    })
  }

  override onStop(): void {
    const { socket } = this
    this.socket = undefined
    socket?.close()
  }

  private arrived(socket: WebSocket, message: string | Uint8Array): void {
    this.waiting.push(message)
    this.waitingBytes += message.length
    this.storing ??= this.storeWaiting()
    if (this.waitingBytes > (this.options.maxWaitingBytes ?? DEFAULT_WAITING_BYTES))
      this.again(
        socket,
        `${this.waitingBytes} bytes wait to be stored (maxWaitingBytes): batches do not keep up`,
      )
  }

  /** Never rejects. */
  private async storeWaiting(): Promise<void> {
    try {
      while (this.waiting.length > 0 && !this.isStopped()) {
        const block = this.waiting
        const bytes = this.waitingBytes
        this.waiting = []
        await this.storeMany(block)
        this.waitingBytes -= bytes
      }
    } catch (error) {
      this.waiting = []
      this.waitingBytes = 0
      if (!this.isStopped())
        this.reportError('messages that came are lost, since they could not be stored', error)
    } finally {
      this.storing = undefined
    }
  }

  private again(socket: WebSocket, reason: string): void {
    if (this.socket !== socket || this.isStopped()) return
    this.socket = undefined
    socket.close()
    const { url } = this.options
    const said = { server: `WebSocket ${shownAddress(url)}`, what: 'messages', reason }
    const error = new KindlingError('ENDPOINT_UNREACHABLE', said)
    this.restart(error.message, error)
  }
}
