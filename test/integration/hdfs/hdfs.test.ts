/** HDFS by WebHDFS, against a name node and a data node. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { SparkContext, StreamingContext } from 'kindling'
import { HdfsStorage, HdfsUtils, WebHdfs } from 'kindling/connectors/hdfs'
import { until } from 'kindling/testing'
import { ownServer, service } from '../../services/service.ts'
import { rejected } from '../../support/rejected.ts'

const server = service('hdfs')
const options = (): { nameNodes: string; user: string } => ({
  nameNodes: server.connection.url,
  user: server.connection.user,
})
const freshFolder = (): string => `/test-${randomBytes(5).toString('hex')}`
const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (found: Uint8Array | undefined): string | undefined =>
  found === undefined ? undefined : Buffer.from(found).toString()

/** Larger than two blocks of the server. */
const many = Array.from({ length: 120_000 }, (_, i) => `line ${i} ${'é'.repeat(i % 5)}`)

describe('files of HDFS', { skip: server.skip }, () => {
  it('are written whole, once, and found again', async () => {
    const hdfs = new WebHdfs(options())
    const folder = freshFolder()
    assert.equal(await hdfs.status(folder), undefined)
    assert.equal(await hdfs.list(folder), undefined)
    assert.equal(await hdfs.read(`${folder}/a`), undefined)
    assert.equal(await hdfs.write(`${folder}/a`, bytes('one')), true)
    assert.equal(await hdfs.write(`${folder}/a`, bytes('two')), false)
    assert.equal(text(await hdfs.read(`${folder}/a`)), 'one')
    assert.equal(await hdfs.write(`${folder}/a`, bytes('three'), { overwrite: true }), true)
    assert.equal(text(await hdfs.read(`${folder}/a`)), 'three')
    await hdfs.append(`${folder}/a`, bytes(' four'))
    assert.equal(text(await hdfs.read(`${folder}/a`, 2, 5)), 'ree f')
    assert.equal(await hdfs.rename(`${folder}/a`, `${folder}/b`), true)
    assert.equal(await hdfs.rename(`${folder}/a`, `${folder}/b`), false)
    assert.deepEqual(
      (await hdfs.list(folder))?.map(({ path, length, isDirectory }) => [path, length, isDirectory]),
      [[`${folder}/b`, 10, false]],
    )
    assert.equal(await hdfs.delete(folder, { recursive: true }), true)
    assert.equal(await hdfs.delete(folder), false)
  })

  it('have names with spaces, signs and other alphabets', async () => {
    const hdfs = new WebHdfs(options())
    const folder = freshFolder()
    const names = ['a b', 'ключ', '100%', 'x#y', 'q?z', 'a+b', "it's"]
    for (const name of names) await hdfs.write(`${folder}/${name}`, bytes(name))
    assert.deepEqual(
      (await hdfs.list(folder))?.map(({ path }) => path.slice(folder.length + 1)).sort(),
      names.toSorted(),
    )
    for (const name of names) assert.equal(text(await hdfs.read(`${folder}/${name}`)), name)
  })

  it('of several that create one at once, one succeeds', async () => {
    const hdfs = new WebHdfs(options())
    const path = `${freshFolder()}/one`
    const made = await Promise.all([1, 2, 3, 4, 5].map(n => hdfs.write(path, bytes(`of ${n}`))))
    assert.equal(made.filter(Boolean).length, 1)
    assert.equal(text(await hdfs.read(path)), `of ${made.indexOf(true) + 1}`)
    assert.equal((await hdfs.list(path.slice(0, path.lastIndexOf('/'))))?.length, 1, 'nothing else is left')
  })

  for (const conf of [{ 'kindling.executor': 'inline' }, { 'kindling.executor': 'threads' }])
    it(`are read as lines, in ranges, ${conf['kindling.executor']}`, async () => {
      const hdfs = new WebHdfs(options())
      const folder = freshFolder()
      await hdfs.write(`${folder}/a.txt`, bytes(`\ufeff${many.join('\n')}\n`))
      await hdfs.write(`${folder}/b.txt.gz`, gzipSync('packed\r\nlines'))
      await hdfs.write(`${folder}/c.txt`, bytes('x\r\ny\rz'))
      await hdfs.write(`${folder}/_SUCCESS`, bytes('none of this'))
      await using sc = new SparkContext({ master: 'local[2]', conf })
      const lines = await HdfsUtils.textFile(sc, options(), folder, 7)
      assert.ok(lines.getNumPartitions() >= 7)
      assert.deepEqual(await lines.collect(), [...many, 'packed', 'lines', 'x', 'y', 'z'])
    })

  it('that are not there are named', async () => {
    await using sc = new SparkContext()
    const error = await rejected('INPUT_PATH_NOT_FOUND', () =>
      HdfsUtils.textFile(sc, options(), '/nothing/here'),
    )
    assert.match(error.message, /\/nothing\/here/)
  })

  it('come as a stream, each once, and a batch that runs again has the same', async () => {
    const hdfs = new WebHdfs(options())
    const folder = freshFolder()
    await hdfs.makeDirectories(folder)
    const storage = new HdfsStorage(hdfs, `${freshFolder()}/checkpoint`)
    const found = new Map<number, string>()
    const latest = new Map<string, number>()
    const start = async (): Promise<StreamingContext> => {
      const ssc = new StreamingContext({ batchDuration: 250 })
      ssc.checkpoint(storage)
      HdfsUtils.textFileStream(ssc, options(), folder, { newFilesOnly: false })
        .map(word => [word, 1])
        .updateStateByKey<number>((ones, n = 0) => n + ones.length)
        .foreachRDD(async (rdd, time) => {
          const counts = (await rdd.collect()).toSorted()
          const known = found.get(time.milliseconds)
          assert.ok(known === undefined || known === String(counts), 'a batch that runs again has the same')
          found.set(time.milliseconds, String(counts))
          for (const [word, n] of counts) latest.set(word, n)
        })
      await ssc.start()
      return ssc
    }
    const becomes = (word: string, n: number): Promise<void> =>
      until(() => latest.get(word) === n, { timeoutMs: 30_000 })
    await hdfs.write(`${folder}/1`, bytes('a\nb\n'))
    const first = await start()
    await becomes('a', 1)
    await hdfs.write(`${folder}/2`, bytes('a\n'))
    await becomes('a', 2)
    await first.stop()
    await hdfs.write(`${folder}/3`, bytes('c\na\n'))
    const second = await start()
    await becomes('a', 3)
    await second.stop()
    assert.deepEqual(
      latest,
      new Map([
        ['a', 3],
        ['b', 1],
        ['c', 1],
      ]),
    )
  })
})

