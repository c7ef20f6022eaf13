/** Makes of the records of a program those that go to Kafka: topic, partition, bytes. */
import { SystemClock } from '../../base/clock.ts'
import { describeValue, KindlingError } from '../../base/errors.ts'
import type { KafkaCluster } from './cluster.ts'
import { loadLibrary } from './library.ts'
import type { OutRecord } from './out-record.ts'
import { patiently } from './retry.ts'
import type { KafkaBytes, KafkaSinkPlan } from './sink-options.ts'

type ByKey = (unused: unknown, key: Buffer) => number

const NO_HEADERS: OutRecord['headers'] = Object.freeze([])

/** See the file head. One for each attempt at a partition. */
export class RecordRouter<T> {
  private readonly plan: KafkaSinkPlan<T>
  private readonly cluster: KafkaCluster
  private readonly partitionsOf = new Map<string, number>()
  private byKey: ByKey | undefined
  private turn: number

  /** @param turn the partition of the first record without a key, more or less */
  constructor(plan: KafkaSinkPlan<T>, cluster: KafkaCluster, turn: number) {
    this.plan = plan
    this.cluster = cluster
    this.turn = turn
  }

  /**
   * At once where the topic is known, as nearly always: a promise for each record would take as long as the rest.
   *
   * @throws KAFKA_TOPIC_NOT_FOUND, INVALID_ARGUMENT
   */
  routed(record: T): OutRecord | Promise<OutRecord> {
    const { topic: named } = this.plan.record
    const topic = typeof named === 'string' ? named : named(record)
    const known = this.partitionsOf.get(topic)
    if (known !== undefined) return this.outRecord(record, topic, known)
    return this.partitions(topic).then(partitions => this.outRecord(record, topic, partitions))
  }

  private outRecord(record: T, topic: string, partitions: number): OutRecord {
    const { key: toKey, value: toValue, headers, timestamp } = this.plan.record
    const key = bytesOf(toKey?.(record), 'key')
    const value = toValue === undefined ? defaultValue(record) : toValue(record)
    return {
      topic,
      partition: this.partition(record, key, topic, partitions),
      key,
      value: value === null ? null : (bytesOf(value, 'value') ?? null),
      headers: headers === undefined ? NO_HEADERS : headersOf(headers(record)),
      timestamp: timestamp?.(record),
    }
  }

  private partition(record: T, key: Uint8Array | undefined, topic: string, partitions: number): number {
    const chosen = this.plan.record.partition?.(record)
    if (chosen === undefined)
      return (key === undefined ? this.turn++ : this.byKey!(undefined, Buffer.from(key))) % partitions
    if (Number.isInteger(chosen) && chosen >= 0 && chosen < partitions) return chosen
    throw new KindlingError('INVALID_ARGUMENT', {
      what: `The partition of a record for topic ${topic}`,
      value: describeValue(chosen),
      expected: `a whole number from 0 to ${partitions - 1}`,
    })
  }

  /** How many a topic has. @throws KAFKA_TOPIC_NOT_FOUND */
  async partitions(topic: string): Promise<number> {
    const known = this.partitionsOf.get(topic)
    if (known !== undefined) return known
    // The library's own default is not that of Java's client.
    this.byKey ??= (await loadLibrary()).compatibilityPartitioner as ByKey
    const patience = { clock: new SystemClock(), patienceMs: this.plan.deliveryTimeoutMs }
    const [layout] = await patiently(() => this.cluster.layout([topic]), patience)
    const { length } = layout!.leaders
    this.partitionsOf.set(topic, length)
    return length
  }
}

function defaultValue(record: unknown): KafkaBytes | null {
  if (typeof record === 'string' || record instanceof Uint8Array) return record
  // As in JSON's own lists: what it has no text for is null.
  return JSON.stringify(record) ?? null
}

function headersOf(given: Readonly<Record<string, KafkaBytes>>): OutRecord['headers'] {
  return Object.entries(given).map(([name, value]) => [name, bytesOf(value, `header ${name}`)!])
}

function bytesOf(given: KafkaBytes | undefined, what: string): Uint8Array | undefined {
  if (given === undefined || given instanceof Uint8Array) return given
  if (typeof given === 'string') return Buffer.from(given)
  throw new KindlingError('INVALID_ARGUMENT', {
    what: `The ${what} of a record for Kafka`,
    value: describeValue(given),
    expected: 'text or bytes',
  })
}
