/** Which partitions a stream reads, and where that is best done. */
import { KindlingError } from '../../base/errors.ts'
import type { KafkaParams } from './params.ts'
import { nameOf, type TopicPartition, type TopicPartitionOffset } from './topic-partition.ts'

/** Which partitions a stream reads. Made by {@link ConsumerStrategies}. @source Spark ConsumerStrategy */
export interface ConsumerStrategy<K, V> {
  readonly params: KafkaParams<K, V>
  readonly subscription: Subscription
  /** Where a first start begins; the group's and the default one for all others. */
  readonly offsets: readonly TopicPartitionOffset[]
}

/** Partitions, topics, or topics by name. */
export type Subscription =
  | { readonly kind: 'assign'; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'topics'; readonly topics: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: RegExp }

/**
 * Which partitions a stream reads.
 *
 * Each takes the offsets of a first start as its last argument; a restart from a checkpoint goes on where the last one was.
 *
 * @source Spark ConsumerStrategies
 * @example
 * ConsumerStrategies.Subscribe(['clicks'], { bootstrapServers: 'localhost:9092' }).subscription // => { kind: 'topics', topics: ['clicks'] }
 */
// biome-ignore lint/complexity/noStaticOnlyClass: Spark's name for these functions, which programs look for
export class ConsumerStrategies {
  /**
   * All partitions of some topics, also those that are added later.
   *
   * @throws INVALID_ARGUMENT for no topic, or an offset that is none
   * @example
   * const params: KafkaParams = { bootstrapServers: 'localhost:9092', autoOffsetReset: 'earliest' }
   * const at = { topic: 'clicks', partition: 0, offset: 500 }
   * ConsumerStrategies.Subscribe(['clicks'], params, [at]).offsets // => [at]
   */
  static Subscribe<K = string | undefined, V = string | undefined>(
    topics: readonly string[],
    params: KafkaParams<K, V>,
    offsets: readonly TopicPartitionOffset[] = [],
  ): ConsumerStrategy<K, V> {
    notEmpty('topics', topics)
    return {
      params,
      offsets: checked(offsets),
      subscription: { kind: 'topics', topics: [...new Set(topics)] },
    }
  }

  /**
   * All partitions of the topics whose whole name matches, also of those that are made later. Not Kafka's own.
   *
   * @throws INVALID_ARGUMENT for an offset that is none
   * @example
   * const { subscription } = ConsumerStrategies.SubscribePattern(/clicks-\w+/, { bootstrapServers: 'localhost:9092' })
   * subscription // => { kind: 'pattern', pattern: /^(?:clicks-\w+)$/ }
   */
  static SubscribePattern<K = string | undefined, V = string | undefined>(
    pattern: RegExp,
    params: KafkaParams<K, V>,
    offsets: readonly TopicPartitionOffset[] = [],
  ): ConsumerStrategy<K, V> {
    // Whole names, as in Java; and without the flags that would make it remember where it was.
    const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ''))
    return { params, offsets: checked(offsets), subscription: { kind: 'pattern', pattern: whole } }
  }

  /**
   * These partitions and no others.
   *
   * @throws INVALID_ARGUMENT for no partition, or an offset that is none
   * @example
   * const partitions = [{ topic: 'clicks', partition: 0 }]
   * ConsumerStrategies.Assign(partitions, { bootstrapServers: 'localhost:9092' }).subscription // => { kind: 'assign', partitions }
   */
  static Assign<K = string | undefined, V = string | undefined>(
    partitions: readonly TopicPartition[],
    params: KafkaParams<K, V>,
    offsets: readonly TopicPartitionOffset[] = [],
  ): ConsumerStrategy<K, V> {
    notEmpty('partitions', partitions)
    const own = partitions.map(({ topic, partition }) => ({ topic, partition }))
    return { params, offsets: checked(offsets), subscription: { kind: 'assign', partitions: own } }
  }
}

/** Where a partition is best read. @source Spark LocationStrategy */
export type LocationStrategy =
  | { readonly kind: 'consistent' }
  | { readonly kind: 'brokers' }
  | { readonly kind: 'fixed'; readonly hosts: ReadonlyMap<string, string> }

/**
 * Where partitions are best read. They become the preferred locations of the RDD's partitions.
 *
 * @source Spark LocationStrategies
 * @example
 * LocationStrategies.PreferBrokers // => { kind: 'brokers' }
 */
// biome-ignore lint/complexity/noStaticOnlyClass: Spark's name for these functions, which programs look for
export class LocationStrategies {
  /** Anywhere. */
  static readonly PreferConsistent: LocationStrategy = { kind: 'consistent' }
  /** On the host of the partition's leader. */
  static readonly PreferBrokers: LocationStrategy = { kind: 'brokers' }

  /**
   * On a host for each partition; anywhere for those that are not named.
   *
   * @example
   * const strategy = LocationStrategies.PreferFixed([[{ topic: 'clicks', partition: 0 }, 'worker-1']])
   * strategy // => { kind: 'fixed', hosts: new Map([['clicks-0', 'worker-1']]) }
   */
  static PreferFixed(hosts: Iterable<readonly [TopicPartition, string]>): LocationStrategy {
    return {
      kind: 'fixed',
      hosts: new Map([...hosts].map(([partition, host]) => [nameOf(partition), host])),
    }
  }
}

/** What tells two subscriptions apart, as text. */
export function subscriptionText(subscription: Subscription): string {
  switch (subscription.kind) {
    case 'assign':
      return `partitions ${subscription.partitions.map(nameOf).sort().join(', ')}`
    case 'topics':
      return `topics ${[...subscription.topics].sort().join(', ')}`
    case 'pattern':
      return `topics that match ${subscription.pattern}`
  }
}

function notEmpty(what: string, list: readonly unknown[]): void {
  if (list.length === 0)
    throw new KindlingError('INVALID_ARGUMENT', { what, value: list, expected: 'at least one' })
}

function checked(offsets: readonly TopicPartitionOffset[]): readonly TopicPartitionOffset[] {
  for (const { topic, partition, offset } of offsets)
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: `the offset of ${nameOf({ topic, partition })}`,
        value: offset,
        expected: 'a whole number from 0 up',
      })
  return offsets
}
