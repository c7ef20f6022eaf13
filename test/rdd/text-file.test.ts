import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { ChunkSource } from '../../src/data/chunk.ts'
import { recordsOf } from '../../src/rdd/segment/interpret.ts'
import { listInputFiles } from '../../src/rdd/sources/file-listing.ts'
import { openTextSplit, splitTextFiles, type TextSplit } from '../../src/rdd/sources/text-file.ts'
import { runs } from '../support/runs.ts'

const dir = mkdtempSync(join(tmpdir(), 'kindling-text-'))
after(() => rmSync(dir, { recursive: true }))

function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
  return path
}

async function lines(source: ChunkSource<string>): Promise<unknown[]> {
  const all: unknown[] = []
  for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next())
    all.push(...recordsOf(chunk))
  await source.close()
  return all
}

/** Streams close their files a few turns later. */
async function settled(open: () => number): Promise<void> {
  for (let turn = 0; turn < 200 && open() > 0; turn++) await new Promise(resolve => setTimeout(resolve, 5))
  assert.equal(open(), 0)
}

const options = { maxLineBytes: 1000 }

describe('text splits', () => {
  it('any text cut anywhere gives every line once, in order', async () => {
    const text = fc.array(fc.constantFrom('a', 'bc', 'ü', '\n', '\r\n', '\r', '\n\n', ' '), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.array(fc.nat(60), { maxLength: 4 }),
        fc.integer({ min: 4, max: 12 }),
        async (parts, cuts, chunkBytes) => {
          const content = Buffer.from(parts.join(''))
          const path = file('any.txt', content)
          const borders = [...new Set([0, ...cuts.filter(c => c < content.length), content.length])].sort(
            (a, b) => a - b,
          )
          const found: unknown[] = []
          for (let i = 0; i + 1 < borders.length; i++) {
            const split: TextSplit = {
              kind: 'file',
              path,
              start: borders[i]!,
              end: borders[i + 1]!,
              gzip: false,
            }
            found.push(...(await lines(openTextSplit(split, { ...options, chunkBytes }))))
          }
          const expected = content.toString().split(/\r\n|\n|\r/)
          if (expected.at(-1) === '') expected.pop()
          assert.deepEqual(found, expected)
        },
      ),
      { numRuns: runs },
    )
  })

  it('sizes follow Hadoop: the goal, a slop of a tenth, whole compressed files', () => {
    const sizes = (bytes: number[], n: number): number[] =>
      splitTextFiles(
        bytes.map((size, i) => ({ path: `${i}`, size })),
        n,
      ).map(s => s.end - s.start)
    assert.deepEqual(sizes([100], 2), [50, 50])
    assert.deepEqual(sizes([101], 2), [50, 51])
    assert.deepEqual(sizes([100], 3), [33, 33, 34])
    assert.deepEqual(sizes([10, 0, 30], 4), [10, 0, 10, 10, 10])
    assert.deepEqual(
      sizes([70 * 2 ** 20], 1).map(b => b / 2 ** 20),
      [32, 32, 6],
    )
    assert.equal(splitTextFiles([{ path: 'x.gz', size: 1000 }], 10).length, 1)
  })

  it('compressed files, several members, and a byte-order mark', async () => {
    const packed = Buffer.concat([gzipSync('\ufeffa\nb\n'), gzipSync('c')])
    const [split] = splitTextFiles(listInputFiles(file('x.txt.gz', packed)), 2)
    assert.deepEqual(await lines(openTextSplit(split!, options)), ['a', 'b', 'c'])
    const [plain] = splitTextFiles(listInputFiles(file('bom.txt', '\ufeffa\nb')), 1)
    assert.deepEqual(await lines(openTextSplit(plain!, options)), ['a', 'b'])
  })

  it('damaged compression, a line that is too long, a file that went away', async () => {
    const damaged = file('bad.gz', gzipSync('hello hello hello').subarray(0, 12))
    const split = (path: string): TextSplit => splitTextFiles(listInputFiles(path), 1)[0]!
    await assert.rejects(lines(openTextSplit(split(damaged), options)), { code: 'INPUT_NOT_READABLE' })
    const long = split(file('long.txt', `a\n${'x'.repeat(2000)}\nb`))
    await assert.rejects(lines(openTextSplit(long, options)), {
      code: 'LINE_TOO_LONG',
      message: /long\.txt \(the one that begins at byte 2\)/,
    })
    for (const chunkBytes of [7, 64, 5000]) {
      const second = openTextSplit({ ...long, start: 1 }, { ...options, chunkBytes })
      await assert.rejects(lines(second), { code: 'LINE_TOO_LONG', message: /begins at byte 2\)/ })
    }
    const packed = split(file('long.gz', gzipSync(`\ufeffab\n${'x'.repeat(2000)}\nb`)))
    await assert.rejects(lines(openTextSplit(packed, options)), { message: /long\.gz .*begins at byte 6\)/ })
    const gone = split(file('gone.txt', 'a'))
    rmSync(gone.path)
    await assert.rejects(lines(openTextSplit(gone, options)), {
      code: 'INPUT_NOT_READABLE',
      message: /gone\.txt/,
    })
  })

  it('files are closed at the end, by close in the middle, and after a failure', async t => {
    const open = (): number => {
      try {
        return readdirSync('/proc/self/fd').filter(fd => {
          try {
            return readlinkSync(`/proc/self/fd/${fd}`).startsWith(dir)
          } catch {
            return false // The descriptor of the listing itself.
          }
        }).length
      } catch {
        t.skip('no /proc here')
        return 0
      }
    }
    await settled(open) // What the tests before failed to read.
    const text = 'some words\n'.repeat(100_000)
    for (const path of [file('many.txt', text), file('many.gz', gzipSync(text))]) {
      const [split] = splitTextFiles(listInputFiles(path), 1)
      const beyond = openTextSplit({ ...split!, gzip: false, start: split!.end - 1 }, options)
      assert.equal(await beyond.next(), undefined)
      assert.equal(open(), 0, 'a range in which no line begins')
      const early = openTextSplit(split!, { ...options, chunkBytes: 1000 })
      await early.next()
      // A small compressed file has been read to its end by now.
      if (!split!.gzip) assert.equal(open(), 1)
      await early.close()
      await early.close()
      await settled(open)
      assert.equal((await lines(openTextSplit(split!, options))).length, 100_000)
      await settled(open)
      await assert.rejects(lines(openTextSplit(split!, { maxLineBytes: 3 })), { code: 'LINE_TOO_LONG' })
      await settled(open)
    }
  })

  it('bytes that are no UTF-8 become replacement characters, the line stays one', async () => {
    const path = file('latin.txt', Buffer.from([0x61, 0xff, 0x62, 10, 0x63]))
    const [split] = splitTextFiles(listInputFiles(path), 1)
    assert.deepEqual(await lines(openTextSplit(split!, options)), ['a\ufffdb', 'c'])
  })
})

