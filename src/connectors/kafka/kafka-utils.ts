/** Streams and RDDs of Kafka. */
import type { SparkContext } from '../../context/spark-context.ts'
import { operator } from '../../rdd/scope.ts'
import type { DStream } from '../../streaming/dstream/dstream.ts'
import type { StreamingContext } from '../../streaming/streaming-context.ts'
import { keyOf, leaseByKey } from './cluster-pool.ts'
import type { ConsumerRecord } from './consumer-record.ts'
import { DirectKafkaSource } from './direct-source.ts'
import { hostBy, KafkaRDD } from './kafka-rdd.ts'
import { OffsetCommits } from './offset-commits.ts'
import { type KafkaParams, type KafkaSettings, settingsOf } from './params.ts'
import type { PerPartitionConfig } from './plan-ranges.ts'
import { readingOf } from './reading.ts'
import { type ConsumerStrategy, LocationStrategies, type LocationStrategy } from './strategies.ts'
import type { OffsetRange } from './topic-partition.ts'

/** A stream that can store its offsets in Kafka. @source Spark CanCommitOffsets */
export interface CanCommitOffsets {
  /**
   * Stores the ends of ranges as the offsets of the group (`groupId`), for programs that look at it and for a first start of this one.
   * A restart from a checkpoint does not need it. Offsets only grow: the highest of each partition counts.
   *
   * Call it in `foreachRDD`, once the output is done, and await it there: a failure then fails the batch.
   *
   * @throws INVALID_ARGUMENT when the parameters have no `groupId`
   * @throws KAFKA_UNREACHABLE, KAFKA_ACCESS_DENIED, KAFKA_REQUEST_FAILED; the last when the group has members
   */
  commitAsync(ranges: readonly OffsetRange[]): Promise<void>
}

/** The stream of a topic. */
export type KafkaDStream<K, V> = DStream<ConsumerRecord<K, V>> & CanCommitOffsets

/**
 * Streams and RDDs of Kafka.
 *
 * @source Spark KafkaUtils
 * @example
 * const params = { bootstrapServers: 'localhost:9092' }
 * const clicks = ConsumerStrategies.Subscribe(['clicks'], params)
 * KafkaUtils.createDirectStream(ssc, LocationStrategies.PreferConsistent, clicks).count().print()
 * KafkaUtils.createRDD(sc, params, [OffsetRange.create('clicks', 0, 0, 1000)]).getNumPartitions() // => 1
 */
// biome-ignore lint/complexity/noStaticOnlyClass: Spark's name for these functions, which programs look for
export class KafkaUtils {
  /**
   * The records of topics as a stream, each exactly once.
   *
   * Shape: a {@link ConsumerRecord} for each record. Partitions: one for each partition of the topics, in order of topic and number;
   * records are in order of offset. Delivery: offsets are planned by the driver and written down before they are read, so a batch that
   * runs again, also after a crash, has the same records.
   *
   * A first start begins at the given offsets, those that the group has stored, or by `autoOffsetReset`; a restart from a checkpoint
   * where the last one was. Partitions and topics that appear while it runs are read from their beginning.
   *
   * Rate: with back-pressure what batches can take, shared out by how far each partition is behind, and at first 100,000 records/s or
   * `spark.streaming.backpressure.initialRate`; never more than `spark.streaming.kafka.maxRatePerPartition`.
   *
   * Needs the package `@platformatic/kafka` and brokers of Kafka 3.1 or newer.
   *
   * @param perPartition limits for single partitions
   * @throws KAFKA_TOPIC_NOT_FOUND, KAFKA_UNREACHABLE, KAFKA_ACCESS_DENIED, KAFKA_NO_OFFSET, PACKAGE_MISSING (fail the start)
   * @throws KAFKA_DATA_LOST (fails the batch) when records are gone that were to be read, unless `onDataLoss` is `skip`
   * @source Spark KafkaUtils.createDirectStream
   * @example
   * const clicks = KafkaUtils.createDirectStream(
   *   ssc,
   *   LocationStrategies.PreferConsistent,
   *   ConsumerStrategies.Subscribe(['clicks'], { bootstrapServers: 'localhost:9092', autoOffsetReset: 'earliest' }),
   * )
   * clicks.map(record => record.value).countByValue().print()
   */
  static createDirectStream<K, V>(
    ssc: StreamingContext,
    locations: LocationStrategy,
    strategy: ConsumerStrategy<K, V>,
    perPartition: PerPartitionConfig = {},
  ): KafkaDStream<K, V> {
    const settings = settingsOf(strategy.params) as KafkaSettings
    const key = keyOf(strategy.params)
    const lease = (keepMs: number) => leaseByKey(key, settings, keepMs)
    const source = new DirectKafkaSource<K, V>({ strategy, key, locations, perPartition, lease })
    const stream = operator('createDirectStream', () => ssc.directStream(source))
    const { groupId, requestTimeoutMs } = settings
    const patience = { clock: ssc.sc.clock, patienceMs: requestTimeoutMs }
    const commits = new OffsetCommits(groupId, patience, () => lease(0))
    return Object.assign(stream, { commitAsync: (ranges: readonly OffsetRange[]) => commits.commit(ranges) })
  }

  /**
   * The records of offset ranges.
   *
   * Shape: a {@link ConsumerRecord} for each record. Partitions: one for each range, in the same order. Nothing is asked of Kafka before
   * a job reads them, so leaders are not known: `PreferBrokers` is as `PreferConsistent`.
   *
   * @throws INVALID_ARGUMENT for parameters that mean nothing
   * @throws KAFKA_DATA_LOST, KAFKA_TOPIC_NOT_FOUND, KAFKA_UNREACHABLE, KAFKA_ACCESS_DENIED (in the job)
   * @source Spark KafkaUtils.createRDD
   * @example
   * const params = { bootstrapServers: 'localhost:9092' }
   * const morning = KafkaUtils.createRDD(sc, params, [OffsetRange.create('clicks', 0, 0, 1000)])
   * String(morning.offsetRanges) // => 'clicks-0: 0 to 1000'
   * const values = morning.map(record => record.value) // RDD<string | undefined>
   */
  static createRDD<K = string | undefined, V = string | undefined>(
    sc: SparkContext,
    params: KafkaParams<K, V>,
    ranges: readonly OffsetRange[],
    locations: LocationStrategy = LocationStrategies.PreferConsistent,
  ): KafkaRDD<K, V> {
    const settings = settingsOf(params) as KafkaSettings
    const key = keyOf(params)
    const reading = readingOf(sc, key, settings, keepMs => leaseByKey(key, settings, keepMs))
    const descriptors = ranges.map(({ topic, partition, fromOffset, untilOffset }) => ({
      topic,
      partition,
      topicId: undefined,
      fromOffset,
      untilOffset,
    }))
    const hostOf = hostBy(locations, () => undefined)
    return operator('createRDD', () => new KafkaRDD<K, V>(sc, descriptors, reading, hostOf))
  }
}
