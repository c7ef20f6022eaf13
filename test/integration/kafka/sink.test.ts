/** What a Kafka sink writes, and what it says when that goes wrong, over a real broker. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type KindlingError, SparkContext } from 'kindling'
import { type KafkaSinkOptions, kafkaSink } from 'kindling/connectors/kafka'
import { KafkaTopics } from '../../services/kafka.ts'
import { ownServer, service } from '../../services/service.ts'
import { INLINE } from '../../support/backends.ts'
import { committedRecords, committedTexts } from '../../support/kafka-records.ts'

const kafka = service('kafka')
const deliveries = ['at-least-once', 'exactly-once'] as const

describe('a Kafka sink over a broker', { skip: kafka.skip }, () => {
  let topics: KafkaTopics
  const sc = new SparkContext({ master: 'local[2]', conf: INLINE })
  before(() => {
    topics = new KafkaTopics(kafka.connection.brokers)
  })
  after(async () => {
    await sc.stop()
    await topics?.[Symbol.asyncDispose]()
  })
  const options = <T>(more: Partial<KafkaSinkOptions<T>> & Pick<KafkaSinkOptions<T>, 'topic'>) => ({
    bootstrapServers: kafka.connection.brokers,
    requestTimeout: '5s' as const,
    ...more,
  })

  for (const delivery of deliveries) {
    it(`writes keys, values, headers and times where it is told, ${delivery}`, async () => {
      const [one, two] = [await topics.topic(3), await topics.topic(3)]
      const sink = kafkaSink<readonly [string, number]>({
        ...options({ topic: ([key]) => (key === 'deleted' ? two : one) }),
        key: ([key]) => key,
        value: ([key, n]) => (key === 'deleted' ? null : String(n)),
        headers: ([key]) => ({ from: `${key}!` }),
        partition: ([, n]) => (n === 7 ? 2 : undefined),
        timestamp: ([, n]) => n,
        compression: 'gzip',
        delivery,
      })
      await sc.parallelize([['a', 1] as const, ['b', 7] as const, ['deleted', 3] as const], 2).writeTo(sink)
      const seen = [
        ...(await committedRecords(kafka.connection.brokers, one)),
        ...(await committedRecords(kafka.connection.brokers, two)),
      ].map(({ topic, key, value, headers, timestamp }) => [
        topic,
        Buffer.from(key!).toString(),
        value === undefined ? undefined : Buffer.from(value).toString(),
        headers.map(header => `${header.key}=${Buffer.from(header.value!)}`),
        timestamp,
      ])
      assert.deepEqual(
        seen.sort((a, b) => Number(a[4]) - Number(b[4])),
        [
          [one, 'a', '1', ['from=a!'], 1],
          [two, 'deleted', undefined, ['from=deleted!'], 3],
          [one, 'b', '7', ['from=b!'], 7],
        ],
      )
      const [b] = (await committedRecords(kafka.connection.brokers, one)).filter(r => r.timestamp === 7)
      assert.equal(b!.partition, 2)
    })

    it(`says what is wrong, ${delivery}`, async () => {
      const topic = await topics.topic()
      const write = async (
        more: Partial<KafkaSinkOptions<string>>,
        records = ['a'],
      ): Promise<KindlingError> => {
        const sink = kafkaSink<string>({ ...options({ topic }), delivery, ...more })
        return await sc
          .parallelize(records, 1)
          .writeTo(sink)
          .then(
            () => assert.fail('nothing was thrown'),
            (error: KindlingError) => error,
          )
      }
      const said = (error: KindlingError): string => inspect(error, { depth: 10 })
      const unknown = await write({ topic: 'there-is-no-such' })
      assert.equal(unknown.code, 'KAFKA_TOPIC_NOT_FOUND')
      assert.match(unknown.message, new RegExp(`${kafka.connection.brokers}.*there-is-no-such`))
      assert.match(said(await write({ topic: () => 'neither-this' })), /neither-this.*KAFKA_TOPIC_NOT_FOUND/s)

      const { saslBrokers } = kafka.connection
      const sasl = { mechanism: 'SCRAM-SHA-256', username: 'alice', password: 'not-the-word' } as const
      const refused = await write({ bootstrapServers: saslBrokers, sasl })
      assert.equal(refused.code, 'KAFKA_ACCESS_DENIED')
      assert.match(refused.message, new RegExp(saslBrokers))
      assert.doesNotMatch(said(refused), /not-the-word/)

      const large = said(await write({}, ['x'.repeat(2 << 20)]))
      assert.match(large, /MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/)
      assert.match(large, new RegExp(topic))
      assert.match(said(await write({ partition: () => 5 })), /from 0 to 0.*INVALID_ARGUMENT/s)
      assert.deepEqual(await committedTexts(kafka.connection.brokers, topic), [])
    })

    it(`goes on once a broker that was killed is back, ${delivery}`, { timeout: 180_000 }, async () => {
      await using server = ownServer('kafka')
      const { brokers } = await server.start()
      await using own = new KafkaTopics(brokers)
      const topic = await own.topic(2)
      const records = Array.from({ length: 3000 }, (_, i) => `${i} ${'x'.repeat(1000)}`)
      const sink = kafkaSink<string>({ bootstrapServers: brokers, topic, delivery, requestTimeout: '5s' })
      const { writer } = sink
      const broker: { kills: number; restarted?: Promise<unknown> } = { kills: 0 }
      // In the middle of a partition.
      const killing: typeof sink = {
        ...sink,
        async writer(token) {
          const made = await writer(token)
          return {
            ...made,
            async write(some: readonly string[]) {
              await made.write(some)
              if (broker.kills > 0) return
              broker.kills++
              await server.end('SIGKILL')
              broker.restarted = server.start()
            },
          }
        },
      } as typeof sink
      await sc.parallelize(records, 2).writeTo(killing)
      await broker.restarted
      assert.equal(broker.kills, 1, 'the broker was killed')
      const seen = await committedTexts(brokers, topic)
      if (delivery === 'exactly-once') assert.equal(seen.length, records.length)
      assert.deepEqual([...new Set(seen)], [...records].sort())
    })
  }
})
