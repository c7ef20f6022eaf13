/**
 * RDD: a handle on a lineage node. Every method is a line that calls the file where the work is.
 */
import { markKind } from '../base/engine-kind.ts'
import { KindlingError } from '../base/errors.ts'
import {
  aggregate,
  collect,
  count,
  first,
  fold,
  foreach,
  foreachPartition,
  isEmpty,
  reduce,
  take,
  toLocalIterator,
} from './actions.ts'
import {
  countApprox,
  countByKeyApprox,
  countByValueApprox,
  meanApprox,
  sumApprox,
} from './approximate/actions.ts'
import type { BoundedDouble } from './approximate/estimates.ts'
import type { PartialResult } from './approximate/partial-result.ts'
import {
  cartesian,
  coalesce,
  type PartitionCoalescer,
  repartition,
  unionNode,
  zip,
  zipPartitionsGiven,
} from './arrange-operations.ts'
import type { AsyncCall } from './async-map.ts'
import { type MapAsyncOptions, mapAsync, mapPartitionsAsync } from './async-operations.ts'
import { countApproxDistinct, countApproxDistinctByKey, precisionOf } from './distinct-estimates.ts'
import {
  saveAsNDJSONFile,
  saveAsObjectFile,
  saveAsParquetFile,
  saveAsTextFile,
  type TextOutputOptions,
} from './file-actions.ts'
import type { FutureAction } from './future-action.ts'
import { zipWithIndex, zipWithUniqueId } from './index-operations.ts'
import {
  type Dependency,
  debugText,
  dependencies,
  describeNode,
  type Partition,
  partitionsOf,
  preferredLocations,
} from './introspection.ts'
import { cogroupGiven, fullOuterJoin, join, leftOuterJoin, rightOuterJoin } from './join-operations.ts'
import { collectAsMap, countByKey, countByValue, lookup, reduceByKeyLocally } from './keyed-actions.ts'
import {
  collectPartial,
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
import { evenHistogram, type Histogram, histogramOf, statistic, stats, sum } from './numeric-actions.ts'
import { max, min, takeOrdered, top } from './ordered-actions.ts'
import { filterByRange, repartitionAndSortWithinPartitions, sortBy, sortByKey } from './ordered-operations.ts'
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
import type { ParquetOutputOptions } from './parquet-output.ts'
import type { Partitioner, Partitioning } from './partitioner.ts'
import { type PipeOptions, pipe } from './pipe.ts'
import type { JobRunner } from './ports.ts'
import { randomSplit, sample, sampleByKey, sampleByKeyExact, takeSample } from './sample-operations.ts'
import { currentScope } from './scope.ts'
import { intersection, subtract, subtractByKey } from './set-operations.ts'
import type { StatCounter } from './stat-counter.ts'
import { StorageLevel } from './storage-level.ts'
import { treeAggregate, treeReduce } from './tree-actions.ts'

/** What `map` may give, so that `w => [w, 1]` is inferred as a tuple. */
// biome-ignore lint/complexity/noBannedTypes: "{}" is what keeps the literal types that make "[]" a tuple hint.
export type Mapped = {} | null | undefined | []

/** How a comparison of two records goes: below 0, 0, or above 0. */
export type Compare<T> = (a: T, b: T) => number

/**
 * A collection of records in partitions, described by how to compute it. Nothing runs until an action is called.
 *
 * @typeParam T the type of a record
 * @source Spark RDD
 */
export class RDD<T> {
  static {
    markKind(RDD, 'RDD')
  }

  /** The context it belongs to. */
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
    this.context.defined(node)
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

  /** How many partitions it has. */
  getNumPartitions(): number {
    return this.node.numPartitions
  }

  /** Where its partitions are kept; `NONE` unless persisted. */
  getStorageLevel(): StorageLevel {
    return this.node.storage
  }

  /** {@link RDD.context} under Spark's other name. */
  get sparkContext(): JobRunner {
    return this.context
  }

  /** The RDDs it is computed from, and whether their records cross to other partitions. */
  get dependencies(): readonly Dependency[] {
    return dependencies(this as RDD<unknown>)
  }

  /** Its partitions, in order. */
  get partitions(): readonly Partition[] {
    return partitionsOf(this.node)
  }

  /**
   * The hosts on which a partition is best computed: those of the first source below it that names any. Tasks of this version all
   * run in one process; a coalescer may look at them.
   */
  preferredLocations(partition: number): readonly string[] {
    return preferredLocations(this.node, partition)
  }

  /**
   * The lineage as a tree: one line for each RDD, `(partitions)` and `+-` where a stage begins, the storage level in brackets.
   *
   * @source Spark RDD.toDebugString
   */
  toDebugString(): string {
    return debugText(this.node)
  }

  /** `MapPartitionsRDD[3] at map at app.ts:10:4` */
  toString(): string {
    return describeNode(this.node)
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

  /**
   * What `f` gives for each record, without the `undefined`s: Spark's `collect` of a partial function, which is not defined
   * everywhere.
   *
   * @example
   * await sc.parallelize(['1', 'x']).collectPartial(t => (t === 'x' ? undefined : Number(t))).collect() // => [1]
   */
  collectPartial<U extends Mapped>(f: (record: T) => U | undefined): RDD<U> {
    return collectPartial(this, f)
  }

  /**
   * Each partition through a process of its own: records go to its standard input as lines, lines of its standard output are the
   * records that come out.
   *
   * @param command a program with its arguments; a text is cut at blanks, without a shell
   * @throws PIPE_FAILED (in the job) when it cannot be started or ends with another exit code than 0
   * @throws LINE_TOO_LONG (in the job)
   * @source Spark RDD.pipe
   * @example
   * await sc.parallelize(['b', 'a'], 1).pipe('sort').collect() // => ['a', 'b']
   */
  pipe(command: string | readonly string[], opts: PipeOptions<T> = {}): RDD<string> {
    return pipe(this, command, opts)
  }

  /** One array for each partition. */
  glom(): RDD<T[]> {
    return glom(this)
  }

  /** `[f(record), record]` for each record. */
  keyBy<K extends Mapped>(f: (record: T) => K): RDD<[K, T]> {
    return keyBy(this, f)
  }

  // ---- asynchronous ----

  /**
   * What `f` gives, or its promise resolves to, for each record: for calls of services and databases. Drops the partitioner.
   *
   * In each task at most `concurrency` calls are in flight, and results that wait for earlier ones are bounded too. The job's end,
   * a `take` that has enough and a call's timeout abort `call.signal`: pass it on. Calls may be ahead of what is taken.
   *
   * @throws USER_CODE_FAILED (in the job) for what `f` throws or rejects with after all retries, CALL_TIMED_OUT; both name the record
   * @throws INVALID_ARGUMENT, INVALID_DURATION for the options
   * @example
   * const url = 'http://localhost:8080/users'
   * const options = { concurrency: 8, timeout: '5s', retries: 2 } as const
   * visits.keys().mapAsync(async (id, { signal }) => (await fetch(`${url}/${id}`, { signal })).text(), options)
   */
  mapAsync<U extends Mapped>(
    f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
    options?: MapAsyncOptions,
  ): RDD<U> {
    return mapAsync(this, f, options)
  }

  /**
   * What an asynchronous generator makes of a whole partition, record by record as it is taken. Its argument can be read with
   * `for await`, and with a plain loop where the records are at hand; `call.signal` is aborted when no more is wanted.
   *
   * @throws INPUT_NOT_AT_HAND (in the job) for a plain loop over records that arrive asynchronously
   * @example
   * visits.mapPartitionsAsync(async function* (records) {
   *   for await (const [name, n] of records) yield await Promise.resolve(`${name} ${n}`)
   * }) // => ['ann 1', 'bob 2', 'ann 3']
   */
  mapPartitionsAsync<U>(
    f: (records: AsyncIterable<T> & Iterable<T>, call: AsyncCall) => AsyncIterable<U>,
    preservesPartitioning = false,
  ): RDD<U> {
    return mapPartitionsAsync(this, f, preservesPartitioning)
  }

  // ---- arrangement ----

  /** The records of both, this one's first. Keeps duplicates. */
  union(other: RDD<T>): RDD<T> {
    return this.derive(unionNode([this.node, other.node]))
  }

  /** The different records that both have, each once. Shuffles both. */
  intersection(other: RDD<T>, partitions?: Partitioning): RDD<T> {
    return intersection(this, other, partitions)
  }

  /**
   * The records that `other` does not have; duplicates stay. Partitions: as many as here, unless given. Shuffles both.
   */
  subtract(other: RDD<T>, partitions?: Partitioning): RDD<T> {
    return subtract(this, other, partitions)
  }

  /**
   * Fewer partitions, by joining neighbours; with `shuffle` any number.
   *
   * @param coalescer chooses which partitions become one; neighbours when left out
   * @throws INVALID_ARGUMENT unless `numPartitions` is a whole number of at least 1, or when the coalescer leaves a partition out
   */
  coalesce(numPartitions: number, shuffle = false, coalescer?: PartitionCoalescer): RDD<T> {
    return coalesce(this, numPartitions, shuffle, coalescer)
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

  /**
   * What `f` makes of partition i of this RDD and of each other: iterators in, an iterable out.
   *
   * Partitions: as many as here. Order: what `f` gives. The partitioner is dropped, unless `preservesPartitioning` is set.
   *
   * @throws INVALID_ARGUMENT when the partition counts differ
   * @source Spark RDD.zipPartitions
   * @example
   * visits.zipPartitions(visits.filter(([, n]) => n > 1), (all, some) => [[...all].length - [...some].length]) // => [1]
   */
  zipPartitions<A, R>(
    a: RDD<A>,
    f: (records: IterableIterator<T>, a: IterableIterator<A>) => Iterable<R>,
    preservesPartitioning?: boolean,
  ): RDD<R>
  zipPartitions<A, B, R>(
    a: RDD<A>,
    b: RDD<B>,
    f: (records: IterableIterator<T>, a: IterableIterator<A>, b: IterableIterator<B>) => Iterable<R>,
    preservesPartitioning?: boolean,
  ): RDD<R>
  zipPartitions<A, B, C, R>(
    a: RDD<A>,
    b: RDD<B>,
    c: RDD<C>,
    f: (
      records: IterableIterator<T>,
      a: IterableIterator<A>,
      b: IterableIterator<B>,
      c: IterableIterator<C>,
    ) => Iterable<R>,
    preservesPartitioning?: boolean,
  ): RDD<R>
  zipPartitions<U, R>(
    ...args: [
      ...others: RDD<U>[],
      f: (records: IterableIterator<T>, ...others: IterableIterator<U>[]) => Iterable<R>,
    ]
  ): RDD<R>
  zipPartitions(...args: unknown[]): RDD<never> {
    return zipPartitionsGiven(this as RDD<unknown>, args) as RDD<never>
  }

  /**
   * `[record, index]`: the place of each record in the whole RDD, from 0, in order of partitions.
   *
   * Cost: with more than one partition, a job that counts all partitions but the last runs before the first job that needs it.
   */
  zipWithIndex(): RDD<[T, number]> {
    return zipWithIndex(this)
  }

  /** `[record, id]`: different whole numbers without a job; k, n + k, 2n + k, … in partition k of n. */
  zipWithUniqueId(): RDD<[T, number]> {
    return zipWithUniqueId(this)
  }

  /**
   * Some of the records, each taken with a probability of `fraction`; with replacement, each as often as Poisson's distribution
   * with that mean says. Keeps partitions, order and partitioner.
   *
   * @param seed makes it repeatable; without one, the place in the program and the batch decide
   * @throws INVALID_ARGUMENT for a fraction below 0 or, without replacement, above 1
   */
  sample(withReplacement: boolean, fraction: number, seed?: number): RDD<T> {
    return sample(this, withReplacement, fraction, seed)
  }

  /**
   * The records dealt out at random: each goes to one of as many RDDs as there are weights. Keeps partitions and partitioner. Each
   * of them reads this RDD again unless it is persisted.
   *
   * @param weights any numbers from 0 up; only their proportions count
   */
  randomSplit(weights: readonly number[], seed?: number): RDD<T>[] {
    return randomSplit(this, weights, seed)
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

  /** In total order of keys: by range over partitions, and sorted within each. See {@link RDD.sortBy}. */
  sortByKey<K, V>(
    this: RDD<readonly [K, V]>,
    ascending = true,
    numPartitions?: number,
    opts: { compare?: Compare<K> } = {},
  ): RDD<[K, V]> {
    return sortByKey(this, ascending, numPartitions, opts.compare as Compare<unknown> | undefined)
  }

  /**
   * Spread by a partitioner, and sorted by key within each partition: cheaper than to sort afterwards. Equal keys keep their order.
   *
   * @param compare natural order of keys when left out
   */
  repartitionAndSortWithinPartitions<K, V>(
    this: RDD<readonly [K, V]>,
    partitions: Partitioning,
    compare?: Compare<K>,
  ): RDD<[K, V]> {
    return repartitionAndSortWithinPartitions(this, partitions, compare)
  }

  /**
   * The pairs whose keys lie between `lower` and `upper`, both included. After `sortByKey` only the partitions that may hold such
   * keys are read. Keeps partitions and partitioner.
   *
   * @param compare the order of the range partitioner, or natural order, when left out
   */
  filterByRange<K, V>(this: RDD<readonly [K, V]>, lower: K, upper: K, compare?: Compare<K>): RDD<[K, V]> {
    return filterByRange(this, lower, upper, compare)
  }

  /**
   * {@link RDD.sample} with a fraction for each key.
   *
   * @throws INVALID_ARGUMENT (in the job) when a key has no fraction
   */
  sampleByKey<K, V>(
    this: RDD<readonly [K, V]>,
    withReplacement: boolean,
    fractions: ReadonlyMap<K, number>,
    seed?: number,
  ): RDD<[K, V]> {
    return sampleByKey(this, withReplacement, fractions, seed)
  }

  /**
   * {@link RDD.sampleByKey} with exactly ⌈fraction · count⌉ pairs of each key.
   *
   * Cost: a job that counts the keys of each partition runs before the first job that needs it.
   */
  sampleByKeyExact<K, V>(
    this: RDD<readonly [K, V]>,
    withReplacement: boolean,
    fractions: ReadonlyMap<K, number>,
    seed?: number,
  ): RDD<[K, V]> {
    return sampleByKeyExact(this, withReplacement, fractions, seed)
  }

  /**
   * About how many different values each key has.
   *
   * @param precision the relative standard error, or `{ p, sp }`; see {@link RDD.countApproxDistinct}
   */
  countApproxDistinctByKey<K, V>(
    this: RDD<readonly [K, V]>,
    precision: number | { readonly p: number; readonly sp: number } = 0.05,
    partitions?: Partitioning,
  ): RDD<[K, number]> {
    return countApproxDistinctByKey(this, precisionOf(precision), partitions)
  }

  /** The pairs whose keys `other` does not have; duplicates stay. Partitioner: the one here, unless given. */
  subtractByKey<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, V]> {
    return subtractByKey(this, other, partitions)
  }

  /**
   * For each key the values here and in each other RDD: `[key, [mine, theirs, …]]`, one list for each, empty where it has none.
   */
  cogroup<K, V, A>(
    this: RDD<readonly [K, V]>,
    a: RDD<readonly [K, A]>,
    partitions?: Partitioning,
  ): RDD<[K, [V[], A[]]]>
  cogroup<K, V, A, B>(
    this: RDD<readonly [K, V]>,
    a: RDD<readonly [K, A]>,
    b: RDD<readonly [K, B]>,
    partitions?: Partitioning,
  ): RDD<[K, [V[], A[], B[]]]>
  cogroup<K, V, A, B, C>(
    this: RDD<readonly [K, V]>,
    a: RDD<readonly [K, A]>,
    b: RDD<readonly [K, B]>,
    c: RDD<readonly [K, C]>,
    partitions?: Partitioning,
  ): RDD<[K, [V[], A[], B[], C[]]]>
  cogroup(...given: unknown[]): RDD<[never, never]> {
    return cogroupGiven(this as RDD<unknown>, given)
  }

  /** {@link RDD.cogroup} under its other name. */
  groupWith<K, V, A>(this: RDD<readonly [K, V]>, a: RDD<readonly [K, A]>): RDD<[K, [V[], A[]]]>
  groupWith<K, V, A, B>(
    this: RDD<readonly [K, V]>,
    a: RDD<readonly [K, A]>,
    b: RDD<readonly [K, B]>,
  ): RDD<[K, [V[], A[], B[]]]>
  groupWith<K, V, A, B, C>(
    this: RDD<readonly [K, V]>,
    a: RDD<readonly [K, A]>,
    b: RDD<readonly [K, B]>,
    c: RDD<readonly [K, C]>,
  ): RDD<[K, [V[], A[], B[], C[]]]>
  groupWith(...given: unknown[]): RDD<[never, never]> {
    return cogroupGiven(this as RDD<unknown>, given)
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

  /** Whether it has no records; looks at as few partitions as `take(1)` does. */
  isEmpty(): Promise<boolean> {
    return this.context.action('isEmpty', () => isEmpty(this))
  }

  /** The first `n` records; computes one partition, then more and more, until it has them. */
  take(n: number): Promise<T[]> {
    return this.context.action('take', () => take(this, n))
  }

  /** The first record. @throws EMPTY_COLLECTION when there is none */
  first(): Promise<T> {
    return this.context.action('first', () => first(this))
  }

  /** All records reduced to one. @throws EMPTY_COLLECTION when there is none */
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

  /**
   * {@link RDD.reduce}, merged in several levels before the driver gets the rest.
   *
   * @param depth levels, at least 1; the result is the same for each
   * @throws EMPTY_COLLECTION when there is none
   */
  treeReduce(f: (a: T, b: T) => T, depth = 2): Promise<T> {
    return this.context.action('treeReduce', () => treeReduce(this, f, depth))
  }

  /** {@link RDD.aggregate}, merged in several levels before the driver gets the rest. */
  treeAggregate<U>(zero: U, seq: (a: U, record: T) => U, comb: (a: U, b: U) => U, depth = 2): Promise<U> {
    return this.context.action('treeAggregate', () => treeAggregate(this, zero, seq, comb, depth))
  }

  /**
   * The largest record; of equal ones the first.
   *
   * @param compare natural order (see `naturalCompare`; NaN is the largest number) when left out
   * @throws EMPTY_COLLECTION when there is none
   */
  max(compare?: Compare<T>): Promise<T> {
    return this.context.action('max', () => max(this, compare))
  }

  /** The smallest record; see {@link RDD.max}. */
  min(compare?: Compare<T>): Promise<T> {
    return this.context.action('min', () => min(this, compare))
  }

  /** The `n` smallest records, ascending; equal ones keep their order. Each task holds about 2n records. */
  takeOrdered(n: number, compare?: Compare<T>): Promise<T[]> {
    return this.context.action('takeOrdered', () => takeOrdered(this, n, compare))
  }

  /** The `n` largest records, descending; equal ones keep their order. */
  top(n: number, compare?: Compare<T>): Promise<T[]> {
    return this.context.action('top', () => top(this, n, compare))
  }

  /**
   * `n` records drawn at random, in random order; without replacement all when there are fewer. An empty RDD gives none.
   *
   * Cost: one job that counts, one that draws.
   */
  takeSample(withReplacement: boolean, n: number, seed?: number): Promise<T[]> {
    return this.context.action('takeSample', () => takeSample(this, withReplacement, n, seed))
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

  /**
   * What is known of {@link RDD.count} after `timeout` ms; the job goes on.
   *
   * @param timeout ms
   * @param confidence the probability with which the bounds hold the count, 0 … 1
   * @source Spark RDD.countApprox
   */
  countApprox(timeout: number, confidence = 0.95): Promise<PartialResult<BoundedDouble>> {
    return countApprox(this as RDD<unknown>, { timeout, confidence })
  }

  /** What is known of {@link RDD.countByValue} after `timeout` ms; see {@link RDD.countApprox}. */
  countByValueApprox(
    timeout: number,
    confidence = 0.95,
  ): Promise<PartialResult<ReadonlyMap<T, BoundedDouble>>> {
    return countByValueApprox(this, { timeout, confidence })
  }

  /**
   * About how many different records there are.
   *
   * Error: the standard error is at most `relativeSD`, whatever the number; 95 of 100 results are within twice that. Memory:
   * at most 2 · (1.054 ÷ relativeSD)² bytes a partition.
   *
   * @param precision `relativeSD`, at least 0.00026; or `{ p, sp }`: 2^p registers (4 ≤ p ≤ 24), and few records counted nearly
   *   exactly at precision sp (p ≤ sp ≤ 32, or 0 for not)
   * @source Spark RDD.countApproxDistinct
   */
  countApproxDistinct(
    precision: number | { readonly p: number; readonly sp: number } = 0.05,
  ): Promise<number> {
    const of = precisionOf(precision)
    return this.context.action('countApproxDistinct', () => countApproxDistinct(this as RDD<unknown>, of))
  }

  /** What is known of {@link RDD.countByKey} after `timeout` ms; see {@link RDD.countApprox}. */
  countByKeyApprox<K, V>(
    this: RDD<readonly [K, V]>,
    timeout: number,
    confidence = 0.95,
  ): Promise<PartialResult<ReadonlyMap<K, BoundedDouble>>> {
    return countByKeyApprox(this, { timeout, confidence })
  }

  /** {@link RDD.reduceByKey} with its result as a map on the driver. */
  reduceByKeyLocally<K, V>(
    this: RDD<readonly [K, V]>,
    reduce: (a: V, b: V) => V,
  ): Promise<ReadonlyMap<K, V>> {
    return this.context.action('reduceByKeyLocally', () => reduceByKeyLocally(this, reduce))
  }

  /** The values of one key. Where the partitioner is known, only the partition of the key is computed. */
  lookup<K, V>(this: RDD<readonly [K, V]>, key: K): Promise<V[]> {
    return this.context.action('lookup', () => lookup(this, key))
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
  saveAsTextFile(path: string, opts: TextOutputOptions = {}): Promise<void> {
    return this.context.action('saveAsTextFile', () => saveAsTextFile(this as RDD<unknown>, path, opts))
  }

  /**
   * {@link RDD.saveAsTextFile} with each record as JSON, pairs as `[key, value]`: the form that stands for Spark's sequence files.
   * `sc.ndjsonFile` reads it. JSON has no dates, bigints or maps: their texts and entries stand for them.
   */
  saveAsNDJSONFile(path: string, opts: TextOutputOptions = {}): Promise<void> {
    return this.context.action('saveAsNDJSONFile', () => saveAsNDJSONFile(this as RDD<unknown>, path, opts))
  }

  /**
   * {@link RDD.saveAsTextFile} as Parquet files: a column for each field of plain records, `key` and `value` for pairs, `value` for
   * anything else. Numbers are DOUBLE unless `columns` says otherwise. Needs the package `hyparquet-writer`.
   *
   * @throws OUTPUT_PATH_EXISTS; PACKAGE_MISSING; RECORD_NOT_FITTING for records of other columns than the first ones
   * @example
   * await visits.saveAsParquetFile(`${dir}/visits`, { columns: { key: 'STRING', value: 'INT32' } })
   */
  saveAsParquetFile(path: string, opts: ParquetOutputOptions = {}): Promise<void> {
    return this.context.action('saveAsParquetFile', () => saveAsParquetFile(this as RDD<unknown>, path, opts))
  }

  /**
   * Files that give back exactly these records by `sc.objectFile`; checked for damage when they are read.
   *
   * @throws OUTPUT_PATH_EXISTS; RECORD_NOT_ENCODABLE for records that are no data
   */
  saveAsObjectFile(path: string): Promise<void> {
    return this.context.action('saveAsObjectFile', () => saveAsObjectFile(this as RDD<unknown>, path))
  }

  // ---- numbers ----

  /** The sum; 0 without records. */
  sum(this: RDD<number>): Promise<number> {
    return this.context.action('sum', () => sum(this))
  }

  /** Count, mean, variance, minimum and maximum in one job. Numerically stable. */
  stats(this: RDD<number>): Promise<StatCounter> {
    return this.context.action('stats', () => stats(this))
  }

  /** The mean; 0 without records. */
  mean(this: RDD<number>): Promise<number> {
    return this.context.action('mean', () => statistic(this, 'mean'))
  }

  /** The variance of the records as the whole population; NaN without records. */
  variance(this: RDD<number>): Promise<number> {
    return this.context.action('variance', () => statistic(this, 'variance'))
  }

  /** The root of {@link RDD.variance}. */
  stdev(this: RDD<number>): Promise<number> {
    return this.context.action('stdev', () => statistic(this, 'stdev'))
  }

  /** {@link RDD.variance} */
  popVariance(this: RDD<number>): Promise<number> {
    return this.context.action('popVariance', () => statistic(this, 'popVariance'))
  }

  /** {@link RDD.stdev} */
  popStdev(this: RDD<number>): Promise<number> {
    return this.context.action('popStdev', () => statistic(this, 'popStdev'))
  }

  /** The variance of the records as a sample: divided by one less than their number; NaN below two records. */
  sampleVariance(this: RDD<number>): Promise<number> {
    return this.context.action('sampleVariance', () => statistic(this, 'sampleVariance'))
  }

  /** The root of {@link RDD.sampleVariance}. */
  sampleStdev(this: RDD<number>): Promise<number> {
    return this.context.action('sampleStdev', () => statistic(this, 'sampleStdev'))
  }

  /**
   * How many numbers fall into each bucket.
   *
   * Given a number of buckets: that many of equal width from the minimum to the maximum (one when these are equal), with their
   * edges. Given edges, ascending: bucket i is [edge i, edge i+1), the last one closed; numbers outside and NaN are left out
   * (NaN counts in the last bucket when the last edge is NaN).
   *
   * @param even says that the edges are at equal distances, which is quicker: a bucket is found by division
   * @throws INVALID_ARGUMENT for fewer than two edges, or edges out of order
   * @throws UNSUPPORTED_OPERATION, given a number of buckets, when the RDD is empty or has NaN or an infinity
   * @source Spark DoubleRDDFunctions.histogram
   * @example
   * await sc.parallelize([1, 2, 3, 4]).histogram(2) // => { buckets: [1, 2.5, 4], counts: [2, 2] }
   */
  histogram(this: RDD<number>, buckets: number): Promise<Histogram>
  histogram(this: RDD<number>, edges: readonly number[], even?: boolean): Promise<number[]>
  histogram(
    this: RDD<number>,
    buckets: number | readonly number[],
    even = false,
  ): Promise<Histogram | number[]> {
    return this.context.action<Histogram | number[]>('histogram', () =>
      typeof buckets === 'number' ? evenHistogram(this, buckets) : histogramOf(this, buckets, even),
    )
  }

  /** What is known of {@link RDD.mean} after `timeout` ms; see {@link RDD.countApprox}. */
  meanApprox(this: RDD<number>, timeout: number, confidence = 0.95): Promise<PartialResult<BoundedDouble>> {
    return meanApprox(this, { timeout, confidence })
  }

  /** What is known of {@link RDD.sum} after `timeout` ms; see {@link RDD.countApprox}. */
  sumApprox(this: RDD<number>, timeout: number, confidence = 0.95): Promise<PartialResult<BoundedDouble>> {
    return sumApprox(this, { timeout, confidence })
  }

  // ---- actions that can be called off; see FutureAction ----

  /** {@link RDD.count} */
  countAsync(): FutureAction<number> {
    return this.context.asyncAction('countAsync', () => count(this))
  }

  /** {@link RDD.collect} */
  collectAsync(): FutureAction<T[]> {
    return this.context.asyncAction('collectAsync', () => collect(this))
  }

  /** {@link RDD.take} */
  takeAsync(n: number): FutureAction<T[]> {
    return this.context.asyncAction('takeAsync', () => take(this, n))
  }

  /** {@link RDD.foreach} */
  foreachAsync(f: (record: T) => unknown): FutureAction<void> {
    return this.context.asyncAction('foreachAsync', () => foreach(this, f))
  }

  /** {@link RDD.foreachPartition} */
  foreachPartitionAsync(f: (records: IterableIterator<T> & AsyncIterable<T>) => unknown): FutureAction<void> {
    return this.context.asyncAction('foreachPartitionAsync', () => foreachPartition(this, f))
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
    this.context.persist(this.node)
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

  /**
   * Writes the records to files below the checkpoint directory after the next job over this RDD, by a job of its own, and cuts the
   * lineage there. The action of that first job waits for it. Persist first, or everything is computed twice.
   *
   * @throws CHECKPOINT_DIR_NOT_SET; in the action OUTPUT_FAILED, RECORD_NOT_ENCODABLE; when it is read, CHECKPOINT_DAMAGED
   * @source Spark RDD.checkpoint
   */
  checkpoint(): void {
    this.context.checkpoint(this.node, 'reliable', currentScope('checkpoint'))
  }

  /** {@link RDD.checkpoint} without files: cuts the lineage and keeps the records in this process, as long as this RDD is kept. */
  localCheckpoint(): this {
    if (this.node.storage === StorageLevel.NONE) this.persist(StorageLevel.MEMORY_AND_DISK)
    this.context.checkpoint(this.node, 'local', currentScope('localCheckpoint'))
    return this
  }

  /** Whether the records were written down, by `checkpoint` or `localCheckpoint`. */
  get isCheckpointed(): boolean {
    return this.node.checkpoint?.source !== undefined
  }

  /** The folder of the files; `undefined` before they are written, and with `localCheckpoint`. */
  getCheckpointFile(): string | undefined {
    return this.isCheckpointed ? this.node.checkpoint?.path : undefined
  }
}
