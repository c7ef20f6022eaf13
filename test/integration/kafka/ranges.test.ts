/** Exact offset ranges of a real broker. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { SparkContext } from 'kindling'
import {
  bytes,
  json,
  type KafkaParams,
  KafkaUtils,
  OffsetRange,
  required,
  type SASLOptions,
  type Secret,
} from 'kindling/connectors/kafka'
import { until } from 'kindling/testing'
import { KafkaTopics } from '../../services/kafka.ts'
import { service } from '../../services/service.ts'

const kafka = service('kafka')

describe('offset ranges of Kafka', { skip: kafka.skip }, () => {
  let topics: KafkaTopics
  let sc: SparkContext
  const warnings: string[] = []
  before(() => {
    topics = new KafkaTopics(kafka.connection.brokers)
    const quiet = () => {}
    const logger = {
      debug: quiet,
      info: quiet,
      error: quiet,
      warn: (text: string) => void warnings.push(text),
    }
    sc = new SparkContext({ master: 'local[2]', logger })
  })
  after(async () => {
    await sc?.stop()
    await topics?.[Symbol.asyncDispose]()
  })

  const rdd = (topic: string, from: number, until: number, more: Partial<KafkaParams> = {}) => {
    const params: KafkaParams = { bootstrapServers: kafka.connection.brokers, requestTimeout: '5s', ...more }
    return KafkaUtils.createRDD(sc, params, [OffsetRange.create(topic, 0, from, until)])
  }
  const values = (topic: string, from: number, until: number, more?: Partial<KafkaParams>) =>
    rdd(topic, from, until, more)
      .map(record => record.value)
      .collect()
  const numbers = (n: number, from = 0) => Array.from({ length: n }, (_, i) => String(from + i))

  it('are exactly those, within and across batches, and of several partitions in order', async () => {
    const topic = await topics.topic(2)
    for (let i = 0; i < 5; i++) await topics.send(topic, 0, numbers(200, 200 * i))
    await topics.send(topic, 1, ['x', 'y'])
    assert.deepEqual(await values(topic, 150, 650), numbers(500, 150))
    assert.deepEqual(await values(topic, 7, 7), [])
    const ranges = [OffsetRange.create(topic, 1, 1, 2), OffsetRange.create(topic, 0, 999, 1000)]
    const both = KafkaUtils.createRDD(sc, { bootstrapServers: kafka.connection.brokers }, ranges)
    assert.deepEqual(await both.map(({ value }) => value).collect(), ['y', '999'])
    assert.deepEqual(both.offsetRanges, ranges)
  })

  it('have all of a record', async () => {
    const topic = await topics.topic()
    await topics.send(topic, 0, [
      { key: 'k', value: 'v', timestamp: 1234, headers: { a: '1', b: '' } },
      { key: 'k', value: null, timestamp: 1235 },
    ])
    const found = await rdd(topic, 0, 2).collect()
    const same = { topic, partition: 0, timestampType: 'CreateTime', key: 'k' }
    const headers = [
      { key: 'a', value: Uint8Array.of(49) },
      { key: 'b', value: Uint8Array.of() },
    ]
    assert.deepEqual(found, [
      { ...same, offset: 0, timestamp: 1234, headers, value: 'v' },
      { ...same, offset: 1, timestamp: 1235, headers: [], value: undefined },
    ])
  })

  it('have the time of the broker where the topic says so', async () => {
    const topic = await topics.topic(1, { 'message.timestamp.type': 'LogAppendTime' })
    await topics.send(topic, 0, [{ value: 'v', timestamp: 1 }])
    const [record] = await rdd(topic, 0, 1).collect()
    assert.equal(record?.timestampType, 'LogAppendTime')
    assert.ok(Math.abs(record.timestamp - Date.now()) < 60_000)
  })

  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const lines = numbers(3000).map(n => n.padEnd(Number(n) % 200, 'xyz'))
    it(`are read in ${codec}, compressed by a client`, async () => {
      const topic = await topics.topic()
      await topics.send(topic, 0, lines, codec)
      assert.deepEqual(await values(topic, 1000, 3000), lines.slice(1000))
    })

    it(`are read in ${codec}, compressed by the broker`, async () => {
      const topic = await topics.topic(1, { 'compression.type': codec })
      await topics.send(topic, 0, lines)
      assert.deepEqual(await values(topic, 1000, 3000), lines.slice(1000))
    })
  }

  it('are read in many answers, records that are larger than an answer too', async () => {
    const topic = await topics.topic()
    for (let i = 0; i < 20; i++) await topics.send(topic, 0, numbers(50, 50 * i))
    await topics.send(topic, 0, ['z'.repeat(50_000)])
    const found = await values(topic, 10, 1001, { fetchBytes: 1024 })
    assert.deepEqual(found, [...numbers(990, 10), 'z'.repeat(50_000)])
  })

  it('pass the gaps of compaction', async () => {
    const topic = await topics.topic(1, {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
    })
    const send = (value: string) =>
      topics.send(
        topic,
        0,
        Array.from({ length: 10 }, (_, i) => ({ key: `k${i % 2}`, value: `${value}${i}` })),
      )
    await send('a')
    await send('b')
    const end = await topics.end(topic)
    let found: (string | undefined)[] = []
    // The segment that is written to is never compacted: it takes another one, and the broker's time.
    await until(
      async () => {
        await send('c')
        found = await values(topic, 0, end)
        return found.length < end
      },
      { timeoutMs: 60_000 },
    )
    const sent = ['a', 'b'].flatMap(value => numbers(10).map(i => `${value}${i}`))
    assert.deepEqual(
      found,
      sent.filter(value => found.includes(value)),
    )
    assert.deepEqual(warnings, [])
  })

  it('leave out marks of transactions, and with read_committed what was aborted', async () => {
    const topic = await topics.topic()
    for (const [texts, how] of [
      ['ab', 'commit'],
      ['XY', 'abort'],
      ['c', 'commit'],
      ['Z', 'abort'],
      ['d', 'commit'],
    ] as const)
      await topics.transact(topic, 0, [...texts], how)
    const end = await topics.end(topic)
    assert.equal(end, 12)
    assert.deepEqual(await values(topic, 0, end), [...'abXYcZd'])
    assert.deepEqual(await values(topic, 0, end, { isolationLevel: 'read_committed' }), [...'abcd'])
    assert.deepEqual(await values(topic, 4, 8, { isolationLevel: 'read_committed' }), ['c'])
  })

  it('leave out a large aborted transaction that comes in many answers', async () => {
    const topic = await topics.topic()
    await topics.transact(
      topic,
      0,
      Array.from({ length: 5000 }, () => 'X'.repeat(100)),
      'abort',
    )
    await topics.transact(topic, 0, ['ok'], 'commit')
    const end = await topics.end(topic)
    const more = { isolationLevel: 'read_committed', fetchBytes: 50_000 } as const
    assert.deepEqual(await values(topic, 0, end, more), ['ok'])
  })

  it('that retention has overtaken fail, or go on with what is left', async () => {
    const topic = await topics.topic()
    await topics.send(topic, 0, numbers(10))
    await topics.removeBefore(topic, 0, 6)
    await assert.rejects(values(topic, 2, 9), {
      code: 'KAFKA_DATA_LOST',
      message: new RegExp(`${topic}-0 from offset 2 to 6 are gone`),
    })
    assert.deepEqual(await values(topic, 2, 9, { onDataLoss: 'skip' }), ['6', '7', '8'])
    assert.match(warnings.splice(0).join(), /-0: records from 2 to 6 are skipped/)
  })

  it('beyond the end fail', async () => {
    const topic = await topics.topic()
    await topics.send(topic, 0, ['a'])
    await assert.rejects(values(topic, 0, 5), { code: 'KAFKA_DATA_LOST', message: /ends at 1 now/ })
    await assert.rejects(values(topic, 3, 5), { code: 'KAFKA_DATA_LOST', message: /ends before them/ })
  })

  it('of a topic or partition that there is not fail at once', async () => {
    await assert.rejects(values('no-such-topic', 0, 5), {
      code: 'KAFKA_TOPIC_NOT_FOUND',
      message: /no-such-topic/,
    })
    const topic = await topics.topic()
    const params = { bootstrapServers: kafka.connection.brokers }
    const other = KafkaUtils.createRDD(sc, params, [OffsetRange.create(topic, 3, 0, 1)])
    await assert.rejects(other.count(), { code: 'KAFKA_TOPIC_NOT_FOUND', message: new RegExp(`${topic}-3`) })
  })

  it('of a broker that is not there fail once patience is over', async () => {
    const impatient = new SparkContext({ conf: { 'spark.streaming.kafka.consumer.poll.ms': 300 } })
    const params = { bootstrapServers: '127.0.0.1:1' }
    const lost = KafkaUtils.createRDD(impatient, params, [OffsetRange.create('t', 0, 0, 1)])
    await assert.rejects(lost.count(), { code: 'KAFKA_UNREACHABLE', message: /127\.0\.0\.1:1.*ECONNREFUSED/ })
    await impatient.stop()
  })

  it('are read by worker threads, over connections of their own', async () => {
    const topic = await topics.topic(2)
    await topics.send(topic, 0, ['1', '2'])
    await topics.send(topic, 1, ['3'])
    const threads = new SparkContext({ master: 'local[2]', conf: { 'kindling.executor': 'threads' } })
    const ranges = [OffsetRange.create(topic, 0, 0, 2), OffsetRange.create(topic, 1, 0, 1)]
    const params = { bootstrapServers: kafka.connection.brokers, valueDeserializer: required(json<number>()) }
    const found = KafkaUtils.createRDD(threads, params, ranges).map(({ value }) => [
      value * 10,
      process.getBuiltinModule('node:worker_threads').isMainThread,
    ])
    assert.deepEqual(await found.collect(), [
      [10, false],
      [20, false],
      [30, false],
    ])
    await threads.stop()
  })

  it('keep bytes that are read as such', async () => {
    const topic = await topics.topic()
    await topics.send(topic, 0, ['abc'])
    const found = await rdd(topic, 0, 1, { valueDeserializer: bytes as never }).collect()
    assert.deepEqual(found[0]?.value, Uint8Array.from(Buffer.from('abc')))
  })

  describe('with access control', () => {
    let topic: string
    before(async () => {
      topic = await topics.topic()
      await topics.send(topic, 0, ['a'])
    })
    const scram = (password: Secret) => {
      const { scramUser, saslBrokers } = kafka.connection
      const sasl: SASLOptions = { mechanism: 'SCRAM-SHA-256', username: scramUser, password }
      return { bootstrapServers: saslBrokers, sasl }
    }

    it('are read after a log-in by SCRAM, the password from a function', async () => {
      assert.deepEqual(
        await values(
          topic,
          0,
          1,
          scram(async () => kafka.connection.scramPassword),
        ),
        ['a'],
      )
    })

    it('are read after a log-in by PLAIN', async () => {
      const { plainUser, plainPassword, saslBrokers } = kafka.connection
      const sasl: SASLOptions = { mechanism: 'PLAIN', username: plainUser, password: plainPassword }
      assert.deepEqual(await values(topic, 0, 1, { bootstrapServers: saslBrokers, sasl }), ['a'])
    })

    it('are refused for a wrong password, which no error tells', async () => {
      const failed = values(topic, 0, 1, scram('wrong-and-hush-hush'))
      await assert.rejects(failed, (error: Error & { code?: string }) => {
        assert.equal(error.code, 'KAFKA_ACCESS_DENIED')
        assert.match(error.message, /SASL_AUTHENTICATION_FAILED/)
        assert.ok(error.message.includes(kafka.connection.saslBrokers))
        assert.doesNotMatch(inspect(error, { depth: 20, showHidden: true }), /hush/)
        return true
      })
    })

    it('are read by TLS with an authority that is trusted, and only then', async () => {
      const bootstrapServers = kafka.connection.tlsBrokers
      const ca = readFileSync(kafka.connection.ca)
      assert.deepEqual(await values(topic, 0, 1, { bootstrapServers, tls: { ca } }), ['a'])
      await assert.rejects(values(topic, 0, 1, { bootstrapServers, tls: true }), {
        code: 'KAFKA_ACCESS_DENIED',
        message: /SELF_SIGNED/,
      })
    })
  })
})
