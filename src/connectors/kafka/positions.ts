/**
 * What there is to read of a stream that has come to a position, and the position after that.
 *
 * A partition is begun where a start begins it (`firstOffsets`) if it was there at the first start, or if a restart has subscribed to
 * something else than before. All others have appeared since, and begin with their first record: nothing of them is older than the
 * stream.
 *
 * A position that the log no longer has is a loss: it fails, or with `onDataLoss: 'skip'` is passed over and listed.
 */
import type { Clock } from '../../base/clock.ts'
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import type { KafkaCluster } from './cluster.ts'
import { type FoundPartition, findPartitions, firstOffsets } from './find-partitions.ts'
import type { KafkaSettings } from './params.ts'
import type { Unread } from './plan-ranges.ts'
import { patiently } from './retry.ts'
import { type ConsumerStrategy, subscriptionText } from './strategies.ts'
import { nameOf, type TopicPartition } from './topic-partition.ts'

/** Where a partition is. */
interface PartitionPosition extends TopicPartition {
  readonly topicId: string | undefined
  /** Offset of the next record. */
  readonly next: number
  /** End of the log when it was last seen. */
  readonly end: number
}

/** Where a stream is: what the checkpoint has of it. */
export interface KafkaPosition {
  /** What it had subscribed to. */
  readonly subscription: string
  readonly partitions: readonly PartitionPosition[]
}

/** A partition that is read, and what of it is unread. */
export interface UnreadPartition extends Unread, FoundPartition {}

/** Records that were gone before they were planned, and were skipped. Plain data. */
export interface LostRange extends TopicPartition {
  readonly fromOffset: number
  readonly untilOffset: number
  readonly reason: string
}

/** What there is to read. */
export interface Survey {
  readonly partitions: readonly UnreadPartition[]
  readonly lost: readonly LostRange[]
}

/** See the file head. */
export class Positions {
  private readonly strategy: ConsumerStrategy<unknown, unknown>
  private readonly settings: KafkaSettings
  private readonly cluster: KafkaCluster
  private readonly clock: Clock
  private readonly subscription: string
  private found: readonly FoundPartition[] = []
  private foundAt = Number.NEGATIVE_INFINITY
  /** Where the first start begins; or why it cannot, which matters only if there is no position. */
  private begin: ReadonlyMap<string, number> | KindlingError = new Map()

  constructor(
    strategy: ConsumerStrategy<unknown, unknown>,
    settings: KafkaSettings,
    cluster: KafkaCluster,
    clock: Clock,
  ) {
    this.strategy = strategy
    this.settings = settings
    this.cluster = cluster
    this.clock = clock
    this.subscription = subscriptionText(strategy.subscription)
  }

  /**
   * Finds the partitions and where they begin.
   *
   * @param isRestart there may be a position: then it does not matter that there is no offset to begin at
   * @throws what the cluster answers, KAFKA_NO_OFFSET
   */
  async start(isRestart: boolean): Promise<void> {
    const patience = { clock: this.clock, patienceMs: this.settings.requestTimeoutMs }
    await patiently(() => this.find(), patience)
    try {
      this.begin = await patiently(() => this.firstOffsets(this.found), patience)
    } catch (error) {
      if (!isRestart || !isKindlingError(error, 'KAFKA_NO_OFFSET')) throw error
      this.begin = error
    }
  }

  /** The position once the survey was read. @param until one for each partition of it */
  after({ partitions }: Survey, until: readonly number[]): KafkaPosition {
    return {
      subscription: this.subscription,
      partitions: partitions.map(({ topic, partition, topicId, end }, i) => {
        return { topic, partition, topicId, next: until[i]!, end }
      }),
    }
  }

  /** What there is to read now from a position on; `undefined`: from the beginning. @throws KAFKA_DATA_LOST */
  async survey(at: KafkaPosition | undefined): Promise<Survey> {
    if (this.clock.now() - this.foundAt >= this.settings.metadataMaxAgeMs) await this.find()
    try {
      return await this.surveyOfFound(at)
    } catch (error) {
      if (!isKindlingError(error, 'KAFKA_TOPIC_NOT_FOUND')) throw error
      // One that was found has gone since.
      await this.find()
      return this.surveyOfFound(at)
    }
  }

