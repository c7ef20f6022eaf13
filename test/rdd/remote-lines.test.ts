import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { recordsOf } from '../../src/rdd/segment/interpret.ts'
import { linesOf } from '../../src/rdd/sources/remote-lines.ts'
import type { TextSplit } from '../../src/rdd/sources/text-file.ts'
import { rejected } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

/** Gives the bytes in pieces of a length. */
const inPieces = (content: Buffer, length: number) =>
  async function* (_path: string, offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < content.length; at += length) yield content.subarray(at, at + length)
  }

async function read(
  content: Buffer,
  split: Partial<TextSplit>,
  length: number,
  limit = 1000,
): Promise<string[]> {
  const whole: TextSplit = { kind: 'file', path: '/f', start: 0, end: content.length, gzip: false }
  const source = linesOf(
    { ...whole, ...split },
    { maxLineBytes: limit, name: 'place' },
    inPieces(content, length),
  )
  const lines: string[] = []
  for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next())
    lines.push(...(recordsOf(chunk) as Iterable<string>))
  await source.close()
  return lines
}

describe('lines over the network', () => {
  it('are those of the file, however it is cut and arrives (property)', async () => {
    const part = fc.constantFrom('a', 'bb', 'é', '', '\n', '\r\n', '\r', '\ufeff')
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(part, { maxLength: 30 }),
        fc.array(fc.nat(60), { maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        async (hasMark, parts, cuts, length) => {
          const text = parts.join('').replace(/^\ufeff+/, '')
          const content = Buffer.from((hasMark ? '\ufeff' : '') + text)
          const expected = text.split(/\r\n|\n|\r/)
          if (expected.at(-1) === '') expected.pop()
          const borders = [0, ...cuts.filter(cut => cut > 3 && cut < content.length), content.length]
          borders.sort((a, b) => a - b)
          const found: string[] = []
          for (let i = 1; i < borders.length; i++)
            found.push(...(await read(content, { start: borders[i - 1]!, end: borders[i]! }, length)))
          assert.deepEqual(found, expected)
        },
      ),
      { numRuns: runs },
    )
  })

  it('are unpacked', async () => {
    const content = gzipSync('\ufeffone\r\ntwo')
    assert.deepEqual(await read(content, { gzip: true }, 5), ['one', 'two'])
  })

  it('that are too long are refused, naming the file', async () => {
    const error = await rejected('LINE_TOO_LONG', () => read(Buffer.from('x'.repeat(50)), {}, 7, 20))
    assert.match(error.message, /place\/f/)
  })
})
