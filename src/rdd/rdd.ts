/**
 * RDD: a handle on a lineage node. Every method is a line that calls the file where the work is.
 */
import { KindlingError } from '../base/errors.ts'
import {
  aggregate,
  collect,
  collectAsMap,
  count,
  countByKey,
  countByValue,
  first,
  fold,
  foreach,
  foreachPartition,
  isEmpty,
  reduce,
  saveAsTextFile,
  take,
  toLocalIterator,
} from './actions.ts'
import { cartesian, coalesce, repartition, unionNode, zip } from './arrange-operations.ts'
import { cogroup, fullOuterJoin, join, leftOuterJoin, rightOuterJoin } from './join-operations.ts'
import {
  filter,
  flatMap,
  flatMapValues,
  glom,
  keyBy,
  keys,
  map,
  mapPartitions,
  mapPartitionsWithIndex,
  mapValues,
  values,
} from './narrow-operations.ts'
import type { Node } from './nodes.ts'
import { sortBy, sortByKey } from './ordered-operations.ts'
import {
  aggregateByKey,
  type CombineOptions,
  combineByKey,
  distinct,
  foldByKey,
  groupBy,
  groupByKey,
  partitionBy,
  reduceByKey,
} from './pair-operations.ts'
import type { Partitioner, Partitioning } from './partitioner.ts'
import type { JobRunner } from './ports.ts'
import { StorageLevel } from './storage-level.ts'

/** What `map` may give, so that `w => [w, 1]` is inferred as a tuple. */
// biome-ignore lint/complexity/noBannedTypes: "{}" is what keeps the literal types that make "[]" a tuple hint.
export type Mapped = {} | null | undefined | []

/**
 * A collection of records in partitions, described by how to compute it. Nothing runs until an action is called.
 *
 * @typeParam T the type of a record
 * @source Spark RDD
 */
export class RDD<T> {
  /** @internal */
  readonly context: JobRunner
  /** @internal */
  readonly node: Node

  /** @internal */
  constructor(context: JobRunner, node: Node) {
    this.context = context
    this.node = node
  }

  /** @internal An RDD over another node in the same context. */
  derive<U>(node: Node): RDD<U> {
    return new RDD(this.context, node)
  }

  /** Unique in this process, in order of definition. */
  get id(): number {
    return this.node.id
  }

  /** How keys are spread over partitions, where it is known. */
  get partitioner(): Partitioner | undefined {
    return this.node.partitioner
  }

  /** The name given by `setName`. */
  get name(): string | undefined {
    return this.node.label
  }

  getNumPartitions(): number {
    return this.node.numPartitions
  }

  getStorageLevel(): StorageLevel {
    return this.node.storage
  }

  /** A name for messages and the dashboard. */
  setName(name: string): this {
    this.node.label = name
    return this
  }

  // ---- narrow transformations ----

  /**
   * `f` of each record. Keeps partitions and order, drops the partitioner.
   *
   * @throws PROMISE_RETURNED (in the job) when `f` gives a promise: use `mapAsync`
   * @example
   * await sc.parallelize([1, 2, 3]).map(x => x * 2).collect() // => [2, 4, 6]
   */
  map<U extends Mapped>(f: (record: T) => U): RDD<U> {
    return map(this, f)
  }

  /** All that `f` gives for each record, in order. `f` may return any iterable, also an endless generator under `take`. */
  flatMap<U>(f: (record: T) => Iterable<U>): RDD<U> {
    return flatMap(this, f)
  }

  /** The records for which `keep` holds. Keeps the partitioner. */
  filter<U extends T>(keep: (record: T) => record is U): RDD<U>
  filter(keep: (record: T) => unknown): RDD<T>
  filter(keep: (record: T) => unknown): RDD<T> {
    return filter(this, keep)
  }

  /** What `f` makes of a whole partition: an iterator in, an iterable out, both lazy. */
  mapPartitions<U>(f: (records: IterableIterator<T>) => Iterable<U>, preservesPartitioning = false): RDD<U> {
    return mapPartitions(this, f, preservesPartitioning)
  }

  /** {@link RDD.mapPartitions}, with the partition's index first. */
  mapPartitionsWithIndex<U>(
    f: (index: number, records: IterableIterator<T>) => Iterable<U>,
    preservesPartitioning = false,
  ): RDD<U> {
    return mapPartitionsWithIndex(this, f, preservesPartitioning)
  }

  /** One array for each partition. */
  glom(): RDD<T[]> {
    return glom(this)
  }

  /** `[f(record), record]` for each record. */
  keyBy<K extends Mapped>(f: (record: T) => K): RDD<[K, T]> {
    return keyBy(this, f)
  }

  // ---- arrangement ----

  /** The records of both, this one's first. Keeps duplicates. */
  union(other: RDD<T>): RDD<T> {
    return this.derive(unionNode([this.node, other.node]))
  }

  /**
   * Fewer partitions, by joining neighbours; with `shuffle` any number.
   *
   * @throws INVALID_ARGUMENT unless `numPartitions` is a whole number of at least 1
   */
  coalesce(numPartitions: number, shuffle = false): RDD<T> {
    return coalesce(this, numPartitions, shuffle)
  }

