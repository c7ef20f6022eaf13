/**
 * Blocks of records over TCP: what one program encoded, another takes in as it is, without looking at a single record.
 *
 * A frame is the length of a block, 4 bytes, big-endian, and the block in the format of docs/reference/block-format.md. A receiver
 * connects, as Spark's does, and reads frames until the other side ends; `rawSocketSender` is such another side.
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { configEntries } from '../../base/config.ts'
import { encodeRecords } from '../../data/codec.ts'
import { capture } from '../../rdd/functions/explicit.ts'
import type { StorageLevel } from '../../rdd/storage-level.ts'
import type { InputSource } from '../input-source.ts'
import { ReceiverSource } from '../receiver/receiver-source.ts'
import { networkReceiver } from '../receiver/thread/thread-receiver.ts'
import { LENGTH_BYTES, RawSocketReceiver } from './raw-socket-receiver.ts'
import { checkedAddress } from './socket.ts'

/** Records of blocks that somebody sends. */
export function rawSocketSource<T>(host: string, port: number, level: StorageLevel): InputSource<T> {
  const address = checkedAddress(host, port)
  return new ReceiverSource<T>(given => {
    const maxFrameBytes = given.conf.get(configEntries.receiverMaxHeldBytes)
    const make = capture(
      { RawSocketReceiver, address, maxFrameBytes },
      (to?: StorageLevel) => new RawSocketReceiver<T>(address, maxFrameBytes, to),
    )
    return networkReceiver(given, level, make)
  }, `raw socket ${host}:${port}`)
}

/**
 * Records as one frame: what `ssc.rawSocketStream` reads.
 *
 * @throws RECORD_NOT_ENCODABLE, BLOCK_TOO_LARGE
 * @example
 * rawFrame([]).length // => 10
 */
export function rawFrame(records: readonly unknown[]): Uint8Array {
  const block = encodeRecords(records)
  const frame = new Uint8Array(LENGTH_BYTES + block.length)
  new DataView(frame.buffer).setUint32(0, block.length)
  frame.set(block, LENGTH_BYTES)
  return frame
}

/** Where a sender listens. */
export interface RawSocketSenderOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default 0: the system chooses one. */
  readonly port?: number
}

/** A server that sends blocks; dispose it to end all its connections. */
export interface RawSocketSender extends AsyncDisposable {
  readonly port: number
}

/**
 * Listens, and sends blocks to whoever connects: for tests, and to feed one program from another.
 *
 * `blocks` is called for each connection, and read as fast as that takes them. After the last block the connection stays open until
 * the other side ends it, so that nothing is sent twice to one that connects again.
 *
 * @source Spark RawTextSender
 * @example
 * await using sender = await rawSocketSender(() => [['a', 'b'], ['c']])
 * t.collect('out', ssc.rawSocketStream<string>('127.0.0.1', sender.port))
 * await t.until(async () => {
 *   await t.run(1)
 *   return t.out('out').batches.flat().length === 3
 * })
 * t.out('out').batches.flat() // => ['a', 'b', 'c']
 */
export async function rawSocketSender(
  blocks: () => Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>,
  options: RawSocketSenderOptions = {},
): Promise<RawSocketSender> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    // What cannot be sent ends the connection; the other side sees that, and connects again.
    send(socket, blocks()).catch((error: Error) => socket.destroy(error))
  })
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  return { port, [Symbol.asyncDispose]: () => closed(server, sockets) }
}

async function send(
  socket: Socket,
  blocks: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>,
): Promise<void> {
  for await (const records of blocks) {
    if (socket.destroyed) return
    if (!socket.write(rawFrame(records))) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
  }
}

async function closed(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return
  const done = once(server, 'close')
  server.close()
  for (const socket of sockets) socket.destroy()
  await done
}
