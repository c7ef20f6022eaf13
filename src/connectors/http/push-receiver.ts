/**
 * A server to which others POST records.
 *
 *   request ─▶ token, path, size ─▶ records ─▶ one block ─▶ stored ─▶ 200
 *                 401, 404, 413, …     400, 415              503
 *
 * I1  200 is answered when the block is stored, so that a sender that repeats what got no 200 loses nothing.
 * I2  What was read and is not stored is bounded: a request beyond it is answered with 429, and told when to come again.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { KindlingError } from '../../base/errors.ts'
import { Receiver } from '../../streaming/receiver/receiver.ts'
import type { PushStreamOptions } from './http-utils.ts'
import { bodyOf, type JsonValue } from './push-body.ts'

const DEFAULT_BODY_BYTES = 1024 * 1024
const DEFAULT_PENDING_BYTES = 16 * 1024 * 1024
const RETRY_AFTER_SECONDS = 1

/** An answer that is no 200. */
class Refusal extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, reason: string, headers: Readonly<Record<string, string>> = {}) {
    super(reason)
    this.status = status
    this.headers = headers
  }
}

const later = { 'retry-after': String(RETRY_AFTER_SECONDS) }

/** See the file head. */
export class PushReceiver extends Receiver<JsonValue> {
  private readonly options: PushStreamOptions
  private server: Server | undefined
  /** Bytes that were read and are not stored. */
  private pending = 0

  constructor(options: PushStreamOptions) {
    super(options.storageLevel)
    this.options = options
  }

  /** @throws ENDPOINT_NOT_LISTENING */
  override async onStart(): Promise<void> {
    const { host = '127.0.0.1', port, tls } = this.options
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      void this.serve(request, response)
    const server = tls === undefined ? createServer(serve) : createSecureServer({ ...tls }, serve)
    this.server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const reason = cause.code ?? cause.message
        const said = { what: 'HTTP', address: `${host}:${port}`, reason }
        reject(new KindlingError('ENDPOINT_NOT_LISTENING', said, { cause }))
      })
      server.listen(port, host, resolve)
    })
    server.on('error', error => this.restart('the server for HTTP failed', error))
  }

  override async onStop(): Promise<void> {
    const { server } = this
    if (server === undefined) return
    this.server = undefined
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }

  /** Never rejects. */
  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let bytes = 0
    try {
      this.check(request)
      const body = await this.read(request, n => {
        bytes += n
        this.pending += n
      })
      const found = bodyOf(request.headers['content-type'], body)
      if ('status' in found) throw new Refusal(found.status, found.reason)
      await this.storeAll(found.records)
      answer(response, 200, { records: found.records.length })
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(400, 'the request broke off')
      // What is left of the body is not read.
      answer(
        response,
        refusal.status,
        { error: refusal.message },
        { connection: 'close', ...refusal.headers },
      )
    } finally {
      this.pending -= bytes
    }
  }

  private check({ method, url = '/', headers }: IncomingMessage): void {
    const { path = '/', token } = this.options
    if (new URL(url, 'http://here').pathname !== path) throw new Refusal(404, 'there is nothing here')
    if (token !== undefined && !isSame(headers.authorization, `Bearer ${token}`))
      throw new Refusal(401, 'the token is missing or wrong', { 'www-authenticate': 'Bearer' })
    if (method !== 'POST') throw new Refusal(405, 'send records by POST', { allow: 'POST' })
    if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity')
      throw new Refusal(415, 'send the body as it is, not compressed')
  }

  /** @param came is told of the bytes that are held from now on */
  private async read(request: IncomingMessage, came: (bytes: number) => void): Promise<Uint8Array> {
    const { maxBodyBytes = DEFAULT_BODY_BYTES, maxPendingBytes = DEFAULT_PENDING_BYTES } = this.options
    const pieces: Buffer[] = []
    let size = 0
    const check = (bytes: number): void => {
      if (bytes > maxBodyBytes) throw new Refusal(413, `a body may have ${maxBodyBytes} bytes`)
      if (this.pending + bytes - size > maxPendingBytes)
        throw new Refusal(429, 'batches do not keep up; send it again later', later)
    }
    check(Number(request.headers['content-length'] ?? 0))
    for await (const piece of request as AsyncIterable<Buffer>) {
      check(size + piece.length)
      came(piece.length)
      size += piece.length
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }

  private async storeAll(records: readonly JsonValue[]): Promise<void> {
    if (records.length === 0) return
    try {
      await this.storeMany(records)
    } catch (error) {
      if (!this.isStopped())
        this.reportError('records that were sent could not be stored; the sender is told', error)
      throw new Refusal(503, 'the records could not be stored; send them again later', later)
    }
  }
}

/** In the same time, wherever they differ. */
function isSame(given: string | undefined, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given ?? ''), digest(wanted))
}

function answer(
  response: ServerResponse,
  status: number,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed) return
  const text = `${JSON.stringify(body)}\n`
  // With its length the answer goes in one piece.
  const own = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  response.writeHead(status, { ...own, ...headers })
  response.end(text)
}
