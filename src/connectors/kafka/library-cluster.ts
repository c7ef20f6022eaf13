/**
 * A Kafka cluster by the package `@platformatic/kafka`, which is loaded when the first connection is made.
 *
 * Its consumer never joins a group: it is there for its connections, over which exact ranges are asked for by the protocol's own call.
 * The library's streams are not used, since they have no end offset, and let aborted records through.
 */
import { SystemClock } from '../../base/clock.ts'
import { KindlingError } from '../../base/errors.ts'
import { brokerError, codesOf, saysNoTopic } from './broker-errors.ts'
import type { Fetched, FetchPosition, KafkaCluster, RecordBatch, TopicLayout } from './cluster.ts'
import { connectionOptions, type Library, loadLibrary } from './library.ts'
import type { KafkaSettings } from './params.ts'
import { nameOf, type TopicPartition, type TopicPartitionOffset } from './topic-partition.ts'

type LibraryBatch = import('@platformatic/kafka').RecordsBatch
type LibraryConsumer = import('@platformatic/kafka').Consumer
type LibraryAdmin = import('@platformatic/kafka').Admin
type FetchCall = Library['fetchV17']['api']

const EARLIEST = -2n
const LATEST = -1n
/** An answer waits at most so long for records; ranges are planned of records that are there. */
const MAX_WAIT_MS = 500
/** How long a topic that is unknown is asked for. */
const NEW_TOPIC_MS = 2000
const PAUSE_MS = 50
const READ_COMMITTED = 1
const READ_UNCOMMITTED = 0
/** Bits of a batch. */
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
/** Format of batches since Kafka 0.11; brokers from 4.0 on have no other. */
const MAGIC = 2

/** See the file head. */
export function libraryCluster(settings: KafkaSettings): KafkaCluster {
  return new LibraryCluster(settings)
}

type Metadata = Awaited<ReturnType<LibraryConsumer['metadata']>>
const NOTHING: Pick<Metadata, 'topics' | 'brokers'> = { topics: new Map(), brokers: new Map() }

class LibraryCluster implements KafkaCluster {
  private readonly settings: KafkaSettings
  private clients: Promise<Clients> | undefined
  private isHeld = true

  constructor(settings: KafkaSettings) {
    this.settings = settings
  }

  async topics(): Promise<readonly string[]> {
    const names = await this.asked('the list of topics', ({ admin }) => admin.listTopics())
    return names.sort()
  }

  layout(topics: readonly string[]): Promise<readonly TopicLayout[]> {
    return this.asked(`the partitions of ${topics.join(', ')}`, async ({ consumer }) => {
      const known = await this.metadata(topics, consumer)
      return topics.map(topic => {
        const { id, partitions } = known.topics.get(topic)!
        const leaders = partitions.map(({ leader }) => known.brokers.get(leader)?.host ?? '')
        return { topic, id, leaders }
      })
    })
  }

