/** At every step of every sink: each batch is there once, whole, and nothing else is; whoever looks in between sees whole batches only. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { milliseconds, seconds } from '../../src/base/time.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import type { Sink } from '../../src/rdd/sink/sink.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'
import { faultyFiles, faultyStorage, type Steps } from '../support/faulty-files.ts'
import { runs } from '../support/runs.ts'

const batches = [['a', 'b', 'c'], [], ['b', 'b']]
const expected = new Map([
  [1000, ['{"a":1}', '{"b":1}', '{"c":1}']],
  [2000, ['{"a":1}', '{"b":1}', '{"c":1}']],
  [3000, ['{"a":1}', '{"b":3}', '{"c":1}']],
])

type MakeSink = (t: StreamTest, steps: Steps) => Sink<Record<string, number>>

const format = 'ndjson'
const sinks: Readonly<Record<string, MakeSink>> = {
  'the local file system': (t, steps) =>
    fileSink(`${t.dir}/out/sums`, { format, files: faultyFiles(t, steps) }),
  'a storage without rename': (t, steps) =>
    fileSink('sums', { format, storage: faultyStorage(t, `${t.dir}/out`, steps) }),
}

function program(make: MakeSink, steps: Steps): StreamTest {
  return new StreamTest({
    checkpointDir: true,
    master: 'local[2]',
    conf: { ...INLINE, 'kindling.streaming.failurePolicy': 'stop' },
    build: t =>
      t
        .input('in', batches, { partitions: 2 })
        .map(word => [word, 1])
        .updateStateByKey<number>((ones, n = 0) => n + ones.length, { partitions: 2 })
        .checkpoint(seconds(2))
        .map(([word, n]) => ({ [word]: n }))
        .writeTo(t.sink(make(t, steps)), { require: 'exactly-once' }),
  })
}

/** What a reader sees: the lines of each batch that is there. */
function visible(t: StreamTest): Map<number, string[]> {
  const folder = `${t.dir}/out`
  const seen = new Map<number, string[]>()
  for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
    if (name.startsWith('.')) continue
    const success = `${folder}/${name}/_SUCCESS`
    if (!existsSync(success)) continue
    const { files, batchTime } = JSON.parse(readFileSync(success, 'utf8')) as {
      files: string[]
      batchTime: number
    }
    assert.equal(name, `sums-${batchTime}`)
    const lines = files.flatMap(file => readFileSync(`${folder}/${name}/${file}`, 'utf8').split('\n'))
    seen.set(batchTime, lines.filter(line => line !== '').sort())
  }
  return seen
}

/** Nothing is there but the files that count. */
function assertNothingElse(t: StreamTest): void {
  for (const name of readdirSync(`${t.dir}/out`)) {
    // The one that writes now notes that it does.
    if (/^\.sums\._fence-\w+$/.test(name)) continue
    assert.match(name, /^sums-\d+$/)
    const folder = `${t.dir}/out/${name}`
    const { files } = JSON.parse(readFileSync(`${folder}/_SUCCESS`, 'utf8')) as { files: string[] }
    assert.deepEqual(readdirSync(folder).sort(), ['_SUCCESS', ...files].sort())
  }
}

for (const [kind, make] of Object.entries(sinks))
  describe(`output into ${kind}`, () => {
    const places: string[] = []

    it('is the same without a crash', async () => {
      const steps: Steps = []
      await using t = program(make, steps)
      await t.run(batches.length)
      assert.deepEqual(visible(t), expected)
      assertNothingElse(t)
      places.push(...steps)
      assert.ok(places.length >= 9, places.join())
    })

    it('survives a crash before, after and in the middle of every step of its files', async () => {
      assert.ok(places.length > 0)
      for (let nth = 1; nth <= places.length * 3; nth++) {
        const steps: Steps = []
        await using t = program(make, steps)
        t.crashAt('file', { nth })
        await t.run(batches.length)
        await verify(t, steps, `file step ${nth}`)
      }
    })

    const points = ['open', 'begin', 'writer', 'write', 'prepare', 'commit'] as const
    for (const point of points)
      for (const when of ['before', 'after'] as const)
        it(`survives a crash ${when} ${point}`, async () => {
          for (const nth of point === 'open' ? [1] : [1, 2, 3]) {
            const steps: Steps = []
            await using t = program(make, steps)
            t.crashAt(`sink-${point}-${when}`, { nth })
            await t.run(batches.length)
            await verify(t, steps, `${point} ${when} ${nth}`)
          }
        })

    it('survives a second crash while the first is being cleaned up', async () => {
      for (const again of ['sink-open-after', 'sink-committed-before', 'sink-committed-after'] as const) {
        const steps: Steps = []
        await using t = program(make, steps)
        t.crashAt('sink-prepare-after', { nth: 3 })
        await t.run(batches.length)
        assert.equal(t.crashed, true)
        t.crashAt(again)
        await t.crashAndRestart()
        await verify(t, steps, again)
      }
    })
  })

async function verify(t: StreamTest, steps: Steps, at: string): Promise<void> {
  assert.equal(t.crashed, true, at)
  for (const [time, lines] of visible(t)) assert.deepEqual(lines, expected.get(time), at)
  await t.crashAndRestart({ downFor: seconds(2) })
  await t.run(Math.max(0, batches.length - Math.floor(t.clock.now() / 1000)))
  assert.deepEqual(t.errors, [], at)
  const seen = [...visible(t)].filter(([time]) => expected.has(time))
  assert.deepEqual(new Map(seen), expected, at)
  assertNothingElse(t)
  for (const time of expected.keys()) {
    const commits = steps.filter(
      step => step.endsWith(`sums-${time}`) || step.includes(`sums-${time}/_SUCCESS`),
    )
    assert.equal(commits.length, 1, `${at}: the batch at ${time} was committed ${commits.length} times`)
  }
}

describe('output of a program that dies again and again', () => {
  const crash = fc.record({
    nth: fc.integer({ min: 1, max: 40 }),
    downFor: fc.integer({ min: 0, max: 3000 }),
  })
  const many = Array.from({ length: 12 }, (_, i) =>
    Array.from({ length: i % 4 }, (_, j) => `k${(i * 5 + j) % 7}`),
  )

  it('is there once, whole, whatever happens (property)', async () => {
    let hits = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.values(sinks)),
        fc.array(crash, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(1, 2),
        async (make, crashes, concurrentJobs) => {
          const steps: Steps = []
          await using t = new StreamTest({
            checkpointDir: true,
            master: 'local[2]',
            conf: { ...INLINE, 'spark.streaming.concurrentJobs': concurrentJobs },
            build: t =>
              t
                .input('in', many, { partitions: 2 })
                .map(word => ({ [word]: 1 }))
                .writeTo(t.sink(make(t, steps)), { require: 'exactly-once' }),
          })
          for (const { nth, downFor } of crashes) {
            const takeBack = t.crashAt('file', { nth })
            await t.run(3)
            takeBack()
            if (t.crashed) hits++
            await t.crashAndRestart({ downFor: milliseconds(downFor) })
          }
          await t.run(Math.max(1, many.length + 1 - Math.floor(t.clock.now() / 1000)))
          const seen = visible(t)
          // Ticks may have been merged into later ones, each in its order.
          const lines = [...seen].sort(([a], [b]) => a - b).flatMap(([, batch]) => batch)
          assert.deepEqual(lines.sort(), many.flatMap(batch => batch.map(word => `{"${word}":1}`)).sort())
          assertNothingElse(t)
        },
      ),
      { numRuns: Math.ceil(runs / 2) },
    )
    assert.ok(hits > 0)
  })
})
