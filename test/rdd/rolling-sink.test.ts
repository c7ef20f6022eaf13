/** Small files become larger ones: each batch is seen once, whole, before, while and after. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type FileFormatOptions,
  type FileStorage,
  type RemoteFiles,
  rollingFileSink,
  SparkContext,
} from 'kindling'
import { sinkConformance } from '../../src/testing/sink-conformance.ts'
import { Driver } from '../../src/testing/sink-trial.ts'
import { memoryStorage } from '../support/memory-storage.ts'
import { rejected, thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

/** A storage as a place for reading. */
function placeIn(storage: FileStorage): RemoteFiles {
  const find = async (path: string) => {
    const bytes = await storage.read(path)
    return bytes && { path, bytes: bytes.length, modified: 1 }
  }
  return {
    name: 'storage',
    list: folder => storage.list(folder),
    findFile: find,
    async listFiles(folder) {
      const found = await Promise.all((await storage.list(folder)).map(name => find(`${folder}/${name}`)))
      const files = found.filter(file => file !== undefined)
      return files.length === 0 ? undefined : files
    },
    reader: () => ({
      read: async (path, offset, length) => (await storage.read(path))!.subarray(offset, offset + length),
      async *stream(path, offset) {
        yield (await storage.read(path))!.subarray(offset)
      },
    }),
  }
}

async function lines(storage: FileStorage, folder = 'out'): Promise<string[]> {
  if (!(await storage.list('')).includes(folder)) return []
  await using sc = new SparkContext()
  return await (await sc.filesIn(placeIn(storage)).textFile(folder)).collect()
}

const dataFiles = async (storage: FileStorage): Promise<string[]> =>
  (await storage.list('out')).filter(name => name !== '_log').toSorted()

const at = (options: Partial<Parameters<typeof rollingFileSink>[1]> & { storage: FileStorage }) =>
  rollingFileSink<string>('out', options)

for (const maxSmallFiles of [1, 100])
  describe(`sinkConformance of rolling files, at ${maxSmallFiles} small ones`, () => {
    const cases = sinkConformance({
      records: ['one', 'two', 'three', 'four', 'five', 'six'],
      place() {
        const storage = memoryStorage()
        return { sink: () => at({ storage, maxSmallFiles }), read: () => lines(storage) }
      },
    })
    for (const { name, run } of cases) it(name, run)
  })

describe('small files', () => {
  it('become larger ones by number, by bytes and by age', async () => {
    const cases: readonly [object, number[]][] = [
      [{ maxSmallFiles: 3 }, [1, 2, 1, 2, 3]],
      [{ rollBytes: 4 }, [1, 1, 2, 2, 3]],
      [{ rollAge: 2000 }, [1, 2, 1, 2, 3]],
      [{}, [1, 2, 3, 4, 5]],
    ]
    for (const [options, expected] of cases) {
      const storage = memoryStorage()
      const driver = await new Driver(at({ storage, keepReplaced: 5, ...options }), 1).open()
      const counts: number[] = []
      for (let i = 1; i <= 5; i++) {
        await driver.write(i * 1000, [[`${i}`]])
        await using sc = new SparkContext()
        counts.push((await sc.filesIn(placeIn(storage)).textFile('out', 1)).getNumPartitions())
        assert.deepEqual(await lines(storage), ['1', '2', '3', '4', '5'].slice(0, i))
      }
      assert.deepEqual(counts, expected, JSON.stringify(options))
    }
  })

  it('that were replaced stay for a while, as does the log, and both are bounded', async () => {
    const storage = memoryStorage()
    const driver = await new Driver(at({ storage, maxSmallFiles: 2, keepReplaced: 4000 }), 1).open()
    for (let i = 1; i <= 60; i++) await driver.write(i * 1000, [[`${i}`]])
    const files = await dataFiles(storage)
    assert.equal(files.filter(name => name.startsWith('rolled')).length, 30)
    assert.ok(files.filter(name => name.startsWith('part')).length <= 6, files.join())
    assert.ok((await storage.list('out/_log')).length <= 13)
    assert.equal((await lines(storage)).length, 60)
  })

  it('of each format become larger ones with the same records', async () => {
    const schema = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: 'string' },
        { name: 'b', type: ['null', 'double'] },
      ],
    } as const
    const columns = { a: 'STRING', b: 'DOUBLE' } as const
    const formats: readonly FileFormatOptions[] = [
      { format: 'ndjson' },
      { format: 'ndjson', compression: 'gzip' },
      { format: 'csv', columns },
      { format: 'csv', columns, compression: 'gzip' },
      { format: 'parquet', columns },
      { format: 'avro', schema },
      { format: 'avro', schema, compression: 'gzip' },
    ]
    const records = Array.from({ length: 8 }, (_, i) => ({ a: `"${i}",\n`, b: i % 3 === 0 ? null : i / 2 }))
    for (const options of formats) {
      const storage = memoryStorage()
      const sink = rollingFileSink<object>('out', { storage, maxSmallFiles: 4, ...options })
      const driver = await new Driver(sink, 1).open()
      for (let i = 0; i < 4; i++) await driver.write(i + 1, [[records[2 * i]!], [records[2 * i + 1]!]])
      await using sc = new SparkContext()
      const files = sc.filesIn(placeIn(storage))
      const read = {
        ndjson: () => files.ndjsonFile<object>('out'),
        csv: () => files.csvFile<object>('out', { columns: { a: 'string', b: 'number' } }),
        parquet: () => files.parquetFile<object>('out'),
        avro: () => files.avroFile<object>('out'),
      }[options.format as 'csv']
      const found = (await (await read()).collect()).map(record => ({
        b: null,
        ...(record as { b?: number }),
      }))
      assert.deepEqual(
        found.map(({ b, ...rest }) => ({ ...rest, b: b ?? null })),
        records,
        JSON.stringify(options),
      )
      assert.ok((await dataFiles(storage)).some(name => name.startsWith('rolled')))
    }
  })

  it('of formats that cannot be made one are refused', () => {
    const storage = memoryStorage()
    for (const format of ['object', 'parquet', 'csv', 'avro'] as const)
      thrown('INVALID_ARGUMENT', () => rollingFileSink('out', { storage, format }))
  })
})

