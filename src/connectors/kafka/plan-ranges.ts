/**
 * How much of each partition belongs to the next batch. A pure function: what there is and the limits → until where to read.
 *
 * With an estimate of what batches can take, each partition gets its share by how far it is behind, at most its own maximum. The least
 * that a partition gets comes last, so that none starves.
 *
 * Source: Spark DirectKafkaInputDStream.maxMessagesPerPartition.
 */
import type { TopicPartition } from './topic-partition.ts'

/** A partition and what of it is unread: [from, end). */
export interface Unread extends TopicPartition {
  readonly from: number
  readonly end: number
}

/** What bounds a batch. Rates are in records/s. */
export interface RateLimits {
  readonly batchSeconds: number
  /** For the whole stream; `undefined`: no estimate. */
  readonly rate: number | undefined
  readonly perPartition: PerPartitionConfig
}

/**
 * Limits of single partitions, in records/s. @source Spark PerPartitionConfig
 *
 * @example
 * const slow: PerPartitionConfig = { maxRatePerPartition: ({ topic }) => (topic === 'big' ? 500 : undefined) }
 */
export interface PerPartitionConfig {
  /** Default `spark.streaming.kafka.maxRatePerPartition`; `undefined` for no limit. */
  maxRatePerPartition?(partition: TopicPartition): number | undefined
  /** Default `spark.streaming.kafka.minRatePerPartition`. */
  minRatePerPartition?(partition: TopicPartition): number
}

/** The offsets before which to stop, in the order of the partitions. */
export function planRanges(partitions: readonly Unread[], limits: RateLimits): number[] {
  const { batchSeconds, rate, perPartition } = limits
  const totalLag = partitions.reduce((sum, { from, end }) => sum + Math.max(end - from, 0), 0)
  return partitions.map(partition => {
    const { from, end } = partition
    const max = perPartition.maxRatePerPartition?.(partition)
    const share =
      rate === undefined || totalLag === 0 ? undefined : Math.round((rate * (end - from)) / totalLag)
    const limit = share === undefined ? max : Math.min(share, max ?? share)
    if (limit === undefined) return Math.max(from, end)
    const least = perPartition.minRatePerPartition?.(partition) ?? 1
    const records = Math.max(Math.trunc(batchSeconds * limit), least)
    return Math.max(from, Math.min(from + records, end))
  })
}
