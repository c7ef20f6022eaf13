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
import type { Time } from '../../base/time.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type { BatchInput, InputSource, RateControl, SourceHost } from '../../streaming/input-source.ts'
import type { PartitionLag } from '../../streaming/listener.ts'
import type { Lease } from './cluster-pool.ts'
import type { ConsumerRecord } from './consumer-record.ts'
import { hostBy, KafkaRDD } from './kafka-rdd.ts'
import { type KafkaSettings, settingsOf } from './params.ts'
import { type PerPartitionConfig, planRanges } from './plan-ranges.ts'
import { type LostRange, Positions, type Survey, type UnreadPartition } from './positions.ts'
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

/** A plan as it is logged. */
interface KafkaPlan {
  readonly subscription: string
  /** All partitions, also those of which the batch has nothing. */
  readonly ranges: readonly RangeDescriptor[]
  /** What was skipped before them. */
  readonly lost: readonly LostRange[]
}

/** See the file head. */
export class DirectKafkaSource<K, V> implements InputSource<ConsumerRecord<K, V>> {
  readonly name: string
  private readonly parts: DirectSourceParts<K, V>
  private readonly settings: KafkaSettings
  private readonly subscription: string
  private host!: SourceHost
  private lease: Lease | undefined
  private reading!: Reading
  private positions!: Positions
  private rate!: RateControl
  /** Those of the last plan; `undefined` before the first answer of a broker. */
  private ranges: readonly RangeDescriptor[] | undefined
  private readonly plans = new Map<number, KafkaPlan>()
  private readonly leaders = new Map<string, string>()
  /** Time in ms of the last record that was read, by partition. */
  private readonly lastRead = new Map<string, number>()
  private isWaiting = false

  constructor(parts: DirectSourceParts<K, V>) {
    this.parts = parts
    this.settings = settingsOf(parts.strategy.params) as KafkaSettings
    this.subscription = subscriptionText(parts.strategy.subscription)
    this.name = `Kafka ${this.subscription} at ${this.settings.bootstrapServers.join(', ')}`
  }

  async start(host: SourceHost): Promise<void> {
    this.host = host
    const { clock } = host
    const { key, lease } = this.parts
    this.reading = readingOf(host.sc, key, this.settings, lease, (partition, lastTimestamp) => {
      if (lastTimestamp >= 0) this.lastRead.set(nameOf(partition), lastTimestamp)
    })
    this.rate = host.rateControl()
    this.lease = lease(this.reading.keepMs)
    const strategy = this.parts.strategy as ConsumerStrategy<unknown, unknown>
    this.positions = new Positions(strategy, this.settings, this.lease.cluster, clock)
    try {
      // A plan that may be restored is one of a batch whose time has passed.
      const isRestart = host.zeroTime.plus(host.batchDuration).milliseconds <= clock.now()
      await this.positions.start(isRestart)
    } catch (error) {
      this.stop()
      throw error
    }
  }

  /** Tasks that still run have a lease of their own. */
  stop(): void {
    this.lease?.release()
  }

  async plan(time: Time): Promise<BatchInput<ConsumerRecord<K, V>>> {
    const survey = await this.survey()
    if (survey === undefined) {
      this.ranges = this.ranges?.map(range => ({ ...range, fromOffset: range.untilOffset }))
      return this.inputOf(time, [], [])
    }
    const { partitions, lost } = survey
    const batchSeconds = this.host.batchDuration.milliseconds / 1000
    const limit = this.rate.limit()
    const until = planRanges(partitions, {
      batchSeconds,
      rate: Number.isFinite(limit) ? limit / batchSeconds : undefined,
      perPartition: this.limits(),
    })
    this.positions.advance(survey, until)
    this.ranges = partitions.map(({ topic, partition, topicId, from }, i) => ({
      topic,
      partition,
      topicId,
      fromOffset: from,
      untilOffset: until[i]!,
    }))
    for (const one of partitions) this.leaders.set(nameOf(one), one.leader)
    for (const { topic, partition, fromOffset, untilOffset, reason } of lost)
      this.host.logger.warn(
        `${topic}-${partition}: records from ${fromOffset} to ${untilOffset} are skipped: ${reason}`,
      )
    const lag = partitions.map((one, i) => this.lagOf(one, until[i]!))
    return this.inputOf(time, lost, lag)
  }

  describe(time: Time): KafkaPlan | undefined {
    return this.plans.get(time.milliseconds)
  }

  restore(_time: Time, description: unknown): () => RDD<ConsumerRecord<K, V>> {
    // What was planned before the first answer of a broker has no positions.
    if (description === undefined) return () => this.host.sc.emptyRDD()
    const { subscription, ranges } = description as KafkaPlan
    this.positions.restore(subscription, ranges)
    this.ranges = ranges
    return () => this.rddOf(ranges)
  }

  forget(upTo: Time): void {
    for (const time of this.plans.keys()) if (time <= upTo.milliseconds) this.plans.delete(time)
  }

  /** What there is to read; `undefined` while no broker answers, which is told once. */
  private async survey(): Promise<Survey | undefined> {
    try {
      const survey = await this.positions.survey()
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

  private inputOf(
    time: Time,
    lost: readonly LostRange[],
    lag: readonly PartitionLag[],
  ): BatchInput<ConsumerRecord<K, V>> {
    const { ranges, subscription } = this
    if (ranges !== undefined) this.plans.set(time.milliseconds, { subscription, ranges, lost })
    const rdd = this.rddOf(ranges ?? [])
    const read = rdd.offsetRanges.filter(range => range.count() > 0)
    const numRecords = read.reduce((sum, range) => sum + range.count(), 0)
    const Description = this.isWaiting ? 'no broker answers' : read.join('\n') || 'no new records'
    return { rdd, numRecords, lag, metadata: { Description, offsetRanges: rdd.offsetRanges, lost } }
  }

  private rddOf(ranges: readonly RangeDescriptor[]): KafkaRDD<K, V> {
    const hostOf = hostBy(this.parts.locations, range => this.leaders.get(nameOf(range)))
    return new KafkaRDD<K, V>(this.host.sc, ranges, this.reading, hostOf)
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
