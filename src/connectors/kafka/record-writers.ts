/**
 * The tasks' side of a Kafka sink: either sends records to their topics at once, or to the staging topic, in blocks that the commit finds
 * by the offsets in the message. What attempts that failed have staged is in no message, and goes by the retention of that topic.
 */
import type { SinkWriter, WriteToken } from '../../rdd/sink/sink.ts'
import { ClientPool, leaseByKey } from './cluster-pool.ts'
import { type ProducerSettings, RecordProducer } from './library-producer.ts'
import { blockOf, type OutRecord, RecordGroup } from './out-record.ts'
import { RecordRouter } from './record-router.ts'
import type { KafkaSinkPlan } from './sink-options.ts'

/** The blocks of a partition of a batch. */
export interface StagedBlocks {
  /** Of the staging topic. */
  readonly partition: number
  readonly offsets: readonly number[]
}

/** Connections are kept for the next batch. */
export const KEEP_MS = 60_000

const producers = new ClientPool((parts: ProducerSettings) => new RecordProducer(parts))

/** The writer of an attempt. */
export function kafkaWriter<T>(plan: KafkaSinkPlan<T>, token: WriteToken): SinkWriter<T, StagedBlocks> {
  const { client, release } = producers.lease(plan.key, plan, KEEP_MS)
  const { cluster, release: releaseCluster } = leaseByKey(`${plan.key} sink`, plan.settings, KEEP_MS)
  const router = new RecordRouter(plan, cluster, token.partition)
  const group = new RecordGroup()
  let partition = 0
  const offsets: number[] = []
  const flush = async (records: readonly OutRecord[]): Promise<void> => {
    if (records.length === 0) return
    if (!plan.isExactlyOnce) {
      await client.send(records)
      return
    }
    partition = token.partition % (await router.partitions(plan.stagingTopic))
    const block = { topic: plan.stagingTopic, partition, key: undefined, value: blockOf(records) }
    const [at] = await client.send([{ ...block, headers: [], timestamp: undefined }])
    offsets.push(at!.offset)
  }
  return {
    async write(records) {
      for (const record of records) {
        const routed = router.routed(record)
        const full = group.add(routed instanceof Promise ? await routed : routed)
        if (full !== undefined) await flush(full)
      }
    },
    async prepare() {
      await flush(group.take())
      return { partition, offsets }
    },
    abort() {},
    close() {
      release()
      releaseCluster()
    },
  }
}
