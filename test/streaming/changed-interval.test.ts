/** Programs that go on with another batch interval: against what batches of that interval have by hand. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seconds } from 'kindling'
import { StreamTest } from 'kindling/testing'
import { inspect } from '../../src/streaming/checkpoint/inspect.ts'
import { planRestart } from '../../src/streaming/checkpoint/plan.ts'
import { openExisting } from '../../src/streaming/checkpoint/stored-files.ts'
import { runs } from '../support/runs.ts'

const ALLOW_DROP = { 'kindling.checkpoint.allowDrop': true }
/** One record comes at each of them: of key `a` or `b`, with the number of the step. */
const STEP_MS = 500
const script: [string, number][][] = Array.from({ length: 400 }, (_, i) => [[i % 3 === 0 ? 'a' : 'b', i]])
const add = (a: number, b: number): number => a + b
const subtract = (a: number, b: number): number => a - b

type Sums = [string, number][]

/** The sums of what comes after `from`, up to `to`. */
function sums(from: number, to: number): Sums {
  const byKey = new Map<string, number>()
  script.forEach(([record], i) => {
    const at = (i + 1) * STEP_MS
    if (at > from && at <= to) byKey.set(record![0], (byKey.get(record![0]) ?? 0) + record![1])
  })
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1))
}

const sorted = (values: unknown[]): Sums => (values as Sums).toSorted(([a], [b]) => (a < b ? -1 : 1))

/** What was collected under `name`, by time. */
function outOf(t: StreamTest, name: string): Map<number, Sums> {
  const { times, batches } = t.out(name)
  return new Map(times.map((time, i) => [time, sorted(batches[i]!)]))
}

/** @param window a multiple of all intervals that it is run with, as are its slides */
function program(window: number, slide: number | undefined): (t: StreamTest) => void {
  return t => {
    const span = slide === undefined ? undefined : seconds(slide)
    const pairs = t.input('in', script)
    t.collect('batch', pairs.reduceByKey(add))
    t.collect('sums', pairs.updateStateByKey<number>((ns, sum = 0) => ns.reduce(add, sum)).uid('sums'))
    const panes = pairs.reduceByKeyAndWindow(add, seconds(window), span)
    t.collect('panes', panes.uid('panes'))
    const inverse = pairs.reduceByKeyAndWindow(add, subtract, seconds(2 * window), span)
    t.collect('inverse', inverse.uid('inverse'))
    t.collect('plain', pairs.window(seconds(window), span).uid('plain').reduceByKey(add))
  }
}

/** That every batch of `t` has what comes in its time; windows from `restart` on nothing of before. */
function assertRight(t: StreamTest, window: number, restart = 0): void {
  const { times } = t.out('batch')
  times.forEach((time, i) => {
    assert.deepEqual(outOf(t, 'batch').get(time), sums(times[i - 1] ?? 0, time), `batch at ${time}`)
    assert.deepEqual(outOf(t, 'sums').get(time), sums(0, time), `sums at ${time}`)
  })
  for (const [name, length] of [
    ['panes', window],
    ['inverse', 2 * window],
    ['plain', window],
  ] as const)
    for (const [time, values] of outOf(t, name)) {
      const start = time > restart ? Math.max(restart, time - length * 1000) : time - length * 1000
      // The first batch has what came before the program began.
      assert.deepEqual(values, sums(start < times[0]! ? 0 : start, time), `${name} at ${time}`)
    }
}

