/** The public names of `kindling/connectors/kafka`. */

export type { ConsumerRecord, RecordHeader, RecordPlace } from './consumer-record.ts'
export { bytes, type Deserializer, float64, int32, int64, json, required, text } from './deserializers.ts'
export { KafkaRDD } from './kafka-rdd.ts'
export { kafkaSink } from './kafka-sink.ts'
export { type CanCommitOffsets, type KafkaDStream, KafkaUtils } from './kafka-utils.ts'
export type { KafkaCompression } from './library-producer.ts'
export type { KafkaParams, OffsetReset, SASLOptions, Secret, TLSOptions } from './params.ts'
export type { PerPartitionConfig } from './plan-ranges.ts'
export type { LostRange } from './positions.ts'
export type { KafkaBytes, KafkaSinkOptions } from './sink-options.ts'
export {
  ConsumerStrategies,
  type ConsumerStrategy,
  LocationStrategies,
  type LocationStrategy,
  type Subscription,
} from './strategies.ts'
export {
  type HasOffsetRanges,
  hasOffsetRanges,
  OffsetRange,
  type TopicPartition,
  type TopicPartitionOffset,
} from './topic-partition.ts'
