/** What sinks write into HDFS: whole batches, each once. */
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { type FileStorage, fileSink } from 'kindling'
import { HdfsStorage, WebHdfs } from 'kindling/connectors/hdfs'
import { sinkConformance } from 'kindling/testing'
import { service } from '../../services/service.ts'

const server = service('hdfs')

describe('sinkConformance of files in HDFS', { skip: server.skip }, () => {
  const cases = sinkConformance({
    records: ['one', 'two', 'three', 'four', 'five', 'six'],
    place() {
      const hdfs = new WebHdfs({ nameNodes: server.connection.url, user: server.connection.user })
      const folder = `/sink-${randomBytes(5).toString('hex')}`
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
      const successes = async (): Promise<{ name: string; files: string[] }[]> => {
        const found = []
        for (const name of await whole.list('')) {
          const success = await whole.read(`${name}/_SUCCESS`)
          if (success === undefined) continue
          found.push({ name, files: JSON.parse(Buffer.from(success).toString()).files as string[] })
        }
        return found
      }
      return {
        sink: () => fileSink('out', { storage: open }),
        async read() {
          const records: string[] = []
          for (const { name, files } of await successes())
            for (const file of files) {
              const text = Buffer.from((await whole.read(`${name}/${file}`))!).toString()
              records.push(...text.split('\n').slice(0, -1))
            }
          return records
        },
        async leftovers() {
          const left: string[] = []
          for (const { name, files } of await successes())
            for (const file of await whole.list(name))
              if (file !== '_SUCCESS' && !files.includes(file)) left.push(`${name}/${file}`)
          return left
        },
        break() {
          const gone = new WebHdfs({ nameNodes: 'http://127.0.0.1:9', patience: 100 })
          storage = new HdfsStorage(gone, folder)
        },
      }
    },
  })
  for (const { name, run } of cases) it(name, run)
})
