/**
 * Kafka as a direct source: at each batch the driver decides which offsets of which partitions belong to it, and tasks read exactly
 * these. There is no consumer group and nothing is rebalanced.
 *
 *   position          end of the log
 *      ├── batch ──┤  ┆
 *   ───▪───────────▪──▪──►  offsets of one partition
 *
 * I1  The ranges of a partition follow each other without gap or overlap, but for what is lost and skipped.
 * I2  A range is planned of records that are there; with `read_committed`, of transactions that are over.
 * I3  What a plan says is all that a restart needs: partitions, topic ids, offsets. Nothing of the parameters is in it.
 *
 * A broker that does not answer costs nothing but time: batches have no records meanwhile, and the first after that goes on.
 *
 * Source: Spark DirectKafkaInputDStream.
 */
import { configEntries } from '../../base/config.ts'
import { isKindlingError } from '../../base/errors.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import type {
  DirectHost,
  DirectPlan,
  DirectSource,
  PlanRequest,
} from '../../streaming/direct/direct-source.ts'
import type { PartitionLag } from '../../streaming/listener.ts'
import type { Lease } from './cluster-pool.ts'
import type { ConsumerRecord } from './consumer-record.ts'
import { hostBy, KafkaRDD, offsetRangesOf } from './kafka-rdd.ts'
import { type KafkaSettings, settingsOf } from './params.ts'
import { type PerPartitionConfig, planRanges } from './plan-ranges.ts'
import {
  type KafkaPosition,
  type LostRange,
  Positions,
  type Survey,
  type UnreadPartition,
} from './positions.ts'
import type { RangeDescriptor } from './read-range.ts'
import { type Reading, readingOf } from './reading.ts'
import { type ConsumerStrategy, type LocationStrategy, subscriptionText } from './strategies.ts'
import { nameOf } from './topic-partition.ts'

/** What a source is made of. */
export interface DirectSourceParts<K, V> {
  readonly strategy: ConsumerStrategy<K, V>
  /** The same for all that share their connections. */
  readonly key: string
  readonly locations: LocationStrategy
  readonly perPartition: PerPartitionConfig
  /** Opens the connections, or takes part in them. @param keepMs how long they are kept after the last use */
  lease(keepMs: number): Lease
}

