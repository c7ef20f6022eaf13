/** The topics that a Kafka sink of exactly once keeps for itself. */
import { SystemClock } from '../../base/clock.ts'
import type { KafkaCluster } from './cluster.ts'
import { createTopic } from './library-producer.ts'
import type { KafkaSinkPlan } from './sink-options.ts'

const STAGING_PARTITIONS = 8
/** Each is read as a whole at the start of an output. */
const TOKEN_PARTITIONS = 8
/** Staged blocks are of no use once their batch is over. */
const STAGING = {
  'cleanup.policy': 'delete',
  'retention.ms': String(24 * 60 * 60 * 1000),
  'segment.ms': String(60 * 60 * 1000),
  // A block has at least one record, however large.
  'max.message.bytes': String(64 << 20),
}
const TOKENS = { 'cleanup.policy': 'compact' }
const PAUSE_MS = 20

/** Makes those that are not there. @throws what the broker says */
export async function keepSinkTopics<T>(plan: KafkaSinkPlan<T>, cluster: KafkaCluster): Promise<void> {
  const { stagingTopic, tokenTopic } = plan
  await keep(stagingTopic, STAGING_PARTITIONS, STAGING)
  await keep(tokenTopic, TOKEN_PARTITIONS, TOKENS)

  async function keep(topic: string, partitions: number, configs: Readonly<Record<string, string>>) {
    if (await isThere(topic)) return
    await createTopic(plan.settings, topic, partitions, configs)
    const clock = new SystemClock()
    const end = clock.now() + plan.settings.requestTimeoutMs
    // The broker knows a new topic a moment after it has made it.
    while (!(await isThere(topic)) && clock.now() < end) await clock.sleep(PAUSE_MS)
  }

  async function isThere(topic: string): Promise<boolean> {
    return (await cluster.topics()).includes(topic)
  }
}
