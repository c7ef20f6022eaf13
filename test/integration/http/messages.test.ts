/** WebSockets and server-sent events as receivers. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { StreamingContext } from 'kindling'
import { HttpUtils } from 'kindling/connectors/http'
import { type SourceSubject, StreamTest, sourceConformance } from 'kindling/testing'
import { type WebSocket, WebSocketServer } from 'ws'
import { freePorts } from '../../../scripts/services/ports.ts'

/** A port on which nobody listens: `fetch` refuses the low ones by itself. */
const nobody = (await freePorts(['nobody']))['nobody']

const webSockets: SourceSubject<string> = {
  name: 'WebSocket',
  kind: 'receiver',
  record: n => `record ${n} ${'x'.repeat(100)}`,
  secrets: ['hush'],
  async place() {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    const open = new Set<WebSocket>()
    const arrived: (() => void)[] = []
    server.on('connection', socket => {
      // A client that has sent its greeting is there.
      socket.once('message', () => {
        open.add(socket)
        for (const resolve of arrived.splice(0)) resolve()
      })
      socket.on('close', () => open.delete(socket)).on('error', () => {})
    })
    await new Promise(resolve => server.once('listening', resolve))
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/?token=hush`
    return {
      stream: ssc =>
        HttpUtils.createWebSocketStream(ssc, { url, hello: ['here'], maxWaitingBytes: 10_000_000 }).map(
          message => String(message),
        ),
      async send(records) {
        while (open.size === 0) await new Promise<void>(resolve => arrived.push(resolve))
        const [socket] = [...open].slice(-1)
        for (const record of records) socket!.send(record)
      },
      interrupt() {
        for (const socket of open) socket.terminate()
        open.clear()
      },
      open: () => [...server.clients].map(() => 'a connection'),
      dispose() {
        for (const socket of server.clients) socket.terminate()
        server.close()
      },
    }
  },
  failures: [
    {
      what: 'nobody at the address',
      stream: ssc => HttpUtils.createWebSocketStream(ssc, { url: 'ws://127.0.0.1:9/a?token=hush' }),
      message: /WebSocket ws:\/\/127\.0\.0\.1:9\/a does not answer/,
    },
  ],
}

/** A server that keeps all events, and sends each to whoever is connected, from the one on that is asked for. */
class EventServer {
  readonly events: string[] = []
  readonly asked: IncomingMessage[] = []
  readonly open = new Set<ServerResponse>()
  private readonly server = createServer((request, response) => {
    this.asked.push(request)
    if (request.url !== '/events') {
      response.writeHead(request.url === '/closed' ? 401 : 404).end()
      return
    }
    this.open.add(response)
    response.on('close', () => this.open.delete(response))
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('retry: 30\n: hello\n\n')
    const last = request.headers['last-event-id']
    for (let id = last === undefined ? 0 : Number(last) + 1; id < this.events.length; id++)
      this.write(response, id)
  })

  async start(): Promise<string> {
    await new Promise<void>(resolve => this.server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  send(records: readonly string[]): void {
    for (const record of records) {
      const id = this.events.push(record) - 1
      for (const response of this.open) this.write(response, id)
    }
  }

  cut(): void {
    this.server.closeAllConnections()
  }

  close(): void {
    this.server.close()
    this.cut()
  }

  private write(response: ServerResponse, id: number): void {
    const data = this.events[id]!.split('\n').map(line => `data: ${line}\n`)
    response.write(`id: ${id}\n${data.join('')}\n`)
  }
}

const events: SourceSubject<string> = {
  name: 'server-sent events',
  kind: 'receiver',
  record: n => `record ${n}\n${'x'.repeat(2000)}`,
  flood: { records: 300, heldBytes: 20_000 },
  secrets: ['hush'],
  async place() {
    const server = new EventServer()
    const address = await server.start()
    return {
      stream: ssc => HttpUtils.createEventStream(ssc, { url: `${address}/events` }).map(({ data }) => data),
      send: records => server.send(records),
      interrupt: () => server.cut(),
      open: () => [...server.open].map(() => 'a connection'),
      dispose: () => server.close(),
    }
  },
  failures: [
    {
      what: 'nobody at the address',
      stream: ssc => HttpUtils.createEventStream(ssc, { url: `http://127.0.0.1:${nobody}/a?token=hush` }),
      message: /http:\/\/127\.0\.0\.1:\d+\/a does not answer \(ECONNREFUSED/,
    },
  ],
}

