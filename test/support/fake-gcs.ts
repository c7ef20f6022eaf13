/**
 * A store in memory that answers as Google Cloud Storage is documented to: there is no emulator of it to be had that knows conditional
 * writes, by which everything stands here.
 */
import { contentOf, FakeStore, type StoreAnswer, type StoreCall } from './fake-store.ts'

/** See the file head. Every bucket is there but `unknown`; whoever shows a token other than `right` is refused. */
export class FakeGcs extends FakeStore {
  protected override answer(call: StoreCall): StoreAnswer {
    const { method, path, query, headers } = call
    const { authorization = 'Bearer right' } = headers
    if (authorization !== 'Bearer right') return this.refusal(401)
    // Uploads in parts go by the interface that Google shares with S3.
    const part = this.upload(call)
    if (part !== undefined) return part
    const [, isUpload, bucket = '', name] =
      /^(\/upload)?\/storage\/v1\/b\/([^/]+)\/o(?:\/(.*))?$/.exec(path) ?? []
    if (bucket === 'unknown') return this.refusal(404)
    if (isUpload !== undefined) return this.insert(call, `/${bucket}/${query.get('name')}`)
    if (name === undefined) return this.list(`/${bucket}/`, query)
    const at = `/${bucket}/${name}`
    const found = this.objects.get(at)
    if (method === 'DELETE') return this.objects.delete(at) ? { status: 204 } : this.refusal(404)
    if (found === undefined) return this.refusal(404)
    return query.get('alt') === 'media' ? contentOf(call, found) : this.json(name, at)
  }

  protected override refusal(status: number): StoreAnswer {
    return {
      status,
      body: JSON.stringify({ error: { code: status, message: `refused with ${status}`, errors: [] } }),
    }
  }

  private insert({ query, headers, body }: StoreCall, path: string): StoreAnswer {
    if (this.objects.has(path) && query.get('ifGenerationMatch') === '0') return this.refusal(412)
    if (query.get('uploadType') === 'multipart') {
      const { content, meta } = related(
        body,
        /boundary="?([^";]+)/.exec(headers['content-type'] ?? '')?.[1] ?? '',
      )
      this.put(path, content, meta)
    } else this.put(path, body)
    return this.json(path.split('/').slice(2).join('/'), path)
  }

  private list(bucket: string, query: URLSearchParams): StoreAnswer {
    const { objects, folders } = this.listed(
      `${bucket}${query.get('prefix') ?? ''}`,
      query.get('delimiter') ?? '',
    )
    return {
      body: JSON.stringify({
        prefixes: folders.map(path => path.slice(bucket.length)),
        items: objects.map(([path]) => this.resource(path.slice(bucket.length), path)),
      }),
    }
  }

  private json(name: string, path: string): StoreAnswer {
    return { body: JSON.stringify(this.resource(name, path)) }
  }

  private resource(name: string, path: string): object {
    const { bytes, etag, modified, meta } = this.objects.get(path)!
    const md5Hash = Buffer.from(etag.slice(1, -1), 'hex').toString('base64')
    const time = modified.toISOString()
    return {
      name,
      etag,
      md5Hash,
      size: String(bytes.length),
      updated: time,
      contentType: 'text/plain',
      metadata: meta,
    }
  }
}

/** The two parts of a body `multipart/related`: what is told of the object, and the object. */
function related(body: Buffer, boundary: string): { content: Buffer; meta: Record<string, string> } {
  const text = body.toString('latin1')
  const parts = text.split(`--${boundary}`).slice(1, -1)
  const [told = '', content = ''] = parts.map(part => part.slice(part.indexOf('\r\n\r\n') + 4, -2))
  return {
    content: Buffer.from(content, 'latin1'),
    meta: (JSON.parse(told) as { metadata?: Record<string, string> }).metadata ?? {},
  }
}
