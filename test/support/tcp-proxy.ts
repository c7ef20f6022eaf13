/** What lies between a program and a server of a test: it goes away and comes back, and the server never notices. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** See the file head. */
export class TcpProxy implements AsyncDisposable {
  port = 0
  private readonly target: number
  private readonly sockets = new Set<Socket>()
  private server: Server | undefined
  private readonly tap: (bytes: Uint8Array) => void

  /**
   * @param target a port of this machine
   * @param tap sees what the program sends
   */
  constructor(target: number, tap: (bytes: Uint8Array) => void = () => {}) {
    this.target = target
    this.tap = tap
  }

  /** Listens; after `down`, on the same port again. */
  async up(): Promise<this> {
    const server = createServer(socket => this.join(socket))
    this.server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, '127.0.0.1', resolve)
    })
    this.port = (server.address() as AddressInfo).port
    return this
  }

  /** Breaks all connections, and takes no others. */
  async down(): Promise<void> {
    const { server } = this
    this.server = undefined
    const closed = new Promise<void>(resolve =>
      server === undefined ? resolve() : server.close(() => resolve()),
    )
    this.cut()
    await closed
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  /** Connections that are open. */
  get open(): number {
    return this.sockets.size / 2
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down()
  }

  private join(near: Socket): void {
    const far = connect(this.target, '127.0.0.1')
    near.on('data', this.tap)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        this.sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }
}
