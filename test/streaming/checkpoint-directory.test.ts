/** The files of a checkpoint directory: damaged, missing, taken over by another process, and deleted when nobody needs them. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { seconds } from '../../src/base/time.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import { sealedRecord, unsealed, unsealedRecord } from '../../src/streaming/checkpoint/envelope.ts'
import { LocalStorage } from '../../src/streaming/checkpoint/local-storage.ts'
import { StreamingContext } from '../../src/streaming/streaming-context.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { rejected, thrown } from '../support/rejected.ts'

type Pair = [string, number]
const sum = (values: number[], total = 0): number => values.reduce((a, b) => a + b, total)

/** Sums of 1, 2, 3, …, saved every 3 s. */
function sums(batches = 60, build: (t: StreamTest) => void = () => {}): StreamTest {
  const script = Array.from({ length: batches }, (_, i): Pair[] => [['a', i + 1]])
  return new StreamTest({
    checkpointDir: true,
    build: t => {
      const states = t.input('in', script).updateStateByKey<number>(sum, 2).uid('sums')
      t.collect('out', states.checkpoint(seconds(3)))
      build(t)
    },
  })
}

const gauss = (n: number): Pair[] => [['a', (n * (n + 1)) / 2]]

function files(t: StreamTest, ending: string): string[] {
  const all = readdirSync(t.checkpointDir!, { recursive: true, withFileTypes: true })
  return all
    .filter(file => file.isFile() && file.name.includes(ending))
    .map(file => join(file.parentPath, file.name))
    .sort((a, b) => numberOf(a) - numberOf(b))
}

const numberOf = (file: string): number =>
  Number(/(\d+)[^\d/]*$/.exec(file.replace(/-\d+\.(plan|commit|image)$/, ''))?.[1] ?? 0)

function flip(file: string): void {
  const bytes = readFileSync(file)
  bytes[bytes.length - 3]! ^= 1
  writeFileSync(file, bytes)
}

async function goesOn(t: StreamTest, skipped: RegExp): Promise<void> {
  const last = t.out('out').times.length
  await t.crashAndRestart()
  await t.run(2)
  assert.deepEqual(t.out('out').batches.at(-1), gauss(last + 2))
  assert.ok(
    t.warnings.some(warning => skipped.test(warning)),
    t.warnings.join('\n'),
  )
}

describe('a damaged checkpoint', () => {
  for (const [what, damage] of [
    ['changed', flip],
    ['cut off', (file: string) => truncateSync(file, statSync(file).size - 5)],
    ['empty', (file: string) => truncateSync(file, 0)],
    ['of a newer version', (file: string) => writeFileSync(file, readFileSync(file).fill(9, 7, 8))],
  ] as const) {
    it(`whose newest manifest is ${what}: the one before is used`, async () => {
      await using t = sums()
      await t.run(11)
      damage(files(t, 'manifest-').at(-1)!)
      await goesOn(t, /skipped: .*manifest-\d+ cannot be read back/)
    })

    it(`whose newest image is ${what}: an older one is used`, async () => {
      await using t = sums()
      await t.run(11)
      damage(files(t, '.image').at(-1)!)
      await goesOn(t, /skipped: .*\.image cannot be read back/)
    })
  }

  it('whose newest image is missing: an older one is used', async () => {
    await using t = sums()
    await t.run(11)
    rmSync(files(t, '.image').at(-1)!)
    await goesOn(t, /skipped: .*\.image is missing/)
  })

  it('without a single manifest that can be read is refused, or left out when asked', async () => {
    await using t = sums()
    await t.run(5)
    for (const file of files(t, 'manifest-')) flip(file)
    assert.match((await rejected('CHECKPOINT_NOT_USABLE', () => t.crashAndRestart())).message, /none of its/)
    const clock = new ManualClock(20_000)
    const seen: number[] = []
    const ssc = await StreamingContext.getOrCreate(
      t.checkpointDir!,
      () => {
        const ssc = new StreamingContext(new SparkContext({ clock }), seconds(1))
        ssc.textFileStream(t.dir).foreachRDD((_, time) => void seen.push(time.milliseconds))
        return ssc
      },
      { createOnError: true },
    )
    await ssc.start()
    await clock.advance(2000)
    await ssc.stop({ stopSparkContext: true })
    assert.deepEqual(seen, [21_000, 22_000])
  })

  it('whose log has a hole that is needed is refused; the newest plan, half written, never ran', async () => {
    await using t = sums()
    await t.run(11)
    rmSync(files(t, '.plan').at(-1)!)
    const error = await rejected('CHECKPOINT_NOT_USABLE', () => t.crashAndRestart())
    assert.match(error.message, /the plan of the batch at 11000 ms is missing/)
  })

  it('of which no image can be read begins from the log, if that reaches back so far', async () => {
    await using t = sums()
    await t.run(11)
    for (const file of files(t, '.image')) flip(file)
    await t.crashAndRestart()
    await t.run(19)
    assert.deepEqual(t.out('out').batches.at(-1), gauss(30))
    for (const file of files(t, '.image')) flip(file)
    const error = await rejected('CHECKPOINT_NOT_USABLE', () => t.crashAndRestart())
    assert.match(error.message, /plan of the batch at \d+ ms is missing/)
  })
})

