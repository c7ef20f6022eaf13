/** What sinks write into object stores: whole batches, each once, wherever the program dies. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileSink, rollingFileSink, SparkContext, seconds } from 'kindling'
import { ObjectStore } from 'kindling/connectors/object-store'
import { StreamTest, sinkConformance } from 'kindling/testing'
import { INLINE } from '../../support/backends.ts'
import { stores } from './stores.ts'

/** Batches by the name of their folder: what readers see of them. */
async function committed(store: ObjectStore): Promise<Map<string, { files: string[]; lines: string[] }>> {
  const found = new Map<string, { files: string[]; lines: string[] }>()
  for (const folder of await store.list('')) {
    const success = await store.read(`${folder}/_SUCCESS`)
    if (success === undefined) continue
    const { files } = JSON.parse(String(success)) as { files: string[] }
    const texts = await Promise.all(files.map(file => store.read(`${folder}/${file}`)))
    found.set(folder, { files, lines: texts.flatMap(text => String(text).split('\n').slice(0, -1)) })
  }
  return found
}

async function leftovers(store: ObjectStore): Promise<string[]> {
  const left: string[] = []
  const batches = await committed(store)
  for (const folder of await store.list(''))
    for (const file of await store.list(folder))
      if (file !== '_SUCCESS' && !batches.get(folder)?.files.includes(file)) left.push(`${folder}/${file}`)
  return left
}

for (const { name, skip, fresh } of stores)
  describe(`sinkConformance of files in ${name}`, { skip }, () => {
    const cases = sinkConformance({
      records: ['one', 'two', 'three', 'four', 'five', 'six'],
      isReachedFromThreads: true,
      async place() {
        const options = await fresh()
        const whole = new ObjectStore(options)
        return {
          sink: () => fileSink<string>('out', { storage: new ObjectStore(options) }),
          read: async () => [...(await committed(whole)).values()].flatMap(({ lines }) => lines),
          // The one that writes now notes that it does.
          leftovers: async () => (await leftovers(whole)).filter(file => !file.startsWith('.out._fence')),
        }
      },
    })
    for (const { name: title, run } of cases) it(title, run)
  })

const batches = [['a', 'b', 'c'], [], ['b', 'b']]
const points = ['open', 'begin', 'writer', 'write', 'prepare', 'commit'] as const

for (const { name, skip, fresh } of stores)
  describe(`batches in ${name}`, { skip }, () => {
    for (const point of points)
      for (const when of ['before', 'after'] as const)
        it(`survive a crash ${when} ${point}`, async () => {
          const options = await fresh()
          const store = new ObjectStore(options)
          await using t = new StreamTest({
            checkpointDir: true,
            master: 'local[2]',
            conf: INLINE,
            build: t =>
              t
                .input('in', batches, { partitions: 2 })
                .writeTo(t.sink(fileSink<string>('words', { storage: new ObjectStore(options) })), {
                  require: 'exactly-once',
                }),
          })
          t.crashAt(`sink-${point}-${when}`, { nth: point === 'open' ? 1 : 3 })
          await t.run(batches.length)
          assert.equal(t.crashed, true)
          await t.crashAndRestart({ downFor: seconds(2) })
          await t.run(Math.max(0, batches.length - Math.floor(t.clock.now() / 1000)))
          assert.deepEqual(t.errors, [])
          const seen = await committed(store)
          assert.deepEqual(
            [...seen.values()].flatMap(({ lines }) => lines).toSorted(),
            batches.flat().toSorted(),
          )
          const left = (await leftovers(store)).filter(file => !file.startsWith('.words._fence'))
          assert.deepEqual(left, [])
          await using sc = new SparkContext()
          const read = await sc.filesIn(store).textFile('words-*')
          assert.deepEqual((await read.collect()).toSorted(), batches.flat().toSorted())
        })
  })

for (const { name, skip, fresh } of stores)
  describe(`sinkConformance of rolling files in ${name}`, { skip }, () => {
    const cases = sinkConformance({
      records: ['one', 'two', 'three', 'four', 'five', 'six'],
      isReachedFromThreads: true,
      async place() {
        const options = await fresh()
        const store = new ObjectStore(options)
        return {
          sink: () => rollingFileSink<string>('out', { storage: new ObjectStore(options), maxSmallFiles: 2 }),
          async read() {
            if ((await store.list('out')).length === 0) return []
            await using sc = new SparkContext()
            return await (await sc.filesIn(store).textFile('out')).collect()
          },
        }
      },
    })
    for (const { name: title, run } of cases) it(title, run)
  })
