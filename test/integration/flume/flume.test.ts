/** Streams of Flume, from a real agent; and by TLS and deflate from a sink of the test. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { connect as connectSecurely } from 'node:tls'
import { constants, createDeflate, createInflate } from 'node:zlib'
import { StreamingContext } from 'kindling'
import { type FlumeEvent, FlumeUtils } from 'kindling/connectors/flume'
import { StreamTest, until } from 'kindling/testing'
import { freePorts } from '../../../scripts/services/ports.ts'
import { wireTypes } from '../../../src/connectors/flume/avro-types.ts'
import { ownServer, service } from '../../services/service.ts'
import { batchCall, event, frames, handshake, SINK_PROTOCOL } from '../../support/avro-sink.ts'
import { certificate } from '../../support/certificate.ts'

const server = service('flume')
/** The agent waits so long after a failure before it sends again, and longer each time. */
const PATIENCE = { timeoutMs: 90_000 }

/** A program that notes the bodies and headers of all events. */
async function started(port: number, seen: FlumeEvent[]): Promise<StreamingContext> {
  const ssc = new StreamingContext({ batchDuration: 200 })
  FlumeUtils.createStream(ssc, '127.0.0.1', port).foreachRDD(async rdd => {
    seen.push(...(await rdd.collect()))
  })
  await ssc.start()
  return ssc
}

const freePort = async (): Promise<number> => (await freePorts(['one']))['one']!

const textOf = ({ body }: FlumeEvent): string => Buffer.from(body).toString()

describe('a Flume agent', { skip: server.skip }, () => {
  it('sends its events, with headers, and goes on when the program starts again', async () => {
    const { netcatPort, sinkPort, spoolFolder, tailFile } = server.connection
    const id = randomUUID()
    const seen: FlumeEvent[] = []
    const texts = (): Set<string> => new Set(seen.map(textOf).filter(text => text.startsWith(id)))
    const first = await started(sinkPort, seen)
    const socket = connect(netcatPort, '127.0.0.1')
    socket.resume()
    socket.write(`${id} netcat\n`)
    writeFileSync(join(spoolFolder, id), `${id} spooled\n`)
    await until(() => texts().size === 2, PATIENCE)
    const spooled = seen.find(found => textOf(found) === `${id} spooled`)
    assert.equal(spooled?.headers['basename'], id)
    await first.stop()
    appendFileSync(tailFile, `${id} while away\n`)
    const second = await started(sinkPort, seen)
    await until(() => texts().has(`${id} while away`), PATIENCE)
    socket.write(`${id} at last\n`)
    await until(() => texts().has(`${id} at last`), PATIENCE)
    socket.destroy()
    await second.stop()
  })
})

describe('a Flume agent that is killed', { skip: server.skip }, () => {
  it('while it sends, and starts again, has sent everything', { timeout: 120_000 }, async () => {
    await using own = ownServer('flume')
    const { sinkPort, spoolFolder } = await own.start()
    const seen: FlumeEvent[] = []
    const first = Promise.withResolvers<void>()
    await using ssc = new StreamingContext({ batchDuration: 100 })
    FlumeUtils.createStream(ssc, '127.0.0.1', sinkPort).foreachRDD(async rdd => {
      seen.push(...(await rdd.collect()))
      if (seen.length > 0) first.resolve()
    })
    await ssc.start()
    const lines = Array.from({ length: 20_000 }, (_, i) => `event ${i}`)
    // Files must not change once they are there.
    writeFileSync(`${spoolFolder}.txt`, `${lines.join('\n')}\n`)
    renameSync(`${spoolFolder}.txt`, join(spoolFolder, 'events'))
    await first.promise
    await own.end('SIGKILL')
    const distinct = (): Set<string> => new Set(seen.map(textOf))
    assert.ok(distinct().size < lines.length, 'it was sending')
    await own.start()
    await until(() => seen.length >= lines.length && distinct().size === lines.length, PATIENCE)
    assert.deepEqual([...distinct()].toSorted(), lines.toSorted())
    // Again comes what was not acknowledged, or not noted as read: a batch of the sink, and one of the source.
    assert.ok(seen.length - lines.length <= 200, `${seen.length - lines.length} came again`)
  })
})

