/**
 * Kinesis as a direct source: at each batch the driver finds out up to which record of each shard it reads, and tasks read these.
 *
 * Kinesis tells nobody where a shard ends, so the driver asks for the records themselves and keeps their numbers only: each record is
 * fetched twice, once for the plan and once by the task.
 *
 * I1  The ranges of a shard follow each other; a shard is read when its parents have been (`shards.ts`).
 * I2  An iterator that is kept belongs to a position: after a plan that failed it is made anew.
 */
import { isKindlingError } from '../../base/errors.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import { capture } from '../../rdd/functions/explicit.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type {
  DirectHost,
  DirectPlan,
  DirectSource,
  PlanRequest,
} from '../../streaming/direct/direct-source.ts'
import { KinesisCluster } from './cluster.ts'
import type { KinesisSettings } from './options.ts'
import { type KinesisRecord, patiently, readRange, type ShardRange } from './read-range.ts'
import { type KinesisPosition, known, readable, type Shard, type ShardPosition, shares } from './shards.ts'

/** Records of one answer. */
const MAX_RECORDS = 10_000
/** Answers without records that are passed over in one plan, while there are records further on. */
const MAX_EMPTY = 4

/** What a plan has of one shard. */
interface Part {
  readonly position: ShardPosition
  readonly range: ShardRange | undefined
}

/** See the file head. */
export class KinesisSource implements DirectSource<KinesisRecord, ShardRange, KinesisPosition> {
  readonly name: string
  private readonly settings: KinesisSettings
  private readonly cluster: KinesisCluster
  private readonly readOne: (range: ShardRange) => AsyncIterable<KinesisRecord>
  private host!: DirectHost
  private there: readonly Shard[] = []
  private listedAt = Number.NEGATIVE_INFINITY
  /** By shard: where the next answer begins, after which record. */
  private readonly iterators = new Map<
    string,
    { readonly at: string | undefined; readonly iterator: string }
  >()
  private turn = 0
  private isWaiting = false

  constructor(settings: KinesisSettings) {
    this.settings = settings
    this.cluster = new KinesisCluster(settings)
    this.name = `${settings.server}, stream ${settings.stream}`
    // Of data and of this module's functions only, so that it travels.
    this.readOne = capture({ readRange, settings }, (range: ShardRange) => readRange(range, settings))
  }

  async open(host: DirectHost): Promise<void> {
    this.host = host
    await this.cluster.open()
    await patiently(this.settings, () => this.list(), host.clock)
  }

  close(): void {
    this.cluster.close()
  }

  async plan({
    position,
    limit,
  }: PlanRequest<KinesisPosition>): Promise<DirectPlan<ShardRange, KinesisPosition>> {
    const isFresh = position?.shards.every(({ hasEnded }) => hasEnded !== true) ?? true
    if (!(await this.isListed(isFresh))) return this.without(position)
    const positions = known(position, this.there, this.begin())
    const next = readable(positions, this.there)
    const share = shares(limit, next.length, this.turn++)
    const parts = await Promise.all(next.map((shard, i) => this.part(shard, share[i]!)))
    const moved = new Map(parts.map(part => [part.position.id, part.position]))
    const ranges = parts.map(({ range }) => range).filter(range => range !== undefined)
    const Description = ranges
      .map(({ shard, until, count }) => `${shard}: ${count} up to ${until}`)
      .join('\n')
    return {
      ranges,
      position: { shards: positions.map(shard => moved.get(shard.id) ?? shard) },
      numRecords: ranges.reduce((sum, { count }) => sum + count, 0),
      metadata: {
        Description: Description || (this.isWaiting ? 'Kinesis does not answer' : 'no new records'),
      },
    }
  }

  read(sc: SparkContext, ranges: readonly ShardRange[]): RDD<KinesisRecord> {
    return sc.fromPartitions(ranges, this.readOne)
  }

  private without(position: KinesisPosition | undefined): DirectPlan<ShardRange, KinesisPosition> {
    return { ranges: [], position, metadata: { Description: 'Kinesis does not answer' } }
  }

  private begin(): number | undefined {
    const { initialPosition } = this.settings
    if (initialPosition === 'TRIM_HORIZON') return undefined
    return initialPosition === 'LATEST' ? this.host.startTime : initialPosition.timestampMs
  }

  /** Looks for shards when it is time, or one has ended; whether it is known which there are. */
  private async isListed(isFresh: boolean): Promise<boolean> {
    const age = this.host.clock.now() - this.listedAt
    if (age < this.settings.shardRefreshMs && isFresh) return true
    try {
      await this.list()
      this.answered()
      return true
    } catch (error) {
      this.passed(error)
      return false
    }
  }

  private async list(): Promise<void> {
    this.there = await this.cluster.shards()
    this.listedAt = this.host.clock.now()
  }

  /** What there is of a shard, at most `share` records. */
  private async part(shard: ShardPosition, share: number): Promise<Part> {
    const nothing = { position: shard, range: undefined }
    if (share < 1) return nothing
    const { id, at } = shard
    try {
      const kept = this.iterators.get(id)
      this.iterators.delete(id)
      let iterator =
        kept !== undefined && kept.at === at ? kept.iterator : await this.cluster.iterator(id, shard)
      for (let empty = 0; empty < MAX_EMPTY; empty++) {
        const { records, next, behindMs } = await this.cluster.records(
          id,
          iterator,
          Math.min(share, MAX_RECORDS),
        )
        this.answered()
        const until = records.at(-1)?.SequenceNumber
        const range =
          until === undefined ? undefined : { shard: id, after: placeOf(shard), until, count: records.length }
        const moved = until === undefined ? shard : { id, at: until }
        if (next === undefined) return { position: { ...moved, hasEnded: true }, range }
        this.iterators.set(id, { at: moved.at, iterator: next })
        if (range !== undefined || behindMs === 0) return { position: moved, range }
        iterator = next
      }
      return nothing
    } catch (error) {
      // One that was kept too long is made anew by the next plan.
      if (!/ExpiredIterator/.test((error as Error).message)) this.passed(error)
      return nothing
    }
  }

  private answered(): void {
    if (this.isWaiting) this.host.logger.info(`${this.name} answers again.`)
    this.isWaiting = false
  }

  /** Of what passes by waiting, the log is told once. @throws everything else */
  private passed(error: unknown): void {
    if (!isKindlingError(error, 'ENDPOINT_UNREACHABLE')) throw error
    if (!this.isWaiting) this.host.logger.warn(`${error.message} It is asked again at the next batch.`)
    this.isWaiting = true
  }
}

function placeOf({ at, timestampMs }: ShardPosition): ShardRange['after'] {
  if (at !== undefined) return { at }
  return timestampMs === undefined ? {} : { timestampMs }
}
