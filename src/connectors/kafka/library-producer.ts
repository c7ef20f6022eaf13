/**
 * Writes records by the package `@platformatic/kafka`: idempotent, or in transactions.
 *
 * What its library does otherwise than Java's, and is seen to here:
 * - a second producer of a transactional id takes over only when it asks with id and epoch −1
 * - a transaction right after another is refused for some milliseconds: it is asked for again soon
 * - sequence numbers are right as long as sends follow each other
 * - its time-out of requests is also that of transactions, after which the broker aborts them
 */
import { KindlingError } from '../../base/errors.ts'
import { brokerError, codesOf, saysNoTopic } from './broker-errors.ts'
import type { Pooled } from './cluster-pool.ts'
import { connectionOptions, type Library, loadLibrary } from './library.ts'
import type { OutRecord, WrittenAt } from './out-record.ts'
import type { KafkaSettings } from './params.ts'

type LibraryProducer = import('@platformatic/kafka').Producer
type LibraryTransaction = Awaited<ReturnType<LibraryProducer['beginTransaction']>>
type Message = Parameters<LibraryProducer['send']>[0]['messages'][number]

/** How record batches are compressed. */
export type KafkaCompression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** How records are sent. Plain data, and what the settings have. */
export interface ProducerSettings {
  readonly settings: KafkaSettings
  readonly compression: KafkaCompression
  /** How long a send is tried. */
  readonly deliveryTimeoutMs: number
}

const RETRY_MS = 250
/** Between attempts in a transaction; longer outages are waited for by whoever runs it. */
const TRANSACTION_RETRY_MS = 20
const TRANSACTION_RETRIES = 250

/** The producer of a thread. Each record is there once, unless it is sent again after an error. */
export class RecordProducer implements Pooled {
  private readonly parts: ProducerSettings
  private producer: Promise<LibraryProducer> | undefined
  private last: Promise<unknown> = Promise.resolve()
  private isHeld = true

  constructor(parts: ProducerSettings) {
    this.parts = parts
  }

  /** Resolves once all replicas have them. @returns the first offset of each partition */
  send(records: readonly OutRecord[]): Promise<readonly WrittenAt[]> {
    const sent = this.last.then(() => this.sendNow(records))
    this.last = sent.catch(() => {})
    return sent
  }

  hold(isHeld: boolean): void {
    this.isHeld = isHeld
    this.producer?.then(
      producer => holdConnections(producer, isHeld),
      () => {}, // Whoever asked for the connection was told.
    )
  }

  async close(): Promise<void> {
    const producer = await this.producer?.catch(() => undefined)
    await producer?.close().catch(() => {})
  }

  private async sendNow(records: readonly OutRecord[]): Promise<readonly WrittenAt[]> {
    const { settings } = this.parts
    try {
      this.producer ??= this.connect()
      const producer = await this.producer
      const { offsets = [] } = await producer.send({ messages: records.map(messageOf) })
      if (!this.isHeld) this.hold(false)
      return offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset: Number(offset) }))
    } catch (error) {
      throw sendingFailed(error, records, settings)
    }
  }

  private async connect(): Promise<LibraryProducer> {
    const { settings, compression, deliveryTimeoutMs } = this.parts
    const library = await loadLibrary()
    return new library.Producer({
      ...connectionOptions(settings),
      idempotent: true,
      autocreateTopics: false,
      compression,
      retries: Math.max(2, Math.ceil(deliveryTimeoutMs / RETRY_MS)),
      retryDelay: RETRY_MS,
    })
  }
}

/** Someone else has taken the transactional id, or the broker has aborted the transaction: what it knows has to be read again. */
export class TransactionLost extends Error {
  override readonly name = 'TransactionLost'
}

const LOST = new Set([
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  'UNKNOWN_PRODUCER_ID',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'TRANSACTION_ABORTABLE',
  'CONCURRENT_TRANSACTIONS',
])

/** The one producer that has a transactional id: others that had it before can end no transaction any more. */
export class TransactionalProducer {
  private readonly producer: LibraryProducer
  private readonly settings: KafkaSettings

  private constructor(producer: LibraryProducer, settings: KafkaSettings) {
    this.producer = producer
    this.settings = settings
  }

