import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { seconds } from '../../src/base/time.ts'
import type { SparkContextOptions } from '../../src/context/spark-context.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { DeadLetter } from '../../src/rdd/dead-letters/dead-letter.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'
import { rejected } from '../support/rejected.ts'

const dir = mkdtempSync(join(tmpdir(), 'kindling-letters-'))
after(() => rmSync(dir, { recursive: true }))

const brief = ({ value, partition, index, error }: DeadLetter): unknown[] => [
  value,
  partition,
  index,
  error.message,
]

function parse(text: string): number {
  const n = Number(text)
  if (Number.isNaN(n)) throw new TypeError(`no number: ${text}`)
  return n
}

const BACKENDS: readonly (readonly [string, SparkContextOptions])[] = [
  ['inline', { master: 'local[2]', conf: INLINE }],
  ['threads', { master: 'local[2]' }],
]

for (const [name, options] of BACKENDS)
  describe(`dead letters of RDDs, ${name}`, () => {
    it('of map, flatMap, filter and mapAsync, before and after what was taken is read', async () => {
      await using sc = new SparkContext(options)
      const words = sc.parallelize(['1', 'x', '2', 'y', '3'], 2)
      const expected = [
        ['x', 0, 1, 'no number: x'],
        ['y', 1, 1, 'no number: y'],
      ]
      const forms = {
        map: (bad: ReturnType<SparkContext['deadLetters']>) => words.map(parse, { onError: bad }),
        flatMap: (bad: ReturnType<SparkContext['deadLetters']>) =>
          words.flatMap(word => [parse(word)], { onError: bad }),
        filter: (bad: ReturnType<SparkContext['deadLetters']>) =>
          words.filter(word => parse(word) > 0, { onError: bad }).map(Number),
        mapAsync: (bad: ReturnType<SparkContext['deadLetters']>) =>
          words.mapAsync(async word => parse(word), { onError: bad, concurrency: 2 }),
      }
      for (const [op, form] of Object.entries(forms))
        for (const first of ['taken', 'letters']) {
          const bad = sc.deadLetters()
          const taken = form(bad)
          if (first === 'taken') assert.deepEqual(await taken.collect(), [1, 2, 3], op)
          const letters = await bad.letters().collect()
          assert.deepEqual(letters.map(brief), expected, `${op}, ${first} first`)
          assert.match(letters[0]!.operator, new RegExp(`^${op} at .*dead-letters.test.ts`))
          assert.equal('batchTime' in letters[0]!, false)
          assert.deepEqual(await taken.collect(), [1, 2, 3], op)
        }
    })

    it('a record is in what mapAsync gives or in the letters, also when the function answers otherwise each time', async () => {
      await using sc = new SparkContext(options)
      const bad = sc.deadLetters()
      const taken = sc
        .parallelize(
          Array.from({ length: 200 }, (_, i) => i),
          3,
        )
        .mapAsync(
          async n => {
            if (Math.random() < 0.5) throw new Error('busy')
            return n
          },
          { onError: bad, concurrency: 4 },
        )
      const first = await taken.collect()
      const left = await bad.letters().collect()
      assert.deepEqual(await taken.collect(), first)
      assert.deepEqual(
        [...first, ...left.map(({ value }) => value as number)].sort((a, b) => a - b),
        Array.from({ length: 200 }, (_, i) => i),
      )
    })

    it('lines that are too long are letters with their place and beginning; without letters they fail the job', async () => {
      const long = 'l'.repeat(5000)
      writeFileSync(join(dir, 'a.txt'), `one\n${long}\ntwo\n${long}!`)
      writeFileSync(join(dir, 'b.txt.gz'), gzipSync(`three\n${long}\n`))
      await using sc = new SparkContext({
        ...options,
        conf: { ...options.conf, 'kindling.text.maxLineBytes': 4500 },
      })
      const bad = sc.deadLetters()
      const lines = sc.textFile(`${dir}/*`, 2, { onError: bad })
      assert.deepEqual(await lines.collect(), ['one', 'two', 'three'])
      const letters = await bad.letters().collect()
      assert.deepEqual(
        letters.map(({ source, raw, error }) => [source, raw?.length, error.code]),
        [
          [{ file: join(dir, 'a.txt'), offset: 4, bytes: 5000 }, 4096, 'LINE_TOO_LONG'],
          [{ file: join(dir, 'a.txt'), offset: 5009, bytes: 5001 }, 4096, 'LINE_TOO_LONG'],
          [{ file: join(dir, 'b.txt.gz'), offset: 6, bytes: 5000 }, undefined, 'LINE_TOO_LONG'],
        ],
      )
      await rejected('LINE_TOO_LONG', () => sc.textFile(`${dir}/a.txt`).count())
    })
  })

describe('dead letters of RDDs', () => {
  it('none gives no letters; records with a timeout and retries are letters after all attempts', async () => {
    await using sc = new SparkContext({ master: 'local' })
    assert.deepEqual(await sc.deadLetters().letters().collect(), [])
    const bad = sc.deadLetters()
    let calls = 0
    const rdd = sc.parallelize([1, 2]).mapAsync(
      async n => {
        calls++
        if (n === 2) throw new Error('always')
        return n
      },
      { onError: bad, retries: 2, backoff: 5, ordered: false },
    )
    assert.deepEqual(await rdd.collect(), [1])
    assert.deepEqual((await bad.letters().collect()).map(brief), [[2, 0, 1, 'always']])
    assert.equal(calls, 4)
  })

  it('in a stream: of mapAsync, and of lines that are too long, with the batch and in the order of files', async () => {
    const letters: unknown[] = []
    await using t = new StreamTest({
      conf: { 'kindling.text.maxLineBytes': 4 },
      build: t => {
        const bad = t.ssc.deadLetters(fileSink(`${t.dir}/bad`, { format: 'ndjson' }))
        const lines = t.ssc.textFileStream(`${t.dir}/in`, { onError: bad })
        t.collect(
          'out',
          lines.mapAsync(async line => parse(line), { onError: bad }),
        )
        bad.stream.foreachRDD(async rdd => {
          for (const { value, batchTime, operator, source, error } of await rdd.collect())
            letters.push([
              value,
              batchTime,
              operator.split(' ')[0],
              source?.['offset'],
              error.code ?? error.message,
            ])
        })
      },
    })
    t.file('in/a.txt', '1\n2long\nx\n', { at: 500 })
    t.file('in/b.txt', 'long again\n3', { at: 500 })
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [[1, 3], []])
    assert.deepEqual(letters, [
      [undefined, 1000, 'textFileStream', 2, 'LINE_TOO_LONG'],
      [undefined, 1000, 'textFileStream', 0, 'LINE_TOO_LONG'],
      ['x', 1000, 'mapAsync', 8, 'no number: x'],
    ])
    assert.match(t.warnings.join('\n'), /dead letters: 3 records of the batch at 1000 ms/)
  })

  it('what mapAsync gave is let go once its batch is forgotten', async () => {
    await using t = new StreamTest({
      batchDuration: seconds(1),
      build: t => {
        const bad = t.ssc.deadLetters(fileSink(`${t.dir}/bad`, { format: 'ndjson' }))
        t.collect(
          'out',
          t.input('in', [['1'], ['x'], ['2']]).mapAsync(async word => parse(word), { onError: bad }),
        )
      },
    })
    await t.run(8)
    assert.deepEqual(t.out('out').batches.slice(0, 3), [[1], [], [2]])
    assert.ok(t.sc.getRDDStorageInfo().length <= 2)
  })
})
