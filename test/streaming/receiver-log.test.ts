import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SystemClock } from '../../src/base/clock.ts'
import { seconds } from '../../src/base/time.ts'
import { drawInspection } from '../../src/cli/checkpoint/draw-inspection.ts'
import { compact } from '../../src/streaming/checkpoint/compact.ts'
import { inspect } from '../../src/streaming/checkpoint/inspect.ts'
import { LocalStorage } from '../../src/streaming/checkpoint/local-storage.ts'
import type { CheckpointStorage } from '../../src/streaming/checkpoint/storage.ts'
import { SEGMENT_HEAD } from '../../src/streaming/receiver/log-frames.ts'
import type { FreshBlock } from '../../src/streaming/receiver/received-blocks.ts'
import { ReceivedLog } from '../../src/streaming/receiver/received-log.ts'
import type { FaultPoint } from '../../src/testing/faults.ts'
import { StreamTest, type StreamTestOptions } from '../../src/testing/stream-test.ts'
import type { TestReceiver } from '../../src/testing/test-receiver.ts'
import { rejected } from '../support/rejected.ts'

const enable = 'spark.streaming.receiver.writeAheadLog.enable'

/** A program of one receiver, whose blocks are logged; `receivers` gets that of each life. */
function logged(
  opts: Partial<StreamTestOptions> & { readonly reliable?: boolean; readonly stateful?: boolean } = {},
): { t: StreamTest; receivers: TestReceiver<string>[]; errors: string[] } {
  const receivers: TestReceiver<string>[] = []
  const errors: string[] = []
  const t = new StreamTest({
    checkpointDir: true,
    build: t => {
      const receiver = t.receiver<string>({ reliable: opts.reliable ?? true })
      receivers.push(receiver)
      const words = t.ssc.receiverStream(receiver).uid('words')
      if (opts.stateful === true)
        t.collect(
          'out',
          words
            .map(word => [word, 1] as const)
            .updateStateByKey<number>((ones, n = 0) => n + ones.length)
            .uid('counts')
            .checkpoint(seconds(3)),
        )
      else t.collect('out', words)
      t.ssc.addStreamingListener({
        onReceiverError: ({ receiverInfo }) => void errors.push(receiverInfo.lastErrorMessage),
      })
    },
    ...opts,
    conf: { [enable]: true, ...opts.conf },
  })
  return { t, receivers, errors }
}

function segments(t: StreamTest): string[] {
  const folder = join(t.checkpointDir!, 'receivedData', 'words')
  return existsSync(folder)
    ? readdirSync(folder)
        .filter(name => !name.startsWith('.'))
        .sort()
    : []
}

