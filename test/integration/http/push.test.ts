/** What others POST to a program. */
import assert from 'node:assert/strict'
import { request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HttpUtils, type JsonValue, type PushStreamOptions } from 'kindling/connectors/http'
import { type SourceSubject, StreamTest, sourceConformance, until } from 'kindling/testing'
import { freePorts } from '../../../scripts/services/ports.ts'
import { service } from '../../services/service.ts'
import { certificate } from '../../support/certificate.ts'
import { countingProgram, KilledProgram } from '../../support/killed-program.ts'

const connector = join(import.meta.dirname, '../../../src/connectors/http/index.ts')
const freePort = async (): Promise<number> => (await freePorts(['one']))['one']!

/** Sends a body again and again until it is taken. */
async function deliver(port: number, body: string, isOver: () => boolean = () => false): Promise<void> {
  while (!isOver()) {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body }).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return
    await sleep(20)
  }
}

const push: SourceSubject<string> = {
  name: 'HTTP',
  kind: 'reliable',
  record: n => `record ${n}`,
  flood: { records: 500, heldBytes: 500 },
  async place() {
    const port = await freePort()
    let acknowledged = 0
    let isOver = false
    let sending = Promise.resolve()
    return {
      stream: ssc => HttpUtils.createPushStream(ssc, { port }).map(value => String(value)),
      send(records) {
        sending = sending.then(async () => {
          for (let at = 0; at < records.length; at += 10) {
            const some = records.slice(at, at + 10)
            await deliver(port, some.join('\n'), () => isOver)
            acknowledged += some.length
          }
        })
        return sending
      },
      acknowledged: () => acknowledged,
      async open() {
        const isOpen = await new Promise<boolean>(resolve => {
          const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
          socket.on('connect', () => socket.destroy())
        })
        return isOpen ? ['the port'] : []
      },
      dispose: () => {
        isOver = true
      },
    }
  },
}

describe('sourceConformance of HTTP push', () => {
  for (const { name, run } of sourceConformance(push)) it(name, run)
})

/** A program on the virtual clock. */
async function program(
  more: Partial<PushStreamOptions> = {},
  conf = {},
): Promise<{ t: StreamTest; port: number; errors: string[] }> {
  const port = await freePort()
  const errors: string[] = []
  const t = new StreamTest({
    conf,
    build: t => {
      t.ssc.addStreamingListener({
        onReceiverError: ({ receiverInfo }) => void errors.push(receiverInfo.lastErrorMessage),
      })
      t.collect('out', HttpUtils.createPushStream(t.ssc, { port, ...more }))
    },
  })
  await t.run(1)
  return { t, port, errors }
}

interface Sent {
  readonly path?: string
  readonly method?: string
  readonly body?: string
  readonly headers?: Record<string, string>
}

async function send(
  port: number,
  { path = '/', method = 'POST', body, headers = {} }: Sent,
): Promise<[number, unknown, Headers]> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  })
  return [answer.status, await answer.json(), answer.headers]
}

