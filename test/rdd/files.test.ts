import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { onEveryBackend } from '../support/backends.ts'
import { rejected, thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'
import { assertSame, values } from '../support/values.ts'

const root = mkdtempSync(join(tmpdir(), 'kindling-files-'))
after(() => rmSync(root, { recursive: true }))
let next = 0
const fresh = (): string => join(root, String(next++))

onEveryBackend('files', ({ sc }) => {
  it('text, packed or not, there and back', async () => {
    const lines = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀', ' ', '"'), maxLength: 5 }), {
      maxLength: 20,
    })
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 1, max: 4 }), fc.boolean(), async (all, p, packed) => {
        const path = fresh()
        await sc.parallelize(all, p).saveAsTextFile(path, packed ? { compression: 'gzip' } : {})
        const parts = readdirSync(path).filter(name => name !== '_SUCCESS')
        assert.deepEqual(
          parts.sort(),
          Array.from({ length: p }, (_, i) => `part-0000${i}${packed ? '.gz' : ''}`),
        )
        assert.deepEqual(await sc.textFile(path).collect(), all)
      }),
      { numRuns: Math.ceil(runs / 5) },
    )
    const path = fresh()
    const long = sc.range(0, 60_000, 1, 1).map(x => `line ${x}`)
    await long.saveAsTextFile(path, { compression: 'gzip' })
    assert.equal(
      gunzipSync(readFileSync(join(path, 'part-00000.gz')))
        .toString()
        .split('\n').length,
      60_001,
    )
    assert.equal(await sc.textFile(`${path}/*.gz`).count(), 60_000)
  })

  it('NDJSON, there and back (D48)', async () => {
    const path = fresh()
    const records = [
      ['a', 1],
      { b: [true, null] },
      'text',
      7,
      undefined,
      10n,
      new Date(0),
      new Map([['k', 1]]),
    ]
    await sc.parallelize(records, 2).saveAsNDJSONFile(path)
    assert.deepEqual(await sc.ndjsonFile(path).collect(), [
      ['a', 1],
      { b: [true, null] },
      'text',
      7,
      null,
      '10',
      '1970-01-01T00:00:00.000Z',
      [['k', 1]],
    ])
    const packed = fresh()
    await sc
      .parallelize([['x', 1]] as [string, number][], 1)
      .saveAsNDJSONFile(packed, { compression: 'gzip' })
    const pairs = sc.ndjsonFile<[string, number]>(packed)
    assert.deepEqual(await pairs.reduceByKey((a, b) => a + b).collect(), [['x', 1]])
    const bad = fresh()
    writeFileSync(bad, '{"a":1}\n\n{oops\n')
    assert.match(
      (await rejected('USER_CODE_FAILED', () => sc.ndjsonFile(bad).collect())).message,
      /ndjsonFile.*oops/,
    )
  })

  it('object files give back exactly what was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(values, { maxLength: 8 }), fc.integer({ min: 1, max: 3 }), async (all, p) => {
        const path = fresh()
        await sc.parallelize(all, p).saveAsObjectFile(path)
        const back = sc.objectFile(path)
        assert.equal(back.getNumPartitions(), p)
        assertSame(await back.collect(), await sc.parallelize(all, p).collect())
      }),
      { numRuns: Math.ceil(runs / 5) },
    )
    const path = fresh()
    await sc
      .range(0, 20_000, 1, 2)
      .keyBy(x => `k${x % 7}`)
      .saveAsObjectFile(path)
    assert.equal(await sc.objectFile<[string, number]>(path).values().sum(), (20_000 * 19_999) / 2)
    assert.deepEqual(await sc.objectFile<[string, number]>(path).take(1), [['k0', 0]])
    await rejected('OUTPUT_PATH_EXISTS', () => sc.range(3).saveAsObjectFile(path))
    const bad = fresh()
    await rejected('RECORD_NOT_ENCODABLE', () =>
      sc
        .range(3)
        .map(() => () => 1)
        .saveAsObjectFile(bad),
    )
    assert.equal(existsSync(bad), false)
  })

  it('a damaged object file is noticed wherever it is cut or changed', async () => {
    const path = fresh()
    await sc
      .range(0, 5000, 1, 1)
      .map(x => `record ${x}`)
      .saveAsObjectFile(path)
    const file = join(path, 'part-00000')
    const whole = readFileSync(file)
    const damaged = fresh()
    mkdirSync(damaged)
    const check = async (bytes: Uint8Array, what: string): Promise<void> => {
      writeFileSync(join(damaged, 'part-00000'), bytes)
      const error = await sc
        .objectFile(damaged)
        .count()
        .then(
          () => undefined,
          (e: { code: string }) => e,
        )
      assert.equal(error?.code, 'FILE_DAMAGED', what)
    }
    const cuts = [
      0,
      3,
      8,
      12,
      20,
      Math.floor(whole.length / 2),
      whole.length - 9,
      whole.length - 8,
      whole.length - 1,
    ]
    for (const at of cuts) await check(whole.subarray(0, at), `cut at ${at}`)
    for (const at of [0, 7, 9, 13, 40, Math.floor(whole.length / 2), whole.length - 1]) {
      const changed = Buffer.from(whole)
      changed[at]! ^= 1
      await check(changed, `changed at ${at}`)
    }
  })

  it('whole files and binary files, by directories, globs and lists (D49, D50)', async () => {
    const dir = fresh()
    mkdirSync(dir)
    writeFileSync(join(dir, 'a.txt'), '\ufeffone\ntwo')
    writeFileSync(join(dir, 'b.txt'), '')
    writeFileSync(join(dir, 'c.txt.gz'), gzipSync('packed'))
    writeFileSync(join(dir, '_hidden'), 'no')
    const texts = [
      [join(dir, 'a.txt'), 'one\ntwo'],
      [join(dir, 'b.txt'), ''],
      [join(dir, 'c.txt.gz'), 'packed'],
    ]
    assert.deepEqual(await sc.wholeTextFiles(dir).collect(), texts)
    assert.deepEqual(await sc.wholeTextFiles(`${dir}/b*,${dir}/a.txt`, 1).collect(), [texts[1], texts[0]])
    assert.equal(sc.wholeTextFiles(dir, 1).getNumPartitions(), 1)
    assert.equal(sc.wholeTextFiles(dir, 10).getNumPartitions() <= 3, true)
    const bytes = await sc.binaryFiles(`${dir}/*.txt`).collect()
    assert.deepEqual(bytes[0], [
      join(dir, 'a.txt'),
      new Uint8Array([0xef, 0xbb, 0xbf, ...Buffer.from('one\ntwo')]),
    ])
    assert.equal(Object.getPrototypeOf(bytes[0]![1]), Uint8Array.prototype)
    thrown('INPUT_PATH_NOT_FOUND', () => sc.wholeTextFiles(join(dir, 'nothing')))
    thrown('INPUT_PATH_NOT_FOUND', () => sc.binaryFiles(`${dir}/*.none`))
    thrown('INPUT_PATH_NOT_FOUND', () => sc.objectFile(join(dir, 'nothing')))
  })

  it('binary records', async () => {
    const file = fresh()
    writeFileSync(file, Buffer.from(Array.from({ length: 30 }, (_, i) => i)))
    const records = sc.binaryRecords(file, 5)
    assert.equal(await records.count(), 6)
    assert.deepEqual((await records.collect())[1], new Uint8Array([5, 6, 7, 8, 9]))
    assert.deepEqual((await sc.binaryRecords(`${file},${file}`, 30).collect()).length, 2)
    thrown('FILE_DAMAGED', () => sc.binaryRecords(file, 7))
    for (const n of [0, -1, 1.5]) thrown('INVALID_ARGUMENT', () => sc.binaryRecords(file, n))
    const empty = fresh()
    writeFileSync(empty, '')
    assert.deepEqual(await sc.binaryRecords(empty, 4).collect(), [])
  })
})
