/** Topics and records on a real broker, for tests. */
import { randomBytes } from 'node:crypto'
import { Admin, type CompressionAlgorithmValue, Producer } from '@platformatic/kafka'
import { until } from 'kindling/testing'

/** Records of a test: text, or all that Kafka has. */
export type Sent =
  | string
  | {
      readonly key?: string
      readonly value: string | null
      readonly timestamp?: number
      readonly headers?: Readonly<Record<string, string>>
    }

/** See the file head. Dispose of it. */
export class KafkaTopics implements AsyncDisposable {
  readonly admin: Admin
  private readonly brokers: string
  private readonly producers = new Map<string, Producer>()

  constructor(brokers: string) {
    this.brokers = brokers
    this.admin = new Admin({ clientId: 'test', bootstrapBrokers: [brokers], retries: 50, retryDelay: 100 })
  }

  /** A topic with a name of its own. */
  async topic(partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = `test-${randomBytes(5).toString('hex')}`
    await this.create(name, partitions, configs)
    return name
  }

  async create(name: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<void> {
    // Records of the tests are as old as they like: the broker deletes none of them by age.
    const all = { 'retention.ms': '-1', ...configs }
    const settings = Object.entries(all).map(([key, value]) => ({ name: key, value }))
    await this.admin.createTopics({ topics: [name], partitions, replicas: 1, configs: settings })
  }

  async send(
    topic: string,
    partition: number,
    records: readonly Sent[],
    compression: CompressionAlgorithmValue = 'none',
  ): Promise<void> {
    await this.producer(compression).send({
      messages: records.map(record => messageOf(topic, partition, record)),
    })
  }

  /** Records of a transaction that ends so, and its mark: brokers write that a moment after they have said that it is over. */
  async transact(
    topic: string,
    partition: number,
    records: readonly Sent[],
    how: 'commit' | 'abort',
  ): Promise<void> {
    const from = await this.end(topic, partition)
    const transaction = await this.producer('transactional').beginTransaction()
    await transaction.send({ messages: records.map(record => messageOf(topic, partition, record)) })
    await transaction[how]()
    await until(async () => (await this.end(topic, partition)) > from + records.length)
  }

  /** The offset after the last record. */
  async end(topic: string, partition = 0): Promise<number> {
    const partitions = [{ partitionIndex: partition, timestamp: -1n }]
    const [found] = await this.admin.listOffsets({ topics: [{ name: topic, partitions }] })
    return Number(found!.partitions[0]!.offset)
  }

  /** What retention does, at once. */
  async removeBefore(topic: string, partition: number, offset: number): Promise<void> {
    const partitions = [{ partition, offset: BigInt(offset) }]
    await this.admin.deleteRecords({ topics: [{ name: topic, partitions }] })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.producers.values(), this.admin].map(client => client.close()))
  }

  private producer(kind: CompressionAlgorithmValue | 'transactional'): Producer {
    let producer = this.producers.get(kind)
    if (producer === undefined) {
      const how =
        kind === 'transactional'
          ? // Without these a second producer of an id cannot take over, here after a test that was killed.
            { transactionalId: randomBytes(5).toString('hex'), producerId: -1n, producerEpoch: -1 }
          : { compression: kind }
      const options = { clientId: 'test', bootstrapBrokers: [this.brokers], acks: -1, idempotent: true }
      producer = new Producer({ ...options, retries: 100, retryDelay: 50, ...how })
      this.producers.set(kind, producer)
    }
    return producer
  }
}

function messageOf(topic: string, partition: number, record: Sent) {
  const { key, value, timestamp, headers = {} } = typeof record === 'string' ? { value: record } : record
  const own = Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)] as const)
  return {
    topic,
    partition,
    ...(key === undefined ? {} : { key: Buffer.from(key) }),
    // The library's types have no null, its writer does.
    value: (value === null ? null : Buffer.from(value)) as Buffer,
    ...(timestamp === undefined ? {} : { timestamp: BigInt(timestamp) }),
    headers: new Map(own),
  }
}
