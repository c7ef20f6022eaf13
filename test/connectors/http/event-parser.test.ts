import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EventParser } from '../../../src/connectors/http/event-parser.ts'
import { runs } from '../../support/runs.ts'

const event = (data: string, id?: string, type = 'message') => ({ id, event: type, data })

describe('server-sent events', () => {
  for (const [title, text, events] of [
    ['have data', 'data: a\n\n', [event('a')]],
    ['have lines of data, with one space taken off', 'data:a\ndata:  b\ndata\n\n', [event('a\n b\n')]],
    [
      'have id and type; the id stays',
      'id: 1\nevent: e\ndata: a\n\ndata: b\n\n',
      [event('a', '1', 'e'), event('b', '1')],
    ],
    ['without data are none', 'event: e\n\nid: 2\n\ndata: a\n\n', [event('a', '2')]],
    ['may be comments and unknown fields', ': hello\nother: x\ndata: a\n\n', [event('a')]],
    [
      'end their lines as they like',
      'data: a\r\rdata: b\r\n\r\ndata: c\n\n',
      [event('a'), event('b'), event('c')],
    ],
    ['begin with a mark, which is none of theirs', '\uFEFFdata: a\n\n', [event('a')]],
    ['count when they are whole', 'data: a\n\ndata: b\n', [event('a')]],
    ['have no ids with a zero in them', 'id: a\0b\ndata: a\n\n', [event('a')]],
  ] as const)
    it(title, () => {
      assert.deepEqual(new EventParser(undefined).push(text), events)
      // However it comes.
      const parser = new EventParser(undefined)
      assert.deepEqual(
        Array.from(text).flatMap(char => parser.push(char)),
        events,
      )
    })

  it('are the same in whatever pieces they come', () => {
    const text = fc
      .array(
        fc.constantFrom('data: a', 'id: 7', 'event: x', 'retry: 5', ': c', '', '\r', '\n', '\r\n', '\n\n'),
        { maxLength: 40 },
      )
      .map(parts => parts.join(''))
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 8 }), (all, cuts) => {
        const at = [0, ...cuts.filter(cut => cut < all.length).sort((a, b) => a - b), all.length]
        const pieces = new EventParser(undefined)
        const found = at.slice(1).flatMap((end, i) => pieces.push(all.slice(at[i], end)))
        // Two empty lines more tell whatever was left.
        const whole = new EventParser(undefined)
        assert.deepEqual([...found, ...pieces.push('\n\n')], [...whole.push(all), ...whole.push('\n\n')])
      }),
      { numRuns: runs },
    )
  })

  it('tell when to come again', () => {
    const parser = new EventParser('3')
    assert.deepEqual(parser.push('retry: 1500\ndata: a\n\nretry: soon\n\n'), [event('a', '3')])
    assert.equal(parser.retryMs, 1500)
  })

  it('that have no end are refused', () => {
    const parser = new EventParser(undefined)
    assert.throws(() => parser.push(`data: ${'x'.repeat(17 * 1024 * 1024)}`), { code: 'ENDPOINT_FAILED' })
    const other = new EventParser(undefined)
    const line = `data: ${'x'.repeat(1024 * 1024)}\n`
    assert.throws(
      () => {
        for (let n = 0; n < 18; n++) other.push(line)
      },
      { code: 'ENDPOINT_FAILED' },
    )
  })
})
