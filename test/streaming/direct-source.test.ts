/** The contract of direct sources: what the engine asks of them, when, and what it keeps for them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CompletedPlan, type DirectSource, seconds } from 'kindling'
import { StreamTest, type StreamTestOptions } from 'kindling/testing'

interface Range {
  readonly from: number
  readonly until: number
}

/** A log that a test writes, and a source over it that notes how it is called. */
class Log {
  readonly records: string[] = []
  readonly calls: string[] = []
  isDown = false

  source(more: Partial<DirectSource<string, Range, number>> = {}): DirectSource<string, Range, number> {
    const { records, calls } = this
    const noted =
      (what: string) =>
      ({ time, ranges, position }: CompletedPlan<Range, number>): void => {
        const texts = ranges.map(({ from, until }) => `${from}-${until}`)
        calls.push(`${what} ${time.milliseconds} ${texts} at ${position}`)
      }
    return {
      name: 'a log',
      open: ({ isRestart }) => void calls.push(isRestart ? 'open again' : 'open'),
      plan: ({ position = 0, limit }) => {
        if (this.isDown) throw new Error('the log is damaged')
        const until = Math.min(records.length, position + limit)
        return { ranges: [{ from: position, until }], position: until, numRecords: until - position }
      },
      read: (sc, ranges) => sc.fromPartitions(ranges, ({ from, until }) => records.slice(from, until)),
      completed: noted('completed'),
      forget: noted('forget'),
      close: () => void calls.push('close'),
      ...more,
    }
  }
}

function program(
  log: Log,
  options: Partial<StreamTestOptions> = {},
  more: Partial<DirectSource<string, Range, number>> = {},
): StreamTest {
  return new StreamTest({
    build: t => void t.collect('out', t.ssc.directStream(log.source(more))),
    ...options,
  })
}

