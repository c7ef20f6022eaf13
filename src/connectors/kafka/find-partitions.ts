/** Which partitions a subscription has now, and where a start begins them. */
import { KindlingError } from '../../base/errors.ts'
import type { KafkaCluster, TopicLayout } from './cluster.ts'
import type { KafkaSettings } from './params.ts'
import type { Subscription } from './strategies.ts'
import { nameOf, type TopicPartition, type TopicPartitionOffset } from './topic-partition.ts'

/** A partition that there is. */
export interface FoundPartition extends TopicPartition {
  readonly topicId: string
  /** Host of its leader. */
  readonly leader: string
}

/** By topic and number. @throws KAFKA_TOPIC_NOT_FOUND for a topic or partition that is named */
export async function findPartitions(
  subscription: Subscription,
  cluster: KafkaCluster,
  servers: readonly string[],
): Promise<FoundPartition[]> {
  switch (subscription.kind) {
    case 'topics':
      return partitionsOf(await cluster.layout(subscription.topics))
    case 'pattern': {
      const topics = (await cluster.topics()).filter(topic => subscription.pattern.test(topic))
      return topics.length === 0 ? [] : partitionsOf(await cluster.layout(topics))
    }
    case 'assign':
      return chosenPartitions(subscription.partitions, cluster, servers)
  }
}

/** @throws KAFKA_TOPIC_NOT_FOUND naming those that there are not */
export async function chosenPartitions(
  wanted: readonly TopicPartition[],
  cluster: KafkaCluster,
  servers: readonly string[],
): Promise<FoundPartition[]> {
  const found = partitionsOf(await cluster.layout([...new Set(wanted.map(({ topic }) => topic))]))
  const names = new Set(found.map(nameOf))
  const chosen = new Set(wanted.map(nameOf))
  const missing = [...chosen].filter(name => !names.has(name))
  if (missing.length > 0)
    throw new KindlingError('KAFKA_TOPIC_NOT_FOUND', {
      topics: missing.join(', '),
      servers: servers.join(', '),
    })
  return found.filter(partition => chosen.has(nameOf(partition)))
}

function partitionsOf(layouts: readonly TopicLayout[]): FoundPartition[] {
  return layouts.flatMap(({ topic, id, leaders }) =>
    leaders.map((leader, partition) => ({ topic, partition, topicId: id, leader })),
  )
}

/**
 * Where a start begins partitions, by `nameOf`: at the given offset, else the one that the group has stored, else by `autoOffsetReset`.
 *
 * @throws KAFKA_NO_OFFSET
 */
export async function firstOffsets(
  partitions: readonly FoundPartition[],
  given: readonly TopicPartitionOffset[],
  cluster: KafkaCluster,
  { groupId, autoOffsetReset }: KafkaSettings,
): Promise<ReadonlyMap<string, number>> {
  const offsets = new Map(given.map(one => [nameOf(one), one.offset]))
  const missing = (): FoundPartition[] => partitions.filter(one => !offsets.has(nameOf(one)))
  if (groupId !== undefined && missing().length > 0) {
    const topics = [...new Set(partitions.map(({ topic }) => topic))]
    for (const [name, offset] of await cluster.committed(groupId, topics))
      if (!offsets.has(name)) offsets.set(name, offset)
  }
  const unknown = missing()
  if (unknown.length === 0) return offsets
  if (autoOffsetReset === 'none')
    throw new KindlingError('KAFKA_NO_OFFSET', {
      partitions: unknown.map(nameOf).join(', '),
      group: groupId ?? '(none is named)',
    })
  const at =
    typeof autoOffsetReset === 'object' ? { timestamp: Number(autoOffsetReset.timestamp) } : autoOffsetReset
  for (const [name, offset] of await cluster.offsets(at, unknown)) offsets.set(name, offset)
  return offsets
}
