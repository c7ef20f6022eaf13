/** Streams and the sink of MQTT, over a real broker. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createServer } from 'node:tls'
import { inspect } from 'node:util'
import { SparkContext, StreamingContext } from 'kindling'
import { type MqttMessage, type MqttStreamOptions, MqttUtils, mqttSink } from 'kindling/connectors/mqtt'
import { type SourceSubject, sinkConformance, sourceConformance, until } from 'kindling/testing'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { ownServer, service } from '../../services/service.ts'
import { certificate } from '../../support/certificate.ts'
import { countingProgram, KilledProgram } from '../../support/killed-program.ts'
import { rejected } from '../../support/rejected.ts'
import { serverKills } from '../../support/server-kills.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'

const server = service('mqtt')
const connector = join(import.meta.dirname, '../../../src/connectors/mqtt/index.ts')
const name = (): string => `test-${randomUUID()}`
const textOf = ({ payload }: MqttMessage): string => new TextDecoder().decode(payload)

/** A client that ends with its test. */
class Publisher implements AsyncDisposable {
  readonly client: MqttClient

  private constructor(client: MqttClient) {
    this.client = client
  }

  static async at(url: string, options: IClientOptions = {}): Promise<Publisher> {
    return new Publisher(await connectAsync(url, options))
  }

  /** With QoS 1. */
  async send(topic: string, texts: readonly string[], retain = false): Promise<void> {
    await Promise.all(texts.map(text => this.client.publishAsync(topic, text, { qos: 1, retain })))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.endAsync(true)
  }
}

/** Counts packets of the types in what a client sends. */
function counting(...types: readonly number[]): { count: number; readonly tap: (bytes: Uint8Array) => void } {
  const found = { count: 0, tap }
  function tap(bytes: Uint8Array): void {
    // What a subscriber sends is short: packets are whole, and their lengths are one byte.
    for (let at = 0; at + 1 < bytes.length; at += 2 + bytes[at + 1]!)
      if (types.includes(bytes[at]! >> 4)) found.count++
  }
  return found
}

const PUBACK = 4
const PUBREC = 5

