/** The program whose checkpoint is kept in test/fixtures; it must not change, or the fixture proves nothing. */
import { seconds } from '../../src/base/time.ts'
import { type State, StateSpec } from '../../src/streaming/state/state-spec.ts'
import type { StreamTest } from '../../src/testing/stream-test.ts'

type Key = string | number | readonly [string, Date]
type Pair = readonly [Key, number]

const add = (a: number, b: number): number => a + b

/** Batches after which the fixture was taken. */
export const GOLDEN_BATCHES = 13

const batches: readonly (readonly Pair[])[] = Array.from({ length: 30 }, (_, i) =>
  i === 0
    ? Array.from({ length: 30 }, (_, j): Pair => [`once-${j}`, j])
    : i % 6 === 5
      ? []
      : [
          [`word-${i % 4}`, i],
          [i % 3, 1],
          [['tuple', new Date(i % 2)], i * 0.5],
        ],
)

export function goldenProgram(t: StreamTest): void {
  const pairs = t.input<Pair>('in', batches, { partitions: 2 }).uid('in')
  const history = pairs.updateStateByKey<{ n: number; seen: bigint[] }>(
    (values, { n, seen } = { n: 0, seen: [] }) => ({
      n: values.reduce(add, n),
      seen: [...seen, ...values.map(value => BigInt(Math.floor(value)))].slice(-3),
    }),
  )
  t.collect('history', history.uid('history').checkpoint(seconds(3)))
  const sessions = pairs.mapWithState(
    StateSpec.function((key: Key, value: number | undefined, state: State<number>) => {
      if (value === undefined) return [key, -1] as const
      state.update((state.getOption() ?? 0) + value)
      return [key, state.get()] as const
    })
      .timeout(seconds(3))
      .numPartitions(2),
  )
  t.collect('sessions', sessions.uid('sessions').checkpoint(seconds(3)))
  const counts = pairs.reduceByKeyAndWindow(add, (a, b) => a - b, seconds(6), seconds(2), {
    filter: ([, n]) => n > 2,
  })
  t.collect('counts', counts.uid('counts').checkpoint(seconds(4)))
  const highest = pairs.reduceByKeyAndWindow((a, b) => Math.max(a, b), seconds(5))
  t.collect('highest', highest.uid('highest').checkpoint(seconds(3)))
}
