/** Kinesis by the AWS SDK, which is loaded with the first connection. */
import type { _Record, KinesisClient, Shard as SDKShard } from '@aws-sdk/client-kinesis'
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import type { KinesisSettings } from './options.ts'
import type { Shard, ShardPosition } from './shards.ts'

/** What one request for records gave. */
export interface Answer {
  readonly records: readonly _Record[]
  /** `undefined`: the shard has ended. */
  readonly next: string | undefined
  readonly behindMs: number
}

/** Attempts of the SDK at a request; who asks has a patience of its own. */
const MAX_ATTEMPTS = 3
const DENIED =
  /AccessDenied|UnrecognizedClient|InvalidSignature|InvalidClientToken|MissingAuthentication|ExpiredToken|IncompleteSignature|CredentialsProvider/
const PASSING =
  /Throttling|ProvisionedThroughputExceeded|LimitExceeded|InternalFailure|ServiceUnavailable|Timeout|KMSThrottling/

/** See the file head. */
export class KinesisCluster {
  private readonly settings: KinesisSettings
  private client: KinesisClient | undefined
  private library: typeof import('@aws-sdk/client-kinesis') | undefined

  constructor(settings: KinesisSettings) {
    this.settings = settings
  }

  /** @throws PACKAGE_MISSING */
  async open(): Promise<this> {
    this.library ??= await load()
    const { region, endpoint, credentials } = this.settings
    this.client ??= new this.library.KinesisClient({
      maxAttempts: MAX_ATTEMPTS,
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      // The SDK speaks HTTP/2, which needs TLS; what has none speaks HTTP/1.
      ...(endpoint?.startsWith('http:') === true ? { requestHandler: await plainHandler() } : {}),
      ...(credentials === undefined ? {} : { credentials }),
    })
    return this
  }

  close(): void {
    this.client?.destroy()
    this.client = undefined
  }

  /** All that are kept, also those that have ended. */
  async shards(): Promise<Shard[]> {
    const found: SDKShard[] = []
    let token: string | undefined
    do {
      const { client, library } = this.opened()
      const which = token === undefined ? { StreamName: this.settings.stream } : { NextToken: token }
      const answer = await this.asked('its shards', () => client.send(new library.ListShardsCommand(which)))
      found.push(...(answer.Shards ?? []))
      token = answer.NextToken
    } while (token !== undefined)
    return found.map(({ ShardId, ParentShardId, AdjacentParentShardId }) => ({
      id: ShardId!,
      parents: [ParentShardId, AdjacentParentShardId].filter(id => id !== undefined),
    }))
  }

  /** Where reading begins. */
  async iterator(
    shard: string,
    { at, timestampMs }: Pick<ShardPosition, 'at' | 'timestampMs'>,
  ): Promise<string> {
    const { client, library } = this.opened()
    const { ShardIteratorType } = library
    const where =
      at !== undefined
        ? { ShardIteratorType: ShardIteratorType.AFTER_SEQUENCE_NUMBER, StartingSequenceNumber: at }
        : timestampMs !== undefined
          ? { ShardIteratorType: ShardIteratorType.AT_TIMESTAMP, Timestamp: new Date(timestampMs) }
          : { ShardIteratorType: ShardIteratorType.TRIM_HORIZON }
    const which = { StreamName: this.settings.stream, ShardId: shard, ...where }
    const answer = await this.asked(`shard ${shard}`, () =>
      client.send(new library.GetShardIteratorCommand(which)),
    )
    return answer.ShardIterator!
  }

  async records(shard: string, iterator: string, limit: number): Promise<Answer> {
    const { client, library } = this.opened()
    const which = { ShardIterator: iterator, Limit: limit }
    const answer = await this.asked(`records of shard ${shard}`, () =>
      client.send(new library.GetRecordsCommand(which)),
    )
    return {
      records: answer.Records ?? [],
      next: answer.NextShardIterator ?? undefined,
      behindMs: answer.MillisBehindLatest ?? 0,
    }
  }

  private opened(): {
    readonly client: KinesisClient
    readonly library: typeof import('@aws-sdk/client-kinesis')
  } {
    const { client, library } = this
    if (client !== undefined && library !== undefined) return { client, library }
    throw new KindlingError('ILLEGAL_STATE', {
      what: 'Reading Kinesis',
      reason: 'the stream has been stopped',
    })
  }

  /** @throws ENDPOINT_UNREACHABLE, ENDPOINT_ACCESS_DENIED, ENDPOINT_FAILED */
  private async asked<R>(what: string, ask: () => Promise<R>): Promise<R> {
    try {
      return await ask()
    } catch (error) {
      throw kinesisError(this.settings, what, error)
    }
  }
}

/** What it was that failed, without what hangs on the library's errors: these hold requests with their signatures. */
export function kinesisError(
  { server, stream }: KinesisSettings,
  what: string,
  error: unknown,
): KindlingError {
  if (isKindlingError(error)) return error
  const {
    name = '',
    message = '',
    code,
    $metadata,
  } = error as {
    readonly name?: string
    readonly message?: string
    readonly code?: string
    readonly $metadata?: { readonly httpStatusCode?: number }
  }
  const reason = `${name === 'Error' || name === '' ? '' : `${name}: `}${message || (code ?? 'no answer')}`
  const said = { server, what: `stream ${stream}, ${what}`, reason: reason.replace(/\.$/, '') }
  const status = $metadata?.httpStatusCode
  if (DENIED.test(name)) return new KindlingError('ENDPOINT_ACCESS_DENIED', said)
  if (status === undefined || status >= 500 || PASSING.test(name))
    return new KindlingError('ENDPOINT_UNREACHABLE', said)
  return new KindlingError('ENDPOINT_FAILED', said)
}

function load(): Promise<typeof import('@aws-sdk/client-kinesis')> {
  return import('@aws-sdk/client-kinesis').catch(error => missing('@aws-sdk/client-kinesis', error))
}

async function plainHandler(): Promise<import('@smithy/node-http-handler').NodeHttpHandler> {
  const name = '@smithy/node-http-handler'
  const { NodeHttpHandler } = await import('@smithy/node-http-handler').catch(error => missing(name, error))
  return new NodeHttpHandler()
}

function missing(name: string, cause: unknown): never {
  throw new KindlingError('PACKAGE_MISSING', { feature: 'Kinesis', package: name }, { cause })
}
