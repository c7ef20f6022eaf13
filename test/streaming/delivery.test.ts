import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { KindlingError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seconds } from '../../src/base/time.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import type { BatchToken, ExactlyOnceSink, RepeatingSink, SinkSession } from '../../src/rdd/sink/sink.ts'
import { StreamingContext } from '../../src/streaming/streaming-context.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'
import { rejected, thrown } from '../support/rejected.ts'

const policy = 'kindling.streaming.failurePolicy'
const log = 'spark.streaming.receiver.writeAheadLog.enable'

/** A table with tokens, outside of any process. */
function table() {
  const rows = new Map<number, unknown[]>()
  const sessions: SinkSession[] = []
  const asked: number[][] = []
  const forgotten: number[] = []
  const closed: string[] = []
  const sink = <T>(): ExactlyOnceSink<T, T[]> => ({
    name: 'table',
    guarantee: 'exactly-once',
    by: 'transaction',
    writer: () => {
      const own: T[] = []
      return { write: more => void own.push(...more), prepare: () => own, abort() {} }
    },
    open: session => void sessions.push(session),
    committed(tokens) {
      asked.push(tokens.map(({ batchTime }) => batchTime))
      return tokens.filter(({ batchTime }) => rows.has(batchTime))
    },
    commit({ batchTime }, messages) {
      assert.equal(rows.has(batchTime), false, 'committed twice')
      rows.set(batchTime, messages.flat())
    },
    abort() {},
    forget: (_, batchTime) => void forgotten.push(batchTime),
    close: ({ operatorId }) => void closed.push(operatorId),
  })
  return { rows, sessions, asked, forgotten, closed, sink }
}

function repeating(guarantee: 'at-least-once' | 'idempotent'): RepeatingSink<unknown> {
  return { name: 'rows', guarantee, writer: () => ({ write() {}, prepare() {}, abort() {} }) }
}