  /** Exactly `numPartitions` partitions, records dealt out in turn from a place drawn for each input partition. Shuffles. */
  repartition(numPartitions: number): RDD<T> {
    return repartition(this, numPartitions)
  }

  /**
   * Pairs of records at the same place.
   *
   * @throws INVALID_ARGUMENT when the partition counts differ
   * @throws ZIP_LENGTH_MISMATCH (in the job) when partitions have different lengths
   */
  zip<U>(other: RDD<U>): RDD<[T, U]> {
    return zip(this, other)
  }

  /** Every pair of a record here and one of `other`; partitions multiply. */
  cartesian<U>(other: RDD<U>): RDD<[T, U]> {
    return cartesian(this, other)
  }

  // ---- by value or key ----

  /** Each different record once. With the current number of partitions and a known partitioner nothing is shuffled. */
  distinct(numPartitions?: number): RDD<T> {
    return distinct(this, numPartitions)
  }

  /** Records grouped by `f`. */
  groupBy<K extends Mapped>(f: (record: T) => K, partitions?: Partitioning): RDD<[K, T[]]> {
    return groupBy(this, f, partitions)
  }

  /**
   * In total order of `key(record)`: by range over partitions, and sorted within each.
   *
   * Order: natural order of keys (see `naturalCompare`), or `compare`. Equal keys keep their order. Runs a sample of the keys
   * as a job of its own when first used.
   */
  sortBy<K>(
    key: (record: T) => K,
    ascending = true,
    numPartitions?: number,
    opts: { compare?: (a: K, b: K) => number } = {},
  ): RDD<T> {
    return sortBy(this, key, ascending, numPartitions, opts.compare)
  }

  // ---- pairs ----

  /** `f` of each value; keys and partitioner stay. */
  mapValues<K, V, U extends Mapped>(this: RDD<readonly [K, V]>, f: (value: V) => U): RDD<[K, U]> {
    return mapValues(this, f)
  }

  /** One pair for each thing that `f` gives for a value; keys and partitioner stay. */
  flatMapValues<K, V, U>(this: RDD<readonly [K, V]>, f: (value: V) => Iterable<U>): RDD<[K, U]> {
    return flatMapValues(this, f)
  }

  /** The keys, duplicates and all. */
  keys<K, V>(this: RDD<readonly [K, V]>): RDD<K> {
    return keys(this)
  }

  /** The values. */
  values<K, V>(this: RDD<readonly [K, V]>): RDD<V> {
    return values(this)
  }

  /**
   * The values of each key reduced to one; combined on the map side first.
   *
   * @param reduce associative and commutative
   * @param partitions a number or a partitioner; Spark's default rule otherwise
   * @example
   * await sc.parallelize(['a', 'b', 'a']).map(w => [w, 1]).reduceByKey((a, b) => a + b).collect() // => [['a', 2], ['b', 1]]
   */
  reduceByKey<K, V>(
    this: RDD<readonly [K, V]>,
    reduce: (a: V, b: V) => V,
    partitions?: Partitioning,
  ): RDD<[K, V]> {
    return reduceByKey(this, reduce, partitions)
  }

  /** All values of each key in one array. No map-side combine. */
  groupByKey<K, V>(this: RDD<readonly [K, V]>, partitions?: Partitioning): RDD<[K, V[]]> {
    return groupByKey(this, partitions)
  }

  /** The general aggregation: a combiner made of the first value, then values merged in, then combiners merged. */
  combineByKey<K, V, C>(
    this: RDD<readonly [K, V]>,
    create: (value: V) => C,
    mergeValue: (combiner: C, value: V) => C,
    mergeCombiners: (a: C, b: C) => C,
    opts?: Partitioning | CombineOptions,
  ): RDD<[K, C]> {
    return combineByKey(this, create, mergeValue, mergeCombiners, opts)
  }

  /** Values folded into a fresh copy of `zero` for each key and partition, then merged. */
  aggregateByKey<K, V, C>(
    this: RDD<readonly [K, V]>,
    zero: C,
    seq: (combiner: C, value: V) => C,
    comb: (a: C, b: C) => C,
    opts?: Partitioning | CombineOptions,
  ): RDD<[K, C]> {
    return aggregateByKey(this, zero, seq, comb, opts)
  }

  /** {@link RDD.aggregateByKey} with one function and values of the same type. */
  foldByKey<K, V>(
    this: RDD<readonly [K, V]>,
    zero: V,
    f: (a: V, b: V) => V,
    partitions?: Partitioning,
  ): RDD<[K, V]> {
    return foldByKey(this, zero, f, partitions)
  }

  /** The same pairs, spread by `partitioner`; nothing happens when they are spread so already. */
  partitionBy<K, V>(this: RDD<readonly [K, V]>, partitioner: Partitioning): RDD<[K, V]> {
    return partitionBy(this, partitioner)
  }

