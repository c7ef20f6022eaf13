/**
 * Batches of a hundred events as Flume's Avro sinks send them, over four connections by another thread: `FlumeUtils.createStream`, until a
 * Kindling batch has the last one, beside a server of `node:net` that decodes the same calls by `avsc` and answers OK. The stream answers
 * when the block is stored. Neither checks the caller's protocol beyond the handshake.
 */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { SparkContext } from 'kindling'
import { FlumeUtils } from 'kindling/connectors/flume'
import { freePorts } from '../../scripts/services/ports.ts'
import { PROTOCOL, PROTOCOL_HASH, type WireTypes, wireTypes } from '../../src/connectors/flume/avro-types.ts'
import { batchCall, event, frames, handshake, SINK_PROTOCOL } from '../../test/support/avro-sink.ts'
import type { Benchmark } from './harness.ts'
import { received } from './received.ts'
import { Sender, type Sending } from './sender.ts'

const CONNECTIONS = 4
const CALLS = 2000
const EVENTS = 100
const TEXT = 'an event of no use to anybody '.padEnd(100, '.')
const expected = CONNECTIONS * CALLS * EVENTS * TEXT.length

/** See the file head. */
export const flumeReceive: Benchmark = async master => {
  const types = await wireTypes()
  const port = (await freePorts(['one']))['one']!
  const events = Array.from({ length: EVENTS }, (_, i) => event(TEXT, { host: `host-${i}` }))
  const call = batchCall(types, events)
  const first = frames(1, Buffer.concat([handshake(types, SINK_PROTOCOL), call]))
  const sending: Sending = {
    port,
    connections: CONNECTIONS,
    messages: CALLS,
    content: { kind: 'avro', first, others: frames(1, call) },
  }
  const sender = new Sender()
  const sc = new SparkContext({ master })
  return {
    work: `${CONNECTIONS * CALLS * EVENTS} events of 100 B, ${EVENTS} in a call`,
    expected,
    ours: received(sc, {
      expected,
      streamOf: ssc => FlumeUtils.createStream(ssc, '127.0.0.1', port).map(({ body }) => body.length),
      send: () => sender.send(sending),
    }),
    bare: {
      async run() {
        let sum = 0
        const server = createServer(socket =>
          serve(types, socket, bytes => {
            sum += bytes
          }),
        )
        server.listen(port, '127.0.0.1')
        await once(server, 'listening')
        await sender.send(sending)
        server.close()
        await once(server, 'close')
        return sum
      },
    },
    async [Symbol.asyncDispose]() {
      await sc.stop()
      await sender[Symbol.asyncDispose]()
    },
  }
}

/** Decodes calls and says OK to each. */
async function serve(types: WireTypes, socket: Socket, came: (bytes: number) => void): Promise<void> {
  socket.on('error', () => {})
  let isFirst = true
  let pending = Buffer.alloc(0)
  for await (const bytes of socket as AsyncIterable<Buffer>) {
    pending = Buffer.concat([pending, bytes])
    for (let call = wholeCall(pending); call !== undefined; call = wholeCall(pending)) {
      pending = pending.subarray(call.end)
      let at = isFirst ? types.handshakeRequest.decode(call.body, 0).offset : 0
      at = types.metadata.decode(call.body, at).offset
      at = types.text.decode(call.body, at).offset
      for (const { body } of types.events.decode(call.body, at).value) came(body.length)
      const head = isFirst ? [types.handshakeResponse.toBuffer(HANDSHAKE)] : []
      const result = [types.metadata.toBuffer({}), types.flag.toBuffer(false), types.status.toBuffer('OK')]
      socket.write(frames(call.serial, Buffer.concat([...head, ...result])))
      isFirst = false
    }
  }
}

const HANDSHAKE = {
  match: 'CLIENT',
  serverProtocol: PROTOCOL,
  serverHash: PROTOCOL_HASH,
  meta: null,
} as const

function wholeCall(
  bytes: Buffer,
): { readonly serial: number; readonly body: Buffer; readonly end: number } | undefined {
  if (bytes.length < 8) return undefined
  const parts: Buffer[] = []
  let end = 8
  for (let n = bytes.readUInt32BE(4); n > 0; n--) {
    if (bytes.length < end + 4) return undefined
    const length = bytes.readUInt32BE(end)
    if (bytes.length < end + 4 + length) return undefined
    parts.push(bytes.subarray(end + 4, end + 4 + length))
    end += 4 + length
  }
  return { serial: bytes.readUInt32BE(0), body: Buffer.concat(parts), end }
}
