/** At every step of a batch and every write × every stateful operator × every source: nobody can tell from the output. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import type { FaultMatch, FaultPoint } from '../../src/testing/faults.ts'
import { INLINE } from '../support/backends.ts'
import { collected, operators, recoverable, sources, words, writeFiles } from '../support/recoverable.ts'

const points: readonly (readonly [FaultPoint, FaultMatch])[] = [
  ['manifest-after', { nth: 1 }],
  ['plan', { nth: 9 }],
  ['log-before', { nth: 1 }],
  ['log-half', { nth: 11 }],
  ['log-after', { nth: 12 }],
  ['task', { nth: 25 }],
  ['output', { nth: 5 }],
  ['output-done', { nth: 8 }],
  ['commit-before', { nth: 8 }],
  ['commit-half', { nth: 10 }],
  ['commit-after', { nth: 14 }],
  ['image-before', { nth: 4 }],
  ['image-half', { nth: 3 }],
  ['image-after', { nth: 6 }],
  ['manifest-before', { nth: 3 }],
  ['manifest-half', { nth: 3 }],
  ['manifest-after', { nth: 3 }],
  ['delete', { nth: 2 }],
]
const stateless = ['plain window']

/** Threads take long to start, for each program and restart: they have one source only. */
const THREADS = { 'kindling.executor': 'threads' }
const cases = Object.keys(operators).flatMap(operator => [
  ...Object.keys(sources).map(source => ({ operator, source, conf: INLINE, where: '' })),
  { operator, source: 'files', conf: THREADS, where: ', on threads' },
])

for (const { operator, source, conf, where } of cases)
  describe(`${operator} over ${source}${where}`, () => {
    let expected = new Map<number, unknown[][]>()
    before(async () => {
      await using t = recoverable(operator, source, { conf })
      writeFiles(t)
      await t.run(words.length)
      expected = collected(t)
      assert.ok(expected.size >= words.length / 2)
    })

    // On threads every third point.
    const some = conf === THREADS ? points.filter((_, i) => i % 3 === 0) : points
    for (const [point, match] of some) {
      if (point === 'plan' && source !== 'script') continue
      if (stateless.includes(operator) && point.startsWith('image')) continue
      if (
        stateless.includes(operator) &&
        (point.startsWith('manifest') || point === 'delete') &&
        match.nth! > 1
      )
        continue
      it(`goes on after a crash at ${point}, the ${match.nth}th`, async () => {
        await using t = recoverable(operator, source, { conf })
        writeFiles(t)
        t.crashAt(point, match)
        await t.run(words.length)
        assert.equal(t.crashed, true)
        const diedAt = t.clock.now() / 1000
        await t.crashAndRestart({ downFor: seconds(2) })
        await t.run(Math.max(0, words.length - diedAt - 2))
        assert.deepEqual([...collected(t)].slice(0, expected.size), [...expected])
        for (const { time, values } of t.out('out').runs)
          if (expected.has(time)) assert.deepEqual(values, expected.get(time)!.flat(1))
      })
    }
  })
