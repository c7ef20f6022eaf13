/** What simulated programs do with their input: every stateful operator, some of which may change while the program is down. */
import { seconds } from '../../src/base/time.ts'
import type { State } from '../../src/index.ts'
import type { RDD } from '../../src/rdd/rdd.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { StateSpec } from '../../src/streaming/state/state-spec.ts'
import { operators } from './recoverable.ts'

export type Pair = readonly [string, number]

/** Batches with faults, and in which records are made. */
export const BATCHES = 7

/** Records of each batch; some are empty, keys come and go. */
export const words: readonly (readonly Pair[])[] = Array.from({ length: BATCHES }, (_, i) =>
  Array.from(
    { length: i % 4 === 3 ? 0 : 2 + ((i * 3) % 5) },
    (_, j) => [`k${(i * 7 + j * 3) % 6}`, i] as const,
  ),
)

const add = (a: number, b: number): number => a + b
const subtract = (a: number, b: number): number => a - b
const sums = (values: readonly number[], sum = 0): number => values.reduce(add, sum)

/** What a program is made with, besides its input. */
export interface Making {
  /** Lines of a text file. */
  readonly names: RDD<string>
  /** Set once the program has been changed: what values of state of before become, told of each. */
  readonly migrated?: (() => void) | undefined
}

/** What the text file has: a name for some keys. */
export const NAMES: readonly string[] = ['k0 zero', 'k2 two', 'k3 three', 'k5 five']

type Program = (pairs: DStream<Pair>, making: Making) => DStream<unknown>

/** Goes on with other values of state once it is changed. */
const versioned: Readonly<Record<string, Program>> = {
  'a sum of another form': (pairs, { migrated }) => {
    if (migrated === undefined) return pairs.updateStateByKey<number>(sums).uid('sum').checkpoint(seconds(2))
    type Sum = { readonly sum: number }
    const update = (values: readonly number[], { sum }: Sum = { sum: 0 }): Sum => ({
      sum: values.reduce(add, sum),
    })
    const migrate = (old: unknown): Sum => {
      migrated()
      return { sum: old as number }
    }
    return pairs
      .updateStateByKey<Sum>(update, { version: 2, migrate })
      .uid('sum')
      .checkpoint(seconds(2))
      .mapValues(({ sum }) => sum)
  },
  'a mapped sum of another form': (pairs, { migrated }) => {
    const isText = migrated !== undefined
    const spec = StateSpec.function((key: string, value: number | undefined, state: State<unknown>) => {
      const sum = Number(state.getOption() ?? 0)
      if (value === undefined) return [key, 'idle since', sum] as const
      state.update(isText ? String(sum + value) : sum + value)
      return [key, 'sum', sum + value] as const
    }).timeout(seconds(4))
    const of =
      migrated === undefined
        ? spec
        : spec.version(2, old => {
            migrated()
            return String(old)
          })
    return pairs.mapWithState(of).uid('sum').checkpoint(seconds(2))
  },
}

/** By what may become of them while the program is down: an interval half as long cuts none of their windows in two. */
const { 'window of state': windowOfState, ...others } = operators as Readonly<Record<string, Program>>
const ofAnyInterval: Readonly<Record<string, Program>> = {
  ...others,
  'outer join of two states': pairs => {
    const even = pairs.filter(([, n]) => n % 2 === 0).updateStateByKey<number>(sums)
    const odd = pairs.filter(([, n]) => n % 2 === 1).updateStateByKey<number>(sums)
    return even.checkpoint(seconds(2)).fullOuterJoin(odd.checkpoint(seconds(3)))
  },
  counts: pairs => pairs.countByWindow(seconds(4), seconds(1)).checkpoint(seconds(3)),
  'counts of values': pairs => pairs.countByValueAndWindow(seconds(4), seconds(2)).checkpoint(seconds(4)),
  'join with a text file': (pairs, { names }) => {
    const named = names.map(line => line.split(' ') as [string, string])
    return pairs
      .transform(rdd => rdd.leftOuterJoin(named, 2))
      .updateStateByKey<string>((found, before = '') =>
        found.reduce((text, [n, name]) => `${text} ${name ?? '-'}${n}`, before),
      )
  },
}

export const programs: Readonly<Record<string, Program>> = {
  ...ofAnyInterval,
  ...versioned,
  'window of state': windowOfState!,
  'join of a window and a batch': pairs =>
    pairs.reduceByKeyAndWindow(add, subtract, seconds(3)).checkpoint(seconds(3)).join(pairs.reduceByKey(add)),
}

/** Those with state that takes in several batches at once: what fails by a record of one of them cannot be given up with another. */
export const SLOW: readonly string[] = ['inverse window', 'counts of values']

/** How a program is changed while it is down. */
export type Change = 'none' | 'interval' | 'version' | 'parallelism'

/** The programs that can be changed so. */
export function programsFor(change: Change): readonly string[] {
  if (change === 'version') return Object.keys(versioned)
  return Object.keys(change === 'interval' ? ofAnyInterval : programs)
}
