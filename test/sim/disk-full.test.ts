/**
 * A full disk: the program stops with an error that says what to do, what was committed is whole, and once there is space it goes on
 * as if nothing had happened. With a storage that is full at each write in turn, and with a real small file system.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { isKindlingError } from '../../src/base/errors.ts'
import { seconds } from '../../src/base/time.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import type { CheckpointStorage } from '../../src/streaming/checkpoint/storage.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'
import { FullDisk, type Space } from '../support/full-disk.ts'

const BATCHES = 6
const CONF = { ...INLINE, 'kindling.streaming.failurePolicy': 'stop' }
const script = Array.from({ length: BATCHES }, (_, i): [string, number][] => [
  [`k${i % 2}`, i],
  ['all', 1],
])

/** State, and a sink of exactly once. */
function program(
  places: (t: StreamTest) => {
    readonly saved: string | CheckpointStorage
    readonly out: ReturnType<typeof fileSink>
  },
) {
  return (t: StreamTest): void => {
    const { saved, out } = places(t)
    t.ssc.checkpoint(saved)
    const sums = t
      .input('in', script, { partitions: 2 })
      .uid('in')
      .updateStateByKey<number>((values, sum = 0) => values.reduce((a, b) => a + b, sum), 2)
      .uid('sums')
      .checkpoint(seconds(2))
    t.collect('sums', sums)
    sums.map(([key, sum]) => `${key} ${sum}`).writeTo(out, { id: 'out', require: 'exactly-once' })
  }
}

/** Each batch of the sink, and the last sums. */
async function resultOf(t: StreamTest, storage: CheckpointStorage): Promise<unknown> {
  const out: Record<string, string[]> = {}
  for (const batch of (await storage.list('')).toSorted()) {
    const success = await storage.read(`${batch}/_SUCCESS`)
    if (!batch.startsWith('out-') || success === undefined) continue
    const { files } = JSON.parse(Buffer.from(success).toString()) as { readonly files: readonly string[] }
    const parts = await Promise.all(
      files.map(
        async file =>
          (await storage.read(`${batch}/${file}`)) ??
          assert.fail(`${batch}/${file} of ${success} is missing`),
      ),
    )
    out[batch] = parts.join('').split('\n').toSorted()
  }
  return { out, sums: new Map(t.out<[string, number]>('sums').batches.at(-1)) }
}

/** All causes of an error. */
const causes = (error: unknown): unknown[] =>
  error === undefined ? [] : [error, ...causes((error as Error).cause)]

describe('a disk that is full', () => {
  it('at each write in turn: stops, harms nothing, and goes on when there is space', async () => {
    const expected = await (async () => {
      await using t = new StreamTest({
        conf: INLINE,
        build: program(t => placesOf(t, { left: Infinity, refused: [] })),
      })
      await t.run(BATCHES)
      return await resultOf(t, new FullDisk(`${t.dir}/out`, { left: 0, refused: [] }))
    })()
    const seen = new Set<string>()
    for (let fits = 0; ; fits++) {
      const space: Space = { left: fits, refused: [] }
      await using t = new StreamTest({ conf: CONF, build: program(t => placesOf(t, space)) })
      let failure: unknown
      await t.run(BATCHES, { collectErrors: true }).catch(error => {
        failure = error
      })
      if (space.refused.length === 0) break
      failure ??= t.errors[0]
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
    for (const kind of ['manifest-N', '.plan', '.commit', '.image', '_SUCCESS', 'part'])
      assert.ok(kinds.includes(kind), `no write of ${kind} was refused: ${kinds}`)
  })

  it('a real one: a small file system that is filled up', async t => {
    const dir = mkdtempSync(join(tmpdir(), 'kindling-full-'))
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', dir], { stdio: 'ignore' })
    } catch {
      rmSync(dir, { recursive: true })
      t.skip('no file system can be mounted here')
      return
    }
    try {
      const build = program(() => ({ saved: `${dir}/saved`, out: fileSink(`${dir}/out`) }))
      await using t = new StreamTest({ conf: CONF, build })
      await t.run(3)
      mkdirSync(`${dir}/fill`)
      const { bavail, bsize } = statfsSync(dir)
      writeFileSync(`${dir}/fill/0`, new Uint8Array(bavail * bsize))
      await t.run(2, { collectErrors: true })
      await t.until(() => t.ssc.getState() === 'stopped')
      assert.ok(
        t.errors.flatMap(causes).some(error => (error as { code?: string }).code === 'ENOSPC'),
        t.errors.join(),
      )
      rmSync(`${dir}/fill`, { recursive: true })
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
    } finally {
      execFileSync('umount', ['-l', dir])
      rmSync(dir, { recursive: true })
    }
  })
})

function placesOf(t: StreamTest, space: Space) {
  return {
    saved: new FullDisk(`${t.dir}/saved`, space),
    out: fileSink<string>('out', { storage: new FullDisk(`${t.dir}/out`, space) }) as ReturnType<
      typeof fileSink
    >,
  }
}
