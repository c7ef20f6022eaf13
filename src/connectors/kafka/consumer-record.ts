/** Records as they come from Kafka. */

/** A header of a record. Keys may occur more than once. */
export interface RecordHeader {
  readonly key: string
  /** The bytes as they are; `undefined` for null. */
  readonly value: Uint8Array | undefined
}

/** A record but for its key and value: what a deserialiser may look at. */
export interface RecordPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** ms since epoch; −1 for none. */
  readonly timestamp: number
  /** Who set the timestamp: the producer, or the broker when it took the record in. */
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly headers: readonly RecordHeader[]
}

/**
 * A record of a topic. Plain data, so that it may be persisted, shuffled and kept in windows as it is.
 *
 * @source Kafka ConsumerRecord
 */
export interface ConsumerRecord<K, V> extends RecordPlace {
  readonly key: K
  readonly value: V
}