describe('HTTP push', () => {
  it('takes JSON, lines of JSON and text, and says how many records', async () => {
    const { t, port } = await program()
    await using _ = t
    for (const [type, body, records] of [
      ['application/json', '[{"a":1},2]', 2],
      ['application/x-ndjson', '{"b":1}\n', 1],
      ['text/plain', 'one\ntwo\n', 2],
    ] as const)
      assert.deepEqual((await send(port, { body, headers: { 'content-type': type } })).slice(0, 2), [
        200,
        { records },
      ])
    await t.run(1)
    assert.deepEqual(t.out<JsonValue>('out').batches.flat(), [{ a: 1 }, 2, { b: 1 }, 'one', 'two'])
  })

  for (const [title, sent, status] of [
    ['of another path', { path: '/other', body: 'a' }, 404],
    ['of another method', { method: 'GET' }, 405],
    ['without the token', { headers: {}, body: 'a' }, 401],
    ['with another token', { headers: { authorization: 'Bearer other' }, body: 'a' }, 401],
    ['that is too large', { body: 'a'.repeat(101) }, 413],
    ['that is no JSON', { body: '{oops', headers: { 'content-type': 'application/json' } }, 400],
    ['of an unknown type', { body: 'a', headers: { 'content-type': 'image/png' } }, 415],
    ['that is compressed', { body: 'a', headers: { 'content-encoding': 'gzip' } }, 415],
  ] as const)
    it(`refuses a request ${title} with ${status}, takes nothing of it, and serves others`, async () => {
      const { t, port } = await program({ token: 'open sesame', maxBodyBytes: 100 })
      await using _ = t
      const right = { authorization: 'Bearer open sesame' }
      const headers: Record<string, string> =
        status === 401 ? { ...sent.headers } : { ...right, ...sent.headers }
      const [found, body] = await send(port, { ...sent, headers })
      assert.equal(found, status)
      assert.doesNotMatch(JSON.stringify(body), /sesame/)
      assert.equal((await send(port, { body: 'b', headers: right }))[0], 200)
      await t.run(1)
      assert.deepEqual(t.out('out').batches.flat(), ['b'])
    })

  it('a body of unknown length that becomes too large is refused, and one that breaks off is not taken', async () => {
    const { t, port } = await program({ maxBodyBytes: 100 })
    await using _ = t
    const head = 'POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n'
    const answered = new Promise<string>(resolve => {
      const socket = connect(port, '127.0.0.1', () => socket.write(`${head}c8\r\n${'a'.repeat(200)}\r\n`))
      socket.on('error', () => {}).once('data', data => resolve(String(data)))
    })
    assert.match(await answered, /^HTTP\/1\.1 413/)
    await new Promise<void>(resolve => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.end('POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\nhalf'),
      )
      socket
        .on('close', () => resolve())
        .on('error', () => {})
        .resume()
    })
    const [status, body, headers] = await send(port, { body: 'whole' })
    assert.equal(status, 200)
    assert.equal(headers.get('content-length'), String(JSON.stringify(body).length + 1))
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['whole'])
  })

  it('while batches do not keep up answers wait, and beyond the bound senders are told to come later', async () => {
    const { t, port } = await program({ maxPendingBytes: 100 }, { 'kindling.receiver.maxHeldBytes': 10 })
    await using _ = t
    assert.equal((await send(port, { body: 'a'.repeat(50) }))[0], 200)
    let isAnswered = false
    const waiting = send(port, { body: 'b'.repeat(60) }).then(answer => {
      isAnswered = true
      return answer
    })
    let refused: [number, unknown, Headers] | undefined
    await until(async () => {
      refused = await send(port, { body: 'c'.repeat(60) })
      return refused[0] === 429
    })
    assert.equal(refused?.[2].get('retry-after'), '1')
    assert.equal(isAnswered, false)
    await t.run(1)
    assert.equal((await waiting)[0], 200)
  })

  it('answers 503, and when to come again, when the block cannot be stored', async () => {
    const port = await freePort()
    const errors: string[] = []
    await using t = new StreamTest({
      checkpointDir: true,
      conf: {
        'spark.streaming.receiver.writeAheadLog.enable': true,
        'spark.streaming.receiver.writeAheadLog.maxFailures': 1,
      },
      build(t) {
        t.ssc.addStreamingListener({
          onReceiverError: ({ receiverInfo }) => void errors.push(receiverInfo.lastErrorMessage),
        })
        t.collect('out', HttpUtils.createPushStream(t.ssc, { port }))
      },
    })
    await t.run(1)
    t.failAt('received-before')
    const [status, , headers] = await send(port, { body: 'a' })
    assert.equal(status, 503)
    assert.equal(headers.get('retry-after'), '1')
    assert.equal((await send(port, { body: 'a' }))[0], 200)
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['a'])
    assert.match(errors.join(), /could not be stored; the sender is told/)
  })

  it('names the address that another program has', async () => {
    const { t, port } = await program()
    await using _ = t
    const { t: second, errors } = await program({ port })
    await using __ = second
    await second.until(() => errors.length > 0)
    assert.match(errors.join(), new RegExp(`listen for HTTP on 127\\.0\\.0\\.1:${port}: EADDRINUSE`))
  })

  it('takes records by TLS', { skip: service('flume').skip }, async () => {
    const { pfx, ca, passphrase } = certificate()
    const { t, port } = await program({ tls: { pfx, passphrase } })
    await using _ = t
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const options = { host: 'localhost', port, method: 'POST', ca, agent: false } as const
      request(options, answer => resolve(answer.resume().statusCode))
        .on('error', reject)
        .end('by TLS')
    })
    assert.equal(status, 200)
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['by TLS'])
  })

  it('loses nothing that it answered in a program that is killed', { timeout: 120_000 }, async () => {
    await using app = new KilledProgram()
    const port = await freePort()
    const program = countingProgram({
      imports: `import { HttpUtils } from '${connector}'`,
      source: `HttpUtils.createPushStream(ssc, { port: ${port} }).uid('pushed')`,
    }).replace('conf: {', "conf: { 'spark.streaming.receiver.writeAheadLog.enable': true,")
    let n = 0
    let isOver = false
    const sending = (async () => {
      for (; !isOver; n++) await deliver(port, `m${n}`, () => isOver)
    })()
    for (let kill = 0; kill < 3; kill++) {
      const [before, sent] = [app.lines().length, n]
      app.start(program)
      await until(() => app.lines().length > before + kill && n > sent + 10, { timeoutMs: 30_000 })
      await app.kill()
    }
    isOver = true
    await sending
    // The last one was perhaps never answered.
    const wanted = Array.from({ length: n - 1 }, (_, i) => `m${i}`)
    app.start(program)
    await until(
      () => {
        const counted = new Set(app.counts().map(([word]) => word))
        return wanted.every(one => counted.has(one))
      },
      { timeoutMs: 30_000 },
    )
    await app.kill()
    // One was on its way at each kill.
    assert.ok(app.counts().filter(([, times]) => times > 1).length <= 3)
    app.times()
  })
})
