/** Checkpoint directories as `kindling checkpoint` sees them: what is there, what may go, and what a restart would make of it. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import { compact } from '../../src/streaming/checkpoint/compact.ts'
import { sealedRecord, unsealedRecord } from '../../src/streaming/checkpoint/envelope.ts'
import { inspect } from '../../src/streaming/checkpoint/inspect.ts'
import type { Manifest } from '../../src/streaming/checkpoint/manifest.ts'
import { droppedBy, planRestart, type RestartPlan } from '../../src/streaming/checkpoint/plan.ts'
import { imagesOf, partitionsOf, savedOperators } from '../../src/streaming/checkpoint/saved-state.ts'
import { openExisting, storedFiles } from '../../src/streaming/checkpoint/stored-files.ts'
import { type DefinedProgram, interceptStarts } from '../../src/streaming/intercepted-start.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { GOLDEN_BATCHES, goldenProgram } from '../support/golden-program.ts'
import { rejected } from '../support/rejected.ts'

type Pair = [string, number]
const sum = (values: number[], total = 0): number => values.reduce((a, b) => a + b, total)
const script = (n: number): Pair[][] => Array.from({ length: n }, (_, i) => [[`k${i % 5}`, i + 1]])
const FORCED = { now: 0, force: true }

function sums(build: (t: StreamTest) => void = () => {}): StreamTest {
  return new StreamTest({
    checkpointDir: true,
    build: t => {
      const states = t.input('in', script(60)).uid('in').updateStateByKey<number>(sum, 2).uid('sums')
      t.collect('out', states.checkpoint(seconds(3)))
      build(t)
    },
  })
}

const looked = async (t: StreamTest) => inspect(await openExisting(t.checkpointDir!))

/** What a program would make of a directory. */
async function planned(directory: string, build: (t: StreamTest) => void): Promise<RestartPlan> {
  const started = Promise.withResolvers<DefinedProgram>()
  interceptStarts(started.resolve)
  try {
    await using t = new StreamTest({ build })
    void t.ssc.start()
    const { graph, batchDuration } = await started.promise
    return await planRestart({
      storage: await openExisting(directory),
      graph,
      batchMs: batchDuration.milliseconds,
    })
  } finally {
    interceptStarts(undefined)
  }
}

const fatesOf = (plan: RestartPlan): string[] =>
  [...plan.operators, ...plan.inputs].map(({ id, fate }) => `${fate} ${id}`)

