/** Operators that need one partition of one parent only. Neighbours become one segment. */
import { capture } from './functions/explicit.ts'
import { type ChunksFunction, makeNode, type NarrowNode, type Step } from './nodes.ts'
import type { Preparation } from './preparation.ts'
import type { RDD } from './rdd.ts'
import { operator } from './scope.ts'

function narrow<U>(
  parent: RDD<never> | RDD<unknown>,
  name: string,
  step: Step,
  keepsPartitioner: boolean,
  needs?: Preparation,
): RDD<U> {
  const { node } = parent as RDD<unknown>
  const partitioner = keepsPartitioner ? node.partitioner : undefined
  const made = operator(name, () =>
    makeNode<NarrowNode>(
      { kind: 'narrow', parent: node, step, numPartitions: node.numPartitions, partitioner, needs },
      name,
    ),
  )
  return (parent as RDD<unknown>).derive(made)
}

export function map<T, U>(rdd: RDD<T>, f: (record: T) => U): RDD<U> {
  return narrow(rdd as RDD<unknown>, 'map', { op: 'map', f }, false)
}

export function flatMap<T, U>(rdd: RDD<T>, f: (record: T) => Iterable<U>): RDD<U> {
  return narrow(rdd as RDD<unknown>, 'flatMap', { op: 'flatMap', f }, false)
}

export function filter<T>(rdd: RDD<T>, keep: (record: T) => unknown): RDD<T> {
  return narrow(rdd as RDD<unknown>, 'filter', { op: 'filter', f: keep }, true)
}

export function keyBy<T, K>(rdd: RDD<T>, f: (record: T) => K): RDD<[K, T]> {
  return narrow(rdd as RDD<unknown>, 'keyBy', { op: 'keyBy', f }, false)
}

export function mapValues<K, V, U>(rdd: RDD<readonly [K, V]>, f: (value: V) => U): RDD<[K, U]> {
  return narrow(rdd as RDD<unknown>, 'mapValues', { op: 'mapValues', f }, true)
}

export function flatMapValues<K, V, U>(rdd: RDD<readonly [K, V]>, f: (value: V) => Iterable<U>): RDD<[K, U]> {
  return narrow(rdd as RDD<unknown>, 'flatMapValues', { op: 'flatMapValues', f }, true)
}

export function mapPartitions<T, U>(
  rdd: RDD<T>,
  f: (records: IterableIterator<T>) => Iterable<U>,
  preservesPartitioning: boolean,
): RDD<U> {
  return narrow(rdd as RDD<unknown>, 'mapPartitions', { op: 'mapPartitions', f }, preservesPartitioning)
}

export function mapPartitionsWithIndex<T, U>(
  rdd: RDD<T>,
  f: (index: number, records: IterableIterator<T>) => Iterable<U>,
  preservesPartitioning: boolean,
  needs?: Preparation,
): RDD<U> {
  const g = capture({ f }, (records: IterableIterator<T>, index: number): Iterable<U> => f(index, records))
  return narrow(
    rdd as RDD<unknown>,
    'mapPartitionsWithIndex',
    { op: 'mapPartitions', f: g },
    preservesPartitioning,
    needs,
  )
}

/** Chunks to chunks, where the work has to wait for something outside. */
export function mapChunks<T, U>(
  rdd: RDD<T>,
  name: string,
  f: ChunksFunction,
  keepsPartitioner = false,
): RDD<U> {
  return narrow(rdd as RDD<unknown>, name, { op: 'mapChunks', f }, keepsPartitioner)
}

export function collectPartial<T, U>(rdd: RDD<T>, f: (record: T) => U | undefined): RDD<U> {
  return operator('collectPartial', () => filter(map(rdd, f), made => made !== undefined) as RDD<U>)
}

// Made once: worker threads get each of them once, and each call of these operations costs nothing to describe.
const gathered = <T>(records: Iterable<T>): T[][] => [Array.from(records)]
const firstOf = <K>(pair: readonly [K, unknown]): K => pair[0]
const secondOf = <V>(pair: readonly [unknown, V]): V => pair[1]

export function glom<T>(rdd: RDD<T>): RDD<T[]> {
  return operator('glom', () => mapPartitions(rdd, gathered<T>, false))
}

export function keys<K, V>(rdd: RDD<readonly [K, V]>): RDD<K> {
  return operator('keys', () => map(rdd, firstOf<K>))
}

export function values<K, V>(rdd: RDD<readonly [K, V]>): RDD<V> {
  return operator('values', () => map(rdd, secondOf<V>))
}