  private async find(): Promise<void> {
    const { bootstrapServers } = this.settings
    this.found = await findPartitions(this.strategy.subscription, this.cluster, bootstrapServers)
    this.foundAt = this.clock.now()
  }

  private async surveyOfFound(at: KafkaPosition | undefined): Promise<Survey> {
    const { found, cluster } = this
    const known = new Map(at?.partitions.map(one => [nameOf(one), one]))
    const [first, end] = await Promise.all([
      cluster.offsets('earliest', found),
      cluster.offsets('latest', found),
    ])
    const fresh = await this.freshOffsets(at, first)
    const lost: LostRange[] = this.vanished(at)
    const partitions = found.map(one => {
      const name = nameOf(one)
      const ends = { first: first.get(name)!, end: end.get(name)! }
      const position = known.get(name)
      if (position === undefined)
        return { ...one, from: this.within(one, fresh.get(name)!, ends, lost), ...ends }
      if (position.topicId === one.topicId)
        return { ...one, from: this.within(one, position.next, ends, lost), ...ends }
      this.lose(one, position.next, Math.max(position.next, position.end), RECREATED, lost)
      return { ...one, from: ends.first, ...ends }
    })
    return { partitions, lost }
  }

  /** Where partitions without a position begin, by `nameOf`; see the file head. */
  private async freshOffsets(
    at: KafkaPosition | undefined,
    first: ReadonlyMap<string, number>,
  ): Promise<ReadonlyMap<string, number>> {
    if (at === undefined) {
      if (this.begin instanceof Error) throw this.begin
      return new Map([...first, ...this.begin])
    }
    if (at.subscription === this.subscription) return first
    const known = new Set(at.partitions.map(nameOf))
    const fresh = this.found.filter(one => !known.has(nameOf(one)))
    return fresh.length === 0 ? first : this.firstOffsets(fresh)
  }

  private firstOffsets(partitions: readonly FoundPartition[]): Promise<ReadonlyMap<string, number>> {
    return firstOffsets(partitions, this.strategy.offsets, this.cluster, this.settings)
  }

  /** Partitions that are no longer there, of topics that a pattern found; those that are named fail before. */
  private vanished(at: KafkaPosition | undefined): LostRange[] {
    const lost: LostRange[] = []
    if (at?.subscription !== this.subscription) return lost
    const names = new Set(this.found.map(nameOf))
    for (const { topic, partition, next, end } of at.partitions)
      if (!names.has(nameOf({ topic, partition })) && next < end)
        this.lose({ topic, partition }, next, end, 'the topic was deleted', lost)
    return lost
  }

  /** The position, or the nearest one that the log has. */
  private within(
    partition: TopicPartition,
    next: number,
    { first, end }: { readonly first: number; readonly end: number },
    lost: LostRange[],
  ): number {
    if (next < first) {
      this.lose(partition, next, first, 'they were removed, as the retention of the topic says', lost)
      return first
    }
    // Of transactions that are not over only the beginning can be read: the end may lie before a position that others stored.
    if (next <= end || this.settings.isReadCommitted) return next
    this.lose(partition, end, next, `the log of the partition was cut off and ends at ${end} now`, lost)
    return end
  }

  private lose(
    { topic, partition }: TopicPartition,
    fromOffset: number,
    untilOffset: number,
    reason: string,
    lost: LostRange[],
  ): void {
    if (!this.settings.skipsLoss)
      throw new KindlingError('KAFKA_DATA_LOST', {
        partition: nameOf({ topic, partition }),
        from: fromOffset,
        until: untilOffset,
        reason,
      })
    lost.push({ topic, partition, fromOffset, untilOffset, reason })
  }
}

const RECREATED = 'the topic was deleted and made again'