describe('the log of received blocks', () => {
  it('what was acknowledged and had no batch goes to the first batch after the restart, in order', async () => {
    const { t, receivers } = logged()
    await using _ = t
    await t.ssc.start()
    await receivers[0]!.push('a', 'b')
    await t.run(1)
    await receivers[0]!.push('c')
    await receivers[0]!.push('d', 'e')
    await t.crashAndRestart()
    await receivers[1]!.push('f')
    await t.run(1)
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['a', 'b'], ['c', 'd', 'e', 'f'], []])
  })

  it('single records too, once their block is logged', async () => {
    const { t, receivers } = logged({ reliable: false })
    await using _ = t
    await t.ssc.start()
    await receivers[0]!.push('a', 'b')
    await t.clock.advance(200)
    await receivers[0]!.push('in no block yet')
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['a', 'b']])
  })

  it('a batch that had not ended gets the same blocks again', async () => {
    for (const point of ['log-after', 'task', 'output', 'output-done', 'commit-before'] as const) {
      const { t, receivers } = logged()
      await using _ = t
      t.crashAt(point)
      await t.ssc.start()
      await receivers[0]!.push('a')
      await receivers[0]!.push('b', 'c')
      await t.run(1)
      assert.equal(t.crashed, true)
      await t.crashAndRestart()
      await receivers[1]!.push('d')
      await t.run(1)
      assert.deepEqual(t.out('out').partitions, [[['a'], ['b', 'c']], [['d']]], point)
    }
  })

  it('state that is made again from the log of batches has the same blocks', async () => {
    const { t, receivers } = logged({ stateful: true })
    await using _ = t
    await t.ssc.start()
    for (let i = 0; i < 8; i++) {
      await receivers.at(-1)!.push('every', `w${i % 3}`)
      await t.run(1)
      if (i === 4) {
        await receivers.at(-1)!.push('between')
        await t.crashAndRestart()
      }
    }
    const counts = new Map(t.out<[string, number]>('out').batches.at(-1))
    assert.deepEqual(Object.fromEntries(counts), { every: 8, between: 1, w0: 3, w1: 3, w2: 2 })
  })

  const points: readonly FaultPoint[] = ['received-before', 'received-half', 'received-after']
  for (const reliable of [true, false])
    for (const point of points)
      for (const nth of [1, 3])
        it(`a ${reliable ? 'reliable' : 'simple'} receiver, a crash at ${point}, the ${nth}th`, async () => {
          const { t, receivers } = logged({ reliable })
          await using _ = t
          t.crashAt(point, { nth })
          await t.ssc.start()
          const sent: string[] = []
          for (let i = 0; !t.crashed; i++) {
            assert.ok(i < 10)
            sent.push(`r${i}`)
            void receivers[0]!.push(`r${i}`)
            await t.clock.advance(300)
            await t.until(() => t.crashed || receivers[0]!.acked.length === sent.length)
          }
          const { acked } = receivers[0]!
          await t.crashAndRestart()
          await receivers[1]!.push('next')
          await t.run(2)
          const seen = t.out<string>('out').batches.flat()
          // The last one was not acknowledged, or only handed over; it is there if its block is.
          const isThere = point === 'received-after'
          assert.deepEqual(seen, [...(isThere ? sent : sent.slice(0, -1)), 'next'])
          if (reliable) assert.deepEqual(acked, sent.slice(0, -1))
        })

  it('a write that fails is tried again with a new segment', async () => {
    const { t, receivers, errors } = logged()
    await using _ = t
    await t.ssc.start()
    await receivers[0]!.push('a')
    t.failAt('received-before')
    t.failAt('received-half')
    await receivers[0]!.push('b')
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['a', 'b']])
    assert.equal(segments(t).length, 2)
    assert.deepEqual(errors, [])
  })

  it('a block that cannot be written is not accepted, and the receiver hears of it', async () => {
    const { t, receivers, errors } = logged({
      conf: { 'spark.streaming.receiver.writeAheadLog.maxFailures': 1 },
    })
    await using _ = t
    await t.ssc.start()
    t.failAt('received-before')
    const error = await rejected('BLOCK_NOT_LOGGED', () => receivers[0]!.push('a', 'b'))
    assert.match(error.message, /2 received records.*receivedData\/words/)
    assert.deepEqual(receivers[0]!.acked, [])
    t.failAt('received-after')
    void receivers[0]!.store('single')
    await t.clock.advance(200)
    assert.match(errors[0]!, /1 received records are lost/)
    await receivers[0]!.push('c')
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['c']])
    const source = t.ssc['graph'].inputs[0]!.source as unknown as { blocks: { heldBytes: number } }
    assert.equal(source.blocks.heldBytes, 0, 'nothing is held for what was refused')
  })

  it('a graceful stop waits for the log, and processes all', async () => {
    const { t, receivers } = logged({ reliable: false })
    await using _ = t
    await t.ssc.start()
    await receivers[0]!.push('a', 'b')
    const stopped = t.ssc.stop({ graceful: true })
    await t.until(async () => {
      await t.clock.advance(100)
      return t.ssc.getState() === 'stopped'
    })
    await stopped
    assert.deepEqual(t.out('out').batches.flat(), ['a', 'b'])
  })

  it('segments go when no batch needs them any more, also those of earlier processes', async () => {
    const { t, receivers } = logged({
      conf: { 'spark.streaming.receiver.writeAheadLog.rollingIntervalSecs': '2s' },
    })
    await using _ = t
    await t.ssc.start()
    let most = 0
    for (let i = 0; i < 60; i++) {
      await receivers.at(-1)!.push(`r${i}`)
      await t.run(1)
      most = Math.max(most, segments(t).length)
      if (i === 30) await t.crashAndRestart()
    }
    assert.ok(most >= 5 && most <= 30, `${most} segments at most`)
    await t.run(40)
    assert.deepEqual(segments(t), [])
    // And nothing comes twice.
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(
      t.out('out').batches.flat(),
      Array.from({ length: 60 }, (_, i) => `r${i}`),
    )
  })

  for (const compacts of [false, true])
    it(`restarts one after the other${compacts ? ', and compacting,' : ''} keep what says which blocks have had their batch`, async () => {
      const { t, receivers } = logged()
      await using _ = t
      await t.ssc.start()
      for (let i = 0; i < 3; i++) {
        await receivers[0]!.push(`r${i}`)
        await t.run(1)
      }
      // Each writes a manifest, and soon none is left that needs a batch from before.
      for (let i = 0; i < 5; i++) await t.crashAndRestart()
      await t.ssc.stop()
      if (compacts) await compact(new LocalStorage(t.checkpointDir!), { now: t.clock.now(), force: true })
      await t.crashAndRestart()
      await t.run(1)
      assert.deepEqual(t.out('out').batches, [['r0'], ['r1'], ['r2'], []])
    })

  it('a damaged end of a segment is reported, and what comes before it is there', async () => {
    const { t, receivers } = logged()
    await using _ = t
    await t.ssc.start()
    await receivers[0]!.push('a')
    const [segment] = segments(t)
    const path = join(t.checkpointDir!, 'receivedData', 'words', segment!)
    const before = readFileSync(path).length
    await receivers[0]!.push('b')
    const bytes = readFileSync(path)
    bytes[before + 20]! ^= 1
    writeFileSync(path, bytes)
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['a']])
    assert.ok(t.warnings.some(w => w.includes(segment!) && w.includes(`byte ${before}`)))
  })

  it('what was planned and is not in the log any more is reported', async () => {
    const { t, receivers } = logged()
    await using _ = t
    t.crashAt('output')
    await t.ssc.start()
    await receivers[0]!.push('a')
    await t.run(1)
    writeFileSync(join(t.checkpointDir!, 'receivedData', 'words', segments(t)[0]!), 'gone')
    await t.crashAndRestart()
    assert.ok(t.warnings.some(w => /is lost \(1 records/.test(w)))
    assert.deepEqual(t.out('out').batches, [[]])
  })

  it('without the key nothing is logged; what an earlier run logged is still given', async () => {
    const { t, receivers } = logged()
    await using _ = t
    await t.ssc.start()
    await receivers[0]!.push('a')
    Object.assign(t['options'].conf!, { [enable]: false })
    await t.crashAndRestart()
    await receivers[1]!.push('b')
    await t.run(1)
    await receivers[1]!.push('lost')
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['a', 'b'], []])
  })

  it('a process that was overtaken acknowledges nothing more, and nothing of it counts', async () => {
    const { t: first, receivers: old } = logged()
    await using _ = first
    await first.ssc.start()
    await old[0]!.push('a')
    const { t: second, receivers } = logged({ checkpointDir: first.checkpointDir! })
    await using __ = second
    await second.ssc.start()
    await rejected('FENCED', () => old[0]!.push('late'))
    assert.deepEqual(old[0]!.acked, ['a'])
    await receivers[0]!.push('b')
    await second.run(1)
    await second.crashAndRestart()
    await second.run(1)
    assert.deepEqual(second.out('out').batches.flat(), ['a', 'b'])
  })

  it('show tells what is in it, and compact deletes what no restart needs of it', async () => {
    const { t, receivers } = logged({ stateful: true })
    await using _ = t
    for (const words of [['a', 'b'], ['c'], ['d']]) {
      await t.ssc.start()
      await receivers[0]!.push(...words)
      await t.run(1)
    }
    await receivers[0]!.push('e', 'f')
    t.crashAt('received-half')
    void receivers[0]!.push('g').catch(() => {})
    await t.until(() => t.crashed)
    const storage = new LocalStorage(t.checkpointDir!, { create: false })
    const { received } = await inspect(storage)
    assert.deepEqual(
      received.map(({ id, blocks, records, waitingRecords, cut }) => [
        id,
        blocks,
        records,
        waitingRecords,
        cut.length,
      ]),
      [['words', 4, 6, 2, 1]],
    )
    const text = drawInspection(await inspect(storage), 0)
    assert.match(text, /received +words: 6 records in 1 segment \(.*\), 2 of them for the first/)
    // As a process would leave it that died before it could clear up.
    const old = 'receivedData/words/0-0.blocks'
    writeFileSync(join(t.checkpointDir!, old), SEGMENT_HEAD)
    mkdirSync(join(t.checkpointDir!, 'receivedData/gone'))
    writeFileSync(join(t.checkpointDir!, 'receivedData/gone/1-0.blocks'), SEGMENT_HEAD)
    const deleted = await compact(storage, { now: 0, force: true })
    assert.deepEqual(
      deleted.filter(({ file }) => file.startsWith('receivedData')).map(({ file, why }) => [file, why]),
      [
        ['receivedData/gone/1-0.blocks', 'received by an input that is gone'],
        [old, 'received, and in old batches'],
      ],
    )
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(
      new Map(t.out<[string, number]>('out').batches.at(-1)),
      new Map(['a', 'b', 'c', 'd', 'e', 'f'].map(w => [w, 1])),
    )
  })

  it('is refused without a checkpoint directory', async () => {
    const { t } = logged({ checkpointDir: false })
    await using _ = t
    const error = await rejected('RECEIVER_LOG_WITHOUT_DIRECTORY', () => t.ssc.start())
    assert.match(error.message, /TestReceiver/)
  })
})

