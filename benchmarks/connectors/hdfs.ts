/**
 * HDFS by WebHDFS, one data node: 64 MiB of text.
 *
 * write   `fileSink` over `HdfsStorage` beside one CREATE under another name, and a RENAME; the lines are made, joined and encoded by both.
 *         By Node's own HTTP client: `fetch` refuses what a data node answers to a body.
 * read    `HdfsUtils.textFile` beside OPEN by `fetch`, cut into lines as it comes.
 */
import { request } from 'node:http'
import { fileSink, SparkContext } from 'kindling'
import { HdfsStorage, HdfsUtils, WebHdfs } from 'kindling/connectors/hdfs'
import { service } from '../../test/services/service.ts'
import type { Benchmark } from './harness.ts'
import { joined, LINES, LineLengths, lineOf, TEXT_BYTES, TEXT_LENGTH } from './text.ts'

/** See the file head. */
export const hdfsWrite: Benchmark = async master => {
  const { url, user } = service('hdfs').connection
  const hdfs = new WebHdfs({ nameNodes: url, user })
  const folder = `/bench-${process.pid}`
  const sc = new SparkContext({ master })
  const sink = fileSink<string>('ours', { storage: new HdfsStorage(hdfs, folder), format: 'text' })
  const bytesIn = async (path: string): Promise<number> =>
    ((await hdfs.list(path)) ?? []).reduce(
      (sum, { path: at, length }) => sum + (/_SUCCESS$/.test(at) ? 0 : length),
      0,
    )
  const prepare = async (): Promise<void> => void (await hdfs.delete(folder, { recursive: true }))
  return {
    work: '64 MiB of lines',
    expected: TEXT_BYTES,
    ours: {
      prepare,
      run: time => sc.range(LINES).map(lineOf).writeTo(sink, { id: 'text', time }),
      found: round => bytesIn(`${folder}/ours-${round}`),
    },
    bare: {
      prepare,
      async run(round) {
        const path = `${folder}/bare-${round}/part-0`
        const at = `${url}/webhdfs/v1${path}`
        const { location } = await asked('PUT', `${at}.tmp?op=CREATE&user.name=${user}`)
        await asked('PUT', location!, joined())
        await asked('PUT', `${at}.tmp?op=RENAME&destination=${path}&user.name=${user}`)
      },
      found: round => bytesIn(`${folder}/bare-${round}`),
    },
    async [Symbol.asyncDispose]() {
      await hdfs.delete(folder, { recursive: true })
      await sc.stop()
    },
  }
}

function asked(
  method: string,
  url: string,
  body?: Buffer,
): Promise<{ readonly location?: string | undefined }> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, headers: { 'Content-Length': body?.length ?? 0 } }, answer => {
      answer.resume().on('end', () => {
        if (answer.statusCode! < 400) resolve(answer.headers)
        else reject(new Error(`${method} ${url}: ${answer.statusCode}`))
      })
    })
    call.on('error', reject)
    call.end(body)
  })
}

/** See the file head. */
export const hdfsRead: Benchmark = async master => {
  const { url, user } = service('hdfs').connection
  const hdfs = new WebHdfs({ nameNodes: url, user })
  const path = `/bench-${process.pid}/text`
  await hdfs.write(path, joined())
  const sc = new SparkContext({ master })
  return {
    work: '64 MiB of lines',
    expected: TEXT_LENGTH,
    ours: {
      async run() {
        const lines = await HdfsUtils.textFile(sc, { nameNodes: url, user }, path)
        return lines.map(line => line.length).fold(0, (a, b) => a + b)
      },
    },
    bare: {
      async run() {
        const lengths = new LineLengths()
        const { body } = await fetch(`${url}/webhdfs/v1${path}?op=OPEN&user.name=${user}`)
        for await (const piece of body!) lengths.add(piece)
        return lengths.sum
      },
    },
    async [Symbol.asyncDispose]() {
      await hdfs.delete(path)
      await sc.stop()
    },
  }
}
