import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { after, describe, it } from 'node:test'
import { isMainThread } from 'node:worker_threads'
import { seconds } from '../../src/base/time.ts'
import type { SparkContext } from '../../src/context/spark-context.ts'
import type { DeadLetter } from '../../src/rdd/dead-letters/dead-letter.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import type { ReceiverInfo } from '../../src/streaming/listener.ts'
import { Receiver } from '../../src/streaming/receiver/receiver.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { until } from '../../src/testing/until.ts'
import { LOCAL, ON_THREADS, thorough } from '../support/backends.ts'

const servers: Server[] = []
after(() => {
  for (const server of servers) server.close()
})

/** A server on a free loopback port; `sockets` are the connections so far. */
async function serve(
  onConnect: (socket: Socket, n: number) => void,
): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    sockets.push(socket)
    onConnect(socket, sockets.length)
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as { port: number }).port, sockets }
}

/** Lets block intervals and batches pass until `done`. */
async function runUntil(t: StreamTest, done: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !done(); ) {
    assert.ok(performance.now() < end, 'in time')
    await t.run(1)
    await new Promise(resolve => setImmediate(resolve))
  }
}

for (const place of thorough ? [LOCAL, ON_THREADS] : [LOCAL]) {
  const on = (conf: object = {}) => ({ master: place.master, conf: { ...place.conf, ...conf } })

  describe(`socketTextStream on ${place.title}`, () => {
    it('a connection that closes in the middle of a line and comes back; the last line counts', async () => {
      const { port } = await serve((socket, n) => {
        if (n === 1) socket.end('one\ntwo\r\nhalf')
        else if (n === 2) socket.write('three\n')
      })
      const errors: ReceiverInfo[] = []
      await using t = new StreamTest({
        ...on(),
        build: t => {
          t.collect('out', t.ssc.socketTextStream('127.0.0.1', port))
          t.ssc.addStreamingListener({ onReceiverError: e => void errors.push(e.receiverInfo) })
        },
      })
      await t.ssc.start()
      await runUntil(t, () => t.out('out').batches.flat().length === 4)
      assert.deepEqual(t.out('out').batches.flat(), ['one', 'two', 'half', 'three'])
      assert.match(errors[0]!.lastErrorMessage, new RegExp(`127.0.0.1:${port} was closed.*2000 ms`))
    })

    it('a port nobody listens on: told with what to do, tried again for ever', async () => {
      const { port } = await serve(() => {})
      servers.at(-1)!.close()
      const errors: string[] = []
      await using t = new StreamTest({
        ...on(),
        build: t => {
          t.collect('out', t.ssc.socketTextStream('127.0.0.1', port))
          t.ssc.addStreamingListener({
            onReceiverError: e => void errors.push(e.receiverInfo.lastErrorMessage),
          })
        },
      })
      await t.ssc.start()
      await runUntil(t, () => errors.length >= 2)
      assert.match(errors[0]!, new RegExp(`cannot connect to 127.0.0.1:${port}.*is a server listening`))
      assert.ok(t.out('out').batches.every(b => b.length === 0))
    })

    it('bytes that are no UTF-8, and a line of 50 MB', async () => {
      const long = Buffer.alloc(50 * 2 ** 20, 'x')
      const { port } = await serve(socket => {
        socket.write(Buffer.from([0x61, 0xff, 10]))
        socket.write(long)
        socket.write('\nend\n')
      })
      await using t = new StreamTest({
        ...on(),
        build: t =>
          void t.collect(
            'out',
            t.ssc
              .socketTextStream('127.0.0.1', port)
              .map(line => (line.length > 10 ? `${line.length}` : line)),
          ),
      })
      await t.ssc.start()
      await runUntil(t, () => t.out<string>('out').batches.flat().includes('end'))
      assert.deepEqual(t.out('out').batches.flat(), ['a\ufffd', String(50 * 2 ** 20), 'end'])
    })

    it('a line above the limit is dropped and told; the stream goes on', async () => {
      const { port } = await serve(socket => void socket.write(`${'x'.repeat(500)}\nshort\n`))
      const errors: string[] = []
      await using t = new StreamTest({
        ...on({ 'kindling.text.maxLineBytes': '100' }),
        build: t => {
          t.collect('out', t.ssc.socketTextStream('127.0.0.1', port))
          t.ssc.addStreamingListener({
            onReceiverError: e => void errors.push(e.receiverInfo.lastErrorMessage),
          })
        },
      })
      await t.ssc.start()
      await runUntil(t, () => t.out('out').batches.flat().length > 0)
      assert.deepEqual(t.out('out').batches.flat(), ['short'])
      assert.match(errors[0]!, /500 bytes was dropped/)
    })

    it('a line above the limit goes to dead letters where they are asked for: its place, length and first bytes', async () => {
      const long = `${'y'.repeat(3000)}${'z'.repeat(3000)}`
      const { port } = await serve(
        socket => void socket.write(`first\n${'x'.repeat(500)}\r\nshort\n${long}\nend\n`),
      )
      const errors: string[] = []
      await using t = new StreamTest({
        ...on({ 'kindling.text.maxLineBytes': '100' }),
        build: t => {
          const bad = t.ssc.deadLetters(fileSink(`${t.dir}/bad`, { format: 'ndjson' }))
          const lines = t.ssc.socketTextStream('127.0.0.1', port, undefined, { onError: bad })
          t.collect('out', lines)
          t.collect('bad', bad.stream)
          t.ssc.addStreamingListener({
            onReceiverError: e => void errors.push(e.receiverInfo.lastErrorMessage),
            onDeadLetters: ({ numRecords }) => void counted.push(numRecords),
          })
        },
      })
      const counted: number[] = []
      await t.ssc.start()
      await runUntil(
        t,
        () => t.out('bad').batches.flat().length === 2 && t.out('out').batches.flat().length === 3,
      )
      assert.deepEqual(t.out('out').batches.flat(), ['first', 'short', 'end'])
      const letters = t.out<DeadLetter>('bad').batches.flat()
      const socket = `127.0.0.1:${port}`
      assert.deepEqual(
        letters.map(({ value, source, raw }) => [value, source, Buffer.from(raw!).toString()]),
        [
          [undefined, { socket, offset: 6, bytes: 500 }, 'x'.repeat(500)],
          [undefined, { socket, offset: 514, bytes: 6000 }, long.slice(0, 4096)],
        ],
      )
      for (const { error, operator } of letters) {
        assert.equal(error.code, 'LINE_TOO_LONG')
        assert.match(error.message, new RegExp(`${socket} .*more than 100 bytes`))
        assert.match(operator, /^socketTextStream at .*sources\.test\.ts/)
      }
      assert.equal(
        counted.reduce((a, b) => a + b, 0),
        2,
      )
      assert.deepEqual(errors, [])
    })

    it('a graceful stop processes all that was received', async () => {
      const { port, sockets } = await serve(socket => void socket.write('1\n2\n3\n'))
      await using t = new StreamTest({
        ...on(),
        build: t => void t.collect('out', t.ssc.socketTextStream('127.0.0.1', port)),
      })
      await t.ssc.start()
      await until(() => sockets[0]?.bytesWritten === 6 && sockets[0].writableLength === 0)
      await until(async () => {
        await t.clock.advance(1)
        return (
          t.ssc['graph'].inputs[0]!.source.hasUnplanned?.() === true ||
          t.out('out').batches.flat().length === 3
        )
      })
      const stopped = t.ssc.stop({ graceful: true })
      await runUntil(t, () => t.ssc.getState() === 'stopped' || t.out('out').batches.flat().length === 3)
      await stopped
      assert.deepEqual(t.out('out').batches.flat(), ['1', '2', '3'])
    })

    it('what is held is bounded: a sender that is too fast is slowed down, and nothing is lost', async () => {
      const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${'.'.repeat(80)}`)
      const { port, sockets } = await serve(socket => void socket.end(`${lines.join('\n')}\n`))
      await using t = new StreamTest({
        ...on({ 'kindling.receiver.maxHeldBytes': '100k' }),
        build: t => void t.collect('out', t.ssc.socketTextStream('127.0.0.1', port)),
      })
      await t.ssc.start()
      await until(() => sockets.length === 1)
      const source = t.ssc['graph'].inputs[0]!.source as unknown as { blocks: { heldBytes: number } }
      let most = 0
      await runUntil(t, () => {
        most = Math.max(most, source.blocks.heldBytes)
        return t.out('out').batches.flat().length >= lines.length
      })
      assert.deepEqual(t.out('out').batches.flat(), lines)
      assert.ok(most < 1_000_000, `held ${most} bytes at most, of ${lines.join().length}`)
    })
  })

  describe(`socketStream on ${place.title}`, () => {
    it('a converter makes records of the bytes', async () => {
      const { port } = await serve(socket => void socket.end(Buffer.from([1, 2, 3])))
      await using t = new StreamTest({
        ...on(),
        build: t =>
          void t.collect(
            'out',
            t.ssc.socketStream('127.0.0.1', port, async function* (bytes) {
              for await (const chunk of bytes) yield* chunk
            }),
          ),
      })
      await t.ssc.start()
      await runUntil(t, () => t.out('out').batches.flat().length >= 3)
      assert.deepEqual(t.out('out').batches.flat().slice(0, 3), [1, 2, 3])
    })

    it('runs beside the program where tasks do, unless its converter cannot go there', async () => {
      const { port } = await serve(socket => void socket.end('a'))
      const unmovable = new WeakMap()
      await using t = new StreamTest({
        ...on(),
        build: t => {
          const moves = t.ssc.socketStream('127.0.0.1', port, async function* (bytes) {
            for await (const _ of bytes) yield `beside: ${!isMainThread}`
          })
          const stays = t.ssc.socketStream('127.0.0.1', port, async function* (bytes) {
            for await (const _ of bytes) yield `here: ${isMainThread && !unmovable.has(t)}`
          })
          t.collect('out', moves.union(stays))
        },
      })
      await t.ssc.start()
      await runUntil(t, () => new Set(t.out('out').batches.flat()).size === 2)
      assert.deepEqual([...new Set(t.out('out').batches.flat())].sort(), [
        `beside: ${!place.sharesMemory}`,
        'here: true',
      ])
    })
  })
}

describe('receivers', () => {
  it('single records become a partition for each block interval; many are a block of their own', async () => {
    await using t = new StreamTest({
      build: t => {
        const receiver = t.receiver<number>()
        t.collect('out', t.ssc.receiverStream(receiver))
        Object.assign(t, { receiverUnderTest: receiver })
      },
    })
    const { receiverUnderTest: r } = t as unknown as {
      receiverUnderTest: ReturnType<typeof t.receiver<number>>
    }
    assert.throws(() => r.store(1), { code: 'ILLEGAL_STATE' })
    await t.ssc.start()
    await r.push(1, 2)
    await t.clock.advance(200)
    await r.push(3)
    await r.storeMany([4, 5], { from: 'test' })
    await t.run(1)
    assert.deepEqual(t.out('out').partitions, [[[1, 2], [3], [4, 5]]])
    await t.ssc.stop()
    assert.throws(() => r.store(1), { code: 'ILLEGAL_STATE' })
  })

  it('one whose onStart throws is stopped and told, the stream gives empty batches', async () => {
    class Broken extends Receiver<number> {
      override async onStart(): Promise<void> {
        throw new Error('no luck')
      }
    }
    const events: string[] = []
    await using t = new StreamTest({
      build: t => {
        t.collect('out', t.ssc.receiverStream(new Broken()))
        t.ssc.addStreamingListener({
          onReceiverError: e => void events.push(`error ${e.receiverInfo.lastErrorMessage}`),
          onReceiverStopped: e => void events.push(`stopped ${e.receiverInfo.name}`),
        })
      },
    })
    await t.run(1)
    assert.match(events[0]!, /error .*Broken.*no luck/)
    assert.equal(events[1], 'stopped Broken-0')
    assert.deepEqual(t.out('out').batches, [[]])
  })

  it('one that stops by itself says why, with or without an error, and keeps the stack of the last one', async () => {
    const stopped: string[] = []
    await using t = new StreamTest({
      build: t => {
        for (const name of ['done', 'broken', 'asked']) {
          const receiver = t.receiver<number>()
          t.collect(name, t.ssc.receiverStream(receiver))
          Object.assign(t, { [name]: receiver })
        }
        t.ssc.addStreamingListener({
          onReceiverStopped: ({ receiverInfo: { streamId, lastErrorMessage, lastError, lastErrorTime } }) =>
            void stopped.push(
              `${streamId}: ${lastErrorMessage}, ${lastError.split('\n')[0]}, ${lastErrorTime}`,
            ),
        })
      },
    })
    await t.ssc.start()
    const { done, broken } = t as unknown as Record<'done' | 'broken', ReturnType<typeof t.receiver<number>>>
    done.fail('the file has ended')
    broken.reportError('odd', new Error('first'))
    broken.fail('enough')
    await t.run(1)
    await t.ssc.stop()
    assert.deepEqual(stopped, [
      '0: the file has ended, , -1',
      '1: enough, Error: first, 0',
      '2: the StreamingContext stops, , -1',
    ])
  })

  it('the rate is limited, and a waiting source goes on when permits come', async () => {
    await using t = new StreamTest({
      conf: { 'spark.streaming.receiver.maxRate': 10 },
      build: t => {
        const receiver = t.receiver<number>()
        t.collect('out', t.ssc.receiverStream(receiver))
        Object.assign(t, { r: receiver })
      },
    })
    await t.ssc.start()
    const { r } = t as unknown as { r: ReturnType<typeof t.receiver<number>> }
    const pushing = r.push(...Array.from({ length: 30 }, (_, i) => i))
    await t.run(5)
    await pushing
    const sizes = t.out('out').batches.map(b => b.length)
    assert.equal(
      sizes.reduce((a, b) => a + b),
      30,
    )
    assert.ok(Math.max(...sizes) <= 11, String(sizes))
  })
})

describe('queueStream', () => {
  it('one entry a batch, then the default; or all at once', async () => {
    await using t = new StreamTest({
      build: t => {
        const { sc, ssc } = t
        t.collect('one', ssc.queueStream([[1], sc.parallelize([2, 3])], { defaultRDD: sc.parallelize([0]) }))
        t.collect('all', ssc.queueStream([[1], [2]], { oneAtATime: false }))
      },
    })
    await t.run(3)
    assert.deepEqual(t.out('one').batches, [[1], [2, 3], [0]])
    assert.deepEqual(t.out('all').batches, [[1, 2], [], []])
  })

  it('without a default, or with null, an empty queue gives an empty RDD; a default is given again and again', async () => {
    const waiting: number[][] = []
    await using t = new StreamTest({
      build: t => {
        t.collect('null', t.ssc.queueStream(waiting, { defaultRDD: null }))
        t.collect('none', t.ssc.queueStream<number>([]))
        const standing = t.sc.parallelize([7, 8])
        t.collect('default', t.ssc.queueStream([[1], [2]], { oneAtATime: false, defaultRDD: standing }))
      },
    })
    await t.run(1)
    waiting.push([5])
    await t.run(2)
    assert.deepEqual(t.out('null').batches, [[], [5], []])
    assert.deepEqual(t.out('none').batches, [[], [], []])
    assert.deepEqual(t.out('default').batches, [
      [1, 2],
      [7, 8],
      [7, 8],
    ])
  })
})

describe('textFileStream', () => {
  it('takes files by modification time, once, without hidden and old ones; waits for a missing directory', async () => {
    await using t = new StreamTest({
      batchDuration: seconds(10),
      build: t => {
        t.collect('out', t.ssc.textFileStream(`${t.dir}/in`))
        t.collect('missing', t.ssc.textFileStream(`${t.dir}/nowhere`))
      },
    })
    await t.ssc.start()
    t.file('in/old.txt', 'old', { at: -5000 })
    t.file('in/a.txt', 'a1\na2', { at: 5000 })
    t.file('in/.hidden', 'h', { at: 5000 })
    t.file('in/future.txt', 'f', { at: 15_000 })
    await t.run(1)
    t.file('in/b.txt', 'b', { at: 20_000 })
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [['a1', 'a2'], ['b', 'f'], []])
    assert.deepEqual(t.out('missing').batches, [[], [], []])
  })

  it('fileStream: a filter, files from before the start, and a reader of one’s own', async () => {
    const options = {
      filter: (path: string) => path.endsWith('.csv'),
      newFilesOnly: false,
      read: (sc: SparkContext, path: string) => sc.textFile(path).map(line => line.split(',')),
    }
    await using t = new StreamTest({
      conf: { 'spark.streaming.fileStream.minRememberDuration': '10s' },
      build: t => {
        t.collect('all', t.ssc.fileStream(`${t.dir}/in`, options))
        t.collect('new', t.ssc.fileStream(`${t.dir}/in`, { ...options, newFilesOnly: true }))
      },
    })
    await t.clock.advance(60_000)
    t.file('in/ancient.csv', 'too,old', { at: 51_000 })
    t.file('in/earlier.csv', 'a,b', { at: 52_000 })
    t.file('in/other.txt', 'no', { at: 60_500 })
    t.file('in/new.csv', 'c,d\ne', { at: 60_500 })
    await t.run(2)
    assert.deepEqual(t.out('all').batches, [[['a', 'b'], ['c', 'd'], ['e']], []])
    assert.deepEqual(t.out('new').batches, [[['c', 'd'], ['e']], []])
  })

  it('a file that went away between listing and reading fails its batch, not the stream', async () => {
    await using t = new StreamTest({
      build: t => {
        const stream = t.ssc.textFileStream(t.dir)
        stream.foreachRDD((_rdd, time) => void (time.milliseconds === 1000 && rmSync(`${t.dir}/a.txt`)))
        t.collect('out', stream)
      },
    })
    await t.ssc.start()
    t.file('a.txt', 'a', { at: 500 })
    await t.run(1, { collectErrors: true })
    t.file('b.txt', 'b', { at: 1500 })
    await t.run(1)
    assert.match(t.errors[0]!.message, /a\.txt/)
    assert.deepEqual(t.out('out').batches, [['b']])
  })
})

describe('iterableStream', () => {
  it('reads generators, Node streams and web streams', async () => {
    await using t = new StreamTest({
      build: t => {
        t.collect('sync', t.ssc.iterableStream([1, 2]))
        t.collect('node', t.ssc.iterableStream(Readable.from(['a', 'b'])))
        t.collect('web', t.ssc.iterableStream(ReadableStream.from(['x'])))
      },
    })
    await t.ssc.start()
    await runUntil(t, () => ['sync', 'node', 'web'].every(name => t.out(name).batches.flat().length > 0))
    assert.deepEqual(t.out('sync').batches.flat(), [1, 2])
    assert.deepEqual(t.out('node').batches.flat(), ['a', 'b'])
    assert.deepEqual(t.out('web').batches.flat(), ['x'])
  })

  it('an input that fails ends the stream and fails the context', async () => {
    await using t = new StreamTest({
      build: t => {
        async function* broken(): AsyncGenerator<number> {
          yield 1
          throw new Error('pipe burst')
        }
        t.collect('out', t.ssc.iterableStream(broken()))
      },
    })
    await t.run(2, { collectErrors: true })
    await assert.rejects(t.ssc.awaitTermination(), { code: 'SOURCE_FAILED', message: /pipe burst/ })
    assert.deepEqual(t.out('out').batches.flat(), [1])
  })

  it('an endless input does not fill memory', async () => {
    let given = 0
    await using t = new StreamTest({
      conf: { 'kindling.receiver.maxHeldBytes': '10k' },
      build: t => {
        function* endless(): Generator<string> {
          for (;;) yield `record ${given++}`
        }
        t.collect('out', t.ssc.iterableStream(endless()).count())
      },
    })
    await t.run(3)
    assert.ok(given > 0 && given < 200_000, String(given))
  })
})
