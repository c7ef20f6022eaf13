/**
 * Requests with JSON arrays of a hundred objects, sent over four connections by another thread: `HttpUtils.createPushStream`, until a batch
 * has the last one, beside a server of `node:http` that parses the same bodies and answers. The stream answers when the block is stored.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { SparkContext } from 'kindling'
import { HttpUtils } from 'kindling/connectors/http'
import { freePorts } from '../../scripts/services/ports.ts'
import type { Benchmark } from './harness.ts'
import { received } from './received.ts'
import { type Row, rowOf } from './rows.ts'
import { Sender, type Sending } from './sender.ts'

const CONNECTIONS = 4
const REQUESTS = 3000
const RECORDS = 100
const body = JSON.stringify(Array.from({ length: RECORDS }, (_, i) => rowOf(i)))
const expected = CONNECTIONS * REQUESTS * RECORDS

/** See the file head. */
export const httpReceive: Benchmark = async master => {
  const port = (await freePorts(['one']))['one']!
  const sending: Sending = {
    port,
    connections: CONNECTIONS,
    messages: REQUESTS,
    content: { kind: 'json', body },
  }
  const sender = new Sender()
  const sc = new SparkContext({ master })
  return {
    work: `${expected} records of 100 B, ${RECORDS} in a request`,
    expected,
    ours: received(sc, {
      expected,
      streamOf: ssc =>
        HttpUtils.createPushStream(ssc, { port }).map(row => ((row as unknown as Row).note === '' ? 0 : 1)),
      send: () => sender.send(sending),
    }),
    bare: {
      async run() {
        let count = 0
        const server = createServer(async (call, answer) => {
          const pieces: Buffer[] = []
          for await (const piece of call as AsyncIterable<Buffer>) pieces.push(piece)
          const rows = JSON.parse(Buffer.concat(pieces).toString()) as Row[]
          for (const { note } of rows) if (note !== '') count++
          answer.end(JSON.stringify({ records: rows.length }))
        })
        server.listen(port, '127.0.0.1')
        await once(server, 'listening')
        await sender.send(sending)
        server.closeAllConnections()
        server.close()
        await once(server, 'close')
        return count
      },
    },
    async [Symbol.asyncDispose]() {
      await sc.stop()
      await sender[Symbol.asyncDispose]()
    },
  }
}