  /** Resolves once every transaction of the id before is over, whichever way. */
  static async take(
    transactionalId: string,
    { settings, compression }: ProducerSettings,
    transactionTimeoutMs: number,
  ): Promise<TransactionalProducer> {
    const library = await loadLibrary()
    const producer = new library.Producer({
      ...connectionOptions(settings),
      idempotent: true,
      autocreateTopics: false,
      compression,
      transactionalId,
      producerId: -1n,
      producerEpoch: -1,
      timeout: transactionTimeoutMs,
      retries: TRANSACTION_RETRIES,
      retryDelay: TRANSACTION_RETRY_MS,
    })
    const taken = new TransactionalProducer(producer, settings)
    try {
      const transaction = await taken.begin()
      await transaction.cancel()
      return taken
    } catch (error) {
      await taken.close()
      throw error
    }
  }

  /** All that `write` sends appears at once. @throws TransactionLost; after any error nothing more can be done with it */
  async transact(
    write: (send: (records: readonly OutRecord[]) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const transaction = await this.begin()
    try {
      await write(async records => {
        try {
          if (records.length > 0) await transaction.send({ messages: records.map(messageOf) })
        } catch (error) {
          throw failed(error, () => sendingFailed(error, records, this.settings))
        }
      })
    } catch (error) {
      // Readers wait for what is not over. Whoever takes the id next aborts it otherwise, or the broker in time.
      await transaction.abort().catch(() => {})
      throw error
    }
    await this.asked('the end of a transaction', () => transaction.commit())
  }

  /** Whether its connections keep the process alive. */
  hold(isHeld: boolean): void {
    holdConnections(this.producer, isHeld)
  }

  async close(): Promise<void> {
    await this.producer.close().catch(() => {})
  }

  private begin(): Promise<LibraryTransaction> {
    return this.asked('a transaction', () => this.producer.beginTransaction())
  }

  private async asked<T>(what: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      throw failed(error, () => brokerError(error, what, this.settings.bootstrapServers))
    }
  }
}

function holdConnections({ connections }: LibraryProducer, isHeld: boolean): void {
  for (const [, { socket }] of connections) isHeld ? socket?.ref() : socket?.unref()
}

/** Makes a topic unless it is there, with as many replicas as the broker says. */
export async function createTopic(
  settings: KafkaSettings,
  topic: string,
  partitions: number,
  configs: Readonly<Record<string, string>>,
): Promise<void> {
  const library: Library = await loadLibrary()
  const admin = new library.Admin(connectionOptions(settings))
  try {
    const given = Object.entries(configs).map(([name, value]) => ({ name, value }))
    await admin.createTopics({ topics: [topic], partitions, replicas: -1, configs: given })
  } catch (error) {
    if (codesOf(error).has('TOPIC_ALREADY_EXISTS')) return
    throw brokerError(error, `the creation of topic ${topic}`, settings.bootstrapServers)
  } finally {
    await admin.close().catch(() => {})
  }
}

function failed(error: unknown, otherwise: () => Error): Error {
  const codes = [...codesOf(error)].filter(code => LOST.has(code))
  return codes.length > 0 ? new TransactionLost(codes.join(', '), { cause: error }) : otherwise()
}

function sendingFailed(error: unknown, records: readonly OutRecord[], settings: KafkaSettings): Error {
  if (error instanceof KindlingError) return error
  const topics = [...new Set(records.map(({ topic }) => topic))].join(', ')
  const servers = settings.bootstrapServers
  if (saysNoTopic(error))
    return new KindlingError('KAFKA_TOPIC_NOT_FOUND', { topics, servers: servers.join(', ') })
  return brokerError(error, `writing to ${topics}`, servers)
}

function messageOf({ topic, partition, key, value, headers, timestamp }: OutRecord): Message {
  // The library's types have no null, its writer does.
  const message: Message = { topic, partition, value: (value === null ? null : asBuffer(value)) as Buffer }
  if (key !== undefined) message.key = asBuffer(key)
  if (timestamp !== undefined) message.timestamp = BigInt(timestamp)
  if (headers.length > 0)
    message.headers = new Map(headers.map(([name, content]) => [Buffer.from(name), asBuffer(content)]))
  return message
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
