/** What a Kafka sink is told: which records go where, how they are written, and by which guarantee. */
import { describeValue, KindlingError } from '../../base/errors.ts'
import { type DurationLike, toDuration } from '../../base/time.ts'
import { keyOf } from './cluster-pool.ts'
import { bytes } from './deserializers.ts'
import type { KafkaCompression, ProducerSettings } from './library-producer.ts'
import { type KafkaParams, type KafkaSettings, settingsOf } from './params.ts'

/** What a key, a value or a header may be: text is written as UTF-8. */
export type KafkaBytes = string | Uint8Array

/**
 * How {@link kafkaSink} writes. Its functions are called in tasks: they travel as others of a program do.
 *
 * @typeParam T a record
 */
export interface KafkaSinkOptions<T>
  extends Pick<KafkaParams, 'bootstrapServers' | 'clientId' | 'tls' | 'sasl' | 'requestTimeout'> {
  /** The topic, or that of each record. It has to exist: none is made by writing. */
  readonly topic: string | ((record: T) => string)
  /** Default: none. */
  readonly key?: (record: T) => KafkaBytes | undefined
  /** `null` marks a key of a compacted topic as deleted. Default: text and bytes as they are, all else as JSON. */
  readonly value?: (record: T) => KafkaBytes | null
  readonly headers?: (record: T) => Readonly<Record<string, KafkaBytes>>
  /** From 0. Default: by the key, as Java's client has it; records without a key take turns. */
  readonly partition?: (record: T) => number | undefined
  /** ms since epoch. Default: when it is sent. */
  readonly timestamp?: (record: T) => number
  /** `exactly-once` writes a batch in one transaction, and twice over the network. Default `at-least-once`. */
  readonly delivery?: 'at-least-once' | 'exactly-once'
  /** Default `none`. */
  readonly compression?: KafkaCompression
  /** How long a broker that does not answer is tried, before the task or the batch fails. Default 2 min. */
  readonly deliveryTimeout?: DurationLike
  /** `exactly-once`: how long the broker lets a transaction last; its `transaction.max.timeout.ms` bounds it. Default 1 min. */
  readonly transactionTimeout?: DurationLike
  /** `exactly-once`: the topic of prepared records, made if it is not there, with a day of retention. Default `kindling-staging`. */
  readonly stagingTopic?: string
  /** `exactly-once`: the compacted topic of the batches that are written, made if it is not there. Default `kindling-tokens`. */
  readonly tokenTopic?: string
}

/** Options with defaults put in: data and functions, so that they travel. */
export interface KafkaSinkPlan<T> extends ProducerSettings {
  /** The same for all that share their connections. */
  readonly key: string
  readonly record: Pick<
    KafkaSinkOptions<T>,
    'topic' | 'key' | 'value' | 'headers' | 'partition' | 'timestamp'
  >
  readonly isExactlyOnce: boolean
  readonly transactionTimeoutMs: number
  readonly stagingTopic: string
  readonly tokenTopic: string
}

const DELIVERIES = ['at-least-once', 'exactly-once']
const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** @throws INVALID_ARGUMENT for options that mean nothing; no secret is in the message */
export function sinkPlanOf<T>(options: KafkaSinkOptions<T>): KafkaSinkPlan<T> {
  const { topic, delivery = 'at-least-once', compression = 'none' } = options
  const { stagingTopic = 'kindling-staging', tokenTopic = 'kindling-tokens' } = options
  if (typeof topic !== 'function' && (typeof topic !== 'string' || topic === ''))
    throw invalid('topic', topic, 'a name, or a function that gives one')
  oneOf('delivery', delivery, DELIVERIES)
  oneOf('compression', compression, COMPRESSIONS)
  const { key, value, headers, partition, timestamp } = options
  const given = { topic, key, value, headers, partition, timestamp }
  return {
    key: keyOf(options),
    settings: connectionOf(options),
    record: Object.fromEntries(
      Object.entries(given).filter(([, one]) => one !== undefined),
    ) as unknown as KafkaSinkPlan<T>['record'],
    isExactlyOnce: delivery === 'exactly-once',
    compression,
    deliveryTimeoutMs: toDuration(options.deliveryTimeout ?? '2min', 'deliveryTimeout').milliseconds,
    transactionTimeoutMs: toDuration(options.transactionTimeout ?? '1min', 'transactionTimeout').milliseconds,
    stagingTopic,
    tokenTopic,
  }
}

function connectionOf<T>(options: KafkaSinkOptions<T>): KafkaSettings {
  const { bootstrapServers, clientId, tls, sasl, requestTimeout } = options
  return settingsOf({
    bootstrapServers,
    ...(clientId === undefined ? {} : { clientId }),
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
    ...(requestTimeout === undefined ? {} : { requestTimeout }),
    keyDeserializer: bytes,
    valueDeserializer: bytes,
  })
}

function oneOf(what: string, value: unknown, choices: readonly string[]): void {
  if (!choices.includes(value as string)) throw invalid(what, value, `one of ${choices.join(', ')}`)
}

function invalid(what: string, value: unknown, expected: string): KindlingError {
  return new KindlingError('INVALID_ARGUMENT', {
    what: `${what} of a Kafka sink`,
    value: describeValue(value),
    expected,
  })
}
