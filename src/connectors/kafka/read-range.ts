/**
 * Reads exactly the offsets [from, until) of one partition.
 *
 * 1. ask for what follows the position; while the records of an answer are used, the next one is on its way
 * 2. leave out what is outside of the range (a batch may begin before it and end after it), the marks of transactions, and with
 *    `read_committed` what was aborted
 * 3. the position moves by the offsets of whole batches, so that gaps are passed
 *
 * What the broker does not have any more is told from gaps: within its log a broker answers with the next batch there is; an offset
 * before the log or after its end is an error, and a log that ends before `until` has lost its end.
 *
 * A broker that does not answer is asked again until `patienceMs` have passed without an answer.
 */
import type { Clock } from '../../base/clock.ts'
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { Chunk, ChunkSource } from '../../data/chunk.ts'
import type { Fetched, KafkaCluster, RawRecord, RecordBatch } from './cluster.ts'
import type { Lease } from './cluster-pool.ts'
import { committedBatches } from './committed-batches.ts'
import type { ConsumerRecord, RecordHeader } from './consumer-record.ts'
import { notReadable } from './deserializers.ts'
import { chosenPartitions } from './find-partitions.ts'
import type { KafkaSettings } from './params.ts'
import { patiently } from './retry.ts'
import { nameOf, type TopicPartition } from './topic-partition.ts'

/** What one task reads: plain data. */
export interface RangeDescriptor extends TopicPartition {
  /** `undefined`: whichever topic has the name then. */
  readonly topicId: string | undefined
  readonly fromOffset: number
  readonly untilOffset: number
}

/** What reading stands on. */
export interface RangeReaderParts {
  readonly settings: KafkaSettings
  readonly clock: Clock
  readonly logger: Logger
  /** See the file head. */
  readonly patienceMs: number
  lease(): Lease
  /** Told of each range once it was read: the time of its last record in ms, −1 where it has none. */
  onRead?(partition: TopicPartition, lastTimestamp: number): void
}

/** Records handed on at a time. */
const CHUNK_ROWS = 1024
const PAUSE_MS = 50
/** So often an answer without records, from a log that goes on, is asked for again before it counts as a gap. */
const EMPTY_ANSWERS = 3
const NO_HEADERS: readonly RecordHeader[] = Object.freeze([])

/** See the file head. */
export class RangeSource implements ChunkSource {
  readonly asynchronous = true
  private readonly range: RangeDescriptor
  private readonly parts: RangeReaderParts
  private readonly lease: Lease
  private readonly abort = new AbortController()
  /** Where the next answer begins. */
  private position: number
  /** Records before it are not of the answer at hand, although they may be in a batch of it. */
  private floor: number
  private answer: Promise<Fetched> | undefined
  private batches: readonly RecordBatch[] = []
  private batch = 0
  private record = 0
  private emptyAnswers = 0
  private lastTimestamp = -1

  constructor(range: RangeDescriptor, parts: RangeReaderParts) {
    this.range = range
    this.parts = parts
    this.position = range.fromOffset
    this.floor = range.fromOffset
    this.lease = parts.lease()
  }

  next(): Chunk | Promise<Chunk | undefined> {
    const rows = this.rows()
    return rows.length > 0 ? { kind: 'rows', rows } : this.more()
  }

  close(): void {
    this.abort.abort(new KindlingError('ILLEGAL_STATE', { what: 'Reading on', reason: 'the task has ended' }))
    // A request that is under way needs its connection until it is answered.
    const settled = this.answer ?? Promise.resolve()
    settled.then(
      () => this.lease.release(),
      () => this.lease.release(),
    )
  }

  /** Up to a chunk of records of the answer at hand. */
  private rows(): unknown[] {
    const rows: unknown[] = []
    for (; this.batch < this.batches.length; this.batch++, this.record = 0) {
      const batch = this.batches[this.batch]!
      const { records } = batch
      while (this.record < records.length) {
        if (rows.length === CHUNK_ROWS) return rows
        const raw = records[this.record++]!
        const offset = batch.firstOffset + raw.offsetDelta
        if (offset < this.floor) continue
        if (offset >= this.range.untilOffset) return this.atEnd(rows)
        rows.push(this.recordOf(raw, batch, offset))
      }
    }
    return rows
  }

  private atEnd(rows: unknown[]): unknown[] {
    this.batches = []
    return rows
  }

  /** The records of the answers to come, as far as there are any. */
  private async more(): Promise<Chunk | undefined> {
    for (;;) {
      if (this.position >= this.range.untilOffset) {
        this.parts.onRead?.(this.range, this.lastTimestamp)
        return undefined
      }
      this.answer ??= this.asked(this.position)
      const answer = await this.answer
      this.answer = undefined
      await this.take(answer)
      const rows = this.rows()
      if (rows.length > 0) return { kind: 'rows', rows }
    }
  }

