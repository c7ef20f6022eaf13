/** Parquet in; what is written is in parquet-output.test.ts. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { type ParquetReadOptions, SparkContext } from 'kindling'
import { bytesOf } from '../../support/bytes-of.ts'
import { placeOf } from '../../support/place-of.ts'
import { rejected } from '../../support/rejected.ts'
import { runs } from '../../support/runs.ts'

const columns = {
  id: 'INT32',
  name: 'STRING',
  raw: 'BYTE_ARRAY',
  big: 'INT64',
  when: 'TIMESTAMP',
  any: 'JSON',
} as const
const rows = (n: number) =>
  Array.from({ length: n }, (_, i) => ({
    id: i,
    name: `n${i % 7}`,
    raw: Uint8Array.from([i % 256]),
    big: BigInt(i) * 10n ** 12n,
    when: new Date(i * 1000),
    any: { a: [i] },
  }))

async function read(file: Uint8Array, options: ParquetReadOptions = {}): Promise<unknown[]> {
  await using sc = new SparkContext()
  return await (await sc.filesIn(placeOf({ a: file })).parquetFile('a', options)).collect()
}

describe('Parquet files', () => {
  it('are read as they were written, by row groups, however they are cut', async () => {
    const records = rows(1000)
    const file = await bytesOf(records, { format: 'parquet', columns, rowGroupRecords: 90 })
    await using sc = new SparkContext()
    for (const minPartitions of [1, 2, 5, 30]) {
      const rdd = await sc.filesIn(placeOf({ a: file })).parquetFile('a', { minPartitions })
      assert.deepEqual(await rdd.collect(), records)
    }
  })

  it('give some columns only', async () => {
    const file = await bytesOf(rows(3), { format: 'parquet', columns })
    assert.deepEqual(await read(file, { columns: ['name', 'id'] }), [
      { name: 'n0', id: 0 },
      { name: 'n1', id: 1 },
      { name: 'n2', id: 2 },
    ])
    const error = await rejected('FILE_NOT_FITTING', () => read(file, { columns: ['id', 'none'] }))
    assert.match(error.message, /place\/a.*no column none, but id, name, raw/)
  })

  it('with a column that no record can have are refused, unless it is not read', async () => {
    const columnData = ['__proto__', 'a'].map(name => ({ name, data: [1], type: 'INT32' as const }))
    const file = new Uint8Array(parquetWriteBuffer({ columnData }))
    const error = await rejected('FILE_NOT_FITTING', () => read(file))
    assert.match(error.message, /place\/a.*a column __proto__/)
    assert.deepEqual(await read(file, { columns: ['a'] }), [{ a: 1 }])
  })

  it('give back what was written (property)', async () => {
    const record = fc.record({
      a: fc.option(fc.string({ maxLength: 5 })),
      b: fc.option(fc.double({ noNaN: true })),
      c: fc.option(fc.boolean()),
      d: fc.option(fc.uint8Array({ maxLength: 4 })),
    })
    const columns = { a: 'STRING', b: 'DOUBLE', c: 'BOOLEAN', d: 'BYTE_ARRAY' } as const
    await using sc = new SparkContext()
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 30 }),
        fc.integer({ min: 1, max: 9 }),
        async (records, rowGroupRecords) => {
          const file = await bytesOf(records, { format: 'parquet', columns, rowGroupRecords })
          const rdd = await sc.filesIn(placeOf({ a: file })).parquetFile('a', { minPartitions: 3 })
          assert.deepEqual(
            (await rdd.collect()).map(found => ({
              ...found,
              d: found['d'] === null ? null : Uint8Array.from(found['d'] as Uint8Array),
            })),
            records.map(r => ({ ...r })),
          )
        },
      ),
      { numRuns: runs },
    )
  })

  it('that are none, cut off or changed name the file and where', async () => {
    const file = await bytesOf(rows(500), { format: 'parquet', columns, rowGroupRecords: 100 })
    for (const bytes of [
      Buffer.from('no parquet at all'),
      Buffer.from('x'),
      file.subarray(0, file.length - 3),
    ]) {
      const error = await rejected('FILE_DAMAGED', () => read(bytes))
      assert.match(error.message, /place\/a.*its end/)
    }
    const broken = Buffer.from(file)
    broken.fill(0xff, 4, 60)
    const error = await rejected('FILE_DAMAGED', () => read(broken))
    assert.match(error.message, /place\/a.*row group 0, records 0 to 99/)
  })
})