describe('writeTo', () => {
  it('after a crash asks for the batches that had not ended, and writes only those that are not there', async () => {
    const { rows, sessions, asked, forgotten, sink } = table()
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => t.input('in', [['a'], ['b'], ['c'], ['d']]).writeTo(sink(), { id: 'out' }),
    })
    // The batch is in the table, and the log does not know.
    t.crashAt('commit-before', { nth: 2 })
    await t.run(4)
    assert.equal(t.crashed, true)
    assert.deepEqual([...rows.keys()], [1000, 2000])
    await t.crashAndRestart()
    await t.run(2)
    assert.deepEqual(
      [...rows],
      [
        [1000, ['a']],
        [2000, ['b']],
        [3000, ['c']],
        [4000, ['d']],
      ],
    )
    assert.deepEqual(asked, [[2000]])
    assert.deepEqual(forgotten, [1, 1001])
    const [first, second] = sessions
    assert.equal(second!.program, first!.program)
    assert.equal(second!.operatorId, 'out')
    assert.ok(second!.epoch > first!.epoch)
  })

  it('outputs have names of their own that stay the same, and sinks are closed at the end', async () => {
    const { sessions, closed, sink } = table()
    {
      await using t = new StreamTest({
        build: t => {
          const words = t.input('in', [[1]]).uid('words')
          const other = { ...sink<number>(), commit() {} }
          words.writeTo(sink())
          words.writeTo(other)
          words.map(n => n).writeTo(other, { id: 'mine' })
        },
      })
      await t.run(1)
    }
    const ids = ['words/writeTo', 'words/writeTo-2', 'mine']
    assert.deepEqual(
      sessions.map(({ operatorId }) => operatorId),
      ids,
    )
    assert.deepEqual(closed, ids)
    await using same = new StreamTest({
      build: t => {
        for (const id of ['x', 'x']) t.input(id, [[1]]).writeTo(sink(), { id })
      },
    })
    await rejected('INVALID_ARGUMENT', () => same.run(1))
    await using place = new StreamTest({
      build: t => {
        const words = t.input('in', [['a']])
        words.saveAsTextFiles(`${t.dir}/out`)
        words.saveAsObjectFiles(`${t.dir}/out`)
      },
    })
    const error = await rejected('INVALID_ARGUMENT', () => place.run(1))
    assert.match(error.message, /sink of saveAsObjectFiles .*out-\*/)
  })

  it('a sink that cannot be opened fails the start', async () => {
    await using t = new StreamTest({
      build: t =>
        t.input('in', [[1]]).writeTo({
          ...repeating('at-least-once'),
          open() {
            throw new Error('no such table')
          },
        }),
    })
    const error = await rejected('SINK_FAILED', () => t.run(1))
    assert.match(error.message, /Sink rows failed in its open step: no such table/)
  })

  it('a driver that has been overtaken commits nothing, and stops', async () => {
    const { rows, sink } = table()
    const held = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    await using t = new StreamTest({ build: t => void t.collect('unused', t.input('in', [])) })
    const start = async (isFirst: boolean) => {
      const clock = new ManualClock(t.clock.now())
      const ssc = new StreamingContext({ batchDuration: seconds(1), clock, logger: silentLogger })
      ssc.checkpoint(`${t.dir}/checkpoint`)
      t.file('in/.there', '')
      const slow = { ...sink<string>(), begin: () => (isFirst ? wait() : undefined) }
      ssc.textFileStream(`${t.dir}/in`).writeTo(slow, { id: 'out', require: 'exactly-once' })
      await ssc.start()
      return { ssc, clock }
    }
    const wait = (): Promise<void> => {
      held.resolve()
      return release.promise
    }
    const first = await start(true)
    t.file('in/a.txt', 'a\n', { at: 500 })
    const ticking = first.clock.advance(1000)
    await held.promise
    const second = await start(false)
    await second.clock.advance(1000)
    assert.deepEqual([...rows], [[1000, ['a']]])
    release.resolve()
    await ticking
    await rejected('FENCED', () => first.ssc.awaitTermination())
    assert.equal(first.ssc.getState(), 'stopped')
    await second.clock.advance(1000)
    assert.deepEqual([...rows.keys()], [1000, 2000])
    await second.ssc.stop()
  })

  it('attempts that fail leave nothing in files', async () => {
    await using t = new StreamTest({
      master: 'local[2,3]',
      conf: INLINE,
      build: t =>
        t.input('in', [['a', 'b']], { partitions: 2 }).writeTo(t.sink(fileSink<string>(`${t.dir}/out`))),
    })
    t.failAt('sink-write-after', { nth: 1 })
    t.failAt('sink-prepare-after', { nth: 1 })
    await t.run(1)
    assert.deepEqual(readdirSync(t.dir), ['out-1000'])
    const { files, ...token } = JSON.parse(readFileSync(`${t.dir}/out-1000/_SUCCESS`, 'utf8'))
    assert.deepEqual(readdirSync(`${t.dir}/out-1000`).sort(), ['_SUCCESS', ...files])
    assert.equal((token as BatchToken).batchTime, 1000)
    assert.equal(files.map((f: string) => readFileSync(`${t.dir}/out-1000/${f}`, 'utf8')).join(''), 'a\nb\n')
  })
})

