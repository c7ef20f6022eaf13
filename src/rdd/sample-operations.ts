/**
 * Random samples. The same seed over the same partitions gives the same sample: each partition draws from a stream of its own.
 * Without a seed one is made from the place in the program (see `JobRunner.seedFor`).
 */

import { describeValue, KindlingError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { joined } from '../data/chunk.ts'
import { KeyTable } from '../data/key-table.ts'
import { Draw, spread } from './exact-sample.ts'
import { mapPartitionsWithIndex } from './narrow-operations.ts'
import type { JobSink } from './ports.ts'
import type { Preparation, RunRequest } from './preparation.ts'
import type { RDD } from './rdd.ts'
import { eachRecord, run } from './run-sink.ts'
import { currentScope, type OperatorScope, operator } from './scope.ts'

type Pairs<K, V> = RDD<readonly [K, V]>

/** Rounding in a caller's arithmetic may carry a fraction a little above 1. @source Spark RandomSampler.roundingEpsilon */
const EPSILON = 1e-6

function checkFraction(fraction: number, withReplacement: boolean): number {
  if (fraction >= 0 && (withReplacement ? fraction < Number.POSITIVE_INFINITY : fraction <= 1 + EPSILON))
    return fraction
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'the fraction of a sample',
    value: fraction,
    expected: withReplacement ? 'a number from 0 up' : 'a number from 0 to 1',
  })
}

/** How often a record is taken: 0 or 1, or after Poisson with the fraction as mean. */
function times(random: Random, fraction: number, withReplacement: boolean): number {
  return withReplacement ? poisson(random, fraction) : Number(random.next() < fraction)
}

/** @source Knuth, TAOCP 3.4.1, in parts small enough for exp(-mean) */
function poisson(random: Random, mean: number): number {
  let n = 0
  for (let left = mean; left > 0; left -= 500) {
    const limit = Math.exp(-Math.min(left, 500))
    for (let product = random.next(); product > limit; product *= random.next()) n++
  }
  return n
}

/** The randomness of an operator: of the seed, or of its place. */
function randomOf(rdd: RDD<never> | RDD<unknown>, scope: OperatorScope, seed: number | undefined): Random {
  return new Random(seed ?? (rdd as RDD<unknown>).context.seedFor(scope))
}

/** Each record as often as `timesOf` says, which draws from the stream of the partition. */
function drawn<T>(rdd: RDD<T>, random: Random, timesOf: (draws: Random, record: T) => number): RDD<T> {
  return mapPartitionsWithIndex(
    rdd,
    function* (index, records) {
      const draws = random.fork(index)
      for (const record of records) for (let n = timesOf(draws, record); n > 0; n--) yield record
    },
    true,
  )
}

export function sample<T>(
  rdd: RDD<T>,
  withReplacement: boolean,
  fraction: number,
  seed: number | undefined,
): RDD<T> {
  checkFraction(fraction, withReplacement)
  return operator('sample', () => {
    const random = randomOf(rdd as RDD<unknown>, currentScope('sample'), seed)
    return drawn(rdd, random, draws => times(draws, fraction, withReplacement))
  })
}

export function randomSplit<T>(rdd: RDD<T>, weights: readonly number[], seed: number | undefined): RDD<T>[] {
  const total = weights.reduce((a, b) => a + b, 0)
  if (!(total > 0 && total < Number.POSITIVE_INFINITY) || weights.some(w => !(w >= 0)))
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'the list of weights',
      value: weights,
      expected: 'numbers from 0 up, not all of them 0',
    })
  return operator('randomSplit', () => {
    const random = randomOf(rdd as RDD<unknown>, currentScope('randomSplit'), seed)
    let below = 0
    return weights.map((weight, i) => {
      const from = below / total
      below += weight
      // All splits draw the same numbers, so that each record falls into exactly one of them.
      const to = i === weights.length - 1 ? 1 : below / total
      return drawn(rdd, random, draws => {
        const x = draws.next()
        return Number(x >= from && x < to)
      })
    })
  })
}

function fractionTable(
  fractions: ReadonlyMap<unknown, number>,
  withReplacement: boolean,
): (key: unknown) => number {
  const table = new KeyTable<number>()
  for (const [key, fraction] of fractions) table.set(key, checkFraction(fraction, withReplacement))
  return key => {
    const fraction = table.get(key)
    if (fraction !== undefined) return fraction
    throw new KindlingError('INVALID_ARGUMENT', {
      what: `the fraction of key ${describeValue(key)}`,
      value: fraction,
      expected: 'given in the map of fractions',
    })
  }
}

export function sampleByKey<K, V>(
  rdd: Pairs<K, V>,
  withReplacement: boolean,
  fractions: ReadonlyMap<K, number>,
  seed: number | undefined,
): RDD<[K, V]> {
  const fractionOf = fractionTable(fractions, withReplacement)
  return operator('sampleByKey', () => {
    const random = randomOf(rdd as RDD<never>, currentScope('sampleByKey'), seed)
    const sampled = drawn(rdd, random, (draws, [key]) => times(draws, fractionOf(key), withReplacement))
    return sampled as unknown as RDD<[K, V]>
  })
}

