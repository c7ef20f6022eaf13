/** What the fakes of object stores share: a server over objects in memory, faults at single calls, and uploads in parts. */
import { createHash } from 'node:crypto'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

/** What becomes of a call: it fails before or after it was done, or is refused with a status. */
export type StoreFault = 'lost before' | 'lost after' | 409 | 503 | 507 | undefined

/** An object as it is kept. */
export interface StoredObject {
  readonly bytes: Buffer
  readonly etag: string
  readonly modified: Date
  /** What was given with it, by name in lower case. */
  readonly meta: Readonly<Record<string, string>>
}

/** One call. */
export interface StoreCall {
  readonly method: string
  /** Decoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Its answer; 200 and nothing in it by default. */
export interface StoreAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** See the file head. */
export abstract class FakeStore {
  /** By `/bucket/key`. */
  readonly objects: Map<string, StoredObject> = new Map()
  /** Asked at each call. */
  fault: (method: string, path: string) => StoreFault = () => undefined
  private readonly uploads = new Map<string, Buffer[]>()
  private server: Server | undefined
  private port = 0

  protected abstract answer(call: StoreCall): StoreAnswer
  protected abstract refusal(status: number): StoreAnswer

  /** Starts it, or starts it again over what it holds; it holds up no program's end. Gives its address. */
  async start(): Promise<string> {
    const server = createServer((request, response) => void this.serve(request, response))
    await new Promise<void>(resolve => server.listen(this.port, '127.0.0.1', resolve))
    server.unref()
    // Clients keep them for a while.
    server.on('connection', socket => socket.unref())
    this.server = server
    this.port = (server.address() as AddressInfo).port
    return `http://127.0.0.1:${this.port}`
  }

  /** Ends it, and what is under way. */
  async stop(): Promise<void> {
    const { server } = this
    this.server = undefined
    if (server === undefined) return
    const ended = new Promise<void>(resolve => server.close(() => resolve()))
    server.closeAllConnections()
    await ended
  }

  put(path: string, bytes: Buffer, meta: StoredObject['meta'] = {}): StoredObject {
    const object = { bytes, etag: etagOf(bytes), modified: new Date(), meta }
    this.objects.set(path, object)
    return object
  }

  /** The three calls of an upload in parts; `undefined` for others. */
  protected upload({ method, path, query, body }: StoreCall): StoreAnswer | undefined {
    if (query.has('uploads')) {
      const id = `upload-${this.uploads.size}`
      this.uploads.set(id, [])
      return { body: `<R><UploadId>${id}</UploadId></R>` }
    }
    const parts = this.uploads.get(query.get('uploadId') ?? '')
    if (parts === undefined) return undefined
    if (method === 'PUT') {
      parts[Number(query.get('partNumber'))] = body
      return { headers: { ETag: etagOf(body) } }
    }
    const { etag } = this.put(path, Buffer.concat(parts.filter(part => part !== undefined)))
    return {
      body: `<CompleteMultipartUploadResult><ETag>${escaped(etag)}</ETag></CompleteMultipartUploadResult>`,
    }
  }

  /** Those below a prefix, by name: objects, and the folders at the delimiter. */
  protected listed(
    prefix: string,
    delimiter: string,
  ): { objects: [string, StoredObject][]; folders: string[] } {
    const folders = new Set<string>()
    const objects: [string, StoredObject][] = []
    for (const entry of [...this.objects].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const [path] = entry
      if (!path.startsWith(prefix)) continue
      const cut = delimiter === '' ? -1 : path.indexOf(delimiter, prefix.length)
      if (cut < 0) objects.push(entry)
      else folders.add(path.slice(0, cut + 1))
    }
    return { objects, folders: [...folders] }
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, `http://${request.headers.host}`)
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const call = {
      method: request.method!,
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(pieces),
    }
    const fault = this.fault(call.method, call.path)
    if (fault === 'lost before') return void request.socket.destroy()
    const answer = typeof fault === 'number' ? this.refusal(fault) : this.answer(call)
    if (fault === 'lost after') return void request.socket.destroy()
    response.writeHead(answer.status ?? 200, { ...answer.headers }).end(answer.body)
  }
}

/** An object, or the range of it that is asked for. */
export function contentOf(
  { method, headers }: StoreCall,
  { bytes, etag, modified }: StoredObject,
): StoreAnswer {
  const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(headers.range ?? '') ?? []
  const part = bytes.subarray(Number(from), to === '' ? undefined : Number(to) + 1)
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`
  return {
    status: headers.range === undefined ? 200 : 206,
    headers: {
      ETag: etag,
      'Last-Modified': modified.toUTCString(),
      'Content-Length': String(part.length),
      ...(headers.range === undefined ? {} : { 'Content-Range': range }),
    },
    ...(method === 'HEAD' ? {} : { body: part }),
  }
}

export function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
