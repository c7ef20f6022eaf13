import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Chunk, ChunkSource } from '../../src/data/chunk.ts'
import { atHand, iterateSource, sourceOfIterable } from '../../src/rdd/segment/iterate.ts'
import { runs } from '../support/runs.ts'

/** A source whose chunks come at once or later, as `late` says. */
function mixed(chunks: readonly number[][], late: readonly boolean[]): ChunkSource & { closed: boolean } {
  let at = 0
  return {
    closed: false,
    next() {
      const rows = chunks[at]
      const chunk: Chunk | undefined = rows === undefined ? undefined : { kind: 'rows', rows }
      return late[at++] === true ? Promise.resolve(chunk) : chunk
    },
    close() {
      this.closed = true
    },
  }
}

describe('chunks and iterators', () => {
  it('input that comes partly later is read whole, once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(9), { minLength: 1 })), fc.array(fc.boolean()), async (chunks, late) => {
        // A source that was synchronous at its first chunk stays so: the engine's asynchronous sources always are.
        const source = mixed(chunks, [true, ...late])
        assert.deepEqual([...iterateSource(await atHand(source))], chunks.flat())
        assert.equal(source.closed, true)
      }),
      { numRuns: runs },
    )
  })

  it('a synchronous source is read lazily', () => {
    let asked = 0
    const source: ChunkSource = {
      next() {
        asked++
        return { kind: 'rows', rows: [asked] }
      },
      close() {},
    }
    const records = iterateSource(atHand(source) as ChunkSource)
    assert.equal(records.next().value, 1)
    assert.equal(records.next().value, 2)
    assert.equal(asked, 2)
  })

  it('what an iterable throws comes after the records before it', () => {
    const source = sourceOfIterable(
      (function* () {
        yield 1
        yield 2
        yield 3
        throw new Error('late')
      })(),
      error => error as Error,
      () => false,
    )
    const rows: unknown[] = []
    assert.throws(
      () => {
        for (;;) rows.push(...(source.next() as { rows: unknown[] }).rows)
      },
      { message: 'late' },
    )
    assert.deepEqual(rows, [1, 2, 3])
  })
})
