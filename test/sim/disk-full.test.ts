/**
 * A full disk: the program stops with an error that says what to do, what was committed is whole, and once there is space it goes on
 * as if nothing had happened. With a storage that is full at each write in turn, and with a real small file system.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isKindlingError } from '../../src/base/errors.ts'
import { seconds } from '../../src/base/time.ts'
import type { DeadLetter } from '../../src/rdd/dead-letters/dead-letter.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import type { Sink } from '../../src/rdd/sink/sink.ts'
import type { CheckpointStorage } from '../../src/streaming/checkpoint/storage.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'
import { FullDisk, type Space } from '../support/full-disk.ts'
import { onSmallDisk } from '../support/small-disk.ts'

const BATCHES = 6
const CONF = { ...INLINE, 'kindling.streaming.failurePolicy': 'stop' }
const script = Array.from({ length: BATCHES }, (_, i): [string, number][] => [
  [`k${i % 2}`, i],
  ['all', 1],
])

interface Places {
  readonly saved: string | CheckpointStorage
  readonly out: ReturnType<typeof fileSink>
  /** For the batch of 4 s, which then fails for good. */
  readonly letters?: Sink<DeadLetter>
}

/** State, and a sink of exactly once. */
function program(places: (t: StreamTest) => Places) {
  return (t: StreamTest): void => {
    const { saved, out, letters } = places(t)
    t.ssc.checkpoint(saved)
    const isBad = letters === undefined ? Number.NaN : 3
    if (letters !== undefined) t.ssc.deadLetters(letters, { id: 'letters' })
    const sums = t
      .input('in', script, { partitions: 2 })
      .uid('in')
      .map(([key, n]): [string, number] => {
        if (n === isBad) throw new Error('poisoned')
        return [key, n]
      })
      .updateStateByKey<number>((values, sum = 0) => values.reduce((a, b) => a + b, sum), 2)
      .uid('sums')
      .checkpoint(seconds(2))
    t.collect('sums', sums)
    sums.map(([key, sum]) => `${key} ${sum}`).writeTo(out, { id: 'out', require: 'exactly-once' })
  }
}

/** Each batch of the sink, and the last sums. */
async function resultOf(
  t: StreamTest,
  storage: CheckpointStorage,
): Promise<{ readonly out: Readonly<Record<string, string[]>>; readonly sums: ReadonlyMap<string, number> }> {
  const out: Record<string, string[]> = {}
  for (const batch of (await storage.list('')).toSorted()) {
    const success = await storage.read(`${batch}/_SUCCESS`)
    if (!/^(out|letters)-/.test(batch) || success === undefined) continue
    const { files } = JSON.parse(Buffer.from(success).toString()) as { readonly files: readonly string[] }
    const parts = await Promise.all(
      files.map(
        async file =>
          (await storage.read(`${batch}/${file}`)) ??
          assert.fail(`${batch}/${file} of ${success} is missing`),
      ),
    )
    // Stacks of letters name the attempt.
    const lines = parts.join('').split('\n').toSorted()
    out[batch] = batch.startsWith('out-') ? lines : lines.map(line => /"value":\[.*?\]/.exec(line)?.[0] ?? '')
  }
  return { out, sums: new Map(t.out<[string, number]>('sums').batches.at(-1)) }
}

/** All causes of an error. */
const causes = (error: unknown): unknown[] =>
  error === undefined ? [] : [error, ...causes((error as Error).cause)]

const LOG = ['manifest-N', '.plan', '.commit', '.image']
const PLENTY: Space = { left: Number.POSITIVE_INFINITY, refused: [] }

function sinkIn<T>(t: StreamTest, folder: string, space: Space) {
  return fileSink<T>(folder, {
    storage: new FullDisk(`${t.dir}/out`, space),
    format: folder === 'out' ? 'text' : 'ndjson',
  })
}