describe('listing', () => {
  it('files, directories without hidden names, globs, lists', () => {
    for (const name of ['l/b.txt', 'l/a.txt', 'l/.hidden', 'l/_SUCCESS', 'l/deep/c.txt', 'm/d.log'])
      file(name, name)
    const names = (spec: string): string[] => listInputFiles(spec).map(f => f.path.slice(dir.length + 1))
    assert.deepEqual(names(`${dir}/l`), ['l/a.txt', 'l/b.txt'])
    assert.deepEqual(names(`${dir}/l/*.txt`), ['l/a.txt', 'l/b.txt'])
    assert.deepEqual(names(`${dir}/{l,m}/*.{txt,log}`), ['l/a.txt', 'l/b.txt', 'm/d.log'])
    assert.deepEqual(names(`${dir}/m/d.log,${dir}/l/b.txt`), ['m/d.log', 'l/b.txt'])
    assert.deepEqual(names(`file://${dir}/m/d.log`), ['m/d.log'])
  })

  it('what is missing, may not be read, or lies elsewhere is refused by name', t => {
    assert.throws(() => listInputFiles(`${dir}/nothing`), {
      code: 'INPUT_PATH_NOT_FOUND',
      message: /nothing/,
    })
    assert.throws(() => listInputFiles(`${dir}/*.nothing`), { code: 'INPUT_PATH_NOT_FOUND' })
    assert.throws(() => listInputFiles('hdfs://x/y'), { code: 'UNSUPPORTED_SCHEME', message: /hdfs/ })
    // Even root cannot read what leads nowhere.
    symlinkSync(`${dir}/loop`, `${dir}/loop`)
    assert.throws(() => listInputFiles(`${dir}/loop`), { code: 'INPUT_NOT_READABLE', message: /loop/ })
    const secret = file('secret.txt', 'x')
    chmodSync(secret, 0)
    if (process.getuid?.() === 0) t.diagnostic('running as root, who may read everything')
    else assert.throws(() => listInputFiles(secret), { code: 'INPUT_NOT_READABLE', message: /secret/ })
  })
})
