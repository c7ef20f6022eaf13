/** What sinks write into HDFS: whole batches, each once. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { userInfo } from 'node:os'
import { describe, it } from 'node:test'
import { type FileStorage, fileSink } from 'kindling'
import { HdfsStorage, WebHdfs } from 'kindling/connectors/hdfs'
import { sinkConformance } from 'kindling/testing'
import { ownServer, service } from '../../services/service.ts'
import { INLINE } from '../../support/backends.ts'
import { waitsForRoom } from '../../support/full-server.ts'
import { rejected } from '../../support/rejected.ts'
import { serverKills } from '../../support/server-kills.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'

const server = service('hdfs')

/** The batches that count, and their files. */
async function committed(storage: FileStorage): Promise<{ name: string; files: string[] }[]> {
  const found = []
  for (const name of await storage.list('')) {
    const success = await storage.read(`${name}/_SUCCESS`)
    if (success === undefined) continue
    found.push({ name, files: JSON.parse(Buffer.from(success).toString()).files as string[] })
  }
  return found
}

async function linesOf(storage: FileStorage): Promise<string[]> {
  const lines: string[] = []
  for (const { name, files } of await committed(storage))
    for (const file of files) {
      const text = Buffer.from((await storage.read(`${name}/${file}`))!).toString()
      lines.push(...text.split('\n').slice(0, -1))
    }
  return lines
}

async function leftoversOf(storage: FileStorage): Promise<string[]> {
  const left: string[] = []
  for (const { name, files } of await committed(storage))
    for (const file of await storage.list(name))
      if (file !== '_SUCCESS' && !files.includes(file)) left.push(`${name}/${file}`)
  return left
}

const wordsOf = async (storage: FileStorage): Promise<string[]> =>
  (await linesOf(storage)).map(line => (JSON.parse(line) as [string])[0])
const freshFolder = (): string => `/sink-${randomBytes(5).toString('hex')}`

describe('sinkConformance of files in HDFS', { skip: server.skip }, () => {
  const cases = sinkConformance({
    records: ['one', 'two', 'three', 'four', 'five', 'six'],
    place() {
      const hdfs = new WebHdfs({ nameNodes: server.connection.url, user: server.connection.user })
      const folder = freshFolder()
      const whole = new HdfsStorage(hdfs, folder)
      let storage: FileStorage = whole
      const open: FileStorage = {
        name: whole.name,
        createIfAbsent: (file, bytes) => storage.createIfAbsent(file, bytes),
        write: (file, bytes) => storage.write(file, bytes),
        read: file => storage.read(file),
        list: name => storage.list(name),
        delete: file => storage.delete(file),
      }
      return {
        sink: () => fileSink('out', { storage: open }),
        read: () => linesOf(whole),
        leftovers: () => leftoversOf(whole),
        break() {
          const gone = new WebHdfs({ nameNodes: 'http://127.0.0.1:9', patience: 100 })
          storage = new HdfsStorage(gone, folder)
        },
      }
    },
  })
  for (const { name, run } of cases) it(name, run)
})

describe('a program whose HDFS goes, name node and data node', { skip: server.skip }, () =>
  serverKills(async () => {
    const own = ownServer('hdfs')
    const { url, user } = await own.start()
    const target = Number(new URL(url).port)
    const storageAt = (port: number): HdfsStorage =>
      new HdfsStorage(new WebHdfs({ nameNodes: `http://127.0.0.1:${port}`, user }), '/out')
    const whole = storageAt(target)
    return {
      target,
      batchMs: 1000,
      sink: port => fileSink<[string]>('words', { storage: storageAt(port), format: 'ndjson' }),
      words: () => wordsOf(whole),
      leftovers: () => leftoversOf(whole),
      kill: () => own.end('SIGKILL'),
      start: () => own.start(),
      [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
    }
  }, [{ name: 'before it commits', sent: [/_SUCCESS\S*op=RENAME/], master: 'local' }]),
)

describe('HDFS without room', { skip: server.skip }, () => {
  it('is told as such once the patience is over', async () => {
    const { url, user } = server.connection
    const hdfs = new WebHdfs({ nameNodes: url, user, patience: 100 })
    const folder = freshFolder()
    await hdfs.makeDirectories(folder)
    await setQuota(folder, 1)
    const error = await rejected('HDFS_FULL', () => hdfs.write(`${folder}/a`, Buffer.from('x')))
    assert.match(error.message, /^HDFS at http:\/\/127\S+ has no room for the file \S+\/a \(DSQuotaExceeded/)
    assert.deepEqual(await hdfs.list(folder), [])
  })

  waitsForRoom(
    async () => {
      const { url, user } = server.connection
      let created = 0
      const proxy = await new TcpProxy(Number(new URL(url).port), bytes => {
        if (/op=CREATE/.test(String(bytes))) created++
      }).up()
      const folder = freshFolder()
      const hdfs = new WebHdfs({ nameNodes: `http://127.0.0.1:${proxy.port}`, user })
      const storage = new HdfsStorage(hdfs, folder)
      await hdfs.makeDirectories(folder)
      return {
        sink: () => fileSink<[string]>('words', { storage, format: 'ndjson' }),
        words: () => wordsOf(storage),
        leftovers: () => leftoversOf(storage),
        async fill() {
          await setQuota(folder, 1)
          created = 0
        },
        // What could be under way at once, and then again.
        isRefused: () => created > 4,
        free: () => setQuota(folder, -1),
        [Symbol.asyncDispose]: () => proxy.down(),
      }
    },
    {
      code: 'HDFS_FULL',
      message: /has no room for the file/,
      conf: INLINE,
      batchMs: 1000,
      masters: ['local'],
    },
  )
})

/** @param bytes of all files in the folder; -1: any */
async function setQuota(folder: string, bytes: number): Promise<void> {
  // As whom the cluster runs.
  const superuser = userInfo().username
  const query = `op=SETQUOTA&namespacequota=-1&storagespacequota=${bytes}&user.name=${superuser}`
  const answer = await fetch(`${server.connection.url}/webhdfs/v1${folder}?${query}`, { method: 'PUT' })
  assert.ok(answer.ok, await answer.text())
}