/** See the file head. */
export class DirectKafkaSource<K, V>
  implements DirectSource<ConsumerRecord<K, V>, RangeDescriptor, KafkaPosition>
{
  readonly name: string
  private readonly parts: DirectSourceParts<K, V>
  private readonly settings: KafkaSettings
  private host!: DirectHost
  private lease: Lease | undefined
  private reading!: Reading
  private positions!: Positions
  private readonly leaders = new Map<string, string>()
  /** Time in ms of the last record that was read, by partition. */
  private readonly lastRead = new Map<string, number>()
  private isWaiting = false

  constructor(parts: DirectSourceParts<K, V>) {
    this.parts = parts
    this.settings = settingsOf(parts.strategy.params) as KafkaSettings
    this.name = `Kafka ${subscriptionText(parts.strategy.subscription)} at ${this.settings.bootstrapServers.join(', ')}`
  }

  async open(host: DirectHost): Promise<void> {
    this.host = host
    const { clock } = host
    const { key, lease } = this.parts
    this.reading = readingOf(host.sc, key, this.settings, lease, (partition, lastTimestamp) => {
      if (lastTimestamp >= 0) this.lastRead.set(nameOf(partition), lastTimestamp)
    })
    this.lease = lease(this.reading.keepMs)
    const strategy = this.parts.strategy as ConsumerStrategy<unknown, unknown>
    this.positions = new Positions(strategy, this.settings, this.lease.cluster, clock)
    await this.positions.start(host.isRestart)
  }

  /** Tasks that still run have a lease of their own. */
  close(): void {
    this.lease?.release()
  }

  async plan({ position, limit }: PlanRequest<KafkaPosition>): Promise<KafkaPlan> {
    const survey = await this.survey(position)
    if (survey === undefined) return this.without(position)
    const { partitions, lost } = survey
    const batchSeconds = this.host.batchDuration.milliseconds / 1000
    const rate = Number.isFinite(limit) ? limit / batchSeconds : undefined
    // The least that each partition gets is for batches that may have something.
    const until =
      limit === 0
        ? partitions.map(({ from }) => from)
        : planRanges(partitions, { batchSeconds, rate, perPartition: this.limits() })
    const ranges = partitions.map(({ topic, partition, topicId, from }, i) => {
      return { topic, partition, topicId, fromOffset: from, untilOffset: until[i]! }
    })
    for (const one of partitions) this.leaders.set(nameOf(one), one.leader)
    for (const { topic, partition, fromOffset, untilOffset, reason } of lost)
      this.host.logger.warn(
        `${topic}-${partition}: records from ${fromOffset} to ${untilOffset} are skipped: ${reason}`,
      )
    const lag = partitions.map((one, i) => this.lagOf(one, until[i]!))
    return { ...planOf(ranges, lost), position: this.positions.after(survey, until), lag }
  }

  read(sc: SparkContext, ranges: readonly RangeDescriptor[]): KafkaRDD<K, V> {
    const hostOf = hostBy(this.parts.locations, range => this.leaders.get(nameOf(range)))
    return new KafkaRDD<K, V>(sc, ranges, this.reading, hostOf)
  }

  /** Plans once were ranges and the subscription, and the position had to be read off them. */
  upgrade(saved: unknown): Pick<KafkaPlan, 'ranges' | 'position'> {
    const plan = saved as KafkaPlan | FirstPlan
    if (!('subscription' in plan)) return plan
    const partitions = plan.ranges.map(({ topic, partition, topicId, untilOffset }) => {
      return { topic, partition, topicId, next: untilOffset, end: untilOffset }
    })
    return { ranges: plan.ranges, position: { subscription: plan.subscription, partitions } }
  }

  /** A batch while no broker answers: the same partitions, and nothing of them. */
  private without(position: KafkaPosition | undefined): KafkaPlan {
    const partitions = position?.partitions ?? []
    const ranges = partitions.map(({ topic, partition, topicId, next }) => {
      return { topic, partition, topicId, fromOffset: next, untilOffset: next }
    })
    return { ...planOf(ranges, [], 'no broker answers'), position }
  }

  /** What there is to read; `undefined` while no broker answers, which is told once. */
  private async survey(position: KafkaPosition | undefined): Promise<Survey | undefined> {
    try {
      const survey = await this.positions.survey(position)
      if (this.isWaiting) this.host.logger.info(`${this.name} answers again.`)
      this.isWaiting = false
      return survey
    } catch (error) {
      if (!isKindlingError(error, 'KAFKA_UNREACHABLE')) throw error
      if (!this.isWaiting)
        this.host.logger.warn(`${error.message} Batches have no records of it until it does.`)
      this.isWaiting = true
      return undefined
    }
  }

  private lagOf(partition: UnreadPartition, until: number): PartitionLag {
    const name = nameOf(partition)
    const records = Math.max(0, partition.end - until)
    const last = this.lastRead.get(name)
    const ms = records === 0 ? 0 : last === undefined ? undefined : Math.max(0, this.host.clock.now() - last)
    return { name, records, ms }
  }

  private limits(): PerPartitionConfig {
    const { conf } = this.host
    const max = conf.get(configEntries.kafkaMaxRatePerPartition)
    const min = conf.get(configEntries.kafkaMinRatePerPartition)
    return { maxRatePerPartition: () => max, minRatePerPartition: () => min, ...this.parts.perPartition }
  }
}

type KafkaPlan = DirectPlan<RangeDescriptor, KafkaPosition>

/** What the log had of a batch before there were positions. */
interface FirstPlan {
  readonly subscription: string
  readonly ranges: readonly RangeDescriptor[]
}

function planOf(
  ranges: readonly RangeDescriptor[],
  lost: readonly LostRange[],
  otherwise = 'no new records',
): Omit<KafkaPlan, 'position'> {
  const offsetRanges = offsetRangesOf(ranges)
  const read = offsetRanges.filter(range => range.count() > 0)
  const numRecords = read.reduce((sum, range) => sum + range.count(), 0)
  return { ranges, numRecords, metadata: { Description: read.join('\n') || otherwise, offsetRanges, lost } }
}