describe('a Flume stream', () => {
  it('takes what comes by TLS, and nothing else', { skip: server.skip }, async () => {
    const types = await wireTypes()
    const port = await freePort()
    const { pfx, ca, passphrase } = certificate()
    await using t = new StreamTest({
      build: t =>
        t.collect(
          'out',
          FlumeUtils.createStream(t.ssc, '127.0.0.1', port, { tls: { pfx, passphrase } }).count(),
        ),
    })
    await t.run(1)
    const call = frames(1, Buffer.concat([handshake(types, SINK_PROTOCOL), batchCall(types, [event('a')])]))
    const plain = connect(port, '127.0.0.1')
    plain.on('error', () => {})
    const refused = once(plain, 'close')
    plain.write(call)
    await refused
    const socket = connectSecurely({ port, host: '127.0.0.1', ca, servername: 'localhost' })
    socket.write(call)
    await once(socket, 'data')
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat().at(-1), 1)
    socket.destroy()
  })

  it('unpacks what is deflated', async () => {
    const types = await wireTypes()
    const port = await freePort()
    await using t = new StreamTest({
      build: t =>
        t.collect(
          'out',
          FlumeUtils.createStream(t.ssc, '127.0.0.1', port, { enableDecompression: true }).map(({ body }) =>
            new TextDecoder().decode(body),
          ),
        ),
    })
    await t.run(1)
    const socket = connect(port, '127.0.0.1')
    const packer = createDeflate({ flush: constants.Z_SYNC_FLUSH })
    packer.pipe(socket)
    const answered = new Promise(resolve =>
      socket.pipe(createInflate({ flush: constants.Z_SYNC_FLUSH })).once('data', resolve),
    )
    const call = batchCall(types, [event('packed'), event('twice')])
    packer.write(frames(1, Buffer.concat([handshake(types, SINK_PROTOCOL), call])))
    await answered
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['packed', 'twice'])
    socket.destroy()
  })

  it('says what came, when that is no call, and serves others', async () => {
    const types = await wireTypes()
    const port = await freePort()
    const errors: string[] = []
    await using t = new StreamTest({
      build: t => {
        t.ssc.addStreamingListener({
          onReceiverError: ({ receiverInfo }) => void errors.push(receiverInfo.lastErrorMessage),
        })
        t.collect('out', FlumeUtils.createStream(t.ssc, '127.0.0.1', port).count())
      },
    })
    await t.run(1)
    connect(port, '127.0.0.1').end('GET / HTTP/1.1\r\n\r\n')
    await t.until(() => errors.length > 0)
    assert.match(errors[0]!, /127\.0\.0\.1 sent is no call of an Avro sink/)
    const socket = connect(port, '127.0.0.1')
    const answered = new Promise(resolve => socket.once('data', resolve))
    socket.write(frames(1, Buffer.concat([handshake(types, SINK_PROTOCOL), batchCall(types, [event('a')])])))
    await answered
    await t.run(1)
    assert.equal(t.out('out').batches.at(-1)?.[0], 1)
    socket.destroy()
  })

  it('names the address that another program has', async () => {
    const errors: string[] = []
    const port = await freePort()
    const build = (t: StreamTest): void => {
      t.ssc.addStreamingListener({
        onReceiverError: ({ receiverInfo }) => void errors.push(receiverInfo.lastErrorMessage),
      })
      t.collect('out', FlumeUtils.createStream(t.ssc, '127.0.0.1', port))
    }
    await using one = new StreamTest({ build })
    await one.run(1)
    await using two = new StreamTest({ build })
    await two.run(1)
    await two.until(() => errors.length > 0)
    assert.match(errors.join(), new RegExp(`127\\.0\\.0\\.1:${port}: EADDRINUSE`))
  })
})
