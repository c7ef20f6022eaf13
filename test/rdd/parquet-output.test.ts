import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { SparkContext } from '../../src/context/spark-context.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { runs } from '../support/runs.ts'

const dir = mkdtempSync(join(tmpdir(), 'kindling-parquet-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const sc = new SparkContext()
let n = 0
const target = (): string => join(dir, String(n++))

/** What the Parquet files of an output hold, file by file. */
async function read(path: string): Promise<Record<string, unknown>[][]> {
  const parts = readdirSync(path).filter(name => name.endsWith('.parquet'))
  return Promise.all(
    parts.sort().map(async name => parquetReadObjects({ file: await asyncBufferFromFile(join(path, name)) })),
  )
}

describe('saveAsParquetFile', () => {
  it('has a column for each field, with the types of the values', async () => {
    const path = target()
    const records = [
      {
        name: 'ann',
        age: 30,
        at: new Date(5000),
        big: 2n ** 40n,
        ok: true,
        tags: ['x'],
        bytes: Buffer.from('é'),
      },
      {
        name: 'bob',
        age: 31.5,
        at: new Date(6000),
        big: -1n,
        ok: false,
        tags: { a: 1 },
        bytes: Buffer.from('b'),
      },
    ]
    await sc.parallelize(records, 1).saveAsParquetFile(path)
    assert.deepEqual(readdirSync(path).sort(), ['_SUCCESS', 'part-00000.parquet'])
    const [rows] = await read(path)
    const plain = rows!.map(row => ({ ...row, bytes: typeof row['bytes'] }))
    assert.deepEqual(
      plain,
      records.map(record => ({ ...record, bytes: 'string' })),
    )
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(`${path}/part-00000.parquet`))
    assert.deepEqual(
      metadata.schema.slice(1).map(column => `${column.name} ${column.converted_type ?? column.type}`),
      [
        'name UTF8',
        'age DOUBLE',
        'at TIMESTAMP_MILLIS',
        'big INT64',
        'ok BOOLEAN',
        'tags JSON',
        'bytes BYTE_ARRAY',
      ],
    )
  })

  it('pairs are key and value, anything else is value; null and undefined are null', async () => {
    const pairs = target()
    await sc
      .parallelize<[string, number | undefined]>(
        [
          ['a', 1],
          ['b', undefined],
        ],
        1,
      )
      .saveAsParquetFile(pairs)
    assert.deepEqual(await read(pairs), [
      [
        { key: 'a', value: 1 },
        { key: 'b', value: null },
      ],
    ])
    const values = target()
    await sc.parallelize(['x', null, 'y'], 1).saveAsParquetFile(values)
    assert.deepEqual(await read(values), [[{ value: 'x' }, { value: null }, { value: 'y' }]])
  })

  it('columns that are given decide types and order, also of parts without records', async () => {
    const path = target()
    const columns = { value: 'INT32', key: 'STRING' } as const
    await sc.parallelize<[string, number]>([['a', 1]], 2).saveAsParquetFile(path, { columns })
    assert.deepEqual(await read(path), [[], [{ value: 1, key: 'a' }]])
  })

  it('without them, a part without records has no file', async () => {
    const path = target()
    await sc.parallelize(['only'], 3).saveAsParquetFile(path)
    assert.deepEqual(readdirSync(path).sort(), ['_SUCCESS', 'part-00002.parquet'])
    const empty = target()
    await sc.emptyRDD().saveAsParquetFile(empty)
    assert.deepEqual(readdirSync(empty), ['_SUCCESS'])
  })

  it('a record that does not fit is refused with its value, and nothing is left', async () => {
    for (const [records, columns, message] of [
      [[{ a: 1 }, { a: 'text' }], undefined, /'text'.*column a is DOUBLE/],
      [[{ a: 1.5 }], { a: 'INT32' }, /1\.5.*column a is INT32/],
      [[{ a: 1, c: 2 }], { a: 'INT32' }, /there is no column c/],
      [[JSON.parse('{"a":1,"__proto__":2}')], { a: 'INT32' }, /no column can have the name __proto__/],
      [[JSON.parse('{"__proto__":2}')], undefined, /no column can have the name __proto__/],
    ] as const) {
      const path = target()
      const saved = sc
        .parallelize<unknown>(records, 1)
        .saveAsParquetFile(path, columns === undefined ? {} : { columns })
      await assert.rejects(saved, { code: 'RECORD_NOT_FITTING', message })
      assert.equal(existsSync(path), false)
    }
  })

  it('gives back what was written, whatever the size of row groups', async () => {
    const record = fc.record(
      {
        text: fc.option(fc.string({ unit: 'binary' }), { nil: null }),
        number: fc.option(fc.double({ noNaN: true }), { nil: null }),
        when: fc.option(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }), {
          nil: null,
        }),
        flag: fc.option(fc.boolean(), { nil: null }),
        big: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { nil: null }),
      },
      { noNullPrototype: true },
    )
    const columns = {
      text: 'STRING',
      number: 'DOUBLE',
      when: 'TIMESTAMP',
      flag: 'BOOLEAN',
      big: 'INT64',
    } as const
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        async (records, size) => {
          const path = target()
          await sc.parallelize(records, 2).saveAsParquetFile(path, { columns, rowGroupRecords: size })
          assert.deepEqual((await read(path)).flat(), records)
        },
      ),
      { numRuns: Math.ceil(runs / 5) },
    )
  })
})

