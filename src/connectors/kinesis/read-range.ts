/** Reads exactly the records of a range of a shard, on whatever thread. */
import type { _Record } from '@aws-sdk/client-kinesis'
import { type Clock, SystemClock } from '../../base/clock.ts'
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import { patiently as askedAgain } from '../../base/patience.ts'
import { KinesisCluster } from './cluster.ts'
import type { KinesisSettings } from './options.ts'
import type { ShardPosition } from './shards.ts'

/** What one task reads: what comes after the position, up to and with the record `until`. Plain data. */
export interface ShardRange {
  readonly shard: string
  readonly after: Pick<ShardPosition, 'at' | 'timestampMs'>
  readonly until: string
  readonly count: number
}

/** A record of Kinesis. */
export interface KinesisRecord {
  readonly shardId: string
  /** Larger than those of all records before it in the shard: a decimal number, too large for a `number`. */
  readonly sequenceNumber: string
  readonly partitionKey: string
  /** When it came, about, in ms. */
  readonly arrival: number
  readonly data: Uint8Array
}

const MAX_RECORDS = 10_000
const PAUSES = { firstPauseMs: 100, maxPauseMs: 2000 }
/** Answers without records, from a shard that has none to come, after which those of the range count as gone. */
const EMPTY_ANSWERS = 5

/** See the file head. @throws ENDPOINT_FAILED when records of the range are gone */
export async function* readRange(
  range: ShardRange,
  settings: KinesisSettings,
): AsyncGenerator<KinesisRecord> {
  const { shard, after, until, count } = range
  const cluster = await new KinesisCluster(settings).open()
  const end = BigInt(until)
  try {
    let iterator = await patiently(settings, () => cluster.iterator(shard, after))
    let read = 0
    for (let empty = 0; empty < EMPTY_ANSWERS; ) {
      const limit = Math.min(MAX_RECORDS, Math.max(1, count - read))
      const { records, next, behindMs } = await patiently(settings, () =>
        cluster.records(shard, iterator, limit),
      )
      for (const record of records) {
        const number = BigInt(record.SequenceNumber!)
        if (number > end) throw gone(range, settings)
        read++
        yield recordOf(shard, record)
        if (number === end) return
      }
      if (next === undefined) break
      iterator = next
      if (records.length === 0 && behindMs === 0) empty++
    }
    throw gone(range, settings)
  } finally {
    cluster.close()
  }
}

function gone({ shard, until }: ShardRange, { server, stream }: KinesisSettings): KindlingError {
  return new KindlingError('ENDPOINT_FAILED', {
    server,
    what: `stream ${stream}, records of shard ${shard} up to ${until}`,
    reason: 'they are gone: the retention of the stream is over, or it was made again',
  })
}

function recordOf(shardId: string, record: _Record): KinesisRecord {
  return {
    shardId,
    sequenceNumber: record.SequenceNumber!,
    partitionKey: record.PartitionKey!,
    arrival: record.ApproximateArrivalTimestamp?.getTime() ?? 0,
    data: Uint8Array.from(record.Data!),
  }
}

/** Asks again while Kinesis does not answer, or has too much to do, until the patience is over. */
export function patiently<R>(
  { patienceMs }: KinesisSettings,
  ask: () => Promise<R>,
  clock: Clock = new SystemClock(),
): Promise<R> {
  return askedAgain({ clock, patienceMs, ...PAUSES, mayPass }, ask)
}

const mayPass = (error: unknown): boolean => isKindlingError(error, 'ENDPOINT_UNREACHABLE')
