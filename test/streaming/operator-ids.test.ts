import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import { operatorIds } from '../../src/streaming/checkpoint/operator-ids.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { DStreamGraph } from '../../src/streaming/graph.ts'
import { StateSpec } from '../../src/streaming/state/state-spec.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'

type Pair = readonly [string, number]
const add = (a: number, b: number): number => a + b
const counts = (pairs: DStream<Pair>): DStream<unknown> =>
  pairs.updateStateByKey<number>((values, n = 0) => n + values.length)

/** The ids of the stateful streams of a program. */
function idsOf(build: (pairs: DStream<Pair>) => readonly DStream<unknown>[]): string[] {
  const graph = new DStreamGraph()
  const test = new StreamTest({
    build: t => {
      for (const stream of build(t.input<Pair>('in', [])))
        graph.outputs.push({ stream, scope: stream.scope, jobFor: () => undefined })
    },
  })
  const ids = operatorIds(graph)
  void test[Symbol.asyncDispose]()
  return ids.streams.filter(stream => stream.state !== undefined).map(stream => ids.of(stream))
}

describe('operator ids', () => {
  it('stay the same when the program is defined again, and when something beside it changes', () => {
    const [id] = idsOf(pairs => [counts(pairs)])
    assert.match(id!, /^updateStateByKey-[0-9a-f]{8}$/)
    assert.deepEqual(
      idsOf(pairs => [counts(pairs)]),
      [id],
    )
    assert.equal(idsOf(pairs => [pairs.reduceByKeyAndWindow(add, seconds(2)), counts(pairs)])[1], id)
    assert.notEqual(idsOf(pairs => [counts(pairs.filter(() => true))])[0], id)
    assert.deepEqual(
      idsOf(pairs => [counts(pairs), counts(pairs)]),
      [id, `${id}-2`],
    )
  })

  it('are those of uid, given to the result of any stateful operator', () => {
    assert.deepEqual(
      idsOf(pairs => [
        counts(pairs).uid('a'),
        pairs.mapWithState(StateSpec.function(() => undefined)).uid('b'),
        pairs.countByWindow(seconds(2)).uid('c'),
        pairs.countByValueAndWindow(seconds(2)).uid('d'),
        pairs
          .map(([, n]) => n)
          .reduceByWindow(add, seconds(2))
          .uid('e'),
        pairs.reduceByKeyAndWindow(add, (a, b) => a - b, seconds(2)).uid('f'),
        pairs
          .mapWithState(StateSpec.function(() => undefined))
          .stateSnapshots()
          .uid('g'),
      ]),
      ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
    )
  })

  it('of what is computed from a named stream depend on the name only', () => {
    const one = idsOf(pairs => [counts(pairs.filter(() => true).uid('clean'))])
    const other = idsOf(pairs => [
      counts(
        pairs
          .map(pair => pair)
          .filter(() => true)
          .uid('clean'),
      ),
    ])
    assert.deepEqual(one, other)
  })
})