describe('a program that goes on with another batch interval', () => {
  for (const [name, before, after, slide] of [
    ['longer', 1, 2, 4],
    ['longer, with windows for each batch', 1, 2, undefined],
    ['shorter', 2, 1, 4],
    ['neither a multiple nor a part of the other, with borders that both have', 2, 3, 12],
  ] as const)
    it(`has batches that are ${name}, and windows over both`, async () => {
      await using t = new StreamTest({
        batchDuration: STEP_MS,
        checkpointDir: true,
        build: program(12, slide),
      })
      // The first life begins with the interval of before.
      await t.crashAndRestart({ batchDuration: seconds(before) })
      await t.run(7)
      t.crashAt('commit-before')
      await t.run(1)
      assert.ok(t.crashed)
      const last = 8000 * before
      await t.crashAndRestart({ batchDuration: seconds(after) })
      await t.run(12)
      assertRight(t, 12)
      const { times } = t.out('batch')
      assert.deepEqual(
        times.filter(time => time > last),
        Array.from({ length: 12 }, (_, i) => (Math.floor(last / 1000 / after) + i + 1) * after * 1000),
      )
      assert.ok(t.out('panes').times.some(time => time > last))
      // And once more, from what the first change has saved.
      t.crashAt('commit-before')
      await t.run(1)
      await t.crashAndRestart()
      await t.run(3)
      assertRight(t, 12)
    })

  it('refuses to cut batches in two for a window, and begins it anew when it may', async () => {
    const build = program(4, undefined)
    await using t = new StreamTest({ batchDuration: STEP_MS, checkpointDir: true, build })
    await t.crashAndRestart({ batchDuration: seconds(2) })
    await t.run(5)
    await assert.rejects(
      t.crashAndRestart({ batchDuration: seconds(1) }),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'CHECKPOINT_MISMATCH')
        for (const id of ['panes', 'inverse', 'plain'])
          assert.match(error.message, new RegExp(`windows of ${id} `))
        assert.match(error.message, /interval was 2000 ms and is 1000 ms.*allowDrop/s)
        return true
      },
    )
    // As it was, nothing has changed.
    await t.crashAndRestart({ batchDuration: seconds(2) })
    await t.run(1)
    assertRight(t, 4)
  })

  it('begins such windows anew when it may, also after another restart', async () => {
    const build = program(4, undefined)
    const options = { batchDuration: STEP_MS, checkpointDir: true, build, conf: ALLOW_DROP }
    await using t = new StreamTest(options)
    await t.crashAndRestart({ batchDuration: seconds(2) })
    await t.run(5)
    await t.crashAndRestart({ batchDuration: seconds(1) })
    assert.match(t.warnings.join('\n'), /dropped, since the batch interval was 2000 ms/)
    await t.run(2)
    assertRight(t, 4, 10_000)
    await t.crashAndRestart()
    await t.run(6)
    assertRight(t, 4, 10_000)
  })

  it('is planned before', async () => {
    const dir = async (t: StreamTest) => await openExisting(t.checkpointDir!)
    const planOf = async (t: StreamTest, window: number, slide: number | undefined, batchMs: number) => {
      await using other = new StreamTest({ batchDuration: batchMs, build: program(window, slide) })
      // What `start` would be given.
      const { graph } = other.ssc as unknown as { readonly graph: Parameters<typeof planRestart>[0]['graph'] }
      return await planRestart({ storage: await dir(t), graph, batchMs })
    }
    await using t = new StreamTest({ batchDuration: seconds(2), checkpointDir: true, build: program(4, 4) })
    await t.run(5)
    t.die()
    const kept = await planOf(t, 4, 4, 1000)
    assert.deepEqual(kept.interval, { savedMs: 2000, nowMs: 1000 })
    assert.deepEqual(
      kept.operators.map(({ id, fate }) => [id, fate]),
      [
        ['sums', 'kept'],
        ['panes', 'kept'],
        ['inverse', 'kept'],
      ],
    )
    const cut = await planOf(t, 5, 1, 1000)
    assert.deepEqual(
      cut.operators.filter(({ fate }) => fate === 'restarted').map(({ id, kind }) => [id, kind]),
      [
        ['panes', 'reduceByKeyAndWindow'],
        ['inverse', 'reduceByKeyAndWindow with inverse'],
        ['plain', 'window'],
      ],
    )
    assert.match(cut.operators.find(({ id }) => id === 'plain')!.reason!, /cut batches of before/)
  })

  it('tells of both intervals in what is saved', async () => {
    await using t = new StreamTest({ batchDuration: seconds(1), checkpointDir: true, build: program(4, 4) })
    await t.run(3)
    await t.crashAndRestart({ batchDuration: seconds(2) })
    await t.run(1)
    const { saved } = await inspect(await openExisting(t.checkpointDir!))
    assert.equal(saved!.batchMs, 2000)
    assert.deepEqual(saved!.earlier, [{ zeroTime: 0, batchMs: 1000, upTo: 3000 }])
    // Once no batch of before is needed any more, it is forgotten.
    await t.run(20)
    const later = await inspect(await openExisting(t.checkpointDir!))
    assert.deepEqual(later.saved!.earlier, [])
  })

  it('is the same whenever it changes, and dies', async () => {
    const life = fc.record({
      intervalMs: fc.constantFrom(500, 1000, 1500, 2000, 3000, 6000),
      batches: fc.integer({ min: 0, max: 9 }),
      crash: fc.constantFrom('commit-before', 'log-after', 'output', 'manifest-after', undefined),
      downMs: fc.integer({ min: 0, max: 14 }).map(n => n * STEP_MS),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 2, maxLength: 5 }), async lives => {
        await using t = new StreamTest({ batchDuration: STEP_MS, checkpointDir: true, build: program(6, 6) })
        // The first one begins at 0, so that all borders of windows are borders of batches.
        for (const [i, { intervalMs, batches, crash, downMs }] of lives.entries()) {
          await t.crashAndRestart({ batchDuration: intervalMs, downFor: i === 0 ? 0 : downMs })
          await t.run(batches)
          const takeBack = crash === undefined ? undefined : t.crashAt(crash)
          if (crash !== undefined) await t.run(1)
          takeBack?.()
        }
        await t.crashAndRestart()
        await t.run(1)
        assertRight(t, 6)
        assert.deepEqual(t.errors, [])
      }),
      { numRuns: Math.ceil(runs / 5) },
    )
  })
})
