/** What becomes of single calls that fail, against a store in memory. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ErrorCode } from 'kindling'
import { ObjectStore, type ObjectStoreOptions } from 'kindling/connectors/object-store'
import { objectReader } from '../../../src/connectors/object-store/object-reader.ts'
import { settingsOf } from '../../../src/connectors/object-store/options.ts'
import { failureOf, storeError } from '../../../src/connectors/object-store/store-errors.ts'
import { FakeS3 } from '../../support/fake-s3.ts'
import type { StoreFault } from '../../support/fake-store.ts'
import { rejected } from '../../support/rejected.ts'

const credentials = { accessKeyId: 'key', secretAccessKey: 'a-secret' }

async function fake(): Promise<{ s3: FakeS3; options: ObjectStoreOptions; store: ObjectStore }> {
  const s3 = new FakeS3()
  const endpoint = await s3.start()
  const options = { url: 's3://bucket/prefix', endpoint, credentials, patience: 500 }
  return { s3, options, store: new ObjectStore(options) }
}

/** Lets the first calls of a method fail, one after the other. */
function failing(s3: FakeS3, method: string, faults: readonly StoreFault[]): { hits: number } {
  const seen = { hits: 0 }
  s3.fault = asked => (asked === method ? faults[seen.hits++] : undefined)
  return seen
}

describe('the options of an object store', () => {
  const cases: readonly [ObjectStoreOptions, string, Readonly<Record<string, string>>][] = [
    [{ url: 's3://b' }, 's3', { bucket: 'b', root: '/' }],
    [{ url: 'S3A://b/a//c/', region: 'eu-central-1' }, 's3', { root: '/a/c', region: 'eu-central-1' }],
    [{ url: 's3://b', endpoint: 'http://h' }, 's3', { endpoint: 'http://h', region: 'us-east-1' }],
    [{ url: 's3://b', credentials: 'anonymous' }, 's3', { allow_anonymous: 'true' }],
    [{ url: 's3://b', credentials }, 's3', { access_key_id: 'key', secret_access_key: 'a-secret' }],
    [{ url: 'gs://b/p' }, 'gcs', { bucket: 'b', root: '/p' }],
    [{ url: 'gs://b', credentials: { serviceAccount: '{}' } }, 'gcs', { credential: 'e30=' }],
    [{ url: 'gs://b', credentials: { token: 't' } }, 'gcs', { token: 't', disable_vm_metadata: 'true' }],
    [
      { url: 'az://c/p', credentials: { accountName: 'me', sasToken: 'sig' } },
      'azblob',
      { container: 'c', endpoint: 'https://me.blob.core.windows.net', sas_token: 'sig' },
    ],
    [
      { url: 's3://b', settings: { enable_virtual_host_style: 'true' } },
      's3',
      { enable_virtual_host_style: 'true' },
    ],
  ]
  for (const [options, scheme, expected] of cases)
    it(`${options.url} ${JSON.stringify(options.credentials ?? '')} is ${scheme}`, () => {
      const found = settingsOf(options)
      assert.equal(found.scheme, scheme)
      for (const [name, value] of Object.entries(expected)) assert.equal(found.settings[name], value, name)
    })

  const wrong: readonly [ObjectStoreOptions, ErrorCode][] = [
    [{ url: 'bucket/prefix' }, 'INVALID_ARGUMENT'],
    [{ url: 's3://' }, 'INVALID_ARGUMENT'],
    [{ url: 's3://b/p?x=1' }, 'INVALID_ARGUMENT'],
    [{ url: 'ftp://b/p' }, 'UNSUPPORTED_SCHEME'],
    [{ url: 'az://c' }, 'INVALID_ARGUMENT'],
    [{ url: 's3://b', credentials: { accessKeyId: 'key', secretAccessKey: '' } }, 'INVALID_ARGUMENT'],
    [{ url: 'az://c', credentials: { accountName: 'a' } }, 'INVALID_ARGUMENT'],
    [{ url: 'gs://c', credentials: {} }, 'INVALID_ARGUMENT'],
  ]
  for (const [options, code] of wrong)
    it(`${JSON.stringify(options)} is refused`, async () => {
      const error = await rejected(code, async () => new ObjectStore(options))
      assert.doesNotMatch(error.message, /key/)
    })
})