describe('images', () => {
  /** 200 keys that stay, and one that changes. */
  const large = (): StreamTest =>
    new StreamTest({
      checkpointDir: true,
      build: t => {
        const script = Array.from({ length: 200 }, (_, i): Pair[] =>
          i === 0
            ? Array.from({ length: 200 }, (_, j): Pair => [`k${j}`, j])
            : [
                ['k7', i],
                [`new${i}`, i],
              ],
        )
        const states = t.input('in', script).updateStateByKey<number>(sum, 2).uid('sums')
        t.collect('out', states.checkpoint(seconds(2)))
        t.collect(
          'highest',
          t
            .input('in', script)
            .reduceByKeyAndWindow(Math.max, seconds(4))
            .uid('highest')
            .checkpoint(seconds(2)),
        )
      },
    })

  it('hold what has changed, and now and then everything', async () => {
    await using expected = large()
    await expected.run(61)
    await using t = large()
    const sizes = new Set<string>()
    for (const batches of [7, 6, 11, 2, 20, 14]) {
      await t.run(batches)
      for (const file of files(t, '.image'))
        if (file.includes('/sums/')) sizes.add(statSync(file).size > 1000 ? 'full' : 'increment')
      await t.crashAndRestart()
    }
    await t.run(1)
    assert.deepEqual([...sizes].sort(), ['full', 'increment'])
    for (const name of ['out', 'highest'])
      assert.deepEqual(t.out(name).partitions, expected.out(name).partitions)
  })

  it('whose base is damaged are left out with it', async () => {
    await using expected = large()
    await expected.run(12)
    await using t = large()
    await t.run(11)
    const damagedBase = files(t, '.image').find(file => file.includes('/sums/0/'))!
    flip(damagedBase)
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').partitions, expected.out('out').partitions)
    assert.ok(t.warnings.some(warning => warning.includes('cannot be read back')))
  })
})

