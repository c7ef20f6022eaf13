/** CSV in and out. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type CsvReadOptions, SparkContext, type StandardSchema } from 'kindling'
import { bytesOf } from '../../support/bytes-of.ts'
import { placeOf } from '../../support/place-of.ts'
import { rejected } from '../../support/rejected.ts'
import { runs } from '../../support/runs.ts'

async function read<T>(
  text: string | Uint8Array,
  options: CsvReadOptions<T> = {},
  { path = 'in/a.csv', pieceBytes = 7 } = {},
): Promise<unknown[]> {
  await using sc = new SparkContext()
  const rows = await sc.filesIn(placeOf({ [path]: Buffer.from(text) }, pieceBytes)).csvFile(path, options)
  return await rows.collect()
}

describe('CSV files', () => {
  const cases: readonly [string, string | Uint8Array, CsvReadOptions<unknown>, unknown[]][] = [
    ['nothing', '', {}, []],
    ['a header alone', 'a,b\n', {}, []],
    [
      'rows',
      'a,b\r\n1,2\r\n3,4',
      {},
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['quotes', 'a,b\n"x, ""y""\r\nz",2\n', {}, [{ a: 'x, "y"\r\nz', b: '2' }]],
    ['empty fields, and quoted ones', 'a,b\n,""\n', {}, [{ a: undefined, b: '' }]],
    ['a mark of the byte order, and blank lines', '\ufeffa\n\n1\n', {}, [{ a: '1' }]],
    ['other delimiters', 'a;b\n1;2,5\n', { delimiter: ';' }, [{ a: '1', b: '2,5' }]],
    [
      'a header of other order',
      'b,a,c\n1,x,3\n',
      { columns: { a: 'string', b: 'number' } },
      [{ a: 'x', b: 1 }],
    ],
    ['no header', '1,x\n', { header: false, columns: { n: 'bigint', s: 'string' } }, [{ n: 1n, s: 'x' }]],
    [
      'types',
      'n,b,d,i\n-1.5e3,TRUE,2024-02-29,9007199254740993\n,,,\n',
      { columns: { n: 'number', b: 'boolean', d: 'date', i: 'bigint' } },
      [
        { n: -1500, b: true, d: new Date('2024-02-29'), i: 9007199254740993n },
        { n: undefined, b: undefined, d: undefined, i: undefined },
      ],
    ],
    [
      'names that objects have',
      '__proto__,constructor\n1,2\n',
      {},
      [JSON.parse('{"__proto__":"1","constructor":"2"}')],
    ],
    [
      'such names, with types',
      '__proto__\n1\n',
      { columns: JSON.parse('{"__proto__":"number"}') },
      [JSON.parse('{"__proto__":1}')],
    ],
    ['other alphabets', 'имя,名\n"é, ё",漢\n', {}, [{ имя: 'é, ё', 名: '漢' }]],
  ]
  for (const [title, text, options, expected] of cases)
    it(`with ${title} are read`, async () => {
      for (const pieceBytes of [1, 3, 1000])
        assert.deepEqual(await read(text, options, { pieceBytes }), expected)
    })

  it('that are packed are unpacked', async () => {
    assert.deepEqual(await read(gzipSync('a\n1\n'), {}, { path: 'in/a.csv.gz' }), [{ a: '1' }])
  })

  const wrong: readonly [string, string, CsvReadOptions<unknown>, RegExp][] = [
    ['too few fields', 'a,b\n1,2\n3\n', {}, /place\/in\/a\.csv, line 3: it has 1 fields instead of 2/],
    ['too many fields', 'a\n1,2\n', {}, /line 2: it has 2 fields instead of 1/],
    ['quotes that do not match', 'a\n"x"y\n', {}, /line 2: the quotes of field 1 do not match/],
    ['quotes that never end', 'a\n1\n"x\n', {}, /line \d: .*quote/i],
    [
      'a field of another type',
      'a\nx\n',
      { columns: { a: 'number' } },
      /line 2: .*x.* in column a is no number/,
    ],
    ['a column that is missing', 'a\n1\n', { columns: { b: 'number' } }, /line 2: the file has no column b/],
  ]
  for (const [title, text, options, message] of wrong)
    it(`with ${title} name file and line`, async () => {
      const error = await rejected('ROW_NOT_READABLE', () => read(text, options))
      assert.match(error.message, message)
    })

  it('that name a column twice, or are not packed as they say, are damaged', async () => {
    const twice = await rejected('FILE_DAMAGED', () => read('a,b,a\n1,2,3\n'))
    assert.match(twice.message, /place\/in\/a\.csv.*line 1.*a is there twice/)
    const packed = await rejected('FILE_DAMAGED', () => read('a\n1\n', {}, { path: 'in/a.csv.gz' }))
    assert.match(packed.message, /a\.csv\.gz/)
    const cut = gzipSync('a\n1\n').subarray(0, 15)
    await rejected('FILE_DAMAGED', () => read(cut, {}, { path: 'in/a.csv.gz' }))
  })

  it('give bad rows to dead letters, and the others in order', async () => {
    await using sc = new SparkContext()
    const bad = sc.deadLetters()
    const text = 'a,b\n1,2\nx,3\n"oops"!,1\n4\n5,6\n'
    const rows = await sc.filesIn(placeOf({ a: Buffer.from(text) })).csvFile('a', {
      columns: { a: 'number', b: 'number' },
      onError: bad,
    })
    assert.deepEqual(await rows.collect(), [
      { a: 1, b: 2 },
      { a: 5, b: 6 },
    ])
    const letters = await bad.letters().collect()
    assert.deepEqual(
      letters.map(({ error }) => /line (\d)/.exec(error.message)?.[1]),
      ['3', '4', '5'],
    )
  })

  it('are checked by a schema', async () => {
    const schema: StandardSchema<{ readonly a: number }> = {
      '~standard': {
        validate: value => {
          const a = Number((value as { a: string }).a)
          return a > 0 ? { value: { a } } : { issues: [{ message: 'is to be positive', path: ['a'] }] }
        },
      },
    }
    assert.deepEqual(await read('a\n1\n2\n', { schema }), [{ a: 1 }, { a: 2 }])
    const error = await rejected('ROW_NOT_READABLE', () => read('a\n1\n-2\n', { schema }))
    assert.match(error.message, /line 3: a: is to be positive/)
  })

  it('give back what was written (property)', async () => {
    await using sc = new SparkContext()
    const text = fc.oneof(
      fc.string({ maxLength: 8, unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', ';', 'é', '\ufeff') }),
      fc.constant(undefined),
    )
    const record = fc.record({ 'a,"b': text, c: text, d: fc.constant('end') }, { noNullPrototype: true })
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 8 }),
        fc.constantFrom(',', ';'),
        fc.integer({ min: 1, max: 9 }),
        async (records, delimiter, pieceBytes) => {
          const columns = { 'a,"b': 'STRING', c: 'STRING', d: 'STRING' } as const
          const file = await bytesOf(records, { format: 'csv', delimiter, columns })
          const rows = await sc.filesIn(placeOf({ a: file }, pieceBytes)).csvFile('a', { delimiter })
          assert.deepEqual(await rows.collect(), records)
        },
      ),
      { numRuns: runs },
    )
  })

  it('refuse records with other columns', async () => {
    const error = await rejected('RECORD_NOT_FITTING', () => bytesOf([{ a: 1 }, { b: 2 }], { format: 'csv' }))
    assert.match(error.message, /there is no column b/)
  })
})