describe('what the library says', () => {
  it('is told without addresses that carry signatures', () => {
    const said = new Error(
      'Unexpected (temporary) at read, context: { uri: https://a/c?sig=hidden } => send http request, source: error sending request for url (https://a/c?sig=hidden)',
    )
    const error = storeError(settingsOf({ url: 's3://b' }), 'the file x', said)
    assert.equal(error.code, 'OBJECT_STORE_UNREACHABLE')
    assert.match(error.message, /s3:\/\/b.*https:\/\/a\/c.*the file x/)
    assert.doesNotMatch(`${error.message}${error.stack}${String(error.cause)}`, /hidden/)
  })

  it('is told by kind, status and code', () => {
    const said =
      'NotFound (permanent) at read, context: { response: Parts { status: 404 } } => S3Error { code: "NoSuchKey", message: "It is \\"gone\\"." }'
    const { kind, code, mayPass, reason } = failureOf(new Error(said))
    assert.deepEqual([kind, code, mayPass], ['NotFound', 'NoSuchKey', false])
    assert.match(reason, /^status 404, NoSuchKey, It is/)
  })
})

describe('a new object', () => {
  const cases: readonly [string, readonly StoreFault[], boolean][] = [
    ['is written once when nothing fails', [], true],
    ['is written when the call is lost', ['lost before'], true],
    ['is ours when the answer is lost', ['lost after'], true],
    ['is ours when several answers are lost', ['lost after', 'lost after', 503], true],
    ['is written when the store is busy', [503, 503], true],
    ['is written when there is room again', [507, 507], true],
    ['is written when another one writes at the same moment', [409], true],
  ]
  for (const [title, faults, expected] of cases)
    it(title, async () => {
      const { s3, store } = await fake()
      const seen = failing(s3, 'PUT', faults)
      assert.equal(await store.createIfAbsent('a', Buffer.from('one')), expected)
      assert.ok(seen.hits > faults.length, 'all faults have hit')
      assert.equal(String(await store.read('a')), 'one')
      assert.equal(await store.createIfAbsent('a', Buffer.from('one')), false)
      await s3.stop()
    })

  it('of somebody else is told from ours after an answer was lost', async () => {
    const { s3, store } = await fake()
    s3.fault = (method, path) => {
      if (method !== 'PUT') return undefined
      s3.fault = () => undefined
      // Written by the other one before ours comes again.
      s3.objects.set(path, {
        bytes: Buffer.from('theirs'),
        etag: '"x"',
        modified: new Date(),
        meta: { 'x-amz-meta-kindlingattempt': 'another' },
      })
      return 'lost before'
    }
    assert.equal(await store.createIfAbsent('a', Buffer.from('ours')), false)
    assert.equal(String(await store.read('a')), 'theirs')
    await s3.stop()
  })
})