describe('HDFS that fails', { skip: server.skip }, () => {
  it('a name node that is not there is passed over', async () => {
    const { url, user } = server.connection
    const hdfs = new WebHdfs({ nameNodes: ['http://127.0.0.1:9', url], user })
    assert.equal((await hdfs.status('/'))?.isDirectory, true)
  })

  it('nobody there: says which servers, once its patience is over', async () => {
    const hdfs = new WebHdfs({ nameNodes: 'http://127.0.0.1:9', patience: 300, delegationToken: 'secret' })
    const error = await rejected('HDFS_UNREACHABLE', () => hdfs.read('/a'))
    assert.match(error.message, /127\.0\.0\.1:9.*ECONNREFUSED.*\/a/)
    assert.doesNotMatch(`${error.message}${error.stack}${error.cause}`, /secret/)
  })

  it('what asking again does not mend fails at once', async () => {
    const hdfs = new WebHdfs(options())
    const file = `${freshFolder()}/file`
    await hdfs.write(file, bytes('x'))
    const error = await rejected('HDFS_FAILED', () => hdfs.makeDirectories(`${file}/below`))
    assert.match(error.message, /refused MKDIRS of/)
  })

  it('a data node that is killed in the middle of a read, and comes back', async () => {
    await using own = ownServer('hdfs')
    const { url, user } = await own.start()
    const hdfs = new WebHdfs({ nameNodes: url, user })
    const content = Buffer.from(many.join('\n'))
    await hdfs.write('/large', content)
    const pieces: Uint8Array[] = []
    let back: Promise<unknown> | undefined
    for await (const piece of hdfs.stream('/large')) {
      pieces.push(piece)
      if (back !== undefined) continue
      await own.end('SIGKILL', 'datanode')
      back = own.start()
      // What was on its way may be all of the rest.
      back.catch(() => {})
    }
    assert.notEqual(back, undefined)
    await back
    assert.equal(Buffer.concat(pieces).equals(content), true)
  })
})