  /** In total order of keys. */
  sortByKey<K, V>(this: RDD<readonly [K, V]>, ascending = true, numPartitions?: number): RDD<[K, V]> {
    return sortByKey(this, ascending, numPartitions)
  }

  /** For each key the values here and there: `[key, [mine, theirs]]`. */
  cogroup<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, [V[], W[]]]> {
    return cogroup(this, other, partitions)
  }

  /** One pair for each combination of a value here and one there, for keys that both have. */
  join<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, [V, W]]> {
    return join(this, other, partitions)
  }

  /** {@link RDD.join}, keeping keys that only this one has. */
  leftOuterJoin<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, [V, W | undefined]]> {
    return leftOuterJoin(this, other, partitions)
  }

  /** {@link RDD.join}, keeping keys that only the other one has. */
  rightOuterJoin<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, [V | undefined, W]]> {
    return rightOuterJoin(this, other, partitions)
  }

  /** {@link RDD.join}, keeping keys that either has. */
  fullOuterJoin<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, [V | undefined, W | undefined]]> {
    return fullOuterJoin(this, other, partitions)
  }

  // ---- actions ----

  /** All records, in partition order. */
  collect(): Promise<T[]> {
    return this.context.action('collect', () => collect(this))
  }

  /** How many records there are. */
  count(): Promise<number> {
    return this.context.action('count', () => count(this))
  }

  isEmpty(): Promise<boolean> {
    return this.context.action('isEmpty', () => isEmpty(this))
  }

  /** The first `n` records; computes one partition, then more and more, until it has them. */
  take(n: number): Promise<T[]> {
    return this.context.action('take', () => take(this, n))
  }

  /** @throws EMPTY_COLLECTION when there is none */
  first(): Promise<T> {
    return this.context.action('first', () => first(this))
  }

  /** @throws EMPTY_COLLECTION when there is none */
  reduce(f: (a: T, b: T) => T): Promise<T> {
    return this.context.action('reduce', () => reduce(this, f))
  }

  /** `zero` is copied for each partition and once more for the merge; it must be neutral, as it is used as often. */
  fold(zero: T, f: (a: T, b: T) => T): Promise<T> {
    return this.context.action('fold', () => fold(this, zero, f))
  }

  /** {@link RDD.fold} to another type. */
  aggregate<U>(zero: U, seq: (a: U, record: T) => U, comb: (a: U, b: U) => U): Promise<U> {
    return this.context.action('aggregate', () => aggregate(this, zero, seq, comb))
  }

  /** Runs `f` for each record, for its effects; a promise it gives is awaited before the next record. */
  foreach(f: (record: T) => unknown): Promise<void> {
    return this.context.action('foreach', () => foreach(this, f))
  }

  /** Runs `f` once for each partition; its argument is an iterator and an async iterator, and what it gives is awaited. */
  foreachPartition(f: (records: IterableIterator<T> & AsyncIterable<T>) => unknown): Promise<void> {
    return this.context.action('foreachPartition', () => foreachPartition(this, f))
  }

  /** All records, one partition at a time: `for await (const record of rdd.toLocalIterator())`. */
  toLocalIterator(): AsyncIterableIterator<T> {
    return toLocalIterator(this)
  }

  /** How often each record occurs. The map finds tuples and dates by value. */
  countByValue(): Promise<ReadonlyMap<T, number>> {
    return this.context.action('countByValue', () => countByValue(this))
  }

  /** How many pairs each key has. */
  countByKey<K, V>(this: RDD<readonly [K, V]>): Promise<ReadonlyMap<K, number>> {
    return this.context.action('countByKey', () => countByKey(this))
  }

  /** The pairs as a map; the last value of a key wins. The map finds tuples and dates by value. */
  collectAsMap<K, V>(this: RDD<readonly [K, V]>): Promise<ReadonlyMap<K, V>> {
    return this.context.action('collectAsMap', () => collectAsMap(this))
  }

  /**
   * Writes one line for each record into `part-00000` … under a new directory, and `_SUCCESS` at the end.
   *
   * @throws OUTPUT_PATH_EXISTS when the directory is there already
   */
  saveAsTextFile(path: string): Promise<void> {
    return this.context.action('saveAsTextFile', () => saveAsTextFile(this, path))
  }

  // ---- persistence ----

  /**
   * Keeps the partitions once they are computed.
   *
   * @throws UNSUPPORTED_OPERATION when another level is set already
   */
  persist(level: StorageLevel = StorageLevel.MEMORY_ONLY): this {
    const { storage } = this.node
    if (storage !== StorageLevel.NONE && storage !== level)
      throw new KindlingError('UNSUPPORTED_OPERATION', {
        operation: `persist(${level})`,
        reason: `this RDD is kept at ${storage} already; call unpersist() first`,
      })
    this.node.storage = level
    return this
  }

  /** `persist(MEMORY_ONLY)` */
  cache(): this {
    return this.persist()
  }

  /** Drops what was kept, and keeps nothing from now on. */
  unpersist(): this {
    this.node.storage = StorageLevel.NONE
    this.context.unpersist(this.node)
    return this
  }
}