  offsets(
    at: 'earliest' | 'latest' | { readonly timestamp: number },
    partitions: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, number>> {
    const timestamp = at === 'earliest' ? EARLIEST : at === 'latest' ? LATEST : BigInt(at.timestamp)
    const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, those]) => ({
      name,
      partitions: those.map(({ partition }) => ({ partitionIndex: partition, timestamp })),
    }))
    const names = topics.map(({ name }) => name)
    return this.asked(`the offsets of ${names.join(', ')}`, async ({ admin }) => {
      const found = new Map<string, number>()
      if (topics.length === 0) return found
      try {
        const answer = await admin.listOffsets({ topics, isolationLevel: this.isolationLevel })
        // In no order of partitions.
        for (const { name, partitions: those } of answer)
          for (const { partitionIndex, offset } of those)
            found.set(nameOf({ topic: name, partition: partitionIndex }), Number(offset))
      } catch (error) {
        if (saysNoTopic(error)) throw this.noTopic(names)
        throw error
      }
      return found
    })
  }

  committed(groupId: string, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.asked(`the offsets of group ${groupId}`, async ({ admin }) => {
      const found = new Map<string, number>()
      const [group] = await admin.listConsumerGroupOffsets({ groups: [groupId], requireStable: true })
      for (const { name, partitions } of group?.topics ?? [])
        for (const { partitionIndex, committedOffset } of partitions)
          if (topics.includes(name) && committedOffset >= 0n)
            found.set(nameOf({ topic: name, partition: partitionIndex }), Number(committedOffset))
      return found
    })
  }

  commit(groupId: string, offsets: readonly TopicPartitionOffset[]): Promise<void> {
    const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, those]) => ({
      name,
      partitionOffsets: those.map(({ partition, offset }) => ({ partition, offset: BigInt(offset) })),
    }))
    return this.asked(`storing offsets of group ${groupId}`, ({ admin }) =>
      admin.alterConsumerGroupOffsets({ groupId, topics }),
    )
  }

  async fetch(position: FetchPosition): Promise<Fetched> {
    try {
      return await this.asked(`records of ${nameOf(position)}`, clients => this.fetched(clients, position))
    } catch (error) {
      // What is known of leaders and brokers may be out of date.
      await this.clients?.then(
        ({ consumer }) => consumer.clearMetadata(),
        () => {},
      )
      throw error
    }
  }

  hold(isHeld: boolean): void {
    this.isHeld = isHeld
    this.clients?.then(
      ({ consumer, admin }) => {
        for (const pool of [consumer.connections, admin.connections])
          for (const [, connection] of pool)
            this.isHeld ? connection.socket?.ref() : connection.socket?.unref()
      },
      () => {}, // Whoever asked for the connection was told.
    )
  }

  async close(): Promise<void> {
    const clients = await this.clients?.catch(() => undefined)
    this.clients = undefined
    if (clients === undefined) return
    await Promise.allSettled([clients.consumer.close(), clients.admin.close()])
  }

  private async fetched({ consumer, fetch }: Clients, position: FetchPosition): Promise<Fetched> {
    const { topic, partition, topicId, offset } = position
    const { topics, brokers } = await consumer.metadata({ topics: [topic] }).catch(error => {
      if (saysNoTopic(error)) return NOTHING
      throw error
    })
    const found = topics.get(topic)
    const leader = found?.partitions[partition]?.leader
    if (found === undefined || leader === undefined) return { kind: 'no such partition' }
    const connection = await consumer.connections.get(brokers.get(leader)!)
    const { fetchBytes } = this.settings
    const wanted = {
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: BigInt(offset),
      lastFetchedEpoch: -1,
      partitionMaxBytes: fetchBytes,
    }
    try {
      const request = [{ topicId: topicId ?? found.id, partitions: [wanted] }]
      const answer = await fetch.async(
        connection,
        MAX_WAIT_MS,
        1,
        fetchBytes,
        this.isolationLevel,
        0,
        0,
        request,
        [],
        '',
      )
      const given = answer.responses[0]?.partitions[0]
      const end = this.settings.isReadCommitted ? given?.lastStableOffset : given?.highWatermark
      return {
        kind: 'batches',
        batches: (given?.records ?? []).map(batch => this.batchOf(batch, position)),
        aborted: (given?.abortedTransactions ?? []).map(({ producerId, firstOffset }) => ({
          producerId,
          firstOffset: Number(firstOffset),
        })),
        end: Number(end ?? -1n),
        isThrottled: answer.throttleTimeMs > 0,
      }
    } catch (error) {
      if (codesOf(error).has('OFFSET_OUT_OF_RANGE')) return { kind: 'out of range' }
      if (saysNoTopic(error)) return { kind: 'no such partition' }
      throw error
    }
  }

  private batchOf(batch: LibraryBatch, position: TopicPartition): RecordBatch {
    if (batch.magic !== MAGIC)
      throw new KindlingError('KAFKA_REQUEST_FAILED', {
        what: `records of ${nameOf(position)}`,
        servers: this.settings.bootstrapServers.join(', '),
        reason: `they are in the message format ${batch.magic}, and only ${MAGIC} is read`,
      })
    const firstOffset = Number(batch.firstOffset)
    return {
      firstOffset,
      lastOffset: firstOffset + batch.lastOffsetDelta,
      firstTimestamp: Number(batch.firstTimestamp),
      maxTimestamp: Number(batch.maxTimestamp),
      producerId: batch.producerId,
      isTransactional: (batch.attributes & TRANSACTIONAL) !== 0,
      isControl: (batch.attributes & CONTROL) !== 0,
      isLogAppendTime: (batch.attributes & LOG_APPEND_TIME) !== 0,
      records: batch.records,
    }
  }

  /** Brokers know a topic a moment after another broker, or their controller, has made it. */
  private async metadata(topics: readonly string[], consumer: LibraryConsumer): Promise<Metadata> {
    const clock = new SystemClock()
    const until = clock.now() + NEW_TOPIC_MS
    for (;;) {
      try {
        return await consumer.metadata({ topics: [...topics], forceUpdate: true })
      } catch (error) {
        if (!saysNoTopic(error)) throw error
        const missing = await this.missing(topics, consumer)
        if (clock.now() > until) throw this.noTopic(missing.length > 0 ? missing : topics)
        await clock.sleep(PAUSE_MS)
      }
    }
  }

  /** Which of some topics there are not: of several the library does not say it. */
  private async missing(topics: readonly string[], consumer: LibraryConsumer): Promise<string[]> {
    const missing: string[] = []
    for (const topic of topics)
      await consumer.metadata({ topics: [topic], forceUpdate: true }).catch(error => {
        if (!saysNoTopic(error)) throw error
        missing.push(topic)
      })
    return missing
  }

  private get isolationLevel(): 0 | 1 {
    return this.settings.isReadCommitted ? READ_COMMITTED : READ_UNCOMMITTED
  }

  private async asked<T>(what: string, ask: (clients: Clients) => Promise<T>): Promise<T> {
    try {
      return await ask(await this.connected())
    } catch (error) {
      if (error instanceof KindlingError) throw error
      throw brokerError(error, what, this.settings.bootstrapServers)
    }
  }

  /** What failed is tried again at the next call. */
  private connected(): Promise<Clients> {
    this.clients ??= connect(this.settings).catch(error => {
      this.clients = undefined
      throw error
    })
    return this.clients
  }

  private noTopic(topics: readonly string[]): KindlingError {
    const servers = this.settings.bootstrapServers.join(', ')
    return new KindlingError('KAFKA_TOPIC_NOT_FOUND', { topics: topics.join(', '), servers })
  }
}

