/** Stores that refuse or go away: errors that name store and object, and programs that go on when it is back. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileSink, SparkContext, StreamingContext } from 'kindling'
import { ObjectStore } from 'kindling/connectors/object-store'
import { until } from 'kindling/testing'
import { ownServer, service } from '../../services/service.ts'
import { rejected } from '../../support/rejected.ts'
import { serverKills } from '../../support/server-kills.ts'
import { azureOptions, freshName, stores } from './stores.ts'

const azure = service('azure')
const aws = service('aws')

describe('wrong credentials', () => {
  it('are refused by Azure, and told without them', { skip: azure.skip }, async () => {
    const options = await azureOptions(azure.connection)
    const accountKey = Buffer.from('a key that is not right').toString('base64')
    const store = new ObjectStore({ ...options, credentials: { accountName: 'tester', accountKey } })
    const error = await rejected('OBJECT_STORE_ACCESS_DENIED', () => store.read('a'))
    assert.match(error.message, /az:\/\/kindling.*AuthorizationFailure.*the file a/)
    assert.ok(!`${error.message}${error.stack}${String(error.cause)}`.includes(accountKey))
  })

  it('are refused by S3, and told without them', { skip: aws.skip }, async () => {
    await using own = ownServer('aws')
    const { endpoint } = await own.start()
    // From now on it wants to know who asks.
    await fetch(`${endpoint}/moto-api/reset-auth`, { method: 'POST', body: '0' })
    const credentials = { accessKeyId: 'nobody', secretAccessKey: 'a-secret' }
    const store = new ObjectStore({ url: `s3://kindling/${freshName()}`, endpoint, credentials })
    for (const call of [() => store.list(''), () => store.write('a', Buffer.from('x'))]) {
      const error = await rejected('OBJECT_STORE_ACCESS_DENIED', call)
      assert.match(error.message, /s3:\/\/kindling.*InvalidAccessKeyId/)
      assert.doesNotMatch(`${error.message}${error.stack}${String(error.cause)}`, /a-secret/)
    }
  })

  it('are refused by Google, and told without them', async () => {
    const options = await stores.find(({ name }) => name.startsWith('Google'))!.fresh()
    const store = new ObjectStore({ ...options, credentials: { token: 'a-wrong-token' } })
    const error = await rejected('OBJECT_STORE_ACCESS_DENIED', () => store.list(''))
    assert.doesNotMatch(`${error.message}${error.stack}${String(error.cause)}`, /a-wrong-token/)
  })
})

describe('a bucket that is not there', () => {
  for (const { name, skip, fresh } of stores)
    it(`is named: ${name}`, { skip }, async () => {
      const options = await fresh()
      const store = new ObjectStore({ ...options, url: `${options.url.split('/')[0]}//unknown/x` })
      await using sc = new SparkContext()
      const error = await rejected('OBJECT_STORE_FAILED', () => sc.filesIn(store).textFile('in'))
      assert.match(error.message, /:\/\/unknown\/x/)
      await rejected('OBJECT_STORE_FAILED', () => store.createIfAbsent('a', Buffer.from('x')))
    })
})

/** What readers see of the batches there. */
async function committedWords(store: ObjectStore): Promise<string[]> {
  if (!(await store.list('')).some(folder => folder.startsWith('words-'))) return []
  await using sc = new SparkContext()
  const lines = await (await sc.filesIn(store).textFile('words-*')).collect()
  return lines.map(line => (JSON.parse(line) as [string])[0])
}

// Moto keeps all in memory, and Azurite its tables of contents until it is told to stop: the network goes, not the server.
for (const { name, skip, fresh } of stores.filter(store => !store.name.startsWith('Google')))
  describe(`a program whose network to ${name} goes`, { skip }, () =>
    serverKills(async () => {
      const options = await fresh()
      const whole = new ObjectStore(options)
      return {
        target: Number(new URL(options.endpoint!).port),
        sink(port) {
          const endpoint = options.endpoint!.replace(/:\d+/, `:${port}`)
          return fileSink('words', { storage: new ObjectStore({ ...options, endpoint }), format: 'ndjson' })
        },
        words: () => committedWords(whole),
        async [Symbol.asyncDispose]() {},
      }
    }, [
      { name: 'while tasks write', sent: [/PUT \S*part-/], master: 'local' },
      { name: 'before it commits', sent: [/PUT \S*_SUCCESS/] },
      { name: 'when it has committed and nobody knows', sent: [/PUT \S*_SUCCESS/], isAnswerLost: true },
    ]),
  )

describe('a store that is killed while a program runs', { skip: azure.skip }, () => {
  it('and comes back has every batch once', async () => {
    await using server = ownServer('azure')
    const options = await azureOptions(await server.start())
    const store = new ObjectStore(options)
    const state = new ObjectStore({ ...options, url: `${options.url}/state` })
    const seen: string[] = []
    const ssc = new StreamingContext({ batchDuration: 200 })
    ssc.checkpoint(state)
    const words = ssc.filesIn(store).textFileStream('in', { newFilesOnly: false }).uid('words')
    words.writeTo(fileSink('out/words', { storage: store }), { id: 'out', require: 'exactly-once' })
    words.foreachRDD(async rdd => {
      seen.push(...(await rdd.collect()))
    })
    await store.write('in/1', Buffer.from('a\n'))
    await ssc.start()
    await until(() => seen.includes('a'), { timeoutMs: 30_000 })
    await store.write('in/2', Buffer.from('b\n'))
    // In the middle of whatever it does now.
    await server.end()
    await server.start()
    await store.write('in/3', Buffer.from('c\n'))
    await until(() => ['b', 'c'].every(word => seen.includes(word)), { timeoutMs: 30_000 })
    await ssc.stop({ graceful: true })
    await using sc = new SparkContext()
    const written = await sc.filesIn(store).textFile('out/words-*')
    assert.deepEqual((await written.collect()).toSorted(), ['a', 'b', 'c'])
  })
})
