/** A record on its way to a topic: plain data, which is staged as blocks of the engine's own format. */
import { decodeRecords, encodeRecords } from '../../data/codec.ts'

/** See the file head. */
export interface OutRecord {
  readonly topic: string
  readonly partition: number
  readonly key: Uint8Array | undefined
  /** `null` marks a key of a compacted topic as deleted. */
  readonly value: Uint8Array | null
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[]
  /** ms since epoch; `undefined`: when it is sent. */
  readonly timestamp: number | undefined
}

/** Where a record was written. */
export interface WrittenAt {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** What one request holds at most: brokers take 1 MiB unless set otherwise. */
const GROUP_BYTES = 512 << 10
/** For a record besides key, value and headers. */
const OVERHEAD_BYTES = 64

/** Gathers records up to what one request holds. */
export class RecordGroup {
  private records: OutRecord[] = []
  private bytes = 0

  /** @returns the records before it, when with it there are too many for one request */
  add(record: OutRecord): readonly OutRecord[] | undefined {
    const size = sizeOf(record)
    const full = this.bytes + size > GROUP_BYTES && this.records.length > 0 ? this.take() : undefined
    this.records.push(record)
    this.bytes += size
    return full
  }

  /** Those that are left. */
  take(): readonly OutRecord[] {
    const { records } = this
    this.records = []
    this.bytes = 0
    return records
  }
}

function sizeOf({ key, value, headers }: OutRecord): number {
  let bytes = OVERHEAD_BYTES + (key?.byteLength ?? 0) + (value?.byteLength ?? 0)
  for (const [name, content] of headers) bytes += name.length + content.byteLength
  return bytes
}

/** As the value of one record of the staging topic. */
export function blockOf(records: readonly OutRecord[]): Uint8Array {
  return encodeRecords(
    records.map(({ topic, partition, key, value, headers, timestamp }) => [
      topic,
      partition,
      key,
      value,
      headers,
      timestamp,
    ]),
  )
}

/** What {@link blockOf} was given. */
export function recordsOf(block: Uint8Array): OutRecord[] {
  return (decodeRecords(block) as StagedRecord[]).map(
    ([topic, partition, key, value, headers, timestamp]) => ({
      topic,
      partition,
      key,
      value,
      headers,
      timestamp,
    }),
  )
}

type StagedRecord = [
  topic: string,
  partition: number,
  key: Uint8Array | undefined,
  value: Uint8Array | null,
  headers: OutRecord['headers'],
  timestamp: number | undefined,
]