describe('guarantees', () => {
  type Case = {
    readonly source: 'files' | 'receiver' | 'queue'
    readonly saved: boolean
    readonly sink: 'exactly-once' | 'idempotent' | 'at-least-once' | 'foreachRDD'
    readonly log?: boolean
    readonly is: string
    readonly because: readonly RegExp[]
  }
  const directory = /no checkpoint directory/
  const cases: readonly Case[] = [
    { source: 'files', saved: true, sink: 'exactly-once', is: 'exactly-once', because: [] },
    { source: 'files', saved: true, sink: 'idempotent', is: 'exactly-once', because: [] },
    {
      ...{ source: 'files', saved: true, sink: 'at-least-once', is: 'at-least-once' },
      because: [/rows takes a batch again/],
    },
    {
      ...{ source: 'files', saved: true, sink: 'foreachRDD', is: 'at-least-once' },
      because: [/runs its foreachRDD again/],
    },
    { source: 'files', saved: false, sink: 'exactly-once', is: 'none', because: [directory] },
    {
      ...{ source: 'receiver', saved: true, sink: 'exactly-once', is: 'at-most-once' },
      because: [/cannot give again/],
    },
    {
      ...{ source: 'receiver', saved: true, log: true, sink: 'exactly-once', is: 'at-least-once' },
      because: [/not yet acknowledged/],
    },
    {
      ...{ source: 'receiver', saved: true, sink: 'at-least-once', is: 'none' },
      because: [/cannot give again/, /rows takes a batch again/],
    },
    {
      ...{ source: 'queue', saved: false, sink: 'foreachRDD', is: 'none' },
      because: [/cannot give again/, directory, /foreachRDD/],
    },
  ]

  function program(c: Case, require?: 'exactly-once' | 'at-least-once'): StreamTest {
    return new StreamTest({
      checkpointDir: c.saved,
      conf: { [policy]: 'stop', [log]: c.log ?? false },
      build: t => {
        const source =
          c.source === 'files'
            ? t.ssc.textFileStream(t.dir)
            : c.source === 'queue'
              ? t.ssc.queueStream<string>([['a']])
              : t.ssc.receiverStream(t.receiver<string>())
        const stream = source.map(line => line)
        const options = require === undefined ? {} : { require }
        if (c.sink === 'foreachRDD') stream.foreachRDD(() => {})
        else if (c.sink === 'exactly-once') stream.writeTo(table().sink(), options)
        else stream.writeTo(repeating(c.sink), options)
      },
    })
  }

  for (const c of cases) {
    const name = `${c.source}${c.log ? ' with a log' : ''}, ${c.saved ? 'saved' : 'not saved'}, ${c.sink}`
    it(`${name}: ${c.is}, and what was demanded above that is refused`, async () => {
      await using t = program(c)
      const [output] = t.ssc.guarantees()
      assert.equal(output!.guarantee, c.is)
      assert.equal(output!.reasons.length, c.because.length)
      for (const [i, text] of c.because.entries()) assert.match(output!.reasons[i]!, text)
      if (c.sink === 'foreachRDD') return
      for (const required of ['exactly-once', 'at-least-once'] as const) {
        const isKept = c.is === 'exactly-once' || c.is === required
        await using demanding = program(c, required)
        if (isKept) await demanding.run(1)
        else {
          const error = await rejected('GUARANTEE_NOT_KEPT', () => demanding.run(1))
          assert.match(error.message, new RegExp(`demands ${required}`))
          for (const text of c.because) assert.match(error.message, text)
        }
      }
    })
  }

  it('a line for each output at the start', async () => {
    const lines: string[] = []
    const clock = new ManualClock(0)
    const logger = { ...silentLogger, info: (line: string) => void lines.push(line) }
    const ssc = new StreamingContext({
      ...{ clock, logger, batchDuration: seconds(1) },
      conf: { [policy]: 'skip' },
    })
    const words = ssc.queueStream([['a']])
    words.saveAsTextFiles('never/words', 'txt')
    words.writeTo(repeating('idempotent'))
    await ssc.start()
    await ssc.stop()
    const told = lines.filter(line => line.includes('guarantee'))
    assert.equal(told.length, 2)
    assert.match(
      told[0]!,
      /^saveAsTextFiles at .*delivery\.test\.ts:\d+:\d+ → files never\/words-\*\.txt: no guarantee across a crash: queue cannot give again what a crash interrupts; there is no checkpoint directory: .* \(batches that fail for good are skipped/,
    )
    assert.match(told[1]!, /may be seen in part until it is whole/)
  })

  it('a refused start has written nothing', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      build: t =>
        t.ssc.receiverStream(t.receiver<string>()).writeTo(table().sink(), { require: 'at-least-once' }),
    })
    await rejected('GUARANTEE_NOT_KEPT', () => t.run(1))
    assert.deepEqual(readdirSync(t.checkpointDir!), [])
  })
})