describe('a direct source', () => {
  it('is opened, planned batch by batch from where the last one ended, and closed once', async () => {
    const log = new Log()
    log.records.push('a', 'b')
    const t = program(log)
    await t.run(1)
    log.records.push('c')
    await t.run(2)
    await t[Symbol.asyncDispose]()
    assert.deepEqual(t.out('out').batches, [['a', 'b'], ['c'], []])
    assert.deepEqual(
      log.calls.filter(call => /open|close$/.test(call)),
      ['open', 'close'],
    )
  })

  it('is told of batches that are done, in order, and of what it may delete', async () => {
    const log = new Log()
    log.records.push('a')
    await using t = program(log)
    await t.run(1)
    log.records.push('b')
    await t.run(1)
    assert.deepEqual(
      log.calls.filter(call => /completed/.test(call)),
      ['completed 1000 0-1 at 1', 'completed 2000 1-2 at 2'],
    )
    assert.ok(log.calls.includes('forget 1000 0-1 at 1'), log.calls.join())
  })

  it('with a checkpoint directory deletes nothing that a restart reads', async () => {
    const log = new Log()
    const forgotten: number[] = []
    const forget = ({ position }: CompletedPlan<Range, number>): void => void forgotten.push(position!)
    await using t = new StreamTest({
      checkpointDir: true,
      build: t =>
        t.collect(
          'out',
          t.ssc
            .directStream(log.source({ forget }))
            .map(word => [word, 1] as [string, number])
            .updateStateByKey<number>((ones, n = 0) => n + ones.length)
            .uid('counts')
            .checkpoint(seconds(5)),
        ),
    })
    for (let i = 0; i < 40; i++) {
      log.records.push('a')
      await t.run(1)
      // What the source was told may go is gone.
      for (let at = 0; at < (forgotten.at(-1) ?? 0); at++) log.records[at] = 'deleted'
      if (i % 7 === 6) await t.crashAndRestart()
    }
    assert.ok(forgotten.length > 0)
    assert.deepEqual(t.out('out').batches.at(-1), [['a', 40]])
  })

  it('is not told of a batch that failed before a later one has succeeded', async () => {
    const log = new Log()
    log.records.push('a')
    await using t = program(log)
    t.failAt('output')
    await t.run(1, { collectErrors: true })
    assert.deepEqual(log.calls, ['open'])
    await t.run(1)
    assert.deepEqual(log.calls.slice(1, 3), ['completed 1000 0-1 at 1', 'completed 2000 1-1 at 1'])
  })

  it('goes on after a crash from the position that was saved, and reads what was planned', async () => {
    const log = new Log()
    log.records.push('a', 'b')
    await using t = program(log, { checkpointDir: true })
    t.crashAt('task')
    await t.run(1)
    log.records.push('c')
    await t.crashAndRestart({ downFor: seconds(2) })
    await t.run(1)
    assert.deepEqual(t.out('out').batches.slice(0, 2), [['a', 'b'], ['c']])
    assert.ok(log.calls.includes('open again'))
  })

  it('that cannot plan fails the batch, and is asked again with the same position', async () => {
    const log = new Log()
    log.records.push('a')
    await using t = program(log, { checkpointDir: true })
    await t.run(1)
    log.isDown = true
    log.records.push('b')
    await t.run(1, { collectErrors: true })
    assert.match(t.errors[0]!.message, /the log is damaged/)
    log.isDown = false
    await t.run(1)
    await t.crashAndRestart()
    assert.deepEqual(t.out('out').batches.flat(), ['a', 'b'])
  })

  for (const [title, plan] of [
    ['ranges', { ranges: [() => 1], position: 1 }],
    ['positions', { ranges: [], position: () => 1 }],
  ] as const)
    it(`may not have ${title} that are no data`, async () => {
      const source: DirectSource<string, unknown, unknown> = {
        name: 'a source',
        plan: () => plan,
        read: sc => sc.emptyRDD<string>(),
        close() {},
      }
      await using t: StreamTest = new StreamTest({
        build: t => void t.collect('out', t.ssc.directStream(source)),
      })
      await assert.rejects(t.run(1), { code: 'RECORD_NOT_ENCODABLE' })
    })

  it('whose open failed is closed', async () => {
    const log = new Log()
    const open = (): never => {
      throw new Error('nobody is there')
    }
    const t = program(log, {}, { open })
    await assert.rejects(t.run(1), /nobody is there/)
    await t[Symbol.asyncDispose]()
    assert.deepEqual(log.calls, ['close'])
  })

  it('warns of what fails when it is told that batches are done, and goes on', async () => {
    const log = new Log()
    log.records.push('a')
    const completed = (): never => {
      throw new Error('no such group')
    }
    await using t = program(log, {}, { completed })
    await t.run(2)
    assert.match(t.warnings[0]!, /a log: completed of the batch at 1000 ms failed: no such group/)
    assert.deepEqual(t.errors, [])
  })

  it('takes up plans that an older version of it wrote', async () => {
    const log = new Log()
    log.records.push('a', 'b')
    let more: Partial<DirectSource<string, Range, number>> = {}
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => void t.collect('out', t.ssc.directStream(log.source(more))),
    })
    await t.run(1)
    log.records.unshift('new head')
    log.records.push('c')
    // Positions are one higher in the new version.
    more = {
      upgrade(saved) {
        const { ranges, position } = saved as { readonly ranges: readonly Range[]; readonly position: number }
        return {
          ranges: ranges.map(({ from, until }) => ({ from: from + 1, until: until + 1 })),
          position: position + 1,
        }
      },
    }
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['a', 'b', 'c'])
  })

  it('may count in a unit of its own', async () => {
    const log = new Log()
    log.records.push('aaaa', 'bb', 'c')
    const rate = { initial: 5, amountOf: () => 4 }
    const limits: number[] = []
    await using t = program(
      log,
      {},
      {
        rate,
        plan: ({ position = 0, limit }) => {
          limits.push(limit)
          return { ranges: [{ from: position, until: position + 1 }], position: position + 1 }
        },
      },
    )
    await t.run(1)
    assert.deepEqual(limits, [5])
    assert.deepEqual(t.out('out').batches, [['aaaa']])
  })
})
