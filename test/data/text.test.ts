import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { countLines, decodeLines, LineFramer, type LongLine } from '../../src/data/text.ts'
import { runs } from '../support/runs.ts'

/** The lines of `bytes`, the plain way: the oracle. */
function linesOf(bytes: Uint8Array): string[] {
  const lines = Buffer.from(bytes)
    .toString('latin1')
    .split(/\r\n|\n|\r/)
  if (lines.at(-1) === '') lines.pop()
  return lines.map(line => Buffer.from(line, 'latin1').toString('utf8'))
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString()
}

interface Framed {
  readonly lines: string[]
  readonly dropped: LongLine[]
}

/** What a framer makes of the pieces. The pieces share one buffer, overwritten after each push, as a socket's may. */
function frame(pieces: readonly Uint8Array[], maxLineBytes?: number): Framed {
  const dropped: LongLine[] = []
  const lines: string[] = []
  const framer = new LineFramer({ maxLineBytes, onTooLong: line => dropped.push(line) })
  const shared = new Uint8Array(Math.max(0, ...pieces.map(p => p.length)))
  const take = (whole: Uint8Array | undefined): void => {
    if (whole === undefined) return
    assert.ok(whole.length > 0)
    assert.ok([10, 13].includes(whole.at(-1)!), 'ends in a line end')
    const text = decodeLines(whole)
    assert.equal(countLines(whole), text.split('\n').length - 1)
    lines.push(...text.slice(0, -1).split('\n'))
  }
  for (const piece of pieces) {
    shared.set(piece)
    take(framer.push(shared.subarray(0, piece.length)))
    shared.fill(88)
  }
  take(framer.end())
  return { lines, dropped }
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map(c => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

const content = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(10, 13, 97, 98) },
      { weight: 1, arbitrary: fc.nat(255) },
    ),
    { maxLength: 80 },
  )
  .map(items => new Uint8Array(items))
const cuts = fc.array(fc.nat(), { maxLength: 8 })