describe('an inspected checkpoint', () => {
  it('is what the program has saved', async () => {
    await using t = sums()
    await t.run(11)
    const { saved, damaged, unneeded, files, bytes } = await looked(t)
    assert.deepEqual([saved!.ended, saved!.last, saved!.pending], [11_000, 11_000, []])
    const [operator] = saved!.operators
    assert.deepEqual(operator!.newest, { time: 9000, partitions: 2, keys: 5 })
    assert.deepEqual([operator!.kind, operator!.layout], ['updateStateByKey', { slide: 1000 }])
    assert.deepEqual([damaged, unneeded], [[], []])
    const all = await storedFiles(t.checkpointDir!)
    assert.deepEqual([files, bytes], [all.length, all.reduce((sum, file) => sum + file.bytes, 0)])
  })

  it('has the batches that a crash interrupted', async () => {
    await using t = sums()
    t.crashAt('output', { nth: 5 })
    await t.run(6)
    assert.ok(t.crashed)
    const { saved } = await looked(t)
    const { pending, ended } = saved!
    assert.deepEqual([ended, pending[0]], [4000, { time: 5000, merged: 0, records: 1 }])
  })

  it('names each damaged or missing file, with what that means', async () => {
    await using t = sums()
    await t.run(11)
    const dir = t.checkpointDir!
    const files = (await storedFiles(dir)).map(({ file }) => file)
    const last = (ending: string): string => files.filter(file => file.includes(ending)).at(-1)!
    const manifest = `manifest-${Math.max(...files.map(file => Number(/^manifest-(\d+)$/.exec(file)?.[1] ?? 0)))}`
    const images = files.filter(file => file.includes('9000-1.image'))
    assert.equal(images.length, 2)
    for (const file of [last('.plan'), last('.commit'), images[0]!, manifest])
      truncateSync(join(dir, file), 25)
    rmSync(join(dir, images[1]!))
    const { damaged, saved } = await looked(t)
    const meanings = Object.fromEntries(damaged.map(({ file, meaning }) => [file, meaning]))
    assert.match(meanings[manifest]!, /^manifest-\d+ is used instead$/)
    assert.match(meanings[last('.plan')]!, /the batch at 11000 ms is planned anew/)
    assert.match(meanings[last('.commit')]!, /the batch at 11000 ms runs again/)
    assert.equal(saved!.operators[0]!.newest!.time, 6000)
    assert.ok(damaged.every(({ reason }) => reason.length > 5))
  })

  it('exports what the outputs of that batch had', async () => {
    await using t = new StreamTest({ checkpointDir: true, build: goldenProgram })
    await t.run(GOLDEN_BATCHES)
    const storage = await openExisting(t.checkpointDir!)
    const operators = await savedOperators(storage)
    for (const id of ['history', 'counts', 'highest']) {
      const { operator, images } = imagesOf(storage, operators, { id, time: undefined })
      for (const image of images) {
        const partitions: unknown[][] = []
        for await (const { keys, values } of partitionsOf(storage, operator, image))
          partitions.push(keys.map((key, i) => [key, values[i]]))
        const { times, partitions: collected } = t.out(id)
        const expected = collected[times.indexOf(image.time)]!
        const ordered = (records: unknown[][]): string[][] =>
          records.map(records => records.map(record => JSON.stringify(record, big)).sort())
        assert.deepEqual(ordered(partitions), ordered(expected as unknown[][]), `${id} at ${image.time}`)
      }
    }
  })
})

const big = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value)

describe('a compacted checkpoint', () => {
  it('has lost what crashes left, and goes on as before', async () => {
    await using t = sums()
    await t.run(20)
    await t.crashAndRestart()
    await t.run(10)
    t.crashAt('image-half')
    await t.run(4)
    assert.ok(t.crashed)
    const dir = t.checkpointDir!
    const junk = [
      'manifest-1',
      'state/gone/0/000000000003000-1.image',
      'state/sums/0/000000000002000-1.image',
      'batches/000000000001000-1.plan',
      `batches/.000000000001000-1.commit.${hostname()}-99999999-3`,
      '.manifest-4.some-other.host-7-0',
    ]
    for (const file of junk) {
      mkdirSync(join(dir, file, '..'), { recursive: true })
      writeFileSync(join(dir, file), 'x')
    }
    const others = ['notes', '.gitkeep', 'state/readme.txt', `.manifest-9.${hostname()}-${process.pid}-1`]
    for (const file of others) writeFileSync(join(dir, file), 'x')
    const { unneeded } = await looked(t)
    const deleted = await compact(await openExisting(dir), FORCED)
    const names = deleted.map(({ file }) => file)
    for (const file of junk) assert.ok(names.includes(file), file)
    for (const file of others) assert.ok(existsSync(join(dir, file)), file)
    assert.deepEqual(unneeded.filter(({ file }) => !names.includes(file)).length, 1)
    assert.deepEqual(await compact(await openExisting(dir), FORCED), [])
    await t.crashAndRestart()
    await t.run(2)
    const total = t
      .out<Pair>('out')
      .batches.at(-1)!
      .reduce((sum, [, n]) => sum + n, 0)
    const batches = t.out('out').times.at(-1)! / 1000
    assert.equal(total, (batches * (batches + 1)) / 2)
  })

  it('is one whose program has ended for certain', async () => {
    await using t = sums()
    await t.run(5)
    const dir = t.checkpointDir!
    const storage = await openExisting(dir)
    const refused = async (now = 1e9): Promise<string> =>
      (await rejected('CHECKPOINT_IN_USE', () => compact(storage, { now, force: false }))).message
    const newest = (await looked(t)).manifests[0]!
    const path = join(dir, `manifest-${newest}`)
    const manifest = unsealedRecord(path, readFileSync(path)) as Manifest
    const writtenBy = (host: string, pid: number): void =>
      writeFileSync(path, sealedRecord({ ...manifest, writer: { host, pid } }))
    assert.match(await refused(), /does not say which process wrote it/)
    writtenBy('elsewhere', 1)
    assert.match(
      await refused(),
      /process 1 of the machine elsewhere wrote it, which cannot be seen from here/,
    )
    writtenBy(hostname(), process.pid)
    assert.match(await refused(), /there is a process of that number/)
    writtenBy(hostname(), 99_999_999)
    for (const { file } of await storedFiles(dir)) utimesSync(join(dir, file), 1000, 1000)
    assert.match(await refused(1_030_000), /it was changed 30 s ago/)
    await compact(storage, { now: 1_060_000, force: false })
  })

  it('is not one of which nothing can be read', async () => {
    await using t = sums()
    await t.run(5)
    const dir = t.checkpointDir!
    for (const { file } of await storedFiles(dir))
      if (file.startsWith('manifest-')) truncateSync(join(dir, file), 30)
    const before = await storedFiles(dir)
    const storage = await openExisting(dir)
    await rejected('CHECKPOINT_NOT_USABLE', () => compact(storage, FORCED))
    assert.deepEqual(await storedFiles(dir), before)
  })
})

