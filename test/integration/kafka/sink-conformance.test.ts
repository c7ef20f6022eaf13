/** What the engine counts on in a sink, of the sinks over a real broker. */
import { after, before, describe, it } from 'node:test'
import { kafkaSink } from 'kindling/connectors/kafka'
import { sinkConformance } from 'kindling/testing'
import { KafkaTopics } from '../../services/kafka.ts'
import { service } from '../../services/service.ts'
import { committedTexts } from '../../support/kafka-records.ts'

const kafka = service('kafka')

for (const delivery of ['at-least-once', 'exactly-once'] as const)
  describe(`a Kafka sink, ${delivery}`, { skip: kafka.skip }, () => {
    let topics: KafkaTopics
    before(() => {
      topics = new KafkaTopics(kafka.connection.brokers)
    })
    after(() => topics?.[Symbol.asyncDispose]())

    const cases = sinkConformance<string>({
      records: ['one', 'two', 'three', 'four', 'five', 'six'],
      isReachedFromThreads: true,
      async place() {
        const { brokers } = kafka.connection
        const topic = await topics.topic(3)
        // Of the case alone: all of them write as the same program.
        const own = { stagingTopic: `${topic}-staging`, tokenTopic: `${topic}-tokens` }
        let isBroken = false
        return {
          sink: () => kafkaSink<string>({ bootstrapServers: brokers, topic, delivery, ...own }),
          read: () => (isBroken ? [] : committedTexts(brokers, topic)),
          async break() {
            isBroken = true
            await topics.admin.deleteTopics({ topics: [topic] })
          },
        }
      },
    })
    for (const { name, run } of cases) it(name, { timeout: 120_000 }, run)
  })