  private async take(answer: Fetched): Promise<void> {
    if (answer.kind === 'no such partition') return this.partitionGone()
    if (answer.kind === 'out of range') return this.outOfRange()
    const { batches, aborted, end, isThrottled } = answer
    if (batches.length === 0) return this.empty(end, isThrottled)
    this.emptyAnswers = 0
    this.floor = this.position
    this.position = batches.at(-1)!.lastOffset + 1
    const isCommitted = this.parts.settings.isReadCommitted
    this.batches = isCommitted ? committedBatches(batches, aborted) : batches.filter(one => !one.isControl)
    this.batch = 0
    this.record = 0
    if (this.position >= this.range.untilOffset) return
    this.answer = this.asked(this.position)
    // Its error is for whoever awaits it.
    this.answer.catch(() => {})
  }

  /** There is nothing from the position on, now: a log that was cut off, or a gap up to its end. */
  private empty(end: number, isThrottled: boolean): void {
    if (end < this.range.untilOffset) {
      this.lost(this.range.untilOffset, `the log of the partition ends at ${end} now`)
      return
    }
    if (!isThrottled && ++this.emptyAnswers === EMPTY_ANSWERS) this.position = this.range.untilOffset
  }

  private async outOfRange(): Promise<void> {
    const first = await this.earliest()
    if (first > this.position)
      this.lost(
        Math.min(first, this.range.untilOffset),
        'they were removed, as the retention of the topic says',
      )
    else this.lost(this.range.untilOffset, 'the log of the partition ends before them')
  }

  private async earliest(): Promise<number> {
    const found = await this.retried(cluster => cluster.offsets('earliest', [this.range]))
    return found.get(nameOf(this.range))!
  }

  private async partitionGone(): Promise<void> {
    const { settings } = this.parts
    try {
      const [found] = await this.retried(cluster =>
        chosenPartitions([this.range], cluster, settings.bootstrapServers),
      )
      const isSame = this.range.topicId === undefined || found!.topicId === this.range.topicId
      // A broker that has just started may not know of it yet.
      if (isSame) await this.parts.clock.sleep(PAUSE_MS, this.abort.signal)
      else this.lost(this.range.untilOffset, 'the topic was deleted and made again')
    } catch (error) {
      const isGone = isKindlingError(error, 'KAFKA_TOPIC_NOT_FOUND') && this.range.topicId !== undefined
      if (!isGone) throw error
      this.lost(this.range.untilOffset, 'the topic was deleted')
    }
  }

  /** @throws KAFKA_DATA_LOST unless the stream skips what is lost: then it goes on at `until` */
  private lost(until: number, reason: string): void {
    const { settings, logger } = this.parts
    const loss = { partition: nameOf(this.range), from: this.position, until, reason }
    const error = new KindlingError('KAFKA_DATA_LOST', loss)
    if (!settings.skipsLoss) throw error
    logger.warn(`${loss.partition}: records from ${loss.from} to ${until} are skipped: ${reason}`)
    this.position = until
  }

  private asked(position: number): Promise<Fetched> {
    const { topic, partition, topicId } = this.range
    return this.retried(cluster => cluster.fetch({ topic, partition, topicId, offset: position }))
  }

  private retried<T>(ask: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
    const { clock, patienceMs } = this.parts
    return patiently(() => ask(this.lease.cluster), { clock, patienceMs, signal: this.abort.signal })
  }

  private recordOf(raw: RawRecord, batch: RecordBatch, offset: number): ConsumerRecord<unknown, unknown> {
    const { keyDeserializer, valueDeserializer } = this.parts.settings
    const timestamp = batch.isLogAppendTime
      ? batch.maxTimestamp
      : batch.firstTimestamp + Number(raw.timestampDelta)
    this.lastTimestamp = timestamp
    const record = {
      topic: this.range.topic,
      partition: this.range.partition,
      offset,
      timestamp,
      timestampType: batch.isLogAppendTime ? ('LogAppendTime' as const) : ('CreateTime' as const),
      headers: raw.headers.length === 0 ? NO_HEADERS : raw.headers.map(headerOf),
      key: undefined as unknown,
      value: undefined as unknown,
    }
    let what: 'key' | 'value' = 'key'
    try {
      record.key = keyDeserializer(raw.key ?? undefined, record)
      what = 'value'
      record.value = valueDeserializer(raw.value ?? undefined, record)
    } catch (error) {
      throw notReadable(error, what, record)
    }
    return record
  }
}

/** The answer's memory is let go: what is kept of it is copied. */
function headerOf([key, value]: RawRecord['headers'][number]): RecordHeader {
  return {
    key: key === null ? '' : Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('utf8'),
    value: value === null ? undefined : Uint8Array.from(value),
  }
}
