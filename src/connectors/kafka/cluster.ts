/**
 * What the connector asks of a Kafka cluster: a port over the client library, so that planning can be tested without a broker.
 *
 * Everything rejects with a KindlingError: KAFKA_UNREACHABLE where asking again may help, KAFKA_ACCESS_DENIED, KAFKA_TOPIC_NOT_FOUND,
 * KAFKA_REQUEST_FAILED. No secret is in any of them, nor in their causes.
 */
import type { TopicPartition, TopicPartitionOffset } from './topic-partition.ts'

/** See the file head. */
export interface KafkaCluster {
  /** Names of all topics but Kafka's own. */
  topics(): Promise<readonly string[]>
  /** @throws KAFKA_TOPIC_NOT_FOUND naming those that there are not */
  layout(topics: readonly string[]): Promise<readonly TopicLayout[]>
  /** By `nameOf`. Those of a time: the first offset of that time or later, or the end. */
  offsets(
    at: 'earliest' | 'latest' | { readonly timestamp: number },
    partitions: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, number>>
  /** What a group has stored; by `nameOf`. */
  committed(groupId: string, topics: readonly string[]): Promise<ReadonlyMap<string, number>>
  commit(groupId: string, offsets: readonly TopicPartitionOffset[]): Promise<void>
  /** What follows an offset, as much as fits. */
  fetch(position: FetchPosition): Promise<Fetched>
  /** Whether its connections keep the process alive. They do at first. */
  hold(isHeld: boolean): void
  close(): Promise<void>
}

/** A topic as it stands. */
export interface TopicLayout {
  readonly topic: string
  /** Another one once the topic was deleted and made again. */
  readonly id: string
  /** Hosts of the leaders, by partition. */
  readonly leaders: readonly string[]
}

/** Where to read. */
export interface FetchPosition extends TopicPartitionOffset {
  /** `undefined`: whichever topic has the name now. */
  readonly topicId: string | undefined
}

/** An answer. */
export type Fetched =
  | {
      readonly kind: 'batches'
      readonly batches: readonly RecordBatch[]
      /** Transactions that were aborted, of those that the batches may be part of. */
      readonly aborted: readonly AbortedTransaction[]
      /** Up to here there may be records. */
      readonly end: number
      /** The broker gave nothing because too much is asked of it. */
      readonly isThrottled: boolean
    }
  /** The offset is before the first or after the last record. */
  | { readonly kind: 'out of range' }
  /** There is no topic of that id, or it does not have the partition. */
  | { readonly kind: 'no such partition' }

/** A transaction that was aborted: its records from an offset on. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
}

/** Records that were written together, as the client library reads them. */
export interface RecordBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  /** ms since epoch. */
  readonly firstTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: bigint
  readonly isTransactional: boolean
  /** The mark that ends a transaction. */
  readonly isControl: boolean
  /** The broker set the time of its records: the last one of the batch. */
  readonly isLogAppendTime: boolean
  readonly records: readonly RawRecord[]
}

/** A record in its batch. */
export interface RawRecord {
  readonly offsetDelta: number
  readonly timestampDelta: bigint
  readonly key: Uint8Array | null | undefined
  readonly value: Uint8Array | null | undefined
  readonly headers: readonly (readonly [Uint8Array | null, Uint8Array | null])[]
}