describe('file outputs of streams', () => {
  it('are directories by batch time, and are replaced', async () => {
    await using t = new StreamTest({
      build: t => {
        const pairs = t.input<[string, number]>('in', [[['a', 1]], [['b', 2]]])
        pairs.saveAsObjectFiles(`${t.dir}/object`)
        pairs.saveAsNDJSONFiles(`${t.dir}/lines`, 'json')
        pairs.saveAsParquetFiles(`${t.dir}/parquet`, '', { columns: { key: 'STRING', value: 'INT32' } })
        pairs.saveAsTextFiles(`${t.dir}/packed`, '', { compression: 'gzip' })
      },
    })
    t.file('lines-1000.json/old', 'old')
    await t.run(2)
    assert.deepEqual(await t.sc.objectFile(`${t.dir}/object-1000`).collect(), [['a', 1]])
    assert.deepEqual(await t.sc.ndjsonFile(`${t.dir}/lines-2000.json`).collect(), [['b', 2]])
    assert.deepEqual(await t.sc.ndjsonFile(`${t.dir}/lines-1000.json`).collect(), [['a', 1]])
    assert.deepEqual(await read(`${t.dir}/parquet-2000`), [[{ key: 'b', value: 2 }]])
    assert.deepEqual(await t.sc.textFile(`${t.dir}/packed-1000/*.gz`).collect(), ['["a",1]'])
  })

  it('binaryRecordsStream reads records of one length; a file of another length fails its batch', async () => {
    await using t = new StreamTest({
      build: t => {
        t.collect(
          'out',
          t.ssc.binaryRecordsStream(`${t.dir}/in`, 2).map(bytes => String(bytes)),
        )
        assert.throws(() => t.ssc.binaryRecordsStream(t.dir, 0), { code: 'INVALID_ARGUMENT' })
      },
    })
    await t.ssc.start()
    t.file('in/a', new Uint8Array([1, 2, 3, 4]), { at: 500 })
    t.file('in/broken', new Uint8Array([1, 2, 3]), { at: 1500 })
    t.file('in/b', new Uint8Array([5, 6]), { at: 2500 })
    await t.run(3, { collectErrors: true })
    assert.deepEqual(t.out('out').batches, [['1,2', '3,4'], ['5,6']])
    assert.equal((t.errors[0] as Error & { code: string }).code, 'FILE_DAMAGED')
  })
})
