/** The RDD of offset ranges: one partition for each. */
import { configEntries } from '../../base/config.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import { makeNode, type SourceNode } from '../../rdd/nodes.ts'
import { RDD } from '../../rdd/rdd.ts'
import type { Lease } from './cluster-pool.ts'
import type { ConsumerRecord } from './consumer-record.ts'
import type { KafkaSettings } from './params.ts'
import { type RangeDescriptor, type RangeReaderParts, RangeSource } from './read-range.ts'
import type { LocationStrategy } from './strategies.ts'
import { type HasOffsetRanges, nameOf, OffsetRange } from './topic-partition.ts'

/**
 * Records of offset ranges of Kafka. What is made of it is an ordinary RDD, without ranges.
 *
 * @source Spark KafkaRDD
 */
export class KafkaRDD<K, V> extends RDD<ConsumerRecord<K, V>> implements HasOffsetRanges {
  /** One for each partition, in the same order. */
  readonly offsetRanges: readonly OffsetRange[]

  /** @internal */
  constructor(
    sc: SparkContext,
    ranges: readonly RangeDescriptor[],
    parts: RangeReaderParts,
    hostOf: (range: RangeDescriptor) => string | undefined,
  ) {
    super(sc, rangesNode(ranges, parts, hostOf))
    this.offsetRanges = ranges.map(({ topic, partition, fromOffset, untilOffset }) =>
      OffsetRange.create(topic, partition, fromOffset, untilOffset),
    )
  }
}

function rangesNode(
  ranges: readonly RangeDescriptor[],
  parts: RangeReaderParts,
  hostOf: (range: RangeDescriptor) => string | undefined,
): SourceNode {
  return makeNode<SourceNode>(
    {
      kind: 'source',
      className: 'KafkaRDD',
      descriptors: ranges,
      open: range => new RangeSource(range as RangeDescriptor, parts),
      isEmpty: range => (range as RangeDescriptor).fromOffset === (range as RangeDescriptor).untilOffset,
      locations: range => [hostOf(range as RangeDescriptor)].filter(host => host !== undefined),
      numPartitions: ranges.length,
      partitioner: undefined,
    },
    'createRDD',
  )
}

/**
 * What ranges are read with. Connections are kept between jobs as the settings of the context say.
 *
 * @param lease opens connections, or takes part in them; gets for how many ms they are kept after the last use
 */
export function readerParts(
  sc: SparkContext,
  settings: KafkaSettings,
  lease: (keepMs: number) => Lease,
  onRead?: RangeReaderParts['onRead'],
): RangeReaderParts {
  const { conf, clock, logger } = sc
  const isKept = conf.get(configEntries.kafkaConsumerCacheEnabled)
  const keepMs = isKept ? conf.get(configEntries.kafkaConsumerCacheTimeout) : 0
  return {
    settings,
    clock,
    logger,
    patienceMs: conf.get(configEntries.kafkaConsumerPoll) ?? PATIENCE_MS,
    lease: () => lease(keepMs),
    ...(onRead === undefined ? {} : { onRead }),
  }
}

/** Spark's network time-out. */
const PATIENCE_MS = 120_000

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
