/** Files of all formats in other places: written by sinks, read as RDDs and as streams, on threads too. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FileFormatOptions, fileSink, type RemoteFiles, SparkContext } from 'kindling'
import { ObjectStore } from 'kindling/connectors/object-store'
import { StreamTest, sinkConformance } from 'kindling/testing'
import { bytesOf } from '../../support/bytes-of.ts'
import { FakeS3 } from '../../support/fake-s3.ts'
import { memoryStorage } from '../../support/memory-storage.ts'
import { placeOf } from '../../support/place-of.ts'

const schema = {
  type: 'record',
  name: 'Visit',
  fields: [
    { name: 'who', type: 'string' },
    { name: 'times', type: 'double' },
  ],
} as const
const records = [
  { who: 'ann', times: 1 },
  { who: 'bob, "the" builder', times: 2.5 },
  { who: 'eve', times: 0 },
]
const formats: Readonly<Record<string, FileFormatOptions>> = {
  csv: { format: 'csv' },
  'csv, packed': { format: 'csv', compression: 'gzip' },
  parquet: { format: 'parquet' },
  avro: { format: 'avro', schema },
}
const columns = { who: 'string', times: 'number' } as const

async function readBack(
  sc: SparkContext,
  place: RemoteFiles,
  path: string,
  kind: string,
): Promise<unknown[]> {
  const files = sc.filesIn(place)
  if (kind.startsWith('csv')) return (await files.csvFile(path, { columns })).collect()
  return kind === 'parquet'
    ? (await files.parquetFile(path)).collect()
    : (await files.avroFile(path)).collect()
}

for (const [kind, options] of Object.entries(formats))
  describe(`files of ${kind}`, () => {
    for (const executor of ['inline', 'threads'])
      it(`in an object store are read as they were written, ${executor}`, async () => {
        const s3 = new FakeS3()
        const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
        const store = new ObjectStore({ url: 's3://bucket/x', endpoint: await s3.start(), credentials })
        await using sc = new SparkContext({ master: 'local[2]', conf: { 'kindling.executor': executor } })
        const sink = fileSink<object>('out', { storage: store, ...options })
        await sc.parallelize(records, 2).writeTo(sink, { id: 'out', time: 1000 })
        assert.deepEqual(await readBack(sc, store, 'out-1000', kind), records)
        await s3.stop()
      })

    it('on this machine are read as they were written', async () => {
      await using t = new StreamTest({ build: () => {} })
      await t.sc
        .parallelize(records, 2)
        .writeTo(fileSink<object>(`${t.dir}/out`, options), { id: 'out', time: 1 })
      const path = `${t.dir}/out-1`
      const found = kind.startsWith('csv')
        ? t.sc.csvFile(path, { columns })
        : kind === 'parquet'
          ? t.sc.parquetFile(path)
          : t.sc.avroFile(path)
      assert.deepEqual(await found.collect(), records)
    })

    it('are streams as they appear', async () => {
      const place = placeOf({ 'in/a': await bytesOf(records, { ...options, compression: 'none' }) })
      await using t = new StreamTest({
        build(t) {
          const files = t.ssc.filesIn(place)
          const all = { newFilesOnly: false }
          if (kind.startsWith('csv')) t.collect('out', files.csvFileStream('in', { ...all, columns }))
          else if (kind === 'parquet') t.collect('out', files.parquetFileStream('in', all))
          else t.collect('out', files.avroFileStream('in', all))
        },
      })
      await t.run(2)
      assert.deepEqual(t.out('out').batches, [records, []])
    })
  })

for (const format of ['csv', 'avro'] as const)
  describe(`sinkConformance of files of ${format}`, () => {
    const cases = sinkConformance({
      records: ['one', 'two', 'three', 'four', 'five', 'six'],
      place() {
        const storage = memoryStorage()
        return {
          sink: () => fileSink<string>('out', { storage, format, schema: 'string' }),
          async read() {
            const found: Record<string, Uint8Array> = {}
            for (const folder of await storage.list(''))
              for (const file of await storage.list(folder))
                found[`${folder}/${file}`] = (await storage.read(`${folder}/${file}`))!
            await using sc = new SparkContext()
            const all: string[] = []
            const place = { ...placeOf(found), list: storage.list }
            const folders = (await storage.list('')).filter(name => !name.startsWith('.'))
            if (folders.length === 0) return all
            if (format === 'avro') return await (await sc.filesIn(place).avroFile<string>('out-*')).collect()
            return (await (await sc.filesIn(place).csvFile('out-*')).collect()).map(({ value }) => value!)
          },
        }
      },
    })
    for (const { name, run } of cases) it(name, run)
  })

it('bad rows of a stream go to dead letters, with file and line', async () => {
  const place = placeOf({ 'in/a.csv': Buffer.from('who,times\nann,1\nbob,often\n') })
  const letters: string[] = []
  await using t = new StreamTest({
    build(t) {
      const bad = t.ssc.deadLetters(
        {
          name: 'letters',
          guarantee: 'at-least-once',
          writer: () => ({
            write: found => void letters.push(...found.map(({ error }) => error.message)),
            prepare() {},
            abort() {},
          }),
        },
        { id: 'bad' },
      )
      t.collect(
        'out',
        t.ssc.filesIn(place).csvFileStream('in', { newFilesOnly: false, columns, onError: bad }),
      )
    },
  })
  await t.run(1)
  assert.deepEqual(t.out('out').batches, [[{ who: 'ann', times: 1 }]])
  assert.equal(letters.length, 1)
  assert.match(letters[0]!, /place\/in\/a\.csv, line 3: 'often' in column times is no number/)
})