interface Clients {
  readonly consumer: LibraryConsumer
  readonly admin: LibraryAdmin
  readonly fetch: FetchCall
}

async function connect(settings: KafkaSettings): Promise<Clients> {
  const library = await loadLibrary()
  const options = connectionOptions(settings)
  const consumer = new library.Consumer({ ...options, groupId: 'never-joined' })
  const admin = new library.Admin(options)
  try {
    return { consumer, admin, fetch: await fetchCall(library, consumer) }
  } catch (error) {
    await Promise.allSettled([consumer.close(), admin.close()])
    throw error
  }
}

/** The newest form of the call that the broker and the library have; from 13 on topics go by id. */
async function fetchCall(library: Library, consumer: LibraryConsumer): Promise<FetchCall> {
  const apis = await consumer.listApis()
  const { minVersion, maxVersion } = apis.find(({ name }) => name === 'Fetch')!
  const { fetchV17, fetchV16, fetchV15, fetchV14, fetchV13 } = library
  const forms = { 17: fetchV17, 16: fetchV16, 15: fetchV15, 14: fetchV14, 13: fetchV13 }
  for (const version of [17, 16, 15, 14, 13] as const)
    if (version >= minVersion && version <= maxVersion) return forms[version].api as FetchCall
  throw new library.UnsupportedApiError(`the broker has Fetch ${minVersion} to ${maxVersion}, not 13 to 17`)
}
