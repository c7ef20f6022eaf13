/**
 * At every step of a batch and every write × every stateful operator × sources of each kind that can plan again × the same and another
 * number of partitions after the restart × one thread and several: nobody can tell from the output. What is received is in
 * simulated-receivers.test.ts, with all of this.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import type { FaultMatch, FaultPoint } from '../../src/testing/faults.ts'
import { INLINE } from '../support/backends.ts'
import { collected, operators, recoverable, words, writeFiles } from '../support/recoverable.ts'

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

const THREADS = { 'kindling.executor': 'threads' }
const SAME = undefined
/**
 * At all points, or at each of so many, from one on that is another with each operator. Threads take long to start, for each program and
 * restart: they have few.
 */
const cases = Object.keys(operators).flatMap((operator, i) => {
  const at = (every: number, from = 0) => ({ operator, every, from: (from + i) % every })
  return [
    { ...at(1), source: 'script', conf: INLINE, after: SAME },
    { ...at(1), source: 'files', conf: INLINE, after: SAME },
    { ...at(3), source: 'files', conf: THREADS, after: SAME },
    { ...at(3), source: 'direct', conf: INLINE, after: 3 },
    { ...at(3), source: 'files', conf: INLINE, after: 3 },
    { ...at(3, 1), source: 'direct', conf: INLINE, after: SAME },
    { ...at(6, 2), source: 'direct', conf: THREADS, after: SAME },
    { ...at(6, 4), source: 'direct', conf: THREADS, after: 3 },
    { ...at(6, 5), source: 'files', conf: THREADS, after: 3 },
  ]
})

for (const { operator, source, conf, after, every, from } of cases)
  describe(`${operator} over ${source}${conf === THREADS ? ', on threads' : ''}${after === SAME ? '' : ', then in more partitions'}`, () => {
    let expected = new Map<number, unknown[][]>()
    before(async () => {
      await using t = recoverable(operator, source, { conf })
      writeFiles(t)
      await t.run(words.length)
      expected = collected(t)
      assert.ok(expected.size >= words.length / 2)
    })

    const some = points.filter((_, i) => i % every === from)
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
        const settings: Record<string, string | number> = { ...conf }
        await using t = recoverable(operator, source, { conf: settings })
        writeFiles(t)
        t.crashAt(point, match)
        await t.run(words.length)
        assert.equal(t.crashed, true)
        const diedAt = t.clock.now() / 1000
        if (after !== SAME) settings['spark.default.parallelism'] = after
        await t.crashAndRestart({ downFor: seconds(2) })
        await t.run(Math.max(0, words.length - diedAt - 2))
        // Batches that were planned before are in the partitions that they had: recut.test.ts.
        const form = (partitions: unknown[][]): unknown =>
          after === SAME
            ? partitions
            : partitions
                .flat()
                .map(value => JSON.stringify(value))
                .sort()
        const got = [...collected(t)].slice(0, expected.size)
        assert.deepEqual(
          got.map(([time, partitions]) => [time, form(partitions)]),
          [...expected].map(([time, partitions]) => [time, form(partitions)]),
        )
        for (const { time, values } of t.out('out').runs)
          if (expected.has(time)) assert.deepEqual(form([values]), form([expected.get(time)!.flat(1)]))
      })
    }
  })
