import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeRecords } from '../../src/data/codec.ts'
import { rawFrame, rawSocketSender } from '../../src/streaming/sources/raw-socket.ts'
import { FrameReader } from '../../src/streaming/sources/raw-socket-receiver.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { LOCAL, ON_THREADS, type Place, thorough } from '../support/backends.ts'
import { runs } from '../support/runs.ts'
import { recordLists } from '../support/values.ts'

const servers: Server[] = []
after(() => {
  for (const server of servers) server.close()
})

async function serve(onConnect: (socket: Socket, n: number) => void): Promise<number> {
  let n = 0
  const server = createServer(socket => {
    socket.on('error', () => {})
    onConnect(socket, ++n)
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as { port: number }).port
}

/** Lets block intervals and batches pass until `done`. */
async function runUntil(t: StreamTest, done: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !done(); ) {
    assert.ok(performance.now() < end, 'in time')
    await t.run(1)
    await new Promise(resolve => setImmediate(resolve))
  }
}

function programOn({ master, conf: place }: Place) {
  return (port: number, errors: string[] = [], conf: object = {}): StreamTest =>
    new StreamTest({
      master,
      conf: { ...place, ...conf },
      build: t => {
        t.collect('out', t.ssc.rawSocketStream<unknown>('127.0.0.1', port))
        t.ssc.addStreamingListener({
          onReceiverError: e => void errors.push(e.receiverInfo.lastErrorMessage),
        })
      },
    })
}

for (const place of thorough ? [LOCAL, ON_THREADS] : [LOCAL])
  describe(`rawSocketStream on ${place.title}`, () => {
    const program = programOn(place)

    it('takes blocks as they are: one partition for each', async () => {
      await using sender = await rawSocketSender(() => [
        ['a', 'b'],
        [{ user: 'ann', at: new Date(5) }, [1, 2n]],
      ])
      await using t = program(sender.port)
      await t.ssc.start()
      await runUntil(t, () => t.out('out').batches.flat().length === 4)
      assert.deepEqual(t.out('out').partitions.flat(), [
        ['a', 'b'],
        [{ user: 'ann', at: new Date(5) }, [1, 2n]],
      ])
    })

    it('counts records, also of blocks without any', async () => {
      await using sender = await rawSocketSender(() => [[1, 2, 3], [], [4]])
      const counted: number[] = []
      await using t = program(sender.port)
      t.ssc.addStreamingListener({ onBatchCompleted: e => void counted.push(e.batchInfo.numRecords) })
      await t.ssc.start()
      await runUntil(t, () => t.out('out').batches.flat().length === 4)
      await t.ssc.stop()
      assert.equal(
        counted.reduce((a, b) => a + b, 0),
        4,
      )
    })

    it('a connection that ends within a frame is told and made again', async () => {
      const frame = rawFrame(['whole'])
      const port = await serve((socket, n) => {
        if (n === 1) socket.end(Buffer.concat([frame, frame.subarray(0, 6)]))
        else socket.write(frame)
      })
      const errors: string[] = []
      await using t = program(port, errors)
      await t.ssc.start()
      await runUntil(t, () => t.out('out').batches.flat().length === 2)
      assert.match(errors[0]!, /ended within it/)
    })

    it('something that sends no frames is told what is expected', async () => {
      const port = await serve((socket, n) => {
        if (n === 1) socket.write('GET / HTTP/1.1\r\n')
        else socket.write(Buffer.concat([Buffer.from([0, 0, 0, 3]), Buffer.from('abc')]))
      })
      const errors: string[] = []
      await using t = program(port, errors)
      await t.ssc.start()
      await runUntil(t, () => errors.length >= 2)
      assert.match(errors[0]!, /A frame from .* has 1195725856 bytes.*kindling\.receiver\.maxHeldBytes/)
      assert.match(errors[1]!, /damaged/)
    })

    it('what is held is bounded: a sender that is too fast waits, and nothing is lost', async () => {
      const blocks = Array.from({ length: 300 }, (_, i) => Array.from({ length: 100 }, (_, j) => `${i}/${j}`))
      await using sender = await rawSocketSender(() => blocks)
      await using t = program(sender.port, [], { 'kindling.receiver.maxHeldBytes': '20k' })
      await t.ssc.start()
      const source = t.ssc['graph'].inputs[0]!.source as unknown as { blocks: { heldBytes: number } }
      let most = 0
      await runUntil(t, () => {
        most = Math.max(most, source.blocks.heldBytes)
        return t.out('out').batches.flat().length >= 30_000
      })
      assert.deepEqual(t.out('out').batches.flat(), blocks.flat())
      assert.ok(most < 60_000, `held ${most} bytes`)
    })
  })

describe('frames', () => {
  it('come out whole, however the bytes are cut', () => {
    const lists = fc.array(recordLists, { maxLength: 4 })
    fc.assert(
      fc.property(lists, fc.array(fc.integer({ min: 1, max: 40 })), (blocks, cuts) => {
        const bytes = Buffer.concat(blocks.map(rawFrame))
        const reader = new FrameReader('test', 1 << 20)
        const found: unknown[][] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % Math.max(1, cuts.length)] ?? bytes.length
          for (const block of reader.push(bytes.subarray(at, at + size))) found.push(decodeRecords(block))
          at += size
        }
        reader.end()
        assert.deepEqual(
          found,
          blocks.map(records => decodeRecords(rawFrame(records).subarray(4))),
        )
      }),
      { numRuns: runs },
    )
  })

  it('are refused for what cannot be encoded', () => {
    assert.throws(() => rawFrame([() => {}]), { code: 'RECORD_NOT_ENCODABLE' })
  })
})
