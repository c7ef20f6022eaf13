/** What a Kinesis stream is read by. */
import { KindlingError } from '../../base/errors.ts'
import { type DurationLike, toDuration } from '../../base/time.ts'

/** Where a first start begins; a restart from a checkpoint goes on where it was. */
export type InitialPosition = 'TRIM_HORIZON' | 'LATEST' | { readonly timestamp: Date | number }

/** How Kinesis is reached, and what is read. */
export interface KinesisOptions {
  /** Name of the stream. */
  readonly stream: string
  /** `eu-central-1`. Default: as the AWS SDK finds it. */
  readonly region?: string
  /** Another address than that of the region. */
  readonly endpoint?: string
  /** Default: as the AWS SDK finds them. They are in no checkpoint and in no message. */
  readonly credentials?: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken?: string
  }
  /** Default `TRIM_HORIZON`: the oldest record there is. */
  readonly initialPosition?: InitialPosition
  /** How long tasks ask again while Kinesis does not answer or has too much to do. Default 60 s. */
  readonly patience?: DurationLike
  /** How often shards are looked for, beside when one has ended. Default 10 s. */
  readonly shardRefresh?: DurationLike
}

/** The same, checked: plain data. */
export interface KinesisSettings
  extends Pick<KinesisOptions, 'stream' | 'region' | 'endpoint' | 'credentials'> {
  readonly initialPosition: 'TRIM_HORIZON' | 'LATEST' | { readonly timestampMs: number }
  readonly patienceMs: number
  readonly shardRefreshMs: number
  /** For messages. */
  readonly server: string
}

/** @throws INVALID_ARGUMENT */
export function settingsOf(options: KinesisOptions): KinesisSettings {
  const { stream, region, endpoint, credentials, initialPosition = 'TRIM_HORIZON' } = options
  if (typeof stream !== 'string' || stream === '') throw invalid('stream', stream, 'the name of a stream')
  const at = typeof initialPosition === 'object' ? Number(initialPosition.timestamp) : undefined
  if (at === undefined ? !/^(TRIM_HORIZON|LATEST)$/.test(String(initialPosition)) : !Number.isFinite(at))
    throw invalid('initialPosition', initialPosition, 'TRIM_HORIZON, LATEST or { timestamp }')
  return {
    stream,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    initialPosition: at === undefined ? (initialPosition as 'TRIM_HORIZON' | 'LATEST') : { timestampMs: at },
    patienceMs: toDuration(options.patience ?? '60s', 'patience').milliseconds,
    shardRefreshMs: toDuration(options.shardRefresh ?? '10s', 'shardRefresh').milliseconds,
    server: `Kinesis at ${endpoint ?? region ?? 'its usual address'}`,
  }
}

function invalid(what: string, value: unknown, expected: string): KindlingError {
  return new KindlingError('INVALID_ARGUMENT', { what: `${what} of a Kinesis stream`, value, expected })
}
