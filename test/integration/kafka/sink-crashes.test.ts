/** From Kafka to Kafka exactly once: the program dies at every step of the sink, and starts again. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  ConsumerStrategies,
  type KafkaParams,
  kafkaSink,
  LocationStrategies,
} from 'kindling/connectors/kafka'
import { StreamTest } from 'kindling/testing'
import { type Lease, leaseByKey } from '../../../src/connectors/kafka/cluster-pool.ts'
import { DirectKafkaSource } from '../../../src/connectors/kafka/direct-source.ts'
import { settingsOf } from '../../../src/connectors/kafka/params.ts'
import { KafkaTopics } from '../../services/kafka.ts'
import { service } from '../../services/service.ts'
import { INLINE } from '../../support/backends.ts'
import { committedTexts } from '../../support/kafka-records.ts'

const kafka = service('kafka')
const steps = ['open', 'committed', 'begin', 'writer', 'write', 'prepare', 'commit'] as const

describe('from Kafka to Kafka exactly once', { skip: kafka.skip }, () => {
  let topics: KafkaTopics
  before(() => {
    topics = new KafkaTopics(kafka.connection.brokers)
  })
  // Programs that have died let go of nothing.
  const leases: Lease[] = []
  after(async () => {
    for (const lease of leases) lease.release()
    await topics?.[Symbol.asyncDispose]()
  })

  for (const step of steps)
    for (const when of ['before', 'after'] as const)
      it(`a crash ${when} ${step} neither loses nor repeats anything`, { timeout: 120_000 }, async () => {
        const [from, to] = [await topics.topic(2), await topics.topic(2)]
        const params: KafkaParams = {
          bootstrapServers: kafka.connection.brokers,
          autoOffsetReset: 'earliest',
          metadataMaxAge: 0,
        }
        await topics.send(from, 0, ['a', 'b'])
        const test = new StreamTest({
          master: 'local[2]',
          conf: INLINE,
          checkpointDir: true,
          build(t) {
            const sink = kafkaSink<string>({
              bootstrapServers: kafka.connection.brokers,
              topic: to,
              delivery: 'exactly-once',
            })
            const source = new DirectKafkaSource({
              key: from,
              strategy: ConsumerStrategies.Subscribe([from], params),
              locations: LocationStrategies.PreferConsistent,
              perPartition: {},
              lease(keepMs) {
                const lease = leaseByKey(from, settingsOf(params), keepMs)
                leases.push(lease)
                return lease
              },
            })
            t.ssc
              .directStream(source)
              .uid('from')
              .map(({ value }) => `${value} counted`)
              .writeTo(t.sink(sink), { id: 'to', require: 'exactly-once' })
          },
        })
        await using _ = test
        // Once a program has died no step is taken any more; the first life takes those of the start once.
        const isOfStart = step === 'open' || step === 'committed'
        if (isOfStart) {
          await test.run(1)
          await topics.send(from, 1, ['c'])
          test.crashAt('sink-commit-after')
          await test.run(1)
          assert.ok(test.crashed, 'the first fault has hit')
          test.crashAt(`sink-${step}-${when}`)
          await test.crashAndRestart().catch(() => {})
          await test.run(1, { collectErrors: true }).catch(() => {})
        } else {
          await test.run(1)
          await topics.send(from, 1, ['c'])
          test.crashAt(`sink-${step}-${when}`)
          await test.run(1)
        }
        assert.ok(test.crashed, 'the fault has hit')
        await test.crashAndRestart()
        await topics.send(from, 0, ['d'])
        await test.run(2)
        const all = ['a', 'b', 'c', 'd'].map(value => `${value} counted`)
        assert.deepEqual(await committedTexts(kafka.connection.brokers, to), all)
      })
})