describe('a planned restart', () => {
  it('tells what becomes of everything, as the restart does', async () => {
    await using t = sums(t => {
      const other = t.input('other', script(60)).uid('other').updateStateByKey<number>(sum).uid('other-sums')
      t.collect('other', other)
    })
    t.crashAt('output', { nth: 21 })
    await t.run(12)
    assert.ok(t.crashed)
    const before = await storedFiles(t.checkpointDir!)
    const build = (t: StreamTest): void => {
      const input = t.input('in', script(60)).uid('in')
      t.collect('out', input.updateStateByKey<number>(sum, 3).uid('sums'))
      t.collect('new', input.updateStateByKey<number>(sum))
    }
    const plan = await planned(t.checkpointDir!, build)
    assert.deepEqual(
      fatesOf(plan).map(text => text.replace(/[0-9a-f]{8}$/, '…')),
      ['spread sums', 'new updateStateByKey-…', 'dropped other-sums', 'kept in', 'dropped other'],
    )
    const [spread, added] = plan.operators
    assert.deepEqual([spread!.partitions, spread!.from, spread!.keys], [{ saved: 2, now: 3 }, 9000, 5])
    assert.equal(added!.isNameless, true)
    assert.equal(droppedBy(plan).length, 2)
    assert.deepEqual([plan.ended, plan.pending, plan.refused], [10_000, [11_000], []])
    assert.deepEqual(await storedFiles(t.checkpointDir!), before)
    await rejected('CHECKPOINT_MISMATCH', () => t.crashAndRestart({ build }))
  })

  it('is refused as the restart is: a hole in the log, a queue', async () => {
    await using t = sums()
    await t.run(11)
    const queue = await planned(t.checkpointDir!, t => {
      t.collect('out', t.input('in', script(60)).uid('in').updateStateByKey<number>(sum, 2).uid('sums'))
      t.collect('queue', t.ssc.queueStream([[1]]))
    })
    assert.match(queue.refused.join(), /queue/i)
    rmSync(join(t.checkpointDir!, 'batches/000000000011000-1.plan'))
    const { refused, operators } = await planned(t.checkpointDir!, t => {
      t.collect('out', t.input('in', script(60)).uid('in').updateStateByKey<number>(sum, 2).uid('sums'))
    })
    assert.match(refused.join(), /the plan of the batch at 11000 ms is missing/)
    assert.deepEqual(
      operators.map(({ fate }) => fate),
      ['kept'],
    )
  })
})
