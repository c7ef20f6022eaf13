/** Programs for recovery tests: every stateful operator, over inputs that can be planned again. */
import { seconds } from '../../src/base/time.ts'
import { capture } from '../../src/rdd/functions/explicit.ts'
import type { DirectSource } from '../../src/streaming/direct/direct-source.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { StateSpec } from '../../src/streaming/state/state-spec.ts'
import { StreamTest, type StreamTestOptions } from '../../src/testing/stream-test.ts'
import { INLINE } from './backends.ts'

type Pair = readonly [string, number]

const add = (a: number, b: number): number => a + b
const subtract = (a: number, b: number): number => a - b

/** Words of each batch; some batches are empty, keys come and go, and many are there once: images of the rest are increments. */
export const words: readonly (readonly string[])[] = Array.from({ length: 24 }, (_, i) => {
  if (i === 0) return Array.from({ length: 30 }, (_, j) => `once${j}`)
  return i % 5 === 4 ? [] : Array.from({ length: 1 + (i % 4) }, (_, j) => `k${(i * 7 + j * 3) % 9}`)
})

/** From words with the number of their batch to what is collected. */
export const operators: Readonly<Record<string, (pairs: DStream<Pair>) => DStream<unknown>>> = {
  updateStateByKey: pairs =>
    pairs
      .updateStateByKey<number[]>((values, seen = []) =>
        // Keys go, and come back in the slot that they had.
        seen.length + values.length > 4 ? undefined : [...seen, ...values],
      )
      .checkpoint(seconds(3)),
  mapWithState: pairs =>
    pairs
      .mapWithState(
        StateSpec.function(
          (key: string, value: number | undefined, state: import('../../src/index.ts').State<number>) => {
            if (value === undefined) return [key, 'idle since', state.get()] as const
            state.update((state.getOption() ?? 0) + value)
            return [key, 'sum', state.get()] as const
          },
        ).timeout(seconds(3)),
      )
      .checkpoint(seconds(3)),
  snapshots: pairs =>
    pairs
      .mapWithState(
        StateSpec.function(
          (_: string, value: number | undefined, state: import('../../src/index.ts').State<number>) => {
            if (value !== undefined) state.update(value)
            return undefined
          },
        ).timeout(seconds(4)),
      )
      .checkpoint(seconds(3))
      .stateSnapshots(),
  'inverse window': pairs =>
    pairs
      .reduceByKeyAndWindow(add, subtract, seconds(4), seconds(2), { filter: ([, n]) => n > 20 })
      .checkpoint(seconds(4)),
  'window without inverse': pairs =>
    pairs.reduceByKeyAndWindow((a, b) => Math.max(a, b), seconds(5), seconds(1)).checkpoint(seconds(3)),
  'plain window': pairs => pairs.window(seconds(4), seconds(2)),
  'window of state': pairs =>
    pairs
      .reduceByKeyAndWindow(add, subtract, seconds(3))
      .checkpoint(seconds(3))
      .window(seconds(3))
      .updateStateByKey<number>((values, sum = 0) => values.reduce(add, sum))
      .checkpoint(seconds(4)),
}

/** The words in order, and when they were written. */
const written = words.flatMap((batch, i) =>
  batch.map(word => ({ at: (i + 1) * 1000, pair: [word, i] as const })),
)

export const sources: Readonly<Record<string, (t: StreamTest) => DStream<Pair>>> = {
  script: t =>
    t.input<Pair>(
      'in',
      words.map((batch, i) => batch.map(word => [word, i] as const)),
      { partitions: 2 },
    ),
  direct: t => t.ssc.directStream(wordLog),
  files: t =>
    t.ssc.textFileStream(t.file('in/.there', '').slice(0, -'/.there'.length)).map(line => {
      const [word = '', n] = line.split(' ')
      return [word, Number(n)] as const
    }),
}

/** The words as a log of one partition: each batch takes what had been written by its time. */
const wordLog: DirectSource<Pair, readonly [from: number, to: number], number> = {
  name: 'a log of words',
  plan({ time, position = 0 }) {
    const to = written.filter(({ at }) => at <= time.milliseconds).length
    const middle = (position + to) >> 1
    const ranges = [[position, middle] as const, [middle, to] as const]
    return { ranges, position: to, numRecords: to - position }
  },
  read: (sc, ranges) =>
    sc.fromPartitions(
      ranges,
      capture({ written }, function* ([from, to]: readonly [number, number]) {
        for (const { pair } of written.slice(from, to)) yield pair
      }),
    ),
  close() {},
}

/** Writes the words as files, one for each batch, in the middle of its interval. */
export function writeFiles(t: StreamTest): void {
  words.forEach((batch, i) => {
    const lines = batch.map(word => `${word} ${i}\n`).join('')
    if (batch.length > 0) t.file(`in/${i}.txt`, lines, { at: i * 1000 + 500 })
  })
}

/** A program of one operator over one source, which is saved. What is changed in `opts.conf` later holds from the next restart on. */
export function recoverable(
  operator: string,
  source: string,
  opts: Partial<StreamTestOptions> = {},
): StreamTest {
  return new StreamTest({
    checkpointDir: true,
    master: 'local[2]',
    build: t => void t.collect('out', operators[operator]!(sources[source]!(t))),
    conf: INLINE,
    ...opts,
  })
}

/** What was collected for each batch time. */
export function collected(t: StreamTest): Map<number, unknown[][]> {
  const { times, partitions } = t.out('out')
  return new Map(times.map((time, i) => [time, partitions[i]!]))
}
