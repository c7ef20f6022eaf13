/** Partitions of topics, and ranges of their offsets. */
import { KindlingError } from '../../base/errors.ts'

/** A partition of a topic; both are those of Kafka, from 0. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A partition and an offset in it: that of the next record to be read. Plain data. */
export interface TopicPartitionOffset extends TopicPartition {
  readonly offset: number
}

/**
 * The offsets [fromOffset, untilOffset) of one partition: what one task of one batch reads.
 *
 * Offsets are numbers: 2^53 of them are more than any partition has. A range may hold fewer records than offsets, since compaction and
 * the marks of transactions leave gaps.
 *
 * @source Spark OffsetRange
 * @example
 * OffsetRange.create('clicks', 0, 100, 250).count() // => 150
 */
export class OffsetRange implements TopicPartition {
  readonly topic: string
  readonly partition: number
  /** The first one. */
  readonly fromOffset: number
  /** The one after the last. */
  readonly untilOffset: number

  private constructor(topic: string, partition: number, fromOffset: number, untilOffset: number) {
    this.topic = topic
    this.partition = partition
    this.fromOffset = fromOffset
    this.untilOffset = untilOffset
  }

  /**
   * The range of those offsets.
   *
   * @throws INVALID_ARGUMENT unless 0 ≤ fromOffset ≤ untilOffset, whole numbers, and the partition is one from 0 up
   * @example
   * OffsetRange.create('clicks', 0, 5, 7).untilOffset // => 7
   */
  static create(topic: string, partition: number, fromOffset: number, untilOffset: number): OffsetRange {
    const numbers = [partition, fromOffset, untilOffset]
    if (!numbers.every(n => Number.isSafeInteger(n) && n >= 0) || fromOffset > untilOffset)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'an offset range',
        value: `${topic}-${partition}: ${fromOffset} to ${untilOffset}`,
        expected: 'a partition and offsets that are whole numbers from 0 up, the first not after the last',
      })
    return new OffsetRange(topic, partition, fromOffset, untilOffset)
  }

  /**
   * How many offsets there are.
   *
   * @example
   * OffsetRange.create('clicks', 0, 5, 7).count() // => 2
   */
  count(): number {
    return this.untilOffset - this.fromOffset
  }

  /** `clicks-0: 100 to 250` */
  toString(): string {
    return `${nameOf(this)}: ${this.fromOffset} to ${this.untilOffset}`
  }
}

/** What has offset ranges: the RDDs of a Kafka stream, not those made of them. @source Spark HasOffsetRanges */
export interface HasOffsetRanges {
  /** One for each partition of the RDD, in the same order. */
  readonly offsetRanges: readonly OffsetRange[]
}

/**
 * Whether something has offset ranges. Only the RDD that comes straight from the stream has: ask first, transform then.
 *
 * @example
 * const clicks = KafkaUtils.createDirectStream(
 *   ssc,
 *   LocationStrategies.PreferConsistent,
 *   ConsumerStrategies.Subscribe(['clicks'], { bootstrapServers: 'localhost:9092' }),
 * )
 * clicks.foreachRDD(rdd => {
 *   if (hasOffsetRanges(rdd)) for (const range of rdd.offsetRanges) console.log(String(range))
 * })
 * hasOffsetRanges(sc.emptyRDD()) // => false
 */
export function hasOffsetRanges<T extends object>(value: T): value is T & HasOffsetRanges {
  return 'offsetRanges' in value && Array.isArray(value.offsetRanges)
}

/** `clicks-0`, as Kafka writes it: unique, since what follows the last dash is a number. */
export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}
