/** Streams of what comes over HTTP: requests, server-sent events, WebSockets. */
import type { TlsOptions } from 'node:tls'
import { KindlingError } from '../../base/errors.ts'
import { operator } from '../../rdd/scope.ts'
import type { StorageLevel } from '../../rdd/storage-level.ts'
import type { DStream } from '../../streaming/dstream/dstream.ts'
import type { Receiver } from '../../streaming/receiver/receiver.ts'
import { ReceiverSource } from '../../streaming/receiver/receiver-source.ts'
import type { StreamingContext } from '../../streaming/streaming-context.ts'
import { EventReceiver } from './event-receiver.ts'
import type { JsonValue } from './push-body.ts'
import { PushReceiver } from './push-receiver.ts'
import { shownAddress } from './shown-address.ts'
import { WebSocketReceiver } from './web-socket-receiver.ts'

/** Where others send records to. */
export interface PushStreamOptions {
  readonly port: number
  /** Address to listen on. Default `127.0.0.1`: only this machine reaches it. */
  readonly host?: string
  /** Default `/`. */
  readonly path?: string
  /** What senders give as `Authorization: Bearer …`. Default: all may send. */
  readonly token?: string
  /** Key and certificate of this side, for https. */
  readonly tls?: Pick<TlsOptions, 'key' | 'cert' | 'ca' | 'pfx' | 'passphrase' | 'requestCert' | 'minVersion'>
  /** Most bytes of a body. Default 1 MiB. */
  readonly maxBodyBytes?: number
  /** Most bytes of all bodies that are not stored yet: senders beyond it are told to come again. Default 16 MiB. */
  readonly maxPendingBytes?: number
  /** Default `MEMORY_AND_DISK_SER_2`. */
  readonly storageLevel?: StorageLevel
}

/** Where messages come from. */
export interface WebSocketStreamOptions {
  /** `ws://` or `wss://`. User, password and query are in no message. */
  readonly url: string
  readonly protocols?: readonly string[]
  /** Of the first request: `{ authorization: 'Bearer …' }`. */
  readonly headers?: Readonly<Record<string, string>>
  /** What is sent when it is open, each time: a subscription. */
  readonly hello?: readonly string[]
  /** Most bytes that came and are not stored: beyond it the connection is closed and made again. Default 16 MiB. */
  readonly maxWaitingBytes?: number
  /** Default `MEMORY_AND_DISK_SER_2`. */
  readonly storageLevel?: StorageLevel
}

/** Where events come from. */
export interface EventStreamOptions {
  /** `http://` or `https://`. User, password and query are in no message. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Default `MEMORY_AND_DISK_SER_2`. */
  readonly storageLevel?: StorageLevel
}

/** A server-sent event. */
export interface ServerEvent {
  /** Its own, or the last one that was sent before it. */
  readonly id: string | undefined
  /** Its type: `message` where the server says nothing. */
  readonly event: string
  readonly data: string
}

/** Streams of HTTP. */
export const HttpUtils = {
  /**
   * Records that others POST to this program. JSON arrays and lines of `application/x-ndjson` or `text/plain` are a record each.
   *
   * Partitions: one for each request. A request is answered with 200 once its block is stored; with
   * `spark.streaming.receiver.writeAheadLog.enable`, once it is in the checkpoint directory. A sender that repeats what got no 200 loses
   * nothing: at least once. While batches do not keep up it gets 429, or 503 when a block cannot be stored, with `Retry-After`.
   *
   * @throws INVALID_ARGUMENT for a port that is none; ENDPOINT_NOT_LISTENING (to listeners of the stream) when the port is taken
   * @example
   * const clicks = HttpUtils.createPushStream(ssc, { port: 8080, path: '/clicks', token: process.env['TOKEN'] ?? 'none' })
   * clicks.map(value => JSON.stringify(value)).print()
   */
  createPushStream(ssc: StreamingContext, options: PushStreamOptions): DStream<JsonValue> {
    const { port, host = '127.0.0.1', path = '/' } = options
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw invalid('port of an HTTP stream', port, 'a whole number from 1 to 65535')
    if (!path.startsWith('/')) throw invalid('path of an HTTP stream', path, 'one that begins with /')
    if (options.token === '')
      throw invalid('token of an HTTP stream', '', 'no token at all, or one with something in it')
    return streamOf(ssc, 'createPushStream', new PushReceiver(options), `HTTP at ${host}:${port}${path}`)
  },

  /**
   * Messages of a WebSocket server: text as strings, binary as bytes. The connection is made again after
   * `spark.streaming.receiverRestartDelay`; what was sent meanwhile is lost, since the protocol acknowledges nothing.
   *
   * @throws INVALID_ARGUMENT for an address that is none
   * @example
   * const trades = HttpUtils.createWebSocketStream(ssc, { url: 'wss://example.com/trades', hello: ['{"subscribe":"all"}'] })
   * trades.map(message => JSON.parse(String(message)) as unknown) // DStream<unknown>
   */
  createWebSocketStream(
    ssc: StreamingContext,
    options: WebSocketStreamOptions,
  ): DStream<string | Uint8Array> {
    checkAddress(options.url, /^wss?:$/, 'ws:// or wss://')
    const name = `WebSocket ${shownAddress(options.url)}`
    return streamOf(ssc, 'createWebSocketStream', new WebSocketReceiver(options), name)
  },

  /**
   * Server-sent events. The connection is made again when it ends, after what the server asks for or
   * `spark.streaming.receiverRestartDelay`, and asks for what follows the last event that was stored: servers whose events have ids lose
   * nothing as long as the process lives.
   *
   * @throws INVALID_ARGUMENT for an address that is none; ENDPOINT_UNREACHABLE, ENDPOINT_ACCESS_DENIED, ENDPOINT_FAILED (to listeners)
   * @example
   * const changes = HttpUtils.createEventStream(ssc, { url: 'https://example.com/changes' })
   * changes.filter(({ event }) => event === 'edit').count().print()
   */
  createEventStream(ssc: StreamingContext, options: EventStreamOptions): DStream<ServerEvent> {
    checkAddress(options.url, /^https?:$/, 'http:// or https://')
    return streamOf(
      ssc,
      'createEventStream',
      new EventReceiver(options),
      `events of ${shownAddress(options.url)}`,
    )
  },
}

function streamOf<T>(ssc: StreamingContext, name: string, receiver: Receiver<T>, shown: string): DStream<T> {
  return operator(name, () => ssc.inputStream(new ReceiverSource<T>(receiver, shown)))
}

function checkAddress(url: string, protocol: RegExp, expected: string): void {
  if (URL.canParse(url) && protocol.test(new URL(url).protocol)) return
  throw invalid('url of a stream', shownAddress(url), `an address with ${expected}`)
}

function invalid(what: string, value: unknown, expected: string): KindlingError {
  return new KindlingError('INVALID_ARGUMENT', { what, value, expected })
}