function subject(qos: 1 | 2): SourceSubject<string> {
  return {
    name: 'MQTT',
    kind: 'reliable',
    record: n => `record ${n}`,
    secrets: ['wrong-hush'],
    flood: { records: 500, heldBytes: 1000 },
    async place() {
      const [topic, clientId] = [name(), name()]
      const acknowledgements = counting(PUBACK, PUBREC)
      const proxy = await new TcpProxy(server.connection.port, acknowledgements.tap).up()
      const sender = await Publisher.at(server.connection.url)
      const url = `mqtt://127.0.0.1:${proxy.port}`
      return {
        stream: ssc => MqttUtils.createStream(ssc, { url, topics: [topic], clientId, qos }).map(textOf),
        send: records => sender.send(topic, records),
        interrupt: () => proxy.cut(),
        acknowledged: () => acknowledgements.count,
        open: () => Array.from({ length: proxy.open }, () => 'a connection'),
        async dispose() {
          await proxy.down()
          await sender[Symbol.asyncDispose]()
        },
      }
    },
    failures: [
      {
        what: 'a wrong password',
        stream(ssc) {
          const { secureUrl, user } = server.connection
          const options = { url: secureUrl, username: user, password: 'wrong-hush', topics: ['t'] }
          return MqttUtils.createStream(ssc, options)
        },
        message: /MQTT broker mqtt:\/\/127\.0\.0\.1:\d+ does not let this program in/,
      },
      {
        what: 'nobody at the address',
        stream: ssc => MqttUtils.createStream(ssc, { url: 'mqtt://127.0.0.1:9', topics: ['t'] }),
        message: /MQTT broker mqtt:\/\/127\.0\.0\.1:9 does not answer \(.*ECONNREFUSED/,
      },
    ],
  }
}

/** A program that notes messages. */
async function started(options: MqttStreamOptions, seen: MqttMessage[]): Promise<StreamingContext> {
  const ssc = new StreamingContext({
    batchDuration: 50,
    conf: { 'spark.streaming.receiverRestartDelay': 50 },
  })
  MqttUtils.createStream(ssc, options).foreachRDD(async rdd => void seen.push(...(await rdd.collect())))
  await ssc.start()
  return ssc
}

describe('MQTT', { skip: server.skip }, () => {
  for (const qos of [1, 2] as const)
    describe(`sourceConformance with QoS ${qos}`, () => {
      for (const { name, run } of sourceConformance(subject(qos))) it(name, run)
    })

  it('has messages of topics by wildcards, with QoS 0 too, and those that were retained', async () => {
    const root = name()
    const { url } = server.connection
    await using sender = await Publisher.at(url)
    await sender.send(`${root}/a/t`, ['kept'], true)
    const seen: MqttMessage[] = []
    await using _ = await started({ url, topics: [`${root}/+/t`, `${root}/x/#`], qos: 0 }, seen)
    await sender.send(`${root}/b/t`, ['b'])
    await sender.send(`${root}/b/other`, ['not this'])
    await sender.send(`${root}/x/y/z`, ['deep'])
    await until(() => seen.length === 3)
    assert.deepEqual(
      seen.map(message => [message.topic.slice(root.length), textOf(message), message.isRetained]).sort(),
      [
        ['/a/t', 'kept', true],
        ['/b/t', 'b', false],
        ['/x/y/z', 'deep', false],
      ],
    )
  })

  it('is let in with a password, and what came while it was away comes when it is back', async () => {
    const { secureUrl, user, password } = server.connection
    const [topic, clientId] = [name(), name()]
    const options = { url: secureUrl, username: user, password, topics: [topic], clientId }
    const seen: MqttMessage[] = []
    const first = await started(options, seen)
    await first.stop()
    await using sender = await Publisher.at(secureUrl, { username: user, password })
    await sender.send(topic, ['while away'])
    await using _ = await started(options, seen)
    await until(() => seen.length === 1)
    assert.equal(textOf(seen[0]!), 'while away')
  })

  it('is received by TLS, from a broker whose certificate is right', async () => {
    const { pfx, ca, passphrase } = certificate()
    const tls = createServer({ pfx, passphrase }, socket => {
      const broker = connect(server.connection.port, '127.0.0.1')
      socket.on('error', () => broker.destroy()).pipe(broker)
      broker.on('error', () => socket.destroy()).pipe(socket)
    })
    await new Promise<void>(resolve => tls.listen(0, '127.0.0.1', resolve))
    const { port } = tls.address() as { readonly port: number }
    const topic = name()
    const seen: MqttMessage[] = []
    try {
      await using _ = await started({ url: `mqtts://localhost:${port}`, topics: [topic], tls: { ca } }, seen)
      await using sender = await Publisher.at(server.connection.url)
      await sender.send(topic, ['by TLS'])
      await until(() => seen.length === 1)
    } finally {
      tls.close()
    }
  })

  it('goes on by itself when the broker was killed and is back', async () => {
    await using own = ownServer('mqtt')
    const { url } = await own.start()
    const [topic, seen] = [name(), [] as MqttMessage[]]
    await using _ = await started({ url, topics: [topic], clientId: name() }, seen)
    await own.end('SIGKILL')
    await own.start()
    await using sender = await Publisher.at(url)
    // The broker has forgotten its sessions: it takes until the program has subscribed again.
    await until(async () => {
      await sender.send(topic, ['again'])
      return seen.length > 0
    })
  })

  it('loses nothing in a program that is killed', { timeout: 120_000 }, async () => {
    await using app = new KilledProgram()
    const [topic, clientId] = [name(), name()]
    const options = { url: server.connection.url, topics: [topic], clientId }
    const program = countingProgram({
      imports: `import { MqttUtils } from '${connector}'`,
      source: `MqttUtils.createStream(ssc, ${JSON.stringify(options)})
        .uid('messages')
        .map(({ payload }) => new TextDecoder().decode(payload))`,
    }).replace('conf: {', "conf: { 'spark.streaming.receiver.writeAheadLog.enable': true,")
    await using sender = await Publisher.at(server.connection.url)
    const sent: string[] = []
    for (let kill = 0; kill < 3; kill++) {
      const before = app.lines().length
      app.start(program)
      await until(() => app.lines().length > before, { timeoutMs: 30_000 })
      for (let n = 0; n < 20; n++) {
        sent.push(`m${sent.length}`)
        await sender.send(topic, sent.slice(-1))
      }
      await until(() => app.lines().length > before + kill, { timeoutMs: 30_000 })
      await app.kill()
      sent.push(`m${sent.length}`)
      await sender.send(topic, sent.slice(-1))
    }
    app.start(program)
    const missing = (): string[] => {
      const counted = new Set(app.counts().map(([word]) => word))
      return sent.filter(one => !counted.has(one))
    }
    await until(() => missing().length === 0, { timeoutMs: 30_000 })
    await app.kill()
    // Twice only what was stored and not acknowledged when the process died.
    assert.ok(app.counts().filter(([, n]) => n > 1).length <= 3 * 20)
    app.times()
  })

  for (const [title, options] of [
    ['another kind of address', { url: 'http://localhost', topics: ['t'] }],
    ['a password in the address', { url: 'mqtt://a:hush@localhost', topics: ['t'] }],
    ['no topic', { url: 'mqtt://localhost', topics: [] }],
    ['a session without a name', { url: 'mqtt://localhost', topics: ['t'], clean: false }],
  ] as const)
    it(`is refused with ${title}`, async () => {
      await using ssc = new StreamingContext({ batchDuration: 1000 })
      const error = await rejected('INVALID_ARGUMENT', async () => void MqttUtils.createStream(ssc, options))
      assert.doesNotMatch(inspect(error, { depth: 9 }), /hush/)
    })
})

describe('the sink of MQTT', { skip: server.skip }, () => {
  const records = ['one', 'two', 'three', 'four', 'five', 'six']
  const subject = {
    records,
    isReachedFromThreads: true,
    async place() {
      const [topic, seen] = [name(), [] as string[]]
      const reader = await connectAsync(server.connection.url)
      reader.on('message', (_topic, payload) => void seen.push(String(payload)))
      await reader.subscribeAsync(topic, { qos: 1 })
      const proxy = await new TcpProxy(server.connection.port).up()
      const url = `mqtt://127.0.0.1:${proxy.port}`
      return {
        sink: () => mqttSink<string>({ url, patience: 200, message: text => ({ topic, payload: text }) }),
        /** What was published before this is there once this is. */
        async read() {
          const mark = name()
          await reader.publishAsync(topic, mark, { qos: 1 })
          await until(() => seen.includes(mark))
          return seen.filter(text => records.includes(text))
        },
        break: () => proxy.down(),
        async dispose() {
          await proxy.down()
          await reader.endAsync(true)
        },
      }
    },
  }
  for (const { name, run } of sinkConformance<string>(subject)) it(name, run)

  serverKills(async () => {
    const own = ownServer('mqtt')
    const { url, port } = await own.start()
    const [topic, seen] = [name(), [] as string[]]
    const reader = await connectAsync(url, { reconnectPeriod: 20 })
    reader.on('error', () => {})
    reader.on('message', (_topic, payload) => void seen.push(String(payload)))
    await reader.subscribeAsync(topic, { qos: 1 })
    return {
      target: port,
      sink: proxied =>
        mqttSink<[string]>({
          url: `mqtt://127.0.0.1:${proxied}`,
          message: ([payload]) => ({ topic, payload }),
        }),
      words: async () => seen,
      kill: () => own.end('SIGKILL'),
      async start() {
        await own.start()
        await until(() => reader.connected)
        await reader.subscribeAsync(topic, { qos: 1 })
      },
      async [Symbol.asyncDispose]() {
        await reader.endAsync(true)
        await own[Symbol.asyncDispose]()
      },
    }
  }, [
    // The topic stands in what is published.
    { name: 'while tasks write', sent: [/test-/], master: 'local' },
    { name: 'while tasks write', sent: [/test-/] },
  ])

  it('names the broker that lets nobody in', async () => {
    const { secureUrl: url, user: username } = server.connection
    await using sc = new SparkContext()
    const sink = mqttSink<string>({
      ...{ url, username, password: 'wrong-hush' },
      message: payload => ({ topic: 't', payload }),
    })
    const failed = sc.parallelize(['a'], 1).writeTo(sink, { id: 'out', time: 1000 })
    await assert.rejects(failed, (error: Error) => {
      assert.match(inspect(error, { depth: 9 }), /ENDPOINT_ACCESS_DENIED|does not let this program in/)
      assert.doesNotMatch(inspect(error, { depth: 9 }), /hush/)
      return true
    })
  })
})
