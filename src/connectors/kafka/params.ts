/** How a cluster is reached and read. */
import type { ConnectionOptions } from 'node:tls'
import { describeValue, KindlingError } from '../../base/errors.ts'
import { type DurationLike, toDuration } from '../../base/time.ts'
import { type Deserializer, text } from './deserializers.ts'

/** A secret, or a function that gives it each time a connection is made. */
export type Secret = string | (() => string | Promise<string>)

/** How to log in. Nothing of it is ever logged, put into an error or written to a checkpoint. */
export type SASLOptions =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: Secret
      readonly password: Secret
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: Secret }

/** Settings of a connection by TLS, as Node has them. `servername` is that of the broker unless given. */
export type TLSOptions = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'servername' | 'rejectUnauthorized' | 'minVersion'
>

/** Where a partition without a known position is begun. */
export type OffsetReset = 'earliest' | 'latest' | 'none' | { readonly timestamp: number | Date }

/**
 * How a cluster is reached and read; Spark's kafkaParams. One object serves several streams and RDDs, which then share their
 * connections.
 *
 * @example
 * const params: KafkaParams = {
 *   bootstrapServers: 'localhost:9092',
 *   groupId: 'counts',
 *   autoOffsetReset: 'earliest',
 * }
 */
export interface KafkaParams<K = string | undefined, V = string | undefined> {
  /** `host:port`, several as a list or by commas. */
  readonly bootstrapServers: string | readonly string[]
  /** Default `kindling`. */
  readonly clientId?: string
  /** The group whose stored offsets a first start begins at, and that `commitAsync` stores them for. It is never joined. */
  readonly groupId?: string
  /** Default {@link text}. */
  readonly keyDeserializer?: Deserializer<K>
  /** Default {@link text}. */
  readonly valueDeserializer?: Deserializer<V>
  /**
   * Where the first start begins partitions for which there is neither a given nor a stored offset: at their first record, after
   * their last, at the first record of a time or later, or nowhere: `none` fails. Default `latest`, as in Kafka.
   */
  readonly autoOffsetReset?: OffsetReset
  /** `read_committed` leaves out records of transactions that were aborted or are not over. Default `read_uncommitted`. */
  readonly isolationLevel?: 'read_uncommitted' | 'read_committed'
  /**
   * What happens when records that were to be read are gone, removed by retention or with their topic: `fail` fails the batch, `skip`
   * goes on with those that are there, and says in the log and in the batch what is missing. Default `fail`.
   */
  readonly onDataLoss?: 'fail' | 'skip'
  readonly tls?: boolean | TLSOptions
  readonly sasl?: SASLOptions
  /** Bytes of one answer. Larger ones are not faster. Default 1 MiB. */
  readonly fetchBytes?: number
  /** How long one request may take. Default 30 s. */
  readonly requestTimeout?: DurationLike
  /** How often topics and partitions are looked up that are new. Default 10 s. */
  readonly metadataMaxAge?: DurationLike
}

/** Parameters with defaults put in. */
export interface KafkaSettings<K = unknown, V = unknown> {
  readonly bootstrapServers: readonly string[]
  readonly clientId: string
  readonly groupId: string | undefined
  readonly keyDeserializer: Deserializer<K>
  readonly valueDeserializer: Deserializer<V>
  readonly autoOffsetReset: OffsetReset
  readonly isReadCommitted: boolean
  readonly skipsLoss: boolean
  readonly tls: TLSOptions | undefined
  readonly sasl: SASLOptions | undefined
  readonly fetchBytes: number
  readonly requestTimeoutMs: number
  readonly metadataMaxAgeMs: number
}

const DEFAULT_FETCH_BYTES = 1 << 20
const MIN_FETCH_BYTES = 1024
const MAX_FETCH_BYTES = 1 << 30

/** @throws INVALID_ARGUMENT for parameters that mean nothing; no secret is in the message */
export function settingsOf<K, V>(params: KafkaParams<K, V>): KafkaSettings<K, V> {
  const { isolationLevel, onDataLoss, tls, sasl, fetchBytes = DEFAULT_FETCH_BYTES } = params
  oneOf('isolationLevel', isolationLevel, ['read_uncommitted', 'read_committed'])
  oneOf('onDataLoss', onDataLoss, ['fail', 'skip'])
  if (!Number.isSafeInteger(fetchBytes) || fetchBytes < MIN_FETCH_BYTES || fetchBytes > MAX_FETCH_BYTES)
    throw invalid('fetchBytes', fetchBytes, `a whole number from ${MIN_FETCH_BYTES} to ${MAX_FETCH_BYTES}`)
  if (sasl !== undefined) checkSASL(sasl)
  // The defaults are there only where K and V are those of the defaults.
  const asText = text as Deserializer<unknown>
  return {
    bootstrapServers: serversOf(params.bootstrapServers),
    clientId: params.clientId ?? 'kindling',
    groupId: params.groupId,
    keyDeserializer: params.keyDeserializer ?? (asText as Deserializer<K>),
    valueDeserializer: params.valueDeserializer ?? (asText as Deserializer<V>),
    autoOffsetReset: resetOf(params.autoOffsetReset),
    isReadCommitted: isolationLevel === 'read_committed',
    skipsLoss: onDataLoss === 'skip',
    tls: tls === true ? {} : tls === false ? undefined : tls,
    sasl,
    fetchBytes,
    requestTimeoutMs: toDuration(params.requestTimeout ?? '30s', 'requestTimeout').milliseconds,
    metadataMaxAgeMs: toDuration(params.metadataMaxAge ?? '10s', 'metadataMaxAge').milliseconds,
  }
}

function serversOf(given: string | readonly string[]): string[] {
  const servers = (typeof given === 'string' ? given.split(',') : [...given]).map(server => server.trim())
  const isFine = servers.length > 0 && servers.every(server => /^\S+:\d{1,5}$/.test(server))
  if (!isFine) throw invalid('bootstrapServers', given, "'host:port', several as a list or by commas")
  return servers
}

function resetOf(given: OffsetReset = 'latest'): OffsetReset {
  if (typeof given === 'object') {
    const ms = Number(given.timestamp)
    if (Number.isSafeInteger(ms) && ms >= 0) return { timestamp: ms }
  } else if (['earliest', 'latest', 'none'].includes(given)) return given
  throw invalid('autoOffsetReset', given, "'earliest', 'latest', 'none' or { timestamp } in ms since epoch")
}

function checkSASL(sasl: SASLOptions): void {
  const secrets =
    sasl.mechanism === 'OAUTHBEARER'
      ? { token: sasl.token }
      : { username: sasl.username, password: sasl.password }
  oneOf('sasl.mechanism', sasl.mechanism, ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'])
  for (const [name, secret] of Object.entries(secrets))
    if (typeof secret !== 'function' && (typeof secret !== 'string' || secret === ''))
      throw invalid(`sasl.${name}`, typeof secret, 'a text that is not empty, or a function')
}

function oneOf(what: string, value: string | undefined, choices: readonly string[]): void {
  if (value !== undefined && !choices.includes(value))
    throw invalid(what, value, `one of ${choices.join(', ')}`)
}

function invalid(what: string, value: unknown, expected: string): KindlingError {
  const text = typeof value === 'string' ? value : describeValue(value)
  return new KindlingError('INVALID_ARGUMENT', { what: `the Kafka parameter ${what}`, value: text, expected })
}