const variants = [
  {
    name: 'of a program and its output',
    conf: CONF,
    places: (t: StreamTest, space: Space): Places => ({
      saved: new FullDisk(`${t.dir}/saved`, space),
      out: sinkIn(t, 'out', space) as Places['out'],
    }),
    batches: ['out-4000', 'out-6000'],
    kinds: [...LOG, '_SUCCESS', 'part'],
  },
  {
    // A batch whose output has no room would become letters.
    name: 'of a program that gives up a batch',
    conf: { ...CONF, 'kindling.streaming.failurePolicy': 'dead-letter', 'spark.task.maxFailures': 1 },
    places: (t: StreamTest, space: Space): Places => ({
      saved: new FullDisk(`${t.dir}/saved`, space),
      out: sinkIn(t, 'out', { ...PLENTY }) as Places['out'],
      letters: sinkIn<DeadLetter>(t, 'letters', { ...PLENTY }),
    }),
    batches: ['letters-4000', 'out-6000'],
    kinds: [...LOG, '.failed'],
  },
]

describe('a disk that is full', () => {
  for (const { name, places, conf, batches, kinds: expectedKinds } of variants)
    it(`at each write ${name} in turn: stops, harms nothing, and goes on when there is space`, async () => {
      const expected = await (async () => {
        await using t = new StreamTest({
          conf,
          build: program(t => places(t, { left: Infinity, refused: [] })),
        })
        await t.run(BATCHES, { collectErrors: true })
        return await resultOf(t, new FullDisk(`${t.dir}/out`, { left: 0, refused: [] }))
      })()
      for (const batch of batches)
        assert.ok(Object.hasOwn(expected.out, batch), `${batch} of ${Object.keys(expected.out)}`)
      const seen = new Set<string>()
      for (let fits = 0; ; fits++) {
        const space: Space = { left: fits, refused: [] }
        await using t = new StreamTest({ conf, build: program(t => places(t, space)) })
        let failure: unknown
        await t.run(BATCHES, { collectErrors: true }).catch(error => {
          failure = error
        })
        if (space.refused.length === 0) break
        failure ??= t.errors.at(-1)
        await t.until(() => t.ssc.getState() === 'stopped', {
          what: `a stop after ${space.refused}`,
          timeoutMs: 3000,
        })
        const full = causes(failure).find(error => isKindlingError(error, 'CHECKPOINT_NOT_WRITABLE')) as Error
        assert.match(full.message, /ENOSPC.*start the program again/s, `with room for ${fits} writes`)
        for (const file of space.refused) seen.add(file.replaceAll(/\d+/g, 'N').replace(/part-.*/, 'part'))
        const refused = space.refused.join()
        space.left = Number.POSITIVE_INFINITY
        space.refused.length = 0
        await t.crashAndRestart()
        await t.run(Math.max(0, BATCHES - t.clock.now() / 1000), { collectErrors: true })
        const storage = new FullDisk(`${t.dir}/out`, { left: 0, refused: [] })
        assert.deepEqual(await resultOf(t, storage), expected, `after ${refused} did not fit`)
      }
      const kinds = [...seen].join(' ')
      for (const kind of expectedKinds)
        assert.ok(kinds.includes(kind), `no write of ${kind} was refused: ${kinds}`)
    })

  it('a real one: a small file system that is filled up', t =>
    onSmallDisk(t, async disk => {
      const { folder: dir } = disk
      const build = program(() => ({ saved: `${dir}/saved`, out: fileSink(`${dir}/out`) }))
      await using t = new StreamTest({ conf: CONF, build })
      await t.run(3)
      await disk.fill()
      await t.run(2, { collectErrors: true })
      await t.until(() => t.ssc.getState() === 'stopped')
      assert.ok(
        t.errors.flatMap(causes).some(error => (error as { code?: string }).code === 'ENOSPC'),
        t.errors.join(),
      )
      disk.free()
      await t.crashAndRestart()
      await t.run(BATCHES - t.clock.now() / 1000)
      assert.deepEqual(
        new Map(t.out<[string, number]>('sums').batches.at(-1)),
        new Map([
          ['k0', 6],
          ['k1', 9],
          ['all', 6],
        ]),
      )
      const lines = (await t.sc.textFile(`${dir}/out-6000`).collect()).toSorted()
      assert.deepEqual(lines, ['all 6', 'k0 6', 'k1 9'])
    }))
})