describe('failurePolicy skip and sinks', () => {
  function program(order: readonly ('sink' | 'rows' | 'fails')[], broken = table()): StreamTest {
    return new StreamTest({
      conf: { [policy]: 'skip' },
      build: t => {
        const input = t.input('in', [['a'], ['b'], ['c']])
        for (const output of order)
          if (output === 'sink') input.writeTo(broken.sink())
          else if (output === 'rows') input.writeTo(repeating('at-least-once'))
          else
            input.foreachRDD((_, time) => {
              if (time.milliseconds === 2000) throw new Error('no')
            })
      },
    })
  }

  it('is not offered once a sink of exactly once has committed', async () => {
    const { rows, ...rest } = table()
    await using t = program(['sink', 'fails'], { rows, ...rest })
    await t.run(3, { collectErrors: true })
    assert.deepEqual([...rows.keys()], [1000, 2000])
    const error = await rejected('BATCH_NOT_SKIPPABLE', () => t.ssc.awaitTermination())
    assert.match(error.message, /table holds it already, by writeTo at .*delivery\.test\.ts/)
  })

  it('is offered before the first commit, and names sinks that have the batch, or a part of it', async () => {
    const { rows, ...rest } = table()
    await using t = program(['rows', 'fails', 'sink'], { rows, ...rest })
    await t.run(3, { collectErrors: true })
    assert.deepEqual([...rows.keys()], [1000, 3000])
    assert.ok(t.warnings.some(w => /have run, and are not undone: writeTo at \S+ → rows/.test(w)))

    await using partly = new StreamTest({
      conf: { [policy]: 'skip' },
      build: t =>
        t.input('in', [['a'], ['b']]).writeTo({
          ...repeating('at-least-once'),
          commit({ batchTime }) {
            if (batchTime === 1000) throw new Error('no')
          },
        }),
    })
    await partly.run(2, { collectErrors: true })
    assert.ok(partly.warnings.some(w => w.endsWith('rows may hold a part of it')))
  })

  it('a commit of which nobody knows whether it went through counts as one', async () => {
    const { sink } = table()
    await using t = new StreamTest({
      conf: { [policy]: 'skip' },
      build: t =>
        t.input('in', [['a']]).writeTo({
          ...sink<string>(),
          commit() {
            throw new KindlingError('SINK_FAILED', { sink: 'table', step: 'commit', reason: 'timed out' })
          },
          committed() {
            throw new Error('not there')
          },
        }),
    })
    await t.run(1, { collectErrors: true })
    const error = await rejected('BATCH_NOT_SKIPPABLE', () => t.ssc.awaitTermination())
    assert.match(error.message, /may hold it already/)
  })
})

describe('what writeTo takes', () => {
  it('is checked by the compiler: a sink of exactly once has to say what it holds, and to commit', () => {
    const base = { name: 'x', writer: () => ({ write() {}, prepare() {}, abort() {} }) }
    // @ts-expect-error no committed, commit and abort
    const wrong: ExactlyOnceSink<string> = { ...base, guarantee: 'exactly-once', by: 'transaction' }
    const right: RepeatingSink<string> = { ...base, guarantee: 'at-least-once' }
    assert.equal(wrong.name, right.name)
  })

  it('is refused once the context has started', async () => {
    await using t = new StreamTest({ build: t => void t.collect('out', t.input('in', [[1]])) })
    const stream = t.input('other', [[1]])
    await t.run(1)
    thrown('CONTEXT_STARTED', () => stream.writeTo(repeating('idempotent')))
  })
})
