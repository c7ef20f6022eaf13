/**
 * Server-sent events, by `fetch`.
 *
 * I1  A connection that is made again asks for what follows the last event that was stored (`Last-Event-ID`), where events have ids.
 */
import { KindlingError } from '../../base/errors.ts'
import { Receiver } from '../../streaming/receiver/receiver.ts'
import { EventParser } from './event-parser.ts'
import type { EventStreamOptions, ServerEvent } from './http-utils.ts'
import { shownAddress } from './shown-address.ts'

/** See the file head. */
export class EventReceiver extends Receiver<ServerEvent> {
  private readonly options: EventStreamOptions
  private connection: AbortController | undefined
  /** Of the last event that was stored. */
  private lastId: string | undefined
  /** What the server asked for. */
  private retryMs: number | undefined

  constructor(options: EventStreamOptions) {
    super(options.storageLevel)
    this.options = options
  }

  override onStart(): void {
    const connection = new AbortController()
    this.connection = connection
    this.read(connection.signal).then(
      () => this.again(connection, 'the server ended the stream'),
      error => this.again(connection, error),
    )
  }

  override onStop(): void {
    const { connection } = this
    this.connection = undefined
    connection?.abort()
  }

  private async read(signal: AbortSignal): Promise<void> {
    const { url, headers = {} } = this.options
    const asked = {
      accept: 'text/event-stream',
      ...headers,
      ...(this.lastId === undefined ? {} : { 'last-event-id': this.lastId }),
    }
    const response = await fetch(url, { headers: asked, signal })
    const type = response.headers.get('content-type') ?? 'nothing'
    if (response.status === 401 || response.status === 403)
      throw this.failure('ENDPOINT_ACCESS_DENIED', `status ${response.status}`)
    if (response.status !== 200 || !type.startsWith('text/event-stream') || response.body === null)
      throw this.failure('ENDPOINT_FAILED', `status ${response.status} with ${type} is no stream of events`)
    const parser = new EventParser(this.lastId)
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const events = parser.push(text)
      this.retryMs = parser.retryMs
      for (const event of events) {
        // The next one is read when this one is stored: the server waits.
        await this.store(event)
        this.lastId = event.id
      }
    }
  }

  private again(connection: AbortController, reason: unknown): void {
    if (this.connection !== connection || this.isStopped()) return
    this.connection = undefined
    connection.abort()
    const error =
      reason instanceof KindlingError ? reason : this.failure('ENDPOINT_UNREACHABLE', reasonOf(reason))
    this.restart(error.message, error, this.retryMs)
  }

  private failure(
    code: 'ENDPOINT_ACCESS_DENIED' | 'ENDPOINT_FAILED' | 'ENDPOINT_UNREACHABLE',
    reason: string,
  ): KindlingError {
    return new KindlingError(code, { server: shownAddress(this.options.url), what: 'events', reason })
  }
}

function reasonOf(error: unknown): string {
  if (typeof error === 'string') return error
  const { message, cause } = error as {
    readonly message: string
    readonly cause?: { readonly code?: string }
  }
  return cause?.code ?? message
}