describe('the log of a folder', () => {
  it('that was damaged, or lost a file that counts, is named', async () => {
    const storage = memoryStorage()
    const driver = await new Driver(at({ storage }), 1).open()
    await driver.write(1000, [['a']])
    const [file] = await dataFiles(storage)
    await storage.delete(`out/${file}`)
    const gone = await rejected('FILE_DAMAGED', () => lines(storage))
    assert.ok(gone.message.includes(`storage/out/${file}`))
    await storage.delete('out/_log/000000000001')
    assert.match(
      (await rejected('FILE_DAMAGED', () => lines(storage))).message,
      /_log\/000000000001.*missing/,
    )
    await storage.write('out/_log/000000000002', Buffer.from('{'))
    assert.match((await rejected('FILE_DAMAGED', () => lines(storage))).message, /_log\/000000000002/)
  })

  it('is shared by outputs, also when one has not looked for long (property)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(9), { maxLength: 60 }), async turns => {
        const storage = memoryStorage()
        const sinks = [0, 1].map(() => at({ storage, maxSmallFiles: 2, keepReplaced: 5 }))
        const written: string[] = []
        for (const [i, turn] of turns.entries()) {
          // The second one is rarely at it.
          const k = turn === 9 ? 1 : 0
          const token = { program: 'p', operatorId: `o${k}`, epoch: 1, batchTime: (i + 1) * 1000 }
          const sink = sinks[k]!
          await sink.begin?.(token)
          const writer = await sink.writer({ ...token, partition: 0, attempt: 0 })
          await writer.write([`${k}-${i}`])
          await sink.commit(token, [await writer.prepare()])
          written.push(`${k}-${i}`)
        }
        assert.deepEqual((await lines(storage)).toSorted(), written.toSorted())
      }),
      { numRuns: runs },
    )
  })
})

describe('a process that dies at any step of its storage', () => {
  for (const when of ['before', 'after'] as const)
    it(`leaves what can be read, and the next one goes on: each batch once (${when} every step)`, async () => {
      let dieAt = 1
      for (; ; dieAt++) {
        const storage = memoryStorage()
        let steps = 0
        const step = async <R>(act: () => Promise<R>): Promise<R> => {
          if (++steps > dieAt || (steps === dieAt && when === 'before')) throw new Error('dead')
          const done = await act()
          if (steps === dieAt) throw new Error('dead')
          return done
        }
        const dying: FileStorage = {
          ...storage,
          createIfAbsent: (file, bytes) => step(() => storage.createIfAbsent(file, bytes)),
          write: (file, bytes) => step(() => storage.write(file, bytes)),
          delete: file => step(() => storage.delete(file)),
        }
        const batches = [['a', 'b'], ['c'], [], ['d'], ['e', 'f'], ['g']]
        const options = { maxSmallFiles: 2, keepReplaced: 1000 }
        let alive = true
        try {
          const first = await new Driver(at({ storage: dying, ...options }), 1).open()
          for (const [i, records] of batches.entries()) {
            await first.write((i + 1) * 1000, [records])
            if (steps >= dieAt) break
          }
        } catch {
          alive = false
        }
        const seen = await lines(storage)
        const whole = batches.map((_, n) => batches.slice(0, n).flat())
        assert.ok(
          [...whole, batches.flat()].some(some => String(some) === String(seen)),
          `${dieAt}: ${seen}`,
        )
        const second = await new Driver(at({ storage, ...options }), 2).open()
        const held = await second.held(...batches.map((_, i) => (i + 1) * 1000))
        for (const [i, records] of batches.entries())
          if (!held.includes((i + 1) * 1000)) await second.write((i + 1) * 1000, [records])
        assert.deepEqual(await lines(storage), batches.flat(), `${dieAt}`)
        if (alive && steps < dieAt) break
      }
      assert.ok(dieAt > 20, `it has died at ${dieAt - 1} steps`)
    })
})
