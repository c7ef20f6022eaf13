/** Aggregations by key, all over one shuffle node with an aggregator. */

import { copyValue } from '../data/codec.ts'
import { KeyTable } from '../data/key-table.ts'
import { capture } from './functions/explicit.ts'
import { keyBy, keys, mapPartitions, mapValues } from './narrow-operations.ts'
import type { Aggregator, ShuffleResult } from './nodes.ts'
import {
  defaultPartitioner,
  type Partitioner,
  type Partitioning,
  samePartitioner,
  toPartitioner,
} from './partitioner.ts'
import type { RDD } from './rdd.ts'
import { operator } from './scope.ts'
import { shuffleNode } from './shuffle-node.ts'

/** The rarer settings of an aggregation. */
export interface CombineOptions {
  /** A number or a partitioner; Spark's default rule otherwise. */
  readonly partitions?: Partitioning
  /** Combine before the shuffle. Default true. */
  readonly mapSideCombine?: boolean
}

type Pairs<K, V> = RDD<readonly [K, V]>

/** What the user gave, or Spark's default choice for these upstream RDDs. */
export function choosePartitioner(
  upstreams: readonly RDD<never>[],
  given: Partitioning | undefined,
): Partitioner {
  if (given !== undefined) return toPartitioner(given)
  const [first] = upstreams
  return defaultPartitioner(
    upstreams.map(u => (u as unknown as RDD<unknown>).node),
    first!.context.configuredParallelism,
  )
}

function shuffled<K, V, R>(
  rdd: Pairs<K, V>,
  name: string,
  partitioner: Partitioner,
  result: ShuffleResult,
): RDD<R> {
  return rdd.derive(shuffleNode(name, [rdd.node], partitioner, result))
}

/** The node behind every aggregation; without a shuffle when the records are partitioned so already. */
export function combined<K, V, C>(
  rdd: Pairs<K, V>,
  name: string,
  aggregator: Aggregator,
  partitions: Partitioning | undefined,
): RDD<[K, C]> {
  return operator(name, () =>
    shuffled(rdd, name, choosePartitioner([rdd as RDD<never>], partitions), { as: 'combined', aggregator }),
  )
}

function options(given: Partitioning | CombineOptions | undefined): CombineOptions {
  if (given === undefined) return {}
  if (typeof given === 'number' || 'partition' in given) return { partitions: given }
  return given
}

export function reduceByKey<K, V>(
  rdd: Pairs<K, V>,
  reduce: (a: V, b: V) => V,
  partitions?: Partitioning,
): RDD<[K, V]> {
  const aggregator = { create: undefined, mergeValue: reduce, mergeCombiners: reduce, mapSide: true }
  return combined(rdd, 'reduceByKey', aggregator, partitions)
}

export function combineByKey<K, V, C>(
  rdd: Pairs<K, V>,
  create: (value: V) => C,
  mergeValue: (combiner: C, value: V) => C,
  mergeCombiners: (a: C, b: C) => C,
  given?: Partitioning | CombineOptions,
): RDD<[K, C]> {
  const { partitions, mapSideCombine = true } = options(given)
  return combined(
    rdd,
    'combineByKey',
    { create, mergeValue, mergeCombiners, mapSide: mapSideCombine },
    partitions,
  )
}

export function aggregateByKey<K, V, C>(
  rdd: Pairs<K, V>,
  zero: C,
  seq: (combiner: C, value: V) => C,
  comb: (a: C, b: C) => C,
  given?: Partitioning | CombineOptions,
): RDD<[K, C]> {
  const { partitions, mapSideCombine = true } = options(given)
  // Copied when it is given, and again for each key: a function that changes its zero in place harms no other key.
  const kept = copyValue(zero)
  const create = capture({ seq, copyValue, kept }, (value: V): C => seq(copyValue(kept), value))
  const aggregator = { create, mergeValue: seq, mergeCombiners: comb, mapSide: mapSideCombine }
  return combined(rdd, 'aggregateByKey', aggregator, partitions)
}

export function foldByKey<K, V>(
  rdd: Pairs<K, V>,
  zero: V,
  f: (a: V, b: V) => V,
  partitions?: Partitioning,
): RDD<[K, V]> {
  return operator('foldByKey', () =>
    aggregateByKey(rdd, zero, f, f, partitions === undefined ? {} : { partitions }),
  )
}

export function groupByKey<K, V>(rdd: Pairs<K, V>, partitions?: Partitioning): RDD<[K, V[]]> {
  const aggregator: Aggregator = {
    create: (value: V): V[] => [value],
    mergeValue: (group: V[], value: V): V[] => {
      group.push(value)
      return group
    },
    mergeCombiners: (a: V[], b: V[]): V[] => {
      for (const value of b) a.push(value)
      return a
    },
    mapSide: false,
  }
  return combined(rdd, 'groupByKey', aggregator, partitions)
}

export function groupBy<T, K>(rdd: RDD<T>, f: (record: T) => K, partitions?: Partitioning): RDD<[K, T[]]> {
  return operator('groupBy', () => groupByKey(keyBy(rdd, f), partitions))
}

export function partitionBy<K, V>(rdd: Pairs<K, V>, given: Partitioning): RDD<[K, V]> {
  const partitioner = toPartitioner(given)
  if (samePartitioner(rdd.partitioner, partitioner)) return rdd as unknown as RDD<[K, V]>
  return operator('partitionBy', () => shuffled(rdd, 'partitionBy', partitioner, { as: 'records' }))
}

export function distinct<T>(rdd: RDD<T>, numPartitions: number = rdd.getNumPartitions()): RDD<T> {
  return operator('distinct', () => {
    if (rdd.partitioner !== undefined && numPartitions === rdd.getNumPartitions())
      return mapPartitions(rdd, distinctOf, true)
    const keyed = keyBy(rdd, record => record) as unknown as Pairs<T, unknown>
    const once = reduceByKey(
      mapValues(keyed, () => null),
      a => a,
      Math.max(1, numPartitions),
    )
    return keys(once)
  })
}

function* distinctOf<T>(records: IterableIterator<T>): Generator<T> {
  const seen = new KeyTable<null>()
  for (const record of records) {
    if (seen.slotOf(record) !== undefined) continue
    seen.insert(record)
    seen.values.push(null)
    yield record
  }
}
