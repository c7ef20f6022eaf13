/** What the engine counts on in a source, of those that need no server: files of this machine, sockets, and Flume's receiver. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { FlumeUtils } from 'kindling/connectors/flume'
import { type SourceSubject, sourceConformance } from 'kindling/testing'
import { freePorts } from '../../../scripts/services/ports.ts'
import { AvroClient } from '../../support/avro-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'kindling-sources-'))
after(() => rmSync(folder, { recursive: true }))
let made = 0

const files: SourceSubject<string> = {
  name: 'files',
  kind: 'direct',
  record: n => `record ${n}`,
  // A file of three records is one range, whatever the rate.
  slow: { conf: { 'kindling.files.initialRate': 1 }, records: 3 },
  place() {
    const directory = join(folder, String(made++))
    mkdirSync(directory)
    let n = 0
    return {
      stream: ssc => ssc.textFileStream(directory),
      send(records) {
        for (let at = 0; at < records.length; at += 3) {
          const hidden = join(directory, `.${n}`)
          writeFileSync(hidden, `${records.slice(at, at + 3).join('\n')}\n`)
          // One that is as old as the start of the stream is none that came after it.
          const seconds = (Date.now() + 2) / 1000
          utimesSync(hidden, seconds, seconds)
          renameSync(hidden, join(directory, String(n++)))
        }
      },
    }
  },
}

/** A server that sends to whoever is connected last, and keeps the rest until somebody is. */
const sockets: SourceSubject<string> = {
  name: 'sockets',
  kind: 'receiver',
  record: n => `record ${n} ${'x'.repeat(2000)}`,
  flood: { records: 400, heldBytes: 20_000 },
  async place() {
    const open = new Set<Socket>()
    const arrived: (() => void)[] = []
    const server = createServer(socket => {
      open.add(socket)
      socket.on('close', () => open.delete(socket)).on('error', () => {})
      socket.resume()
      for (const resolve of arrived.splice(0)) resolve()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { readonly port: number }
    return {
      stream: ssc => ssc.socketTextStream('127.0.0.1', port),
      async send(records) {
        while (open.size === 0) await new Promise<void>(resolve => arrived.push(resolve))
        const [socket] = [...open].slice(-1)
        await new Promise(resolve => socket!.write(`${records.join('\n')}\n`, resolve))
      },
      interrupt() {
        for (const socket of open) socket.destroy()
        open.clear()
      },
      open: () => [...open].map(() => 'a connection'),
      dispose() {
        for (const socket of open) socket.destroy()
        server.close()
      },
    }
  },
  failures: [
    {
      what: 'nobody at the address',
      stream: ssc => ssc.socketTextStream('127.0.0.1', 9),
      message: /cannot connect to 127\.0\.0\.1:9/,
    },
  ],
}

const flume: SourceSubject<string> = {
  name: 'Flume',
  kind: 'reliable',
  record: n => `record ${n}`,
  flood: { records: 500, heldBytes: 500 },
  async place() {
    const port = (await freePorts(['one']))['one']!
    const client = new AvroClient(port)
    return {
      stream: ssc =>
        FlumeUtils.createStream(ssc, '127.0.0.1', port).map(({ body }) => new TextDecoder().decode(body)),
      send: records => client.send(records),
      interrupt: () => client.disconnect(),
      acknowledged: () => client.acknowledged,
      dispose: () => client.close(),
    }
  },
}

/** Where tasks run on threads, so do these receivers. */
const onThreads = ({ name, ...subject }: SourceSubject<string>): SourceSubject<string> => ({
  ...subject,
  name: `${name}, on threads`,
  conf: { 'spark.master': 'local[2]' },
})

for (const subject of [files, sockets, flume, onThreads(sockets), onThreads(flume)])
  describe(`sourceConformance of ${subject.name}`, () => {
    for (const { name, run } of sourceConformance<string>(subject)) it(name, run)
  })
