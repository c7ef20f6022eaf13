/**
 * Kafka, beside the producer of its client library; both send 512 KiB at a time to a topic of four partitions, one send after the other.
 *
 * write         `kafkaSink`, at least once, beside an idempotent producer
 * transaction   `kafkaSink`, exactly once, beside one transaction of the library. That alone is atomic, but knows of no batch that was
 *               written before a crash: the same guarantee takes a token in it.
 */
import { Producer } from '@platformatic/kafka'
import { SparkContext } from 'kindling'
import { kafkaSink } from 'kindling/connectors/kafka'
import { until } from 'kindling/testing'
import { KafkaTopics } from '../../test/services/kafka.ts'
import { service } from '../../test/services/service.ts'
import type { Benchmark } from './harness.ts'

const PARTITIONS = 4
const RECORDS = 200_000
/** 512 KiB, as the sink counts it: 100 bytes of value, 64 for the rest. */
const SEND_RECORDS = Math.floor((512 << 10) / 164)
const DECIMALS = 10

/** See the file head. */
export const kafkaWrite: Benchmark = master => comparison(master, 'at-least-once')
/** See the file head. */
export const kafkaTransaction: Benchmark = master => comparison(master, 'exactly-once')

async function comparison(master: string, delivery: 'at-least-once' | 'exactly-once'): ReturnType<Benchmark> {
  const { brokers } = service('kafka').connection
  const topics = new KafkaTopics(brokers)
  const topic = await topics.topic(PARTITIONS)
  const sc = new SparkContext({ master })
  const sink = kafkaSink<string>({
    bootstrapServers: brokers,
    topic,
    delivery,
  })
  const isOnce = delivery === 'exactly-once'
  const producer = new Producer({
    clientId: 'bench',
    bootstrapBrokers: [brokers],
    idempotent: true,
    ...(isOnce
      ? { transactionalId: topic, producerId: -1n, producerEpoch: -1, retries: 250, retryDelay: 20 }
      : {}),
  })
  const written = async (): Promise<number> => {
    let sum = 0
    for (let partition = 0; partition < PARTITIONS; partition++) sum += await topics.end(topic, partition)
    return sum
  }
  let before = 0
  const side = {
    prepare: async () => void (before = await written()),
    /** A transaction ends with a record of its own in each partition, which may come after the answer. */
    async found() {
      const count = async (): Promise<number> => (await written()) - before - (isOnce ? PARTITIONS : 0)
      await until(async () => (await count()) >= RECORDS)
      return count()
    },
  }
  return {
    work: `${RECORDS} records of 100 B`,
    expected: RECORDS,
    ours: { ...side, run: time => sc.range(RECORDS).map(textOf).writeTo(sink, { id: topic, time }) },
    bare: { ...side, run: () => (isOnce ? transacted(producer, topic) : sent(producer, topic)) },
    async [Symbol.asyncDispose]() {
      await producer.close()
      await sc.stop()
      await topics.admin.deleteTopics({ topics: [topic] })
      await topics[Symbol.asyncDispose]()
    },
  }
}

async function transacted(producer: Producer, topic: string): Promise<void> {
  const transaction = await producer.beginTransaction()
  await sent(transaction, topic)
  await transaction.commit()
}

async function sent(to: Pick<Producer, 'send'>, topic: string): Promise<void> {
  for (let first = 0; first < RECORDS; first += SEND_RECORDS) {
    const messages = Array.from({ length: Math.min(SEND_RECORDS, RECORDS - first) }, (_, i) => ({
      topic,
      partition: (first + i) % PARTITIONS,
      value: Buffer.from(textOf(first + i)),
    }))
    await to.send({ messages })
  }
}

function textOf(n: number): string {
  return String(n).padStart(DECIMALS, '0').padEnd(100, ' of which nothing more is to be said,')
}
