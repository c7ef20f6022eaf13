/** The RDD of offset ranges: one partition for each. */
import type { SparkContext } from '../../context/spark-context.ts'
import { makeNode, type SourceNode } from '../../rdd/nodes.ts'
import { RDD } from '../../rdd/rdd.ts'
import type { ConsumerRecord } from './consumer-record.ts'
import type { RangeDescriptor } from './read-range.ts'
import { opener, type Reading } from './reading.ts'
import type { LocationStrategy } from './strategies.ts'
import { type HasOffsetRanges, nameOf, OffsetRange } from './topic-partition.ts'

/**
 * Records of offset ranges of Kafka. What is made of it is an ordinary RDD, without ranges.
 *
 * @source Spark KafkaRDD
 * @example
 * const range = OffsetRange.create('clicks', 0, 0, 1000)
 * const clicks = KafkaUtils.createRDD(sc, { bootstrapServers: 'localhost:9092' }, [range])
 * clicks.offsetRanges[0]?.count() // => 1000
 */
export class KafkaRDD<K, V> extends RDD<ConsumerRecord<K, V>> implements HasOffsetRanges {
  /** One for each partition, in the same order. */
  readonly offsetRanges: readonly OffsetRange[]

  /** @internal */
  constructor(
    sc: SparkContext,
    ranges: readonly RangeDescriptor[],
    reading: Reading,
    hostOf: (range: RangeDescriptor) => string | undefined,
  ) {
    super(sc, rangesNode(ranges, reading, hostOf))
    this.offsetRanges = offsetRangesOf(ranges)
  }
}

/** Ranges as users see them. */
export function offsetRangesOf(ranges: readonly RangeDescriptor[]): OffsetRange[] {
  return ranges.map(({ topic, partition, fromOffset, untilOffset }) =>
    OffsetRange.create(topic, partition, fromOffset, untilOffset),
  )
}

function rangesNode(
  ranges: readonly RangeDescriptor[],
  reading: Reading,
  hostOf: (range: RangeDescriptor) => string | undefined,
): SourceNode {
  return makeNode<SourceNode>(
    {
      kind: 'source',
      className: 'KafkaRDD',
      descriptors: ranges,
      open: opener(reading),
      isEmpty: range => (range as RangeDescriptor).fromOffset === (range as RangeDescriptor).untilOffset,
      locations: range => [hostOf(range as RangeDescriptor)].filter(host => host !== undefined),
      numPartitions: ranges.length,
      partitioner: undefined,
    },
    'createRDD',
  )
}

/** The host on which a partition is best read. @param leaderOf that of its leader */
export function hostBy(
  strategy: LocationStrategy,
  leaderOf: (range: RangeDescriptor) => string | undefined,
): (range: RangeDescriptor) => string | undefined {
  switch (strategy.kind) {
    case 'consistent':
      return () => undefined
    case 'brokers':
      return leaderOf
    case 'fixed':
      return range => strategy.hosts.get(nameOf(range))
  }
}
