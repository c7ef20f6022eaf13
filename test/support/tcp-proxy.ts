/** What lies between a program and a server of a test: it goes away and comes back, and the server never notices. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** See the file head. */
export class TcpProxy implements AsyncDisposable {
  port = 0
  /** Connections that the server has taken. */
  joined = 0
  /** Connections that were asked for. */
  asked = 0
  private readonly target: number
  private readonly sockets = new Set<Socket>()
  /** The ends at the server. */
  private readonly servers = new Set<Socket>()
  private server: Server | undefined
  private isHushed = false
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
    this.isHushed = false
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

  /** From now on nothing that the server sends gets through: answers are lost on their way. New connections are answered by nobody. */
  hush(): void {
    this.isHushed = true
    for (const far of this.servers) far.unpipe().resume()
  }

  /** Connections that are open. */
  get open(): number {
    return this.sockets.size / 2
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down()
  }

  private join(near: Socket): void {
    this.asked++
    if (this.isHushed) {
      this.sockets.add(near)
      near.on('error', () => {}).on('close', () => this.sockets.delete(near))
      return
    }
    const far = connect(this.target, '127.0.0.1')
    this.servers.add(far)
    far.on('connect', () => this.joined++)
    far.on('close', () => this.servers.delete(far))
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