export function sampleByKeyExact<K, V>(
  rdd: Pairs<K, V>,
  withReplacement: boolean,
  fractions: ReadonlyMap<K, number>,
  seed: number | undefined,
): RDD<[K, V]> {
  const fractionOf = fractionTable(fractions, withReplacement)
  return operator('sampleByKeyExact', () => {
    const scope = currentScope('sampleByKeyExact')
    const random = randomOf(rdd as RDD<never>, scope, seed)
    const shares = new Shares(rdd as RDD<never>, scope, fractionOf, withReplacement, random)
    const { dealt } = shares
    return mapPartitionsWithIndex(
      rdd,
      function* (index, records) {
        const draws = drawsOf(dealt.parts![index]!, withReplacement, random.fork('draw').fork(index))
        for (const pair of records as IterableIterator<readonly [K, V]>)
          for (let n = draws.get(pair[0])?.next() ?? 0; n > 0; n--) yield pair
      },
      true,
      shares,
    ) as unknown as RDD<[K, V]>
  })
}

/** Of a key in one partition: how many there are, and how many of them are taken. */
interface Share {
  readonly n: number
  readonly k: number
}

/** The draws of one partition by key, fresh for each attempt. */
function drawsOf(
  { keys, values }: KeyTable<Share>,
  withReplacement: boolean,
  random: Random,
): KeyTable<Draw> {
  return KeyTable.from(
    keys,
    values.map(({ n, k }, i) => new Draw(n, k, withReplacement, random.fork(i))),
  )
}

/** How many of each key come from each partition: known once the keys have been counted. */
class Shares implements Preparation {
  private readonly rdd: RDD<unknown>
  private readonly scope: OperatorScope
  private readonly fractionOf: (key: unknown) => number
  private readonly withReplacement: boolean
  private readonly random: Random
  /** What tasks are sent, by partition; filled once it is known. */
  readonly dealt: { parts?: KeyTable<Share>[] } = {}

  constructor(
    rdd: RDD<never>,
    scope: OperatorScope,
    fractionOf: (key: unknown) => number,
    withReplacement: boolean,
    random: Random,
  ) {
    this.rdd = rdd as unknown as RDD<unknown>
    this.scope = scope
    this.fractionOf = fractionOf
    this.withReplacement = withReplacement
    this.random = random
  }

  get ready(): boolean {
    return this.dealt.parts !== undefined
  }

  async prepare(runRequest: RunRequest): Promise<void> {
    const { node } = this.rdd
    const counted = await runRequest<KeyTable<number>>({ node, scope: this.scope, sink: countKeys })
    this.dealt.parts ??= this.deal(counted)
  }

  private deal(counted: readonly KeyTable<number>[]): KeyTable<Share>[] {
    const parts = counted.map(() => new KeyTable<Share>())
    const keys = new KeyTable<null>()
    for (const table of counted) for (const key of table.keys) keys.set(key, null)
    for (const [i, key] of keys.keys.entries()) {
      const counts = counted.map(table => table.get(key) ?? 0)
      const total = counts.reduce((a, b) => a + b, 0)
      const k = Math.ceil(total * this.fractionOf(key))
      const shares = spread(counts, k, this.withReplacement, this.random.fork('spread').fork(i))
      for (const [p, n] of counts.entries()) if (n > 0) parts[p]!.set(key, { n, k: shares[p]! })
    }
    return parts
  }
}

const countKeys: JobSink = {
  kind: 'chunks',
  run: async (records, task) => {
    const table = new KeyTable<number>()
    await eachRecord(records, task, record => {
      const [key] = record as readonly unknown[]
      table.set(key, (table.get(key) ?? 0) + 1)
    })
    return table
  },
}

export async function takeSample<T>(
  rdd: RDD<T>,
  withReplacement: boolean,
  n: number,
  seed: number | undefined,
): Promise<T[]> {
  if (!Number.isSafeInteger(n) || n < 0)
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'the size of a sample',
      value: n,
      expected: 'a whole number from 0 up',
    })
  if (n === 0) return []
  const scope = currentScope('takeSample')
  const random = randomOf(rdd as RDD<unknown>, scope, seed)
  const counts = await run<number>(rdd as RDD<unknown>, scope, { kind: 'count' })
  const shares = spread(counts, n, withReplacement, random.fork('spread'))
  const wanted = shares.flatMap((k, p) => (k > 0 ? [p] : []))
  const sink: JobSink = {
    kind: 'chunks',
    run: async (records, task) => {
      const p = task.partition
      const draw = new Draw(counts[p]!, shares[p]!, withReplacement, random.fork('draw').fork(p))
      const taken: unknown[] = []
      await eachRecord(records, task, record => {
        for (let times = draw.next(); times > 0; times--) taken.push(record)
      })
      return taken
    },
  }
  const parts = await run<T[]>(rdd as RDD<unknown>, scope, sink, wanted)
  return shuffled(joined(parts), random.fork('order'))
}

/** In random order. @source Fisher and Yates */
function shuffled<T>(records: T[], random: Random): T[] {
  for (let i = records.length - 1; i > 0; i--) {
    const j = random.int(i + 1)
    ;[records[i], records[j]] = [records[j] as T, records[i] as T]
  }
  return records
}
