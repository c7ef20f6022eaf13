/** Spark's connector to Kafka. */
import type { ParityTable } from './table.ts'

/** In the order of the page. */
export const kafkaTables: readonly ParityTable[] = [
  {
    spark: 'Kafka 0.10 (KafkaUtils and its neighbours)',
    rows: [
      [
        'createDirectStream(ssc, locationStrategy, consumerStrategy), (…, perPartitionConfig)',
        'KafkaUtils.createDirectStream',
        'from `kindling/connectors/kafka`',
      ],
      ['createRDD(sc, kafkaParams, offsetRanges, locationStrategy)', 'KafkaUtils.createRDD'],
      [
        'PreferBrokers, PreferConsistent, PreferFixed(hostMap)',
        'LocationStrategies.PreferBrokers, LocationStrategies.PreferConsistent, LocationStrategies.PreferFixed',
      ],
      ['Assign(topicPartitions, kafkaParams), (…, offsets)', 'ConsumerStrategies.Assign'],
      ['Subscribe(topics, kafkaParams), (…, offsets)', 'ConsumerStrategies.Subscribe'],
      ['SubscribePattern(pattern, kafkaParams), (…, offsets)', 'ConsumerStrategies.SubscribePattern'],
      ['PerPartitionConfig', 'PerPartitionConfig', 'an object of functions; `undefined` for no limit'],
      [
        'OffsetRange.create(topic, partition, from, until), count(), topicPartition()',
        'OffsetRange.create, OffsetRange.count',
      ],
      ['HasOffsetRanges.offsetRanges', 'HasOffsetRanges.offsetRanges', 'asked by `hasOffsetRanges(rdd)`'],
      [
        'CanCommitOffsets.commitAsync(ranges), (ranges, callback)',
        'CanCommitOffsets.commitAsync',
        'a promise (D143)',
      ],
    ],
  },
]
