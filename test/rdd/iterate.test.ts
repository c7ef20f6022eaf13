import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Chunk, ChunkSource } from '../../src/data/chunk.ts'
import { type Driver, type Leg, PullSource } from '../../src/rdd/segment/drive.ts'
import { recordsOf } from '../../src/rdd/segment/interpret.ts'
import { iterateSource, sourceOfIterable } from '../../src/rdd/segment/iterate.ts'
import { runs } from '../support/runs.ts'

/** Without steps no control is asked for anything. What is gathered is all in memory. */
const driver = {
  mode: 'interpreted',
  control: () => ({}),
  async gather(source: ChunkSource) {
    const chunks: Chunk[] = []
    for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) chunks.push(chunk)
    await source.close()
    return { next: () => chunks.shift(), close() {} }
  },
} as unknown as Driver

/** A leg over chunks that come at once or later, opened at once or later. */
function leg(
  chunks: readonly number[][],
  asynchronous: boolean,
  opensLater: boolean,
  log: string[] = [],
): Leg {
  let at = 0
  const source: ChunkSource = {
    asynchronous,
    next() {
      log.push('asked')
      const rows = chunks[at++]
      const chunk: Chunk | undefined = rows === undefined ? undefined : { kind: 'rows', rows }
      return asynchronous ? Promise.resolve(chunk) : chunk
    },
    close() {
      log.push('closed')
    },
  }
  return { open: () => (opensLater ? Promise.resolve(source) : source), steps: [] }
}

describe('chunks and iterators', () => {
  it('after prepare a synchronous loop reads all legs whole, once, in order, wherever they come from', async () => {
    const chunks = fc.array(fc.array(fc.nat(9), { minLength: 1 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(chunks, fc.boolean(), fc.boolean()), { maxLength: 5 }),
        async legs => {
          const source = new PullSource(
            legs.map(([c, later, opensLater]) => leg(c, later, opensLater)),
            driver,
          )
          await source.prepare()
          assert.deepEqual(
            [...iterateSource(source)],
            legs.flatMap(([c]) => c.flat()),
          )
        },
      ),
      { numRuns: runs },
    )
  })

  it('input at hand is read lazily, and closed by a loop that ends early', async () => {
    const log: string[] = []
    const source = new PullSource([leg([[1], [2], [3]], false, true, log)], driver)
    await source.prepare()
    assert.deepEqual(log, [])
    for (const record of iterateSource(source)) if (record === 2) break
    assert.deepEqual(log, ['asked', 'asked', 'closed'])
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
        for (;;) rows.push(...recordsOf(source.next() as Chunk))
      },
      { message: 'late' },
    )
    assert.deepEqual(rows, [1, 2, 3])
  })
})
