/** Random programs that die again and again at random points: the output is that of a program that never did. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { milliseconds } from '../../src/base/time.ts'
import type { FaultPoint } from '../../src/testing/faults.ts'
import { INLINE } from '../support/backends.ts'
import { collected, operators, recoverable, sources, words, writeFiles } from '../support/recoverable.ts'
import { runs } from '../support/runs.ts'

const crash = fc.record({
  point: fc.constantFrom<FaultPoint>(
    'task',
    'output',
    'output-done',
    'log-before',
    'log-half',
    'log-after',
    'commit-before',
    'commit-half',
    'commit-after',
  ),
  nth: fc.integer({ min: 1, max: 9 }),
  downFor: fc.integer({ min: 0, max: 4000 }),
})

describe('recovery', () => {
  it('gives the same output however often, wherever and for how long it dies (property)', async () => {
    const expected = new Map<string, Map<number, unknown[][]>>()
    for (const operator of Object.keys(operators))
      for (const source of Object.keys(sources)) {
        await using t = recoverable(operator, source)
        writeFiles(t)
        await t.run(words.length)
        expected.set(`${operator} ${source}`, collected(t))
      }
    let hits = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(operators)),
        fc.constantFrom(...Object.keys(sources)),
        fc.array(crash, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(1, 2),
        async (operator, source, crashes, concurrentJobs) => {
          await using t = recoverable(operator, source, {
            conf: { ...INLINE, 'spark.streaming.concurrentJobs': concurrentJobs },
          })
          writeFiles(t)
          for (const { point, nth, downFor } of crashes) {
            const left = (): number => words.length - Math.floor(t.clock.now() / 1000)
            if (left() < 6) break
            // Whether there are so many arrivals depends on what was to be done again.
            const takeBack = t.crashAt(point, { nth })
            await t.run(5)
            takeBack()
            if (t.crashed) hits++
            await t.crashAndRestart({ downFor: milliseconds(downFor) })
          }
          await t.run(Math.max(0, words.length - Math.floor(t.clock.now() / 1000)))
          const want = expected.get(`${operator} ${source}`)!
          const got = collected(t)
          assert.deepEqual([...got].slice(0, want.size), [...want])
        },
      ),
      { numRuns: Math.ceil(runs / 2) },
    )
    assert.ok(hits > 0)
  })
})