describe('objects', () => {
  it('that are large are written and read in parts', async () => {
    const { s3, options, store } = await fake()
    const content = Buffer.alloc(18 * 1024 * 1024, 'abcdefghij')
    await store.write('large', content)
    assert.equal(content.equals((await store.read('large'))!), true)
    const pieces: Uint8Array[] = []
    for await (const piece of objectReader(options).stream('large', 5)) pieces.push(piece)
    assert.ok(pieces.length > 1)
    assert.equal(Buffer.concat(pieces).equals(content.subarray(5)), true)
    assert.equal(String(await objectReader(options).read('large', 10, 3)), 'abc')
    await s3.stop()
  })

  it('of which a range is wanted are not read ahead beyond it, and can be read on', async () => {
    const { s3, options, store } = await fake()
    const MIB = 1024 * 1024
    const content = Buffer.alloc(12 * MIB, 'abcdefghij')
    await store.write('large', content)
    const seen = failing(s3, 'GET', [])
    const reading = objectReader(options)
      .stream('large', 3, 6 * MIB)
      [Symbol.asyncIterator]()
    const pieces: Uint8Array[] = []
    const length = (): number => pieces.reduce((sum, piece) => sum + piece.length, 3)
    while (length() < 6 * MIB) pieces.push((await reading.next()).value!)
    const calls = seen.hits
    assert.equal(calls, pieces.length)
    assert.ok(length() > 6 * MIB && length() < 7 * MIB)
    for (let next = await reading.next(); next.done !== true; next = await reading.next())
      pieces.push(next.value)
    assert.ok(seen.hits > calls)
    assert.equal(Buffer.concat(pieces).equals(content.subarray(3)), true)
    await s3.stop()
  })

  it('that change while they are read are an error, never a mixture', async () => {
    const { s3, options, store } = await fake()
    await store.write('large', Buffer.alloc(13 * 1024 * 1024, 'a'))
    const reading = objectReader(options).stream('large', 0)[Symbol.asyncIterator]()
    await reading.next()
    await store.write('large', Buffer.alloc(13 * 1024 * 1024, 'b'))
    const error = await rejected('OBJECT_STORE_FAILED', async () => {
      for (;;) assert.equal((await reading.next()).value?.[0], 'a'.charCodeAt(0))
    })
    assert.match(error.message, /s3:\/\/bucket\/prefix.*large.*(ConditionNotMatch|PreconditionFailed)/)
    await s3.stop()
  })

  it('are read on when the store fails in between, and after it was away', async () => {
    const { s3, store } = await fake()
    await store.write('a', Buffer.from('one'))
    const seen = failing(s3, 'GET', ['lost before', 503, 'lost after'])
    assert.equal(String(await store.read('a')), 'one')
    assert.equal(seen.hits, 4)
    await s3.stop()
    const read = store.read('a')
    await s3.start()
    assert.equal(String(await read), 'one')
    await s3.stop()
  })

  it('cannot be written to Google under names that its client library escapes twice', async () => {
    const store = new ObjectStore({ url: 'gs://bucket', credentials: 'anonymous' })
    const error = await rejected('INVALID_ARGUMENT', () => store.write('a b', new Uint8Array(0)))
    assert.match(error.message, /gs:\/\/bucket.*a b/)
  })
})

describe('a store that fails', () => {
  it('and is away is named once the patience is over, without secrets', async () => {
    const { s3, store } = await fake()
    await s3.stop()
    for (const call of [
      () => store.read('a'),
      () => store.list('a'),
      () => store.write('a', Buffer.from('x')),
      () => store.createIfAbsent('a', Buffer.from('x')),
      () => store.delete('a'),
    ]) {
      const error = await rejected('OBJECT_STORE_UNREACHABLE', call)
      assert.match(error.message, /s3:\/\/bucket\/prefix/)
      assert.doesNotMatch(`${error.message}${error.stack}${String(error.cause)}`, /a-secret/)
    }
  })

  it('and is full is told as such once the patience is over', async () => {
    const { s3, store } = await fake()
    s3.fault = () => 507
    const error = await rejected('OBJECT_STORE_FULL', () => store.write('a', Buffer.from('x')))
    assert.match(error.message, /s3:\/\/bucket\/prefix has no room for the file a .*XMinioStorageFull/)
    await s3.stop()
  })

  it('for lack of a bucket says so at once', async () => {
    const { s3, options } = await fake()
    const store = new ObjectStore({ ...options, url: 's3://unknown/x' })
    for (const call of [
      () => store.read('a'),
      () => store.list(''),
      () => store.write('a', Buffer.from('x')),
      () => store.createIfAbsent('a', Buffer.from('x')),
    ]) {
      const error = await rejected('OBJECT_STORE_FAILED', call)
      assert.match(error.message, /s3:\/\/unknown\/x.*NoSuchBucket/)
    }
    await s3.stop()
  })
})