describe('ReceivedLog', () => {
  const block = (n: number, word: string): FreshBlock => ({
    ...{ id: `input-0-${n}`, n, records: 1, bytes: word.length, metadata: { n } },
    content: { block: { kind: 'rows', rows: [word] } },
  })

  async function withLogs<R>(
    body: (parts: {
      storage: CheckpointStorage
      open(storage: CheckpointStorage, epoch: number, timeoutMs?: number): ReceivedLog
    }) => Promise<R>,
  ): Promise<R> {
    await using t = new StreamTest({ build: () => {} })
    const storage = new LocalStorage(t.dir, { durable: false })
    return body({
      storage,
      open: (storage, epoch, timeoutMs = 10_000) =>
        new ReceivedLog({
          ...{ storage, epoch, folder: 'receivedData/in', clock: new SystemClock() },
          settings: { rollingMs: 60_000, maxFailures: 1, timeoutMs },
          assertMine: async () => {},
          skipped: message => assert.fail(message),
        }),
    })
  }

  it('writes blocks that come together at once, and gives them back in order', () =>
    withLogs(async ({ storage, open }) => {
      let writes = 0
      const counting: CheckpointStorage = {
        name: storage.name,
        createIfAbsent: (file, bytes) => storage.createIfAbsent(file, bytes),
        write(file, bytes) {
          writes++
          return storage.write(file, bytes)
        },
        append(file, bytes) {
          writes++
          return storage.append!(file, bytes)
        },
        read: file => storage.read(file),
        list: folder => storage.list(folder),
        delete: file => storage.delete(file),
      }
      const log = open(counting, 1)
      const words = Array.from({ length: 20 }, (_, n) => `w${n}`)
      await Promise.all(words.map((word, n) => log.append(block(n, word))))
      assert.equal(writes, 2)
      const later = open(storage, 2)
      const found = await later.open()
      assert.deepEqual(
        found.map(({ n }) => n),
        words.map((_, n) => n),
      )
      const content = await later.read(found[7]!)
      assert.ok('block' in content && content.block.kind === 'encoded' && content.block.count === 1)
    }))

  it('on a storage that cannot add to files, each write is a segment', () =>
    withLogs(async ({ storage, open }) => {
      const plain: CheckpointStorage = {
        name: storage.name,
        createIfAbsent: (file, bytes) => storage.createIfAbsent(file, bytes),
        write: (file, bytes) => storage.write(file, bytes),
        read: file => storage.read(file),
        list: folder => storage.list(folder),
        delete: file => storage.delete(file),
      }
      const log = open(plain, 1)
      for (let n = 0; n < 3; n++) await log.append(block(n, `w${n}`))
      assert.equal((await storage.list('receivedData/in')).length, 3)
      assert.equal((await open(plain, 2).open()).length, 3)
    }))

  it('a storage that does not answer: the block is refused in time, and the next one too', () =>
    withLogs(async ({ storage, open }) => {
      const stuck: CheckpointStorage = {
        name: storage.name,
        createIfAbsent: (file, bytes) => storage.createIfAbsent(file, bytes),
        write: () => new Promise(() => {}),
        read: file => storage.read(file),
        list: folder => storage.list(folder),
        delete: file => storage.delete(file),
      }
      const log = open(stuck, 1, 5)
      for (let n = 0; n < 2; n++) {
        const error = await rejected('BLOCK_NOT_LOGGED', () => log.append(block(n, 'x')))
        assert.match(error.message, /longer than 5 ms/)
      }
    }))
})
