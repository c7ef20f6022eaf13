/**
 * A store in memory that speaks as much of S3 as the connector asks for: for examples, and for faults at single calls. What a better one
 * does is tested in test/integration/object-store.
 */
import { contentOf, escaped, FakeStore, type StoreAnswer, type StoreCall } from './fake-store.ts'

const CODES: Readonly<Record<number, string>> = {
  404: 'NoSuchKey',
  409: 'ConditionalRequestConflict',
  412: 'PreconditionFailed',
  503: 'SlowDown',
  507: 'XMinioStorageFull',
}
const META = 'x-amz-meta-'

/** See the file head. Every bucket is there but `unknown`. */
export class FakeS3 extends FakeStore {
  protected override answer(call: StoreCall): StoreAnswer {
    const { method, path, query, headers, body } = call
    if (path.startsWith('/unknown')) return refused(404, 'NoSuchBucket')
    if (query.has('list-type')) return this.list(`${path.replace(/\/$/, '')}/`, query)
    const part = this.upload(call)
    if (part !== undefined) return part
    const found = this.objects.get(path)
    if (method === 'PUT') {
      if (found !== undefined && headers['if-none-match'] === '*') return this.refusal(412)
      const given = Object.entries(headers).filter(([name]) => name.startsWith(META))
      return {
        headers: { ETag: this.put(path, body, Object.fromEntries(given) as Record<string, string>).etag },
      }
    }
    if (method === 'DELETE') {
      this.objects.delete(path)
      return { status: 204 }
    }
    if (found === undefined) return this.refusal(404)
    const wanted = headers['if-match']
    if (wanted !== undefined && wanted !== found.etag) return this.refusal(412)
    const content = contentOf(call, found)
    return { ...content, headers: { ...content.headers, ...found.meta } }
  }

  protected override refusal(status: number): StoreAnswer {
    return refused(status, CODES[status]!)
  }

  private list(bucket: string, query: URLSearchParams): StoreAnswer {
    const keyOf = (path: string): string => escaped(path.slice(bucket.length))
    const { objects, folders } = this.listed(
      `${bucket}${query.get('prefix') ?? ''}`,
      query.get('delimiter') ?? '',
    )
    const contents = objects.map(
      ([path, { bytes, etag, modified }]) =>
        `<Contents><Key>${keyOf(path)}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>${escaped(etag)}</ETag><Size>${bytes.length}</Size></Contents>`,
    )
    const prefixes = folders.map(path => `<CommonPrefixes><Prefix>${keyOf(path)}</Prefix></CommonPrefixes>`)
    return {
      body: `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}${prefixes.join('')}</ListBucketResult>`,
    }
  }
}

function refused(status: number, code: string): StoreAnswer {
  return { status, body: `<Error><Code>${code}</Code><Message>refused</Message></Error>` }
}
