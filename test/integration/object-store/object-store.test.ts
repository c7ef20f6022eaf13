/** Object stores as places for files, for checkpoints and for output. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { fileSink, SparkContext, StreamingContext } from 'kindling'
import { ObjectStore } from 'kindling/connectors/object-store'
import { until } from 'kindling/testing'
import { rejected } from '../../support/rejected.ts'
import { stores } from './stores.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const many = Array.from({ length: 60_000 }, (_, i) => `line ${i} ${'é'.repeat(i % 5)}`)

for (const { name, skip, fresh } of stores)
  describe(name, { skip }, () => {
    it('keeps files whole, once, and lists them', async () => {
      const store = new ObjectStore(await fresh())
      assert.deepEqual(await store.list(''), [])
      assert.equal(await store.listFiles('a'), undefined)
      assert.equal(await store.read('a/b'), undefined)
      assert.equal(await store.findFile('a'), undefined)
      assert.equal(await store.createIfAbsent('a/b', bytes('one')), true)
      assert.equal(await store.createIfAbsent('a/b', bytes('two')), false)
      assert.equal(String(await store.read('a/b')), 'one')
      await store.write('a/b', bytes('three'))
      await store.write('a/c/d', new Uint8Array(0))
      await store.write('a/ab', bytes('x'))
      assert.equal(String(await store.read('a/b')), 'three')
      assert.equal((await store.read('a/c/d'))?.length, 0)
      assert.deepEqual((await store.list('a')).toSorted(), ['ab', 'b', 'c'])
      const files = (await store.listFiles('a'))!.toSorted((a, b) => (a.path < b.path ? -1 : 1))
      assert.deepEqual(
        files.map(file => [file.path, file.bytes]),
        [
          ['a/ab', 1],
          ['a/b', 5],
        ],
      )
      assert.ok(files.every(({ modified }) => Math.abs(Date.now() - modified) < 60_000))
      assert.deepEqual((await store.findFile('a/b'))?.bytes, 5)
      assert.equal(await store.findFile('a'), undefined, 'a folder is no file')
      await store.delete('a/b')
      await store.delete('a/b')
      assert.equal(await store.read('a/b'), undefined)
    })

    it('of several that create one at once, one succeeds', async () => {
      const store = new ObjectStore(await fresh())
      const made = await Promise.all([1, 2, 3, 4, 5].map(n => store.createIfAbsent('one', bytes(`of ${n}`))))
      assert.equal(made.filter(Boolean).length, 1)
      assert.equal(String(await store.read('one')), `of ${made.indexOf(true) + 1}`)
    })

    for (const executor of ['inline', 'threads'])
      it(`gives files as lines, in ranges, ${executor}`, async () => {
        const store = new ObjectStore(await fresh())
        await store.write('in/a.txt', bytes(`\ufeff${many.join('\n')}\n`))
        await store.write('in/b.txt.gz', gzipSync('packed\r\nlines'))
        await store.write('in/_SUCCESS', bytes('none of this'))
        await using sc = new SparkContext({ master: 'local[2]', conf: { 'kindling.executor': executor } })
        const lines = await sc.filesIn(store).textFile('in', 5)
        assert.ok(lines.getNumPartitions() >= 5)
        assert.deepEqual(await lines.collect(), [...many, 'packed', 'lines'])
        const one = await sc.filesIn(store).textFile('in/b.txt.gz')
        assert.deepEqual(await one.collect(), ['packed', 'lines'])
      })

    it('names what is not there', async () => {
      const store = new ObjectStore(await fresh())
      await using sc = new SparkContext()
      const error = await rejected('INPUT_PATH_NOT_FOUND', () => sc.filesIn(store).textFile('no/thing'))
      assert.ok(error.message.includes(`${store.name}/no/thing`))
    })

    it('keeps a whole program, which goes on after a restart with what counts only', async () => {
      const options = await fresh()
      const store = new ObjectStore(options)
      const state = new ObjectStore({ ...options, url: `${options.url}/state` })
      const latest = new Map<string, number>()
      const start = async (): Promise<StreamingContext> => {
        const ssc = new StreamingContext({ batchDuration: 250 })
        ssc.checkpoint(state)
        const words = ssc.filesIn(store).textFileStream('in', { newFilesOnly: false }).uid('words')
        words.writeTo(fileSink('out/words', { storage: store }), { id: 'out', require: 'exactly-once' })
        words
          .map(word => [word, 1])
          .updateStateByKey<number>((ones, n = 0) => n + ones.length)
          .uid('counts')
          .foreachRDD(async rdd => {
            for (const [word, n] of await rdd.collect()) latest.set(word, n)
          })
        await ssc.start()
        return ssc
      }
      const becomes = (word: string, n: number): Promise<void> =>
        until(() => latest.get(word) === n, { timeoutMs: 30_000 })
      await store.write('in/1', bytes('a\nb\n'))
      const first = await start()
      await becomes('a', 1)
      await store.write('in/2', bytes('a\n'))
      await becomes('a', 2)
      await first.stop()
      await store.write('in/3', bytes('c\na\n'))
      const second = await start()
      await becomes('a', 3)
      // A third one takes over; the second may not go on.
      const ended = rejected('FENCED', () => second.awaitTermination())
      const third = await start()
      await store.write('in/4', bytes('d\n'))
      await becomes('d', 1)
      await ended
      await third.stop()
      await second.stop()
      await using sc = new SparkContext()
      // What an attempt left that never counted.
      await store.write('out/words-1/part-00000-0123456789ab-1-0', bytes('never\n'))
      const written = await sc.filesIn(store).textFile('out/words-*')
      assert.deepEqual((await written.collect()).toSorted(), ['a', 'a', 'a', 'b', 'c', 'd'])
    })
  })