describe('two processes on one checkpoint', () => {
  it('the one that was overtaken stops, and writes nothing (D98)', async () => {
    await using t = sums()
    await t.run(4)
    // The other one, as if the first had been stopped and not killed.
    const clock = new ManualClock(4000)
    const second = new StreamingContext(
      new SparkContext({ clock, conf: { 'kindling.checkpoint.allowDrop': true } }),
      seconds(1),
    )
    second.textFileStream(t.dir).foreachRDD(() => {})
    second.checkpoint(t.checkpointDir!)
    await second.start()
    await clock.advance(3000)
    const before = readdirSync(t.checkpointDir!, { recursive: true }).sort()
    await t.run(2, { collectErrors: true })
    assert.equal((t.errors[0] as { code?: string }).code, 'FENCED')
    await rejected('FENCED', () => t.ssc.awaitTermination())
    assert.deepEqual(readdirSync(t.checkpointDir!, { recursive: true }).sort(), before)
    assert.deepEqual(t.out('out').times, [1000, 2000, 3000, 4000])
    await clock.advance(2000)
    assert.equal(second.getState(), 'active')
    await second.stop({ stopSparkContext: true })
  })

  it('of two that take over at once, one does', async () => {
    await using t = sums()
    await t.run(2)
    t.ssc.stop()
    const start = async (): Promise<StreamingContext> => {
      const sc = new SparkContext({
        clock: new ManualClock(2000),
        conf: { 'kindling.checkpoint.allowDrop': true },
      })
      const ssc = new StreamingContext(sc, seconds(1))
      ssc.textFileStream(t.dir).foreachRDD(() => {})
      ssc.checkpoint(t.checkpointDir!)
      await ssc.start()
      return ssc
    }
    const [a, b] = await Promise.allSettled([start(), start()])
    const outcomes = [a!, b!].map(result => (result.status === 'fulfilled' ? 'started' : result.reason.code))
    assert.deepEqual(outcomes.sort(), ['FENCED', 'started'])
    for (const result of [a!, b!]) if (result.status === 'fulfilled') await result.value.stop()
  })
})

describe('a directory that cannot be written', () => {
  it('stops the program; what was committed is safe', async () => {
    await using t = sums()
    t.failAt('log-before', { nth: 6 })
    await t.run(8, { collectErrors: true })
    assert.equal(t.out('out').times.length, 5)
    assert.equal(t.ssc.getState(), 'stopped')
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches.at(-1), gauss(9))
  })

  it('is refused when it cannot be made', async () => {
    await using t = sums()
    thrown('CHECKPOINT_NOT_WRITABLE', () => t.ssc.checkpoint(`${t.file('plain', '')}/in-a-file`))
  })
})

describe('what nobody needs', () => {
  it('is deleted: the directory does not grow', async () => {
    await using t = sums(200)
    await t.run(40)
    const count = (): number => files(t, '').length
    const early = count()
    assert.ok(early < 60, `${early} files`)
    await t.run(60)
    assert.ok(Math.abs(count() - early) <= 10, `${early} files, and ${count()} later`)
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches.at(-1), gauss(101))
  })

  it('also of a program without state', async () => {
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => void t.collect('out', t.input('in', [[1]])),
    })
    await t.run(100)
    assert.ok(files(t, '').length < 80, `${files(t, '').length} files`)
    await t.crashAndRestart()
    await t.run(1)
    assert.equal(t.out('out').times.length, 101)
  })
})

describe('checkpoint files', () => {
  it('give back what was written, and are refused otherwise', () => {
    const record = { a: [1, 'b', undefined, 2n], when: new Date(5) }
    const file = sealedRecord(record)
    assert.deepEqual(unsealedRecord('f', file), record)
    for (const bytes of [
      file.subarray(0, 10),
      file.subarray(0, -1),
      Buffer.concat([file, file]),
      Buffer.from('something else entirely'),
    ])
      thrown('FILE_DAMAGED', () => unsealed('f', bytes))
  })

  it('are created once, whole, and listed without what is half done', async () => {
    await using t = new StreamTest({ build: t => void t.collect('x', t.input('in', [])) })
    const storage = new LocalStorage(`${t.dir}/s`)
    const created = await Promise.all([1, 2, 3].map(n => storage.createIfAbsent('a/x', Buffer.from([n]))))
    assert.equal(created.filter(Boolean).length, 1)
    await storage.write('a/y', Buffer.from('y'))
    writeFileSync(`${t.dir}/s/a/.z.1-1`, '')
    assert.deepEqual([...(await storage.list('a'))].sort(), ['x', 'y'])
    assert.deepEqual(await storage.list('b'), [])
    assert.equal(await storage.read('a/z'), undefined)
    await storage.delete('a/y')
    await storage.delete('a/y')
    assert.deepEqual(await storage.list('a'), ['x'])
  })
})
