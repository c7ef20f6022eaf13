/** What the engine counts on in a source, of Kafka's over a real broker. */
import { after, before, describe, it } from 'node:test'
import {
  ConsumerStrategies,
  type KafkaParams,
  KafkaUtils,
  LocationStrategies,
} from 'kindling/connectors/kafka'
import { type SourcePlace, type SourceSubject, sourceConformance, until } from 'kindling/testing'
import { KafkaTopics } from '../../services/kafka.ts'
import { service } from '../../services/service.ts'

const kafka = service('kafka')
const yes = (): boolean => true
const no = (): boolean => false

describe('sourceConformance of Kafka', { skip: kafka.skip }, () => {
  let topics: KafkaTopics
  before(() => {
    topics = new KafkaTopics(kafka.connection.brokers)
  })
  after(() => topics?.[Symbol.asyncDispose]())

  const stream =
    (topic: string, more: Partial<KafkaParams> = {}): SourcePlace<string>['stream'] =>
    ssc => {
      const params = {
        bootstrapServers: kafka.connection.brokers,
        autoOffsetReset: 'earliest' as const,
        metadataMaxAge: 0,
        requestTimeout: '5s' as const,
        ...more,
      }
      const strategy = ConsumerStrategies.Subscribe([topic], params)
      return KafkaUtils.createDirectStream(ssc, LocationStrategies.PreferConsistent, strategy).map(
        ({ value }) => value as string,
      )
    }
  const subject: SourceSubject<string> = {
    name: 'Kafka',
    kind: 'direct',
    record: n => `record ${n}`,
    async place() {
      const topic = await topics.topic(1)
      let partitions = 1
      let turn = 0
      return {
        stream: stream(topic),
        async send(records) {
          const by = Map.groupBy(records, () => turn++ % partitions)
          // A broker learns of a new partition a moment after the one that made it.
          for (const [partition, some] of by)
            await until(() => topics.send(topic, partition, some).then(yes, no))
        },
        async addPartition() {
          partitions++
          await topics.admin.createPartitions({
            topics: [{ name: topic, count: partitions, assignments: null }],
          })
        },
      }
    },
    failures: [
      {
        what: 'an unknown topic',
        stream: stream('no-such-topic'),
        code: 'KAFKA_TOPIC_NOT_FOUND',
        message: /no-such-topic/,
      },
      {
        what: 'nobody at the address',
        stream: stream('t', { bootstrapServers: '127.0.0.1:9', requestTimeout: '300ms' }),
        code: 'KAFKA_UNREACHABLE',
        message: /127\.0\.0\.1:9/,
      },
    ],
  }
  for (const { name, run } of sourceConformance(subject)) it(name, run)
})