for (const subject of [webSockets, events])
  describe(`sourceConformance of ${subject.name}`, () => {
    for (const { name, run } of sourceConformance<string>(subject)) it(name, run)
  })

describe('server-sent events', () => {
  it('have type and id, and a connection that is made again asks for what follows', async () => {
    const server = new EventServer()
    const address = await server.start()
    await using t = new StreamTest({
      build: t => t.collect('out', HttpUtils.createEventStream(t.ssc, { url: `${address}/events` })),
    })
    const seen = async (n: number): Promise<void> =>
      t.until(async () => {
        await t.run(1)
        return t.out('out').batches.flat().length >= n
      })
    try {
      await t.run(1)
      server.send(['a'])
      await seen(1)
      server.cut()
      server.send(['b'])
      await seen(2)
      assert.deepEqual(t.out('out').batches.flat(), [
        { id: '0', event: 'message', data: 'a' },
        { id: '1', event: 'message', data: 'b' },
      ])
      assert.deepEqual(
        server.asked.map(({ headers }) => headers['last-event-id']),
        [undefined, '0'],
      )
    } finally {
      server.close()
    }
  })

  for (const [path, message] of [
    ['/closed', /does not let this program in \(status 401/],
    ['/nothing', /refused events: status 404 with nothing is no stream of events/],
  ] as const)
    it(`that are not there are told: ${path}`, async () => {
      const server = new EventServer()
      const address = await server.start()
      const errors: string[] = []
      await using t = new StreamTest({
        build: t => {
          t.ssc.addStreamingListener({
            onReceiverError: ({ receiverInfo }) => void errors.push(receiverInfo.lastErrorMessage),
          })
          t.collect('out', HttpUtils.createEventStream(t.ssc, { url: `${address}${path}` }))
        },
      })
      try {
        await t.run(1)
        await t.until(() => errors.length > 0)
        assert.match(errors[0]!, message)
      } finally {
        server.close()
      }
    })
})

describe('a WebSocket', () => {
  it('that sends more than may wait is closed, told, and connected to again', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    await new Promise(resolve => server.once('listening', resolve))
    let connections = 0
    server.on('connection', socket => {
      connections++
      socket.on('error', () => {})
      socket.send(connections === 1 ? Buffer.alloc(500) : 'enough')
    })
    const errors: string[] = []
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
    await using t = new StreamTest({
      build: t => {
        t.ssc.addStreamingListener({
          onReceiverError: ({ receiverInfo }) => void errors.push(receiverInfo.lastErrorMessage),
        })
        t.collect('out', HttpUtils.createWebSocketStream(t.ssc, { url, maxWaitingBytes: 100 }))
      },
    })
    try {
      await t.until(async () => {
        await t.run(1)
        return t.out('out').batches.flat().includes('enough')
      })
      assert.match(errors[0]!, /500 bytes wait to be stored \(maxWaitingBytes\)/)
      const [first] = t.out<Uint8Array>('out').batches.flat()
      assert.equal(first!.length, 500)
    } finally {
      server.close()
    }
  })

  for (const make of [
    (ssc: StreamingContext) => HttpUtils.createWebSocketStream(ssc, { url: 'http://a?hush' }),
    (ssc: StreamingContext) => HttpUtils.createEventStream(ssc, { url: 'hush' }),
    (ssc: StreamingContext) => HttpUtils.createPushStream(ssc, { port: 0 }),
    (ssc: StreamingContext) => HttpUtils.createPushStream(ssc, { port: 80, path: 'a' }),
    (ssc: StreamingContext) => HttpUtils.createPushStream(ssc, { port: 80, token: '' }),
  ])
    it(`and its like refuse what means nothing: ${String(make).slice(10)}`, async () => {
      await using ssc = new StreamingContext({ batchDuration: 1000 })
      assert.throws(
        () => make(ssc),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'INVALID_ARGUMENT')
          assert.doesNotMatch(error.message, /hush/)
          return true
        },
      )
    })
})
