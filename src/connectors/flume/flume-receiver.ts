/** The server that Avro sinks of Flume agents send to, as a receiver. */
import { createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { createServer as createSecureServer } from 'node:tls'
import { constants, createDeflate, createInflate } from 'node:zlib'
import { KindlingError } from '../../base/errors.ts'
import type { StorageLevel } from '../../rdd/storage-level.ts'
import { Receiver } from '../../streaming/receiver/receiver.ts'
import { AvroConnection } from './avro-connection.ts'
import { type AvroEvent, type WireTypes, wireTypes } from './avro-types.ts'
import type { FlumeEvent, FlumeStreamOptions } from './flume-utils.ts'

/** Where it listens, and how. */
export interface FlumeAddress {
  readonly host: string
  readonly port: number
}

/** How it reads. */
export type FlumeSettings = Omit<FlumeStreamOptions, 'storageLevel'>

/** A batch is acknowledged once its block is stored, with the write-ahead log once it is there. Connections wait while there is no room. */
export class FlumeReceiver extends Receiver<FlumeEvent> {
  private readonly address: FlumeAddress
  private readonly options: FlumeSettings
  private server: Server | undefined
  private readonly sockets = new Set<Socket>()

  constructor(address: FlumeAddress, options: FlumeSettings, level?: StorageLevel) {
    super(level)
    this.address = address
    this.options = options
  }

  override async onStart(): Promise<void> {
    const types = await wireTypes()
    const { tls } = this.options
    const serve = (socket: Socket): void => void this.serve(socket, types)
    const server = tls === undefined ? createServer(serve) : createSecureServer({ ...tls }, serve)
    this.server = server
    const { host, port } = this.address
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          new KindlingError(
            'FLUME_NOT_LISTENING',
            { address: `${host}:${port}`, reason: cause.code ?? cause.message },
            { cause },
          ),
        ),
      )
      server.listen(port, host, resolve)
    })
    server.on('error', error => this.restart('the server for Flume failed', error))
    server.on('tlsClientError', error => this.reportError('an agent could not connect by TLS', error))
  }

  override async onStop(): Promise<void> {
    const { server } = this
    if (server === undefined) return
    this.server = undefined
    for (const socket of this.sockets) socket.destroy()
    await new Promise<void>(resolve => server.close(() => resolve()))
  }

  private async serve(socket: Socket, types: WireTypes): Promise<void> {
    this.sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.sockets.delete(socket))
    const stream = this.options.enableDecompression === true ? unpacked(socket) : socket
    const connection = new AvroConnection(types, events => this.storeMany(events.map(eventOf)))
    const from = socket.remoteAddress
    const refused = (error: unknown): void => {
      if (!this.isStopped()) this.reportError(`what ${from} sent is no call of an Avro sink`, error)
    }
    try {
      // A call is read once the one before it is answered, so the agent waits while there is no room.
      for await (const bytes of stream) {
        try {
          for await (const answer of connection.take(bytes as Uint8Array)) stream.write(answer)
        } catch (error) {
          refused(error)
          break
        }
      }
    } catch (error) {
      // A connection that ends in the middle is no trouble: the agent sends again. What cannot be unpacked is.
      if ((error as NodeJS.ErrnoException).code?.startsWith('Z_') === true) refused(error)
    } finally {
      socket.destroy()
    }
  }
}

/** What is deflated on the wire. */
function unpacked(socket: Socket): Duplex {
  const packer = createDeflate({ flush: constants.Z_SYNC_FLUSH })
  packer.pipe(socket)
  const unpacker = socket.pipe(createInflate({ flush: constants.Z_SYNC_FLUSH }))
  socket.on('close', () => unpacker.destroy())
  return Duplex.from({ readable: unpacker, writable: packer })
}

/** The body is the library's own copy of what came, seen as plain bytes. */
function eventOf({ headers, body }: AvroEvent): FlumeEvent {
  const { buffer, byteOffset, byteLength } = body
  return { headers: { ...headers }, body: new Uint8Array(buffer, byteOffset, byteLength) }
}
