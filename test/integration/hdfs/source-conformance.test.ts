/** What the engine counts on in a source, of files of HDFS. */
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { HdfsUtils, WebHdfs } from 'kindling/connectors/hdfs'
import { type SourceSubject, sourceConformance } from 'kindling/testing'
import { service } from '../../services/service.ts'

const server = service('hdfs')

const files: SourceSubject<string> = {
  name: 'files of HDFS',
  kind: 'direct',
  record: n => `record ${n}`,
  // A file of three records is one range, whatever the rate.
  slow: { conf: { 'kindling.files.initialRate': 1 }, records: 3 },
  async place() {
    const { url, user } = server.connection
    const options = { nameNodes: url, user }
    const hdfs = new WebHdfs(options)
    const folder = `/test-${randomBytes(5).toString('hex')}`
    await hdfs.makeDirectories(folder)
    let n = 0
    return {
      stream: ssc => HdfsUtils.textFileStream(ssc, options, folder),
      async send(records) {
        for (let at = 0; at < records.length; at += 3)
          await hdfs.write(`${folder}/${n++}`, Buffer.from(`${records.slice(at, at + 3).join('\n')}\n`))
      },
      dispose: async () => void (await hdfs.delete(folder, { recursive: true })),
    }
  },
  failures: [
    {
      what: 'nobody at the address',
      stream: ssc => HdfsUtils.textFileStream(ssc, { nameNodes: 'http://127.0.0.1:9', patience: 200 }, '/in'),
      message: /127\.0\.0\.1:9/,
    },
  ],
}

describe('sourceConformance of HDFS', { skip: server.skip }, () => {
  for (const { name, run } of sourceConformance<string>(files)) it(name, run)
})
