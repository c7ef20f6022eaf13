/**
 * A Kafka cluster in memory, as the connector sees it: logs of batches with gaps, transactions, retention, topics that go and come, and
 * a switch that makes it unreachable.
 */
import { KindlingError } from '../../src/base/errors.ts'
import type {
  AbortedTransaction,
  Fetched,
  FetchPosition,
  KafkaCluster,
  RecordBatch,
  TopicLayout,
} from '../../src/connectors/kafka/cluster.ts'
import type { Lease } from '../../src/connectors/kafka/cluster-pool.ts'
import {
  nameOf,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../../src/connectors/kafka/topic-partition.ts'

interface FakeTransaction extends AbortedTransaction {
  /** Offset of the mark that ended it; `undefined` while it is not over. */
  mark: number | undefined
  isAborted: boolean
}

interface FakeLog {
  first: number
  end: number
  batches: RecordBatch[]
  readonly transactions: FakeTransaction[]
}

interface FakeTopic {
  readonly id: string
  readonly logs: FakeLog[]
}

const BATCHES_AN_ANSWER = 2
const encoder = new TextEncoder()

/** See the file head. */
export class FakeKafka {
  /** While it is set no call is answered. */
  isDown = false
  readonly isReadCommitted: boolean
  readonly groups: Map<string, Map<string, number>> = new Map<string, Map<string, number>>()
  /** Calls of `fetch`. */
  fetches = 0
  openLeases = 0
  private readonly byName = new Map<string, FakeTopic>()
  private made = 0

  constructor({ isReadCommitted = false }: { readonly isReadCommitted?: boolean } = {}) {
    this.isReadCommitted = isReadCommitted
  }

  createTopic(topic: string, partitions = 1): this {
    const id = `${topic}#${++this.made}`
    this.byName.set(topic, { id, logs: Array.from({ length: partitions }, newLog) })
    return this
  }

  addPartition(topic: string): void {
    this.byName.get(topic)!.logs.push(newLog())
  }

  deleteTopic(topic: string): void {
    this.byName.delete(topic)
  }

  /** A batch of texts. @returns the offset after it */
  append(
    topic: string,
    partition: number,
    values: readonly string[],
    fields: Partial<RecordBatch> = {},
  ): number {
    const log = this.logOf({ topic, partition })
    log.batches.push({
      firstOffset: log.end,
      lastOffset: log.end + values.length - 1,
      firstTimestamp: 1000,
      maxTimestamp: 1000 + values.length - 1,
      producerId: -1n,
      isTransactional: false,
      isControl: false,
      isLogAppendTime: false,
      records: values.map((value, i) => ({
        offsetDelta: i,
        timestampDelta: BigInt(i),
        key: null,
        value: encoder.encode(value),
        headers: [],
      })),
      ...fields,
    })
    log.end += values.length
    return log.end
  }

  /** Records of a transaction, which begins with the first. */
  transact(topic: string, partition: number, producerId: bigint, values: readonly string[]): void {
    const { transactions, end } = this.logOf({ topic, partition })
    const isOpen = transactions.some(one => one.producerId === producerId && one.mark === undefined)
    if (!isOpen) transactions.push({ producerId, firstOffset: end, mark: undefined, isAborted: false })
    this.append(topic, partition, values, { producerId, isTransactional: true })
  }

  /** The mark that ends the transaction of a producer. */
  end(topic: string, partition: number, producerId: bigint, how: 'commit' | 'abort'): void {
    const log = this.logOf({ topic, partition })
    const one = log.transactions.find(other => other.producerId === producerId && other.mark === undefined)!
    one.mark = log.end
    one.isAborted = how === 'abort'
    const key = Uint8Array.of(0, 0, 0, how === 'abort' ? 0 : 1)
    const records = [{ offsetDelta: 0, timestampDelta: 0n, key, value: Uint8Array.of(), headers: [] }]
    this.append(topic, partition, [''], { producerId, isTransactional: true, isControl: true, records })
  }

  /** What retention does: nothing before an offset is there any more. */
  removeBefore(topic: string, partition: number, offset: number): void {
    const log = this.logOf({ topic, partition })
    log.first = offset
    log.batches = log.batches.filter(batch => batch.lastOffset >= offset)
  }

  /** What compaction does: single records go, and batches of which none is left. Offsets stay. */
  compact(topic: string, partition: number, keep: (offset: number) => boolean): void {
    const log = this.logOf({ topic, partition })
    log.batches = log.batches.flatMap(batch => {
      const records = batch.records.filter(({ offsetDelta }) => keep(batch.firstOffset + offsetDelta))
      return records.length > 0 ? [{ ...batch, records }] : []
    })
  }

  /** What an unclean election of a leader does: the end of the log is gone. */
  cutOff(topic: string, partition: number, end: number): void {
    const log = this.logOf({ topic, partition })
    log.end = end
    log.batches = log.batches.filter(batch => batch.lastOffset < end)
  }

  readonly lease = (): Lease => {
    this.openLeases++
    let isHeld = true
    return {
      cluster: this.cluster,
      release: () => {
        if (isHeld) this.openLeases--
        isHeld = false
      },
    }
  }

  readonly cluster: KafkaCluster = {
    topics: async () => {
      this.assertUp()
      return [...this.byName.keys()].sort()
    },
    layout: async topics => {
      this.assertUp()
      return topics.map(topic => this.layoutOf(topic))
    },
    offsets: async (at, partitions) => {
      this.assertUp()
      return new Map(partitions.map(one => [nameOf(one), this.offsetOf(at, this.logOf(one))] as const))
    },
    committed: async groupId => {
      this.assertUp()
      return new Map(this.groups.get(groupId))
    },
    commit: async (groupId, offsets) => {
      this.assertUp()
      this.store(groupId, offsets)
    },
    fetch: async position => {
      this.assertUp()
      this.fetches++
      return this.fetched(position)
    },
    hold: () => {},
    close: async () => {},
  }

  private store(groupId: string, offsets: readonly TopicPartitionOffset[]): void {
    const group = this.groups.get(groupId) ?? new Map<string, number>()
    this.groups.set(groupId, group)
    for (const one of offsets) group.set(nameOf(one), one.offset)
  }

  private layoutOf(topic: string): TopicLayout {
    const found = this.byName.get(topic)
    if (found === undefined) throw noTopic(topic)
    return { topic, id: found.id, leaders: found.logs.map((_, i) => `broker-${i % 2}`) }
  }

  private offsetOf(at: Parameters<KafkaCluster['offsets']>[0], log: FakeLog): number {
    if (at === 'earliest') return log.first
    if (at === 'latest') return this.readableEnd(log)
    for (const batch of log.batches)
      for (const record of batch.records)
        if (batch.firstTimestamp + Number(record.timestampDelta) >= at.timestamp)
          return batch.firstOffset + record.offsetDelta
    return log.end
  }

  private readableEnd(log: FakeLog): number {
    if (!this.isReadCommitted) return log.end
    const open = log.transactions.filter(({ mark }) => mark === undefined)
    return Math.min(log.end, ...open.map(({ firstOffset }) => firstOffset))
  }

  private fetched({ topic, partition, topicId, offset }: FetchPosition): Fetched {
    const found = this.byName.get(topic)
    const log = found?.logs[partition]
    if (log === undefined || (topicId ?? found!.id) !== found!.id) return { kind: 'no such partition' }
    if (offset < log.first || offset > log.end) return { kind: 'out of range' }
    const end = this.readableEnd(log)
    const batches = log.batches
      .filter(batch => batch.lastOffset >= offset && batch.firstOffset < end)
      .slice(0, BATCHES_AN_ANSWER)
    const last = batches.at(-1)?.lastOffset ?? offset
    const aborted = log.transactions.filter(
      ({ isAborted, firstOffset, mark = 0 }) => isAborted && firstOffset <= last && mark >= offset,
    )
    return { kind: 'batches', batches, aborted, end, isThrottled: false }
  }

  private logOf({ topic, partition }: TopicPartition): FakeLog {
    const log = this.byName.get(topic)?.logs[partition]
    if (log === undefined) throw noTopic(nameOf({ topic, partition }))
    return log
  }

  private assertUp(): void {
    if (!this.isDown) return
    throw new KindlingError('KAFKA_UNREACHABLE', {
      servers: 'fake:1',
      what: 'anything',
      reason: 'ECONNREFUSED',
    })
  }
}

function newLog(): FakeLog {
  return { first: 0, end: 0, batches: [], transactions: [] }
}

function noTopic(topics: string): KindlingError {
  return new KindlingError('KAFKA_TOPIC_NOT_FOUND', { topics, servers: 'fake:1' })
}
