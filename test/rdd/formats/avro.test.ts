/** Avro in and out. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import avro from 'avsc'
import fc from 'fast-check'
import { type AvroReadOptions, type AvroSchema, SparkContext } from 'kindling'
import { bytesOf } from '../../support/bytes-of.ts'
import { placeOf } from '../../support/place-of.ts'
import { rejected } from '../../support/rejected.ts'
import { runs } from '../../support/runs.ts'

const schema: AvroSchema = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'who', type: ['null', 'string'], default: null },
    { name: 'tags', type: { type: 'map', values: 'double' } },
    { name: 'raw', type: 'bytes' },
    {
      name: 'nested',
      type: { type: 'array', items: { type: 'record', name: 'Part', fields: [{ name: 'n', type: 'int' }] } },
    },
  ],
}

async function read(file: Uint8Array, options: AvroReadOptions = {}, pieceBytes = 100): Promise<unknown[]> {
  await using sc = new SparkContext()
  return await (await sc.filesIn(placeOf({ a: file }, pieceBytes)).avroFile('a', options)).collect()
}

const orders = (n: number) =>
  Array.from({ length: n }, (_, i) => ({
    id: i,
    who: i % 2 === 0 ? null : `w${i}`,
    tags: { a: i / 2 },
    raw: Uint8Array.from([i % 256, 1]),
    nested: [{ n: i }, { n: 1 - i }],
  }))

describe('Avro files', () => {
  for (const compression of ['none', 'gzip'] as const)
    it(`are read as they were written, however they are cut, compression ${compression}`, async () => {
      const records = orders(9000)
      const file = await bytesOf(records, { format: 'avro', schema, compression })
      await using sc = new SparkContext()
      for (const minPartitions of [1, 2, 7, 40]) {
        const rdd = await sc.filesIn(placeOf({ a: file }, 1000)).avroFile('a', { minPartitions })
        assert.deepEqual(await rdd.collect(), records)
      }
    })

  it('without records are files too', async () => {
    assert.deepEqual(await read(await bytesOf([], { format: 'avro', schema })), [])
  })

  it('are what the library reads and writes', async () => {
    const file = await bytesOf(orders(3), { format: 'avro', schema, compression: 'gzip' })
    const decoder = new avro.streams.BlockDecoder()
    const found: unknown[] = []
    decoder.on('data', record => found.push(record))
    decoder.end(file)
    await new Promise(resolve => decoder.on('end', resolve))
    assert.equal(found.length, 3)
    const encoder = new avro.streams.BlockEncoder('string', { codec: 'deflate' })
    const pieces: Buffer[] = []
    encoder.on('data', piece => pieces.push(piece as Buffer))
    for (const word of ['a', 'b']) encoder.write(word)
    encoder.end()
    await new Promise(resolve => encoder.on('end', resolve))
    assert.deepEqual(await read(Buffer.concat(pieces)), ['a', 'b'])
  })

  it('are resolved to a later schema, or refused', async () => {
    const [first, second] = [
      { type: 'record', name: 'R', fields: [{ name: 'a', type: 'int' }] },
      {
        type: 'record',
        name: 'R',
        fields: [
          { name: 'a', type: 'double' },
          { name: 'b', type: 'string', default: 'none' },
        ],
      },
    ] as const
    const file = await bytesOf([{ a: 1 }], { format: 'avro', schema: first })
    assert.deepEqual(await read(file, { schema: second }), [{ a: 1, b: 'none' }])
    const other: AvroSchema = { type: 'record', name: 'R', fields: [{ name: 'z', type: 'int' }] }
    const error = await rejected('FILE_NOT_FITTING', () => read(file, { schema: other }))
    assert.match(error.message, /place\/a/)
  })

  it('have longs as numbers, or as bigints where these are too small', async () => {
    const records = [2n ** 60n, -5n]
    const file = await bytesOf(records, { format: 'avro', schema: 'long', longs: 'bigint' })
    assert.deepEqual(await read(file, { longs: 'bigint' }), records)
    const error = await rejected('FILE_DAMAGED', () => read(file))
    assert.match(error.message, /place\/a.*byte \d+/)
  })

  it('keep every key of a map, and refuse a field that no record can have', async () => {
    const records = [
      {
        ...orders(1)[0]!,
        tags: JSON.parse('{"__proto__":1,"constructor":2,"":3}') as Record<string, number>,
      },
    ]
    const file = await bytesOf(records, { format: 'avro', schema })
    assert.equal(
      JSON.stringify((await read(file)).map(order => (order as (typeof records)[0])!.tags)),
      '[{"__proto__":1,"constructor":2,"":3}]',
    )
    const later = {
      ...schema,
      fields: [
        ...(schema as unknown as { fields: object[] }).fields,
        { name: 'x', type: ['null', 'int'], default: null },
      ],
    }
    const [resolved] = (await read(file, { schema: later as AvroSchema })) as [(typeof records)[0]]
    assert.deepEqual(Object.keys(resolved.tags), ['__proto__', 'constructor', ''])
    const odd: AvroSchema = { type: 'record', name: 'Odd', fields: [{ name: '__proto__', type: 'int' }] }
    assert.match(
      (await rejected('FILE_NOT_FITTING', () => read(file, { schema: odd }))).message,
      /field of Odd is named __proto__/,
    )
  })

  it('refuse records that do not fit, and schemas that are none', async () => {
    const error = await rejected('RECORD_NOT_FITTING', () =>
      bytesOf([{ ...orders(1)[0], id: 'x' }], { format: 'avro', schema }),
    )
    assert.match(error.message, /id is .*x/)
    await rejected('INVALID_ARGUMENT', () => bytesOf([1], { format: 'avro' }))
    await rejected('INVALID_ARGUMENT', () => bytesOf([1], { format: 'avro', schema: 'nothing' }))
  })

  it('that are cut off or changed anywhere are damaged, or give what was written (property)', async () => {
    const records = orders(50)
    const file = await bytesOf(records, { format: 'avro', schema, compression: 'gzip' })
    await fc.assert(
      fc.asyncProperty(
        fc.nat(file.length - 1),
        fc.boolean(),
        fc.integer({ min: 1, max: 255 }),
        async (at, isCut, flip) => {
          const broken = Buffer.from(isCut ? file.subarray(0, at) : file)
          if (!isCut) broken[at] = broken[at]! ^ flip
          try {
            await read(broken)
          } catch (error) {
            const { code, message } = error as { code: string; message: string }
            assert.ok(code === 'FILE_DAMAGED' || code === 'FILE_NOT_FITTING', `${code} ${message}`)
            assert.match(message, /place\/a/)
            return
          }
          // Cut between blocks nothing is seen, as Avro has no end; a changed name in the schema is another schema.
          assert.ok(!isCut || at === 0)
        },
      ),
      { numRuns: runs },
    )
  })

  it('of other kinds and codecs are named', async () => {
    const text = await rejected('FILE_DAMAGED', () => read(Buffer.from('no avro at all')))
    assert.match(text.message, /place\/a.*does not begin as a file of Avro.*byte 0/)
    const file = await bytesOf([1], { format: 'avro', schema: 'int', compression: 'gzip' })
    const snappy = Buffer.from(file.toString('latin1').replace('\u000edeflate', '\u000esnapppy'), 'latin1')
    const error = await rejected('FILE_NOT_FITTING', () => read(snappy))
    assert.match(error.message, /codec is snapppy/)
  })
})
