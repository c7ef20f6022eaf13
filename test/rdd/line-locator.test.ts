import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { chunkRows } from '../../src/data/chunk.ts'
import { LineLocator } from '../../src/rdd/sources/line-locator.ts'
import { openTextSplit, type TextSplit } from '../../src/rdd/sources/text-file.ts'
import { runs } from '../support/runs.ts'

const folder = mkdtempSync(join(tmpdir(), 'kindling-locator-'))
after(() => rmSync(folder, { recursive: true }))

async function linesOf(split: TextSplit): Promise<string[]> {
  const source = openTextSplit(split, { maxLineBytes: 1000, chunkBytes: 7 })
  const lines: string[] = []
  for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next())
    lines.push(...(chunkRows(chunk) as string[]))
  await source.close()
  return lines
}

describe('LineLocator', () => {
  it('finds each line where the reader took it from (property)', async () => {
    const piece = fc.constantFrom('\n', '\r', '\r\n', 'a', 'bc', 'ä', '\ufeff', ' ')
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 30 }),
        fc.array(fc.nat(60), { maxLength: 3 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 3 }),
        async (pieces, cuts, gzip, stride) => {
          const text = Buffer.from(pieces.join(''))
          const path = join(folder, gzip ? 'file.gz' : 'file.txt')
          writeFileSync(path, gzip ? gzipSync(text) : text)
          const borders = gzip
            ? [0, text.length]
            : [0, ...cuts.filter(cut => cut > 0 && cut < text.length), text.length].sort((a, b) => a - b)
          for (let i = 0; i + 1 < borders.length; i++) {
            const split = { kind: 'file', path, start: borders[i]!, end: borders[i + 1]!, gzip } as const
            if (!gzip && split.start === split.end) continue
            const lines = await linesOf(split)
            const locator = new LineLocator(split)
            for (let index = 0; index < lines.length; index += stride) {
              const found = await locator.at(index)
              const { offset } = found!.source as { offset: number }
              const raw = Buffer.from(found!.raw!)
              assert.deepEqual(raw, text.subarray(offset, offset + raw.length))
              assert.equal(raw.toString(), lines[index])
            }
            await locator.close()
          }
        },
      ),
      { numRuns: runs * 2 },
    )
  })

  it('gives nothing for a line that is not there, and fails for a file that is not', async () => {
    const path = join(folder, 'short.txt')
    writeFileSync(path, 'one\n')
    const locator = new LineLocator({ kind: 'file', path, start: 0, end: 4, gzip: false })
    assert.equal(await locator.at(1), undefined)
    await locator.close()
    const missing = new LineLocator({ kind: 'file', path: join(folder, 'no'), start: 0, end: 4, gzip: false })
    await assert.rejects(async () => missing.at(0), { code: 'ENOENT' })
    await missing.close()
  })
})