describe('LineFramer', () => {
  it('gives the same lines wherever the bytes are cut', () => {
    fc.assert(
      fc.property(content, cuts, (bytes, at) => {
        assert.deepEqual(frame(cutAt(bytes, at)), { lines: linesOf(bytes), dropped: [] })
      }),
      { numRuns: runs * 20 },
    )
  })

  it('drops exactly the lines over the limit, tells their lengths, places and bytes, and keeps the order', () => {
    fc.assert(
      fc.property(content, cuts, fc.nat(6), (bytes, at, max) => {
        const lines = Buffer.from(bytes)
          .toString('latin1')
          .split(/\r\n|\n|\r/)
        if (lines.at(-1) === '') lines.pop()
        const expected = {
          lines: lines.filter(l => l.length <= max).map(l => Buffer.from(l, 'latin1').toString('utf8')),
          dropped: [
            ...Buffer.from(bytes)
              .toString('latin1')
              .matchAll(/[^\r\n]+/g),
          ]
            .filter(([line]) => line.length > max)
            .map(({ 0: line, index }) => ({
              bytes: line.length,
              offset: index,
              head: new Uint8Array(Buffer.from(line, 'latin1')),
            })),
        }
        assert.deepEqual(frame(cutAt(bytes, at), max), expected)
      }),
      { numRuns: runs * 20 },
    )
  })

  it('keeps the first 4096 bytes of a line that it drops, wherever it is cut', () => {
    const line = new Uint8Array(10_000).map((_, i) => 97 + (i % 26))
    const bytes = Buffer.concat([line, Buffer.from('\nend\n')])
    for (const cut of [0, 5, 100, 4095, 4096, 4097, 9999, 10_000, 10_001])
      for (const maxLineBytes of [3, 4096, 9999]) {
        const { lines, dropped } = frame(cutAt(bytes, [cut]), maxLineBytes)
        assert.deepEqual(lines, ['end'])
        assert.deepEqual(dropped, [{ bytes: 10_000, offset: 0, head: line.slice(0, 4096) }])
      }
  })

  it('hands on a line as soon as its end is there, whichever it is', () => {
    const framer = new LineFramer()
    assert.equal(framer.push(Buffer.from('a')), undefined)
    assert.equal(textOf(framer.push(Buffer.from('b\r'))), 'ab\r')
    assert.equal(framer.push(Buffer.from('\n')), undefined)
    assert.equal(textOf(framer.push(Buffer.from('\nc\nd'))), '\nc\n')
    assert.equal(textOf(framer.end()), 'd\n')
    assert.equal(framer.end(), undefined)
    assert.equal(textOf(framer.push(Buffer.from('\nx\n'))), '\nx\n', 'as new after the end')
  })

  it('gives views on the input where no line was carried over: nothing is copied', () => {
    const input = Buffer.from('one\ntwo\nthr')
    const whole = new LineFramer().push(input)
    assert.equal(whole?.buffer, input.buffer)
    assert.equal(textOf(whole), 'one\ntwo\n')
  })

  it('a line of 50 MB in pieces of 64 KiB costs linear time, and its memory is given back', () => {
    const piece = new Uint8Array(64 * 1024).fill(97)
    const framer = new LineFramer()
    const before = performance.now()
    for (let i = 0; i < 800; i++) assert.equal(framer.push(piece), undefined)
    const line = framer.push(Buffer.from('\n'))
    assert.equal(line?.length, 800 * piece.length + 1)
    assert.ok(performance.now() - before < 2000)
    assert.equal(textOf(framer.push(Buffer.from('b\n'))), 'b\n')
  })

  it('a line without end keeps no more than the limit in memory', () => {
    const dropped: number[] = []
    const framer = new LineFramer({
      maxLineBytes: 1024 * 1024,
      onTooLong: ({ bytes }) => dropped.push(bytes),
    })
    const piece = new Uint8Array(256 * 1024).fill(97)
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 2000; i++) framer.push(piece)
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024)
    assert.deepEqual(dropped, [])
    assert.equal(textOf(framer.push(Buffer.from('\nnext\n'))), 'next\n')
    assert.deepEqual(dropped, [2000 * piece.length])
  })

  it('without a listener, long lines are dropped all the same', () => {
    const framer = new LineFramer({ maxLineBytes: 2 })
    assert.equal(textOf(framer.push(Buffer.from('abc\nab\nabcd\n'))), 'ab\n')
    assert.equal(framer.push(Buffer.from('abc')), undefined)
    assert.equal(framer.end(), undefined)
  })
})

describe('decodeLines', () => {
  const table: [string, string | number[], string][] = [
    ['nothing', '', ''],
    ['ASCII', 'a\nb\n', 'a\nb\n'],
    ['no last end', 'a\nb', 'a\nb\n'],
    ['mixed ends', 'a\r\nb\rc\n\r\r\n', 'a\nb\nc\n\n\n'],
    ['non-ASCII', 'é€💥\r\nü\n', 'é€💥\nü\n'],
    ['bytes that are no UTF-8', [0x61, 0xff, 0xc3, 0x0a, 0xe2, 0x82, 0x0d], 'a\ufffd\ufffd\n\ufffd\n'],
    ['a byte order mark inside', 'a\n\ufeffb\n', 'a\n\ufeffb\n'],
    ['NUL and U+2028 are no line ends', 'a\0b\u2028c\n', 'a\0b\u2028c\n'],
  ]
  for (const [name, input, text] of table) {
    it(name, () => {
      const bytes = Buffer.from(input as string)
      assert.equal(decodeLines(bytes), text)
      assert.equal(countLines(bytes), text.split('\n').length - 1)
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 1), 1)
      shared.set(bytes)
      assert.equal(decodeLines(shared), text, 'from shared memory')
    })
  }

  it('agrees with cutting bytes first', () => {
    fc.assert(
      fc.property(content, bytes => {
        const lines = linesOf(bytes)
        assert.equal(decodeLines(bytes), lines.map(l => l + '\n').join(''))
        assert.equal(countLines(bytes), lines.length)
      }),
      { numRuns: runs * 4 },
    )
  })
})
