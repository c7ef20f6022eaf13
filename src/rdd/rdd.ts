/**
 * RDD: a handle on a lineage node. Every method is a line that calls the file where the work is.
 */

import { markKind } from '../base/engine-kind.ts'
import { KindlingError } from '../base/errors.ts'
import {
  aggregate,
  collect,
  count,
  type EffectOptions,
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
import { type RDDOnErrorOptions, takenOf } from './dead-letters/rdd-dead-letters.ts'
import { tried, triedAsync } from './dead-letters/tried-rdd.ts'
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
import type { Sink } from './sink/sink.ts'
import { type WriteRDDOptions, writeRDD } from './sink/write-rdd.ts'
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
 * @example
 * const words = sc.parallelize(['to be or', 'not to be']).flatMap(line => line.split(' '))
 * words.map(word => [word, 1]).reduceByKey((a, b) => a + b) // => [['to', 2], ['be', 2], ['or', 1], ['not', 1]]
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

  /**
   * How many partitions it has.
   *
   * @example
   * sc.parallelize([1, 2, 3], 2).union(visits.values()).getNumPartitions() // => 3
   */
  getNumPartitions(): number {
    return this.node.numPartitions
  }

  /**
   * Where its partitions are kept; `NONE` unless persisted.
   *
   * @example
   * visits.getStorageLevel() // => StorageLevel.NONE
   * visits.filter(([, n]) => n > 1).cache().getStorageLevel() // => StorageLevel.MEMORY_ONLY
   */
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
   *
   * @example
   * const placed = sc.makeRDDWithLocations([['a', ['host1', 'host2']], ['b', []]])
   * placed.map(letter => letter.toUpperCase()).preferredLocations(0) // => ['host1', 'host2']
   */
  preferredLocations(partition: number): readonly string[] {
    return preferredLocations(this.node, partition)
  }

  /**
   * The lineage as a tree: one line for each RDD, `(partitions)` and `+-` where a stage begins, the storage level in brackets.
   *
   * @source Spark RDD.toDebugString
   * @example
   * const sums = visits.reduceByKey((a, b) => a + b)
   * sums.toDebugString() // (1) ShuffledRDD[2] at reduceByKey at app.ts:1:21, then the line of what it is made of
   * sums.toDebugString().split('\n').length // => 2
   */
  toDebugString(): string {
    return debugText(this.node)
  }

  /** `MapPartitionsRDD[3] at map at app.ts:10:4` */
  toString(): string {
    return describeNode(this.node)
  }

  /**
   * A name for messages and the dashboard.
   *
   * @example
   * visits.setName('visits').name // => 'visits'
   */
  setName(name: string): this {
    this.node.label = name
    return this
  }

  // ---- narrow transformations ----

  /**
   * `f` of each record. Keeps partitions and order, drops the partitioner.
   *
   * With `onError`, records for which it throws are letters of it; without it they fail the job.
   *
   * @throws PROMISE_RETURNED (in the job) when `f` gives a promise: use `mapAsync`
   * @example
   * await sc.parallelize([1, 2, 3]).map(x => x * 2).collect() // => [2, 4, 6]
   */
  map<U extends Mapped>(f: (record: T) => U, { onError }: RDDOnErrorOptions = {}): RDD<U> {
    if (onError !== undefined) return takenOf('map', onError, () => tried(this, { op: 'map', f }))
    return map(this, f)
  }

  /**
   * All that `f` gives for each record, in order. `f` may return any iterable, also an endless generator under `take`.
   *
   * Keeps partitions and order, drops the partitioner. With `onError`, what `f` gives for a record is gathered, and taken whole or not at
   * all.
   *
   * @throws NOT_ITERABLE (in the job) when `f` gives nothing iterable; PROMISE_RETURNED
   * @example
   * sc.parallelize(['to be', '', 'or']).flatMap(line => line.split(' ')) // => ['to', 'be', '', 'or']
   * sc.parallelize(['to be', '', 'or']).flatMap(line => line.match(/\w+/g) ?? []) // => ['to', 'be', 'or']
   */
  flatMap<U>(f: (record: T) => Iterable<U>, { onError }: RDDOnErrorOptions = {}): RDD<U> {
    if (onError !== undefined) return takenOf('flatMap', onError, () => tried(this, { op: 'flatMap', f }))
    return flatMap(this, f)
  }

  /**
   * The records for which `keep` holds. Keeps partitions (also those that become empty), order and partitioner. A type guard narrows.
   *
   * @throws PROMISE_RETURNED (in the job) when `keep` gives a promise, which would always count as true
   * @example
   * const some = sc.parallelize([1, undefined, 3], 3).filter(n => n !== undefined) // RDD<number>
   * some.glom() // => [[1], [], [3]]
   */
  filter<U extends T>(keep: (record: T) => record is U, options?: RDDOnErrorOptions): RDD<U>
  filter(keep: (record: T) => unknown, options?: RDDOnErrorOptions): RDD<T>
  filter(keep: (record: T) => unknown, { onError }: RDDOnErrorOptions = {}): RDD<T> {
    if (onError !== undefined) return takenOf('filter', onError, () => tried(this, { op: 'filter', f: keep }))
    return filter(this, keep)
  }

  /**
   * What `f` makes of a whole partition: an iterator in, an iterable out, both lazy. For what is dear to set up and is used for many
   * records. Also called for empty partitions.
   *
   * @param preservesPartitioning keeps the partitioner: promise that `f` leaves keys as they are
   * @throws NOT_ITERABLE (in the job) when `f` gives nothing iterable
   * @example
   * sc.parallelize([3, 4, 5], 2).mapPartitions(function* (records) {
   *   let sum = 0
   *   for (const n of records) sum += n
   *   yield sum
   * }) // => [3, 9]
   */
  mapPartitions<U>(f: (records: IterableIterator<T>) => Iterable<U>, preservesPartitioning = false): RDD<U> {
    return mapPartitions(this, f, preservesPartitioning)
  }

  /**
   * {@link RDD.mapPartitions}, with the partition's index first.
   *
   * @example
   * sc.parallelize(['a', 'b', 'c'], 2).mapPartitionsWithIndex(function* (index, records) {
   *   for (const record of records) yield `${index}${record}`
   * }) // => ['0a', '1b', '1c']
   */
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

  /**
   * One array for each partition, in order; an empty one for an empty partition. A partition is held in memory as a whole.
   *
   * @example
   * sc.parallelize([1, 2, 3], 2).glom() // => [[1], [2, 3]]
   */
  glom(): RDD<T[]> {
    return glom(this)
  }

  /**
   * `[f(record), record]` for each record. Keeps partitions and order.
   *
   * @example
   * sc.parallelize(['kiwi', 'fig']).keyBy(fruit => fruit.length) // => [[4, 'kiwi'], [3, 'fig']]
   */
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
   * With `onError`, records that still fail after all attempts are letters of it; results are then kept, in memory and on disk, and have
   * to be data.
   *
   * @throws USER_CODE_FAILED (in the job) for what `f` throws or rejects with after all retries, CALL_TIMED_OUT; both name the record
   * @throws INVALID_ARGUMENT, INVALID_DURATION for the options
   * @example
   * const url = 'data:text/plain,user-' // say, http://localhost:8080/users/
   * const options = { concurrency: 8, timeout: '5s', retries: 2 } as const
   * const users = visits.keys().mapAsync(async (id, { signal }) => (await fetch(url + id, { signal })).text(), options)
   * users // => ['user-ann', 'user-bob', 'user-ann']
   */
  mapAsync<U extends Mapped>(
    f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
    { onError, ...options }: MapAsyncOptions & RDDOnErrorOptions = {},
  ): RDD<U> {
    if (onError !== undefined) return takenOf('mapAsync', onError, () => triedAsync(f, options)(this))
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

  /**
   * The records of both, this one's first. Keeps duplicates; no shuffle.
   *
   * Partitions: those of both, in order. Where both are partitioned alike, partition i has the records of both partitions i, and the
   * partitioner stays.
   *
   * @source Spark SparkContext.union
   * @example
   * const [a, b] = [sc.parallelize([1, 2]), sc.parallelize([2, 3])]
   * a.union(b).glom() // => [[1, 2], [2, 3]]
   * a.union(b).getNumPartitions() // => 2
   */
  union(other: RDD<T>): RDD<T> {
    return this.derive(unionNode([this.node, other.node]))
  }

  /**
   * The different records that both have, each once, in no order. Shuffles both.
   *
   * @param partitions default: Spark's default rule for both
   * @example
   * sc.parallelize([1, 2, 2, 3]).intersection(sc.parallelize([2, 3, 3, 4])) // => [2, 3]
   */
  intersection(other: RDD<T>, partitions?: Partitioning): RDD<T> {
    return intersection(this, other, partitions)
  }

  /**
   * The records that `other` does not have, in no order; duplicates stay. Partitions: as many as here, unless given. Shuffles both.
   *
   * @example
   * sc.parallelize([1, 1, 2, 3]).subtract(sc.parallelize([2])) // => [1, 1, 3]
   */
  subtract(other: RDD<T>, partitions?: Partitioning): RDD<T> {
    return subtract(this, other, partitions)
  }

  /**
   * Fewer partitions, by joining neighbours; with `shuffle` any number.
   *
   * @param coalescer chooses which partitions become one; neighbours when left out
   * @throws INVALID_ARGUMENT unless `numPartitions` is a whole number of at least 1, or when the coalescer leaves a partition out
   * @example
   * sc.range(0, 6, 1, 3).coalesce(2).glom() // => [[0, 1], [2, 3, 4, 5]]
   * sc.range(6).coalesce(3).getNumPartitions() // => 1
   * sc.range(6).coalesce(3, true).getNumPartitions() // => 3
   */
  coalesce(numPartitions: number, shuffle = false, coalescer?: PartitionCoalescer): RDD<T> {
    return coalesce(this, numPartitions, shuffle, coalescer)
  }

  /**
   * Exactly `numPartitions` partitions, records dealt out in turn from a place drawn for each input partition: sizes are nearly equal,
   * the order is lost. Shuffles; to have fewer, {@link RDD.coalesce} does not.
   *
   * @throws INVALID_ARGUMENT unless `numPartitions` is a whole number of at least 1
   * @example
   * sc.range(6).repartition(3).map(() => 1).glom() // => [[1, 1], [1, 1], [1, 1]]
   */
  repartition(numPartitions: number): RDD<T> {
    return repartition(this, numPartitions)
  }

  /**
   * Pairs of records at the same place. Both must have the same shape: say, one is a `map` of the other.
   *
   * @throws INVALID_ARGUMENT when the partition counts differ
   * @throws ZIP_LENGTH_MISMATCH (in the job) when partitions have different lengths
   * @example
   * const words = sc.parallelize(['a', 'bb', 'ccc'], 2)
   * words.zip(words.map(word => word.length)) // => [['a', 1], ['bb', 2], ['ccc', 3]]
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
   *
   * @example
   * sc.parallelize(['a', 'b', 'c'], 2).zipWithIndex() // => [['a', 0], ['b', 1], ['c', 2]]
   */
  zipWithIndex(): RDD<[T, number]> {
    return zipWithIndex(this)
  }

  /**
   * `[record, id]`: different whole numbers without a job; k, n + k, 2n + k, … in partition k of n.
   *
   * @example
   * sc.parallelize(['a', 'b', 'c'], 2).zipWithUniqueId() // => [['a', 0], ['b', 1], ['c', 3]]
   */
  zipWithUniqueId(): RDD<[T, number]> {
    return zipWithUniqueId(this)
  }

  /**
   * Some of the records, each taken with a probability of `fraction`; with replacement, each as often as Poisson's distribution
   * with that mean says. Keeps partitions, order and partitioner.
   *
   * @param seed makes it repeatable; without one, the place in the program and the batch decide
   * @throws INVALID_ARGUMENT for a fraction below 0 or, without replacement, above 1
   * @example
   * const some = sc.range(1000).sample(false, 0.1, 42)
   * await some.count() // about 100; with the same seed and partitions always the same records
   * await sc.range(5).sample(false, 1).collect() // => [0, 1, 2, 3, 4]
   */
  sample(withReplacement: boolean, fraction: number, seed?: number): RDD<T> {
    return sample(this, withReplacement, fraction, seed)
  }

  /**
   * The records dealt out at random: each goes to one of as many RDDs as there are weights. Keeps partitions, order and partitioner.
   * Each of them reads this RDD again unless it is persisted.
   *
   * @param weights any numbers from 0 up; only their proportions count
   * @param seed makes it repeatable; without one, the place in the program and the batch decide
   * @throws INVALID_ARGUMENT for a negative weight, or when all are 0
   * @example
   * const [training, test] = sc.range(100).cache().randomSplit([3, 1], 7)
   * training!.union(test!).sortBy(n => n).take(3) // => [0, 1, 2]
   */
  randomSplit(weights: readonly number[], seed?: number): RDD<T>[] {
    return randomSplit(this, weights, seed)
  }

  /**
   * Every pair of a record here and one of `other`; partitions multiply. Each is made of a partition here, read through, and one of
   * `other`, held in memory: persist what is dear, as it is computed again for each.
   *
   * @example
   * sc.parallelize([1, 2]).cartesian(sc.parallelize(['a', 'b'])) // => [[1, 'a'], [1, 'b'], [2, 'a'], [2, 'b']]
   */
  cartesian<U>(other: RDD<U>): RDD<[T, U]> {
    return cartesian(this, other)
  }

  // ---- by value or key ----

  /**
   * Each different record once, in no order. With the current number of partitions and a known partitioner nothing is shuffled.
   *
   * Equality is that of keys: tuples, dates and plain records by value, NaN equal to NaN.
   *
   * @param numPartitions default: as many as here
   * @example
   * sc.parallelize([[1, 'a'], [2, 'b'], [1, 'a']]).distinct() // => [[1, 'a'], [2, 'b']]
   */
  distinct(numPartitions?: number): RDD<T> {
    return distinct(this, numPartitions)
  }

  /**
   * Records grouped by `f`: `[key, records]`, keys in no order, records of a key in order of partitions. Shuffles every record, and
   * holds a whole group in memory; to sum up, `map` and {@link RDD.reduceByKey} move less.
   *
   * @param partitions a number or a partitioner; Spark's default rule otherwise
   * @example
   * sc.parallelize([1, 2, 3, 4]).groupBy(n => (n % 2 === 0 ? 'even' : 'odd')) // => [['odd', [1, 3]], ['even', [2, 4]]]
   */
  groupBy<K extends Mapped>(f: (record: T) => K, partitions?: Partitioning): RDD<[K, T[]]> {
    return groupBy(this, f, partitions)
  }

  /**
   * In total order of `key(record)`: by range over partitions, and sorted within each.
   *
   * Order: natural order of keys (see `naturalCompare`), or `compare`. Equal keys keep their order. Cost: a shuffle; with more than one
   * partition a job that samples the keys runs before the first job that needs it.
   *
   * @param numPartitions default: as many as here
   * @source Spark RDD.sortBy
   * @example
   * const people = sc.parallelize([{ name: 'ann', age: 30 }, { name: 'bob', age: 25 }, { name: 'cat', age: 30 }])
   * people.sortBy(p => p.age, false).map(p => p.name) // => ['ann', 'cat', 'bob']
   * people.sortBy(p => [p.age, p.name]).map(p => p.name) // => ['bob', 'ann', 'cat']
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

  /**
   * `f` of each value; keys, partitions, order and partitioner stay.
   *
   * @throws PROMISE_RETURNED (in the job) when `f` gives a promise
   * @example
   * visits.mapValues(n => n * 10) // => [['ann', 10], ['bob', 20], ['ann', 30]]
   */
  mapValues<K, V, U extends Mapped>(this: RDD<readonly [K, V]>, f: (value: V) => U): RDD<[K, U]> {
    return mapValues(this, f)
  }

  /**
   * One pair for each thing that `f` gives for a value; keys and partitioner stay. A key for which it gives nothing is gone.
   *
   * @example
   * sc.parallelize([['a', 'x y'], ['b', '']]).flatMapValues(text => text.match(/\w/g) ?? []) // => [['a', 'x'], ['a', 'y']]
   */
  flatMapValues<K, V, U>(this: RDD<readonly [K, V]>, f: (value: V) => Iterable<U>): RDD<[K, U]> {
    return flatMapValues(this, f)
  }

  /**
   * The keys, duplicates and all.
   *
   * @example
   * visits.keys() // => ['ann', 'bob', 'ann']
   */
  keys<K, V>(this: RDD<readonly [K, V]>): RDD<K> {
    return keys(this)
  }

  /**
   * The values.
   *
   * @example
   * visits.values() // => [1, 2, 3]
   */
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

  /**
   * All values of each key in one array: keys in no order, values of a key in order of partitions. Shuffles every value (no map-side
   * combine), and holds those of a key in memory; to sum up, {@link RDD.reduceByKey} moves less.
   *
   * @example
   * visits.groupByKey() // => [['ann', [1, 3]], ['bob', [2]]]
   */
  groupByKey<K, V>(this: RDD<readonly [K, V]>, partitions?: Partitioning): RDD<[K, V[]]> {
    return groupByKey(this, partitions)
  }

  /**
   * The general aggregation: a combiner made of the first value, then values merged in, then combiners merged. Combined on the map side
   * first, unless the options say otherwise.
   *
   * @param create called for the first value of a key in each partition
   * @param mergeValue may change its first argument and give it back
   * @source Spark PairRDDFunctions.combineByKey
   * @example
   * const sumAndCount = visits.combineByKey(
   *   n => ({ sum: n, count: 1 }),
   *   (c, n) => ({ sum: c.sum + n, count: c.count + 1 }),
   *   (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
   * )
   * sumAndCount.mapValues(({ sum, count }) => sum / count) // => [['ann', 2], ['bob', 2]]
   */
  combineByKey<K, V, C>(
    this: RDD<readonly [K, V]>,
    create: (value: V) => C,
    mergeValue: (combiner: C, value: V) => C,
    mergeCombiners: (a: C, b: C) => C,
    opts?: Partitioning | CombineOptions,
  ): RDD<[K, C]> {
    return combineByKey(this, create, mergeValue, mergeCombiners, opts)
  }

  /**
   * Values folded into a fresh copy of `zero` for each key and partition, then merged.
   *
   * @param zero data; neutral, as it is used as often as there are partitions with the key
   * @throws RECORD_NOT_ENCODABLE for a `zero` that is no data
   * @source Spark PairRDDFunctions.aggregateByKey
   * @example
   * visits.aggregateByKey(0, (most, n) => Math.max(most, n), Math.max) // => [['ann', 3], ['bob', 2]]
   */
  aggregateByKey<K, V, C>(
    this: RDD<readonly [K, V]>,
    zero: C,
    seq: (combiner: C, value: V) => C,
    comb: (a: C, b: C) => C,
    opts?: Partitioning | CombineOptions,
  ): RDD<[K, C]> {
    return aggregateByKey(this, zero, seq, comb, opts)
  }

  /**
   * {@link RDD.aggregateByKey} with one function and values of the same type.
   *
   * @example
   * visits.foldByKey(1, (a, b) => a * b) // => [['ann', 3], ['bob', 2]]
   */
  foldByKey<K, V>(
    this: RDD<readonly [K, V]>,
    zero: V,
    f: (a: V, b: V) => V,
    partitions?: Partitioning,
  ): RDD<[K, V]> {
    return foldByKey(this, zero, f, partitions)
  }

  /**
   * The same pairs, spread by a partitioner, or by hash over a number of partitions; nothing happens when they are spread so already.
   * Pairs from one partition keep their order. Worth it before several joins or reductions: those need no shuffle of their own then.
   *
   * @example
   * const numbered = sc.parallelize([[1, 'a'], [2, 'b'], [3, 'c']]).partitionBy(2)
   * numbered.glom() // => [[[2, 'b']], [[1, 'a'], [3, 'c']]]
   * numbered.partitionBy(new HashPartitioner(2)).id === numbered.id // => true
   */
  partitionBy<K, V>(this: RDD<readonly [K, V]>, partitioner: Partitioning): RDD<[K, V]> {
    return partitionBy(this, partitioner)
  }

  /**
   * In total order of keys: by range over partitions, and sorted within each. See {@link RDD.sortBy}.
   *
   * @example
   * sc.parallelize([['b', 1], ['a', 2], ['b', 0]], 2).sortByKey() // => [['a', 2], ['b', 1], ['b', 0]]
   */
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
   * @example
   * const pairs = sc.parallelize([[3, 'c'], [2, 'b'], [1, 'a']])
   * pairs.repartitionAndSortWithinPartitions(2).glom() // => [[[2, 'b']], [[1, 'a'], [3, 'c']]]
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
   * @example
   * visits.sortByKey().filterByRange('aa', 'az') // => [['ann', 1], ['ann', 3]]
   */
  filterByRange<K, V>(this: RDD<readonly [K, V]>, lower: K, upper: K, compare?: Compare<K>): RDD<[K, V]> {
    return filterByRange(this, lower, upper, compare)
  }

  /**
   * {@link RDD.sample} with a fraction for each key.
   *
   * @throws INVALID_ARGUMENT (in the job) when a key has no fraction
   * @example
   * visits.sampleByKey(false, new Map([['ann', 1], ['bob', 0]])) // => [['ann', 1], ['ann', 3]]
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
   *
   * @example
   * const byParity = sc.range(100).keyBy(n => n % 2)
   * const some = byParity.sampleByKeyExact(false, new Map([[0, 0.1], [1, 0.5]]))
   * some.mapValues(() => 1).reduceByKey((a, b) => a + b).sortByKey() // => [[0, 5], [1, 25]]
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
   * @example
   * visits.countApproxDistinctByKey() // => [['ann', 2], ['bob', 1]]
   */
  countApproxDistinctByKey<K, V>(
    this: RDD<readonly [K, V]>,
    precision: number | { readonly p: number; readonly sp: number } = 0.05,
    partitions?: Partitioning,
  ): RDD<[K, number]> {
    return countApproxDistinctByKey(this, precisionOf(precision), partitions)
  }

  /**
   * The pairs whose keys `other` does not have; duplicates stay. Values of `other` do not cross.
   *
   * @param partitions default: the partitioner here, else as many partitions as here
   * @example
   * visits.subtractByKey(sc.parallelize([['bob', 'on leave']])) // => [['ann', 1], ['ann', 3]]
   */
  subtractByKey<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, V]> {
    return subtractByKey(this, other, partitions)
  }

  /**
   * For each key the values here and in each other RDD: `[key, [mine, theirs, …]]`, one list for each, empty where it has none. Keys in
   * no order. RDDs that are partitioned so already are not shuffled.
   *
   * @source Spark PairRDDFunctions.cogroup
   * @example
   * const staff = sc.parallelize([['ann', true], ['eve', false]])
   * visits.cogroup(staff) // => [['ann', [[1, 3], [true]]], ['bob', [[2], []]], ['eve', [[], [false]]]]
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

  /**
   * {@link RDD.cogroup} under its other name.
   *
   * @example
   * visits.groupWith(visits.mapValues(String)) // => [['ann', [[1, 3], ['1', '3']]], ['bob', [[2], ['2']]]]
   */
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

  /**
   * One pair for each combination of a value here and one there, for keys that both have; in no order of keys. Duplicates multiply.
   * RDDs that are partitioned so already are not shuffled.
   *
   * @param partitions a number or a partitioner; Spark's default rule otherwise
   * @example
   * visits.join(sc.parallelize([['ann', 'x'], ['eve', 'y']])) // => [['ann', [1, 'x']], ['ann', [3, 'x']]]
   */
  join<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, [V, W]]> {
    return join(this, other, partitions)
  }

  /**
   * {@link RDD.join}, keeping keys that only this one has.
   *
   * @example
   * visits.leftOuterJoin(sc.parallelize([['bob', 'x']])) // => [['ann', [1, undefined]], ['ann', [3, undefined]], ['bob', [2, 'x']]]
   */
  leftOuterJoin<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, [V, W | undefined]]> {
    return leftOuterJoin(this, other, partitions)
  }

  /**
   * {@link RDD.join}, keeping keys that only the other one has.
   *
   * @example
   * visits.rightOuterJoin(sc.parallelize([['bob', 'x'], ['eve', 'y']])) // => [['bob', [2, 'x']], ['eve', [undefined, 'y']]]
   */
  rightOuterJoin<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, [V | undefined, W]]> {
    return rightOuterJoin(this, other, partitions)
  }

  /**
   * {@link RDD.join}, keeping keys that either has.
   *
   * @example
   * sc.parallelize([['a', 1]]).fullOuterJoin(sc.parallelize([['b', 2]])) // => [['a', [1, undefined]], ['b', [undefined, 2]]]
   */
  fullOuterJoin<K, V, W>(
    this: RDD<readonly [K, V]>,
    other: RDD<readonly [K, W]>,
    partitions?: Partitioning,
  ): RDD<[K, [V | undefined, W | undefined]]> {
    return fullOuterJoin(this, other, partitions)
  }

  // ---- actions ----

  /**
   * All records, in partition order. They must fit into memory: {@link RDD.toLocalIterator} takes a partition at a time.
   *
   * @example
   * await sc.parallelize([3, 1, 2], 2).collect() // => [3, 1, 2]
   * await sc.emptyRDD().collect() // => []
   */
  collect(): Promise<T[]> {
    return this.context.action('collect', () => collect(this))
  }

  /**
   * How many records there are.
   *
   * @example
   * await sc.range(1000).filter(n => n % 7 === 0).count() // => 143
   */
  count(): Promise<number> {
    return this.context.action('count', () => count(this))
  }

  /**
   * Whether it has no records; looks at as few partitions as `take(1)` does.
   *
   * @example
   * await sc.range(1000).filter(n => n < 0).isEmpty() // => true
   */
  isEmpty(): Promise<boolean> {
    return this.context.action('isEmpty', () => isEmpty(this))
  }

  /**
   * The first `n` records, or all when there are fewer; computes one partition, then more and more, until it has them.
   *
   * @example
   * await sc.parallelize([3, 1, 2], 3).take(2) // => [3, 1]
   * await sc.parallelize([3, 1, 2], 3).take(0) // => []
   */
  take(n: number): Promise<T[]> {
    return this.context.action('take', () => take(this, n))
  }

  /**
   * The first record.
   *
   * @throws EMPTY_COLLECTION when there is none
   * @example
   * await sc.parallelize([3, 1, 2]).first() // => 3
   * await sc.emptyRDD().first().catch(error => error.code) // => 'EMPTY_COLLECTION'
   */
  first(): Promise<T> {
    return this.context.action('first', () => first(this))
  }

  /**
   * All records reduced to one: each partition by its task, then the results in partition order.
   *
   * @param f associative; it need not be commutative
   * @throws EMPTY_COLLECTION when there is none; PROMISE_RETURNED
   * @example
   * await sc.parallelize(['a', 'b', 'c'], 2).reduce((a, b) => a + b) // => 'abc'
   */
  reduce(f: (a: T, b: T) => T): Promise<T> {
    return this.context.action('reduce', () => reduce(this, f))
  }

  /**
   * `zero` and all records folded to one. `zero` is copied for each partition and once more for the merge; it must be neutral, as it is
   * used as often.
   *
   * @example
   * await sc.parallelize([1, 2, 3]).fold(0, (a, b) => a + b) // => 6
   * await sc.parallelize([1, 2, 3], 2).fold(10, (a, b) => a + b) // => 36
   */
  fold(zero: T, f: (a: T, b: T) => T): Promise<T> {
    return this.context.action('fold', () => fold(this, zero, f))
  }

  /**
   * {@link RDD.fold} to another type: `seq` takes in a record, `comb` merges the results of partitions in their order.
   *
   * @example
   * const range = (a: number[], n: number) => [Math.min(a[0] ?? n, n), Math.max(a[1] ?? n, n)]
   * await sc.parallelize([3, 1, 2], 2).aggregate([], range, (a, b) => b.reduce(range, a)) // => [1, 3]
   */
  aggregate<U>(zero: U, seq: (a: U, record: T) => U, comb: (a: U, b: U) => U): Promise<U> {
    return this.context.action('aggregate', () => aggregate(this, zero, seq, comb))
  }

  /**
   * {@link RDD.reduce}, merged in several levels before the driver gets the rest.
   *
   * @param depth levels, at least 1; the result is the same for each
   * @throws EMPTY_COLLECTION when there is none
   * @example
   * await sc.range(0, 100, 1, 10).treeReduce((a, b) => a + b) // => 4950
   */
  treeReduce(f: (a: T, b: T) => T, depth = 2): Promise<T> {
    return this.context.action('treeReduce', () => treeReduce(this, f, depth))
  }

  /**
   * {@link RDD.aggregate}, merged in several levels before the driver gets the rest.
   *
   * @example
   * await sc.range(0, 100, 1, 10).treeAggregate(0, n => n + 1, (a, b) => a + b, 3) // => 100
   */
  treeAggregate<U>(zero: U, seq: (a: U, record: T) => U, comb: (a: U, b: U) => U, depth = 2): Promise<U> {
    return this.context.action('treeAggregate', () => treeAggregate(this, zero, seq, comb, depth))
  }

  /**
   * The largest record; of equal ones the first.
   *
   * @param compare natural order (see `naturalCompare`; NaN is the largest number) when left out
   * @throws EMPTY_COLLECTION when there is none
   * @example
   * await sc.parallelize(['fig', 'kiwi', 'date']).max() // => 'kiwi'
   * await sc.parallelize(['fig', 'kiwi', 'date']).max((a, b) => a.length - b.length) // => 'kiwi'
   */
  max(compare?: Compare<T>): Promise<T> {
    return this.context.action('max', () => max(this, compare))
  }

  /**
   * The smallest record, of equal ones the first; see {@link RDD.max}.
   *
   * @throws EMPTY_COLLECTION when there is none
   * @example
   * await visits.min(([, a], [, b]) => a - b) // => ['ann', 1]
   * await visits.values().min() // => 1
   */
  min(compare?: Compare<T>): Promise<T> {
    return this.context.action('min', () => min(this, compare))
  }

  /**
   * The `n` smallest records, ascending; equal ones keep their order. Each task holds about 2n records.
   *
   * @example
   * await sc.parallelize([10, 9, 1, 8]).takeOrdered(2) // => [1, 8]
   */
  takeOrdered(n: number, compare?: Compare<T>): Promise<T[]> {
    return this.context.action('takeOrdered', () => takeOrdered(this, n, compare))
  }

  /**
   * The `n` largest records, descending; equal ones keep their order.
   *
   * @example
   * await sc.parallelize([10, 9, 1, 8]).top(2) // => [10, 9]
   * await visits.top(1, (a, b) => a[1] - b[1]) // => [['ann', 3]]
   */
  top(n: number, compare?: Compare<T>): Promise<T[]> {
    return this.context.action('top', () => top(this, n, compare))
  }

  /**
   * `n` records drawn at random, in random order; without replacement all when there are fewer. An empty RDD gives none.
   *
   * Cost: one job that counts, one that draws.
   *
   * @example
   * const drawn = await sc.range(1000).takeSample(false, 3, 42) // with the same seed and partitions always the same
   * drawn.length // => 3
   * const all = await sc.range(2).takeSample(false, 10)
   * all.sort() // => [0, 1]
   */
  takeSample(withReplacement: boolean, n: number, seed?: number): Promise<T[]> {
    return this.context.action('takeSample', () => takeSample(this, withReplacement, n, seed))
  }

  /**
   * Runs `f` for each record, for its effects; a promise it gives is awaited before the next record. A task that is tried again runs it
   * again. With `spark.speculation`, slow tasks are copied only if `f` is marked `{ idempotent: true }`.
   *
   * @throws USER_CODE_FAILED naming the record, when `f` fails in all attempts
   * @example
   * const sum = sc.longAccumulator()
   * await visits.foreach(([, n]) => sum.add(n))
   * sum.value // => 6
   */
  foreach(f: (record: T) => unknown, options: EffectOptions = {}): Promise<void> {
    return this.context.action('foreach', () => foreach(this, f, options))
  }

  /**
   * Runs `f` once for each partition, also for empty ones; its argument is an iterator and an async iterator, and what it gives is
   * awaited. The place for one connection for many records. With `spark.speculation`, slow tasks are copied only if `f` is marked
   * `{ idempotent: true }`: for example, when it puts rows by their keys.
   *
   * @throws USER_CODE_FAILED when `f` fails in all attempts
   * @example
   * const written: string[] = []
   * await visits.foreachPartition(async pairs => {
   *   for await (const [name, n] of pairs) written.push(`${name}=${n}`)
   * })
   * written // => ['ann=1', 'bob=2', 'ann=3']
   */
  foreachPartition(
    f: (records: IterableIterator<T> & AsyncIterable<T>) => unknown,
    options: EffectOptions = {},
  ): Promise<void> {
    return this.context.action('foreachPartition', () => foreachPartition(this, f, options))
  }

  /**
   * All records, one partition at a time: only one is held in memory. A job for each partition, when the reader comes to it.
   *
   * @example
   * const seen: string[] = []
   * for await (const [name] of visits.toLocalIterator()) if (seen.push(name) === 2) break
   * seen // => ['ann', 'bob']
   */
  toLocalIterator(): AsyncIterableIterator<T> {
    return toLocalIterator(this)
  }

  /**
   * How often each record occurs. The map finds tuples and dates by value, and must fit into memory.
   *
   * @example
   * const counts = await sc.parallelize([['a', 1], ['b', 2], ['a', 1]]).countByValue()
   * counts.get(['a', 1]) // => 2
   */
  countByValue(): Promise<ReadonlyMap<T, number>> {
    return this.context.action('countByValue', () => countByValue(this))
  }

  /**
   * What is known of {@link RDD.count} after `timeout` ms; the job goes on.
   *
   * @param timeout ms
   * @param confidence the probability with which the bounds hold the count, 0 … 1
   * @source Spark RDD.countApprox
   * @example
   * const { initialValue } = await visits.countApprox(10_000)
   * initialValue // => { mean: 3, confidence: 1, low: 3, high: 3 }
   */
  countApprox(timeout: number, confidence = 0.95): Promise<PartialResult<BoundedDouble>> {
    return countApprox(this as RDD<unknown>, { timeout, confidence })
  }

  /**
   * What is known of {@link RDD.countByValue} after `timeout` ms; see {@link RDD.countApprox}.
   *
   * @example
   * const counts = await (await visits.keys().countByValueApprox(10_000)).getFinalValue()
   * counts.get('ann')?.mean // => 2
   */
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
   * @example
   * await sc.range(0, 3000).map(n => n % 10).countApproxDistinct() // => 10
   */
  countApproxDistinct(
    precision: number | { readonly p: number; readonly sp: number } = 0.05,
  ): Promise<number> {
    const of = precisionOf(precision)
    return this.context.action('countApproxDistinct', () => countApproxDistinct(this as RDD<unknown>, of))
  }

  /**
   * What is known of {@link RDD.countByKey} after `timeout` ms; see {@link RDD.countApprox}.
   *
   * @example
   * const counts = await (await visits.countByKeyApprox(10_000)).getFinalValue()
   * counts.get('bob')?.mean // => 1
   */
  countByKeyApprox<K, V>(
    this: RDD<readonly [K, V]>,
    timeout: number,
    confidence = 0.95,
  ): Promise<PartialResult<ReadonlyMap<K, BoundedDouble>>> {
    return countByKeyApprox(this, { timeout, confidence })
  }

  /**
   * {@link RDD.reduceByKey} with its result as a map on the driver.
   *
   * @example
   * const sums = await visits.reduceByKeyLocally((a, b) => a + b)
   * Object.fromEntries(sums) // => { ann: 4, bob: 2 }
   */
  reduceByKeyLocally<K, V>(
    this: RDD<readonly [K, V]>,
    reduce: (a: V, b: V) => V,
  ): Promise<ReadonlyMap<K, V>> {
    return this.context.action('reduceByKeyLocally', () => reduceByKeyLocally(this, reduce))
  }

  /**
   * The values of one key. Where the partitioner is known, only the partition of the key is computed.
   *
   * @example
   * await visits.lookup('ann') // => [1, 3]
   * await visits.lookup('eve') // => []
   */
  lookup<K, V>(this: RDD<readonly [K, V]>, key: K): Promise<V[]> {
    return this.context.action('lookup', () => lookup(this, key))
  }

  /**
   * How many pairs each key has.
   *
   * @example
   * Object.fromEntries(await visits.countByKey()) // => { ann: 2, bob: 1 }
   */
  countByKey<K, V>(this: RDD<readonly [K, V]>): Promise<ReadonlyMap<K, number>> {
    return this.context.action('countByKey', () => countByKey(this))
  }

  /**
   * The pairs as a map; the last value of a key wins. The map finds tuples and dates by value.
   *
   * @example
   * const last = await visits.collectAsMap()
   * last.get('ann') // => 3
   */
  collectAsMap<K, V>(this: RDD<readonly [K, V]>): Promise<ReadonlyMap<K, V>> {
    return this.context.action('collectAsMap', () => collectAsMap(this))
  }

  /**
   * Writes the records into a sink, in tasks; all of them appear when the last task has ended, or none.
   *
   * @throws SINK_FAILED with what the sink threw as cause
   * @source Spark DataFrameWriterV2
   * @example
   * await visits.writeTo(fileSink(`${dir}/visits`, { format: 'ndjson' }), { id: 'visits of today', time: 20261125 })
   * sc.ndjsonFile(`${dir}/visits-20261125`) // => [['ann', 1], ['bob', 2], ['ann', 3]]
   */
  writeTo<M>(sink: Sink<T, M>, options: WriteRDDOptions = {}): Promise<void> {
    return this.context.action('writeTo', () => writeRDD(this, sink, options))
  }

  /**
   * Writes one line for each record into `part-00000` … under a new directory, and `_SUCCESS` at the end: strings as they are, tuples and
   * plain records as JSON, the rest by `String`. Readers see all of it or nothing.
   *
   * @throws OUTPUT_PATH_EXISTS when the directory is there already; OUTPUT_FAILED
   * @example
   * await sc.range(0, 4, 1, 2).saveAsTextFile(`${dir}/numbers`)
   * sc.textFile(`${dir}/numbers/part-00001`) // => ['2', '3']
   */
  saveAsTextFile(path: string, opts: TextOutputOptions = {}): Promise<void> {
    return this.context.action('saveAsTextFile', () => saveAsTextFile(this as RDD<unknown>, path, opts))
  }

  /**
   * {@link RDD.saveAsTextFile} with each record as JSON, pairs as `[key, value]`: the form that stands for Spark's sequence files.
   * `sc.ndjsonFile` reads it. JSON has no dates, bigints or maps: their texts and entries stand for them.
   *
   * @example
   * await visits.saveAsNDJSONFile(`${dir}/visits`)
   * sc.textFile(`${dir}/visits`) // => ['["ann",1]', '["bob",2]', '["ann",3]']
   * sc.ndjsonFile(`${dir}/visits`) // => [['ann', 1], ['bob', 2], ['ann', 3]]
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
   * await sc.binaryFiles(`${dir}/visits/*.parquet`).count() // => 1
   */
  saveAsParquetFile(path: string, opts: ParquetOutputOptions = {}): Promise<void> {
    return this.context.action('saveAsParquetFile', () => saveAsParquetFile(this as RDD<unknown>, path, opts))
  }

  /**
   * Files that give back exactly these records by `sc.objectFile`; checked for damage when they are read.
   *
   * @throws OUTPUT_PATH_EXISTS; RECORD_NOT_ENCODABLE for records that are no data
   * @example
   * await sc.parallelize([new Date(0), 5n, new Set([1])]).saveAsObjectFile(`${dir}/objects`)
   * sc.objectFile(`${dir}/objects`) // => [new Date(0), 5n, new Set([1])]
   */
  saveAsObjectFile(path: string): Promise<void> {
    return this.context.action('saveAsObjectFile', () => saveAsObjectFile(this as RDD<unknown>, path))
  }

  // ---- numbers ----

  /**
   * The sum; 0 without records.
   *
   * @example
   * await sc.parallelize([1.5, 2]).sum() // => 3.5
   * await sc.parallelize([1]).filter(n => n > 1).sum() // => 0
   */
  sum(this: RDD<number>): Promise<number> {
    return this.context.action('sum', () => sum(this))
  }

  /**
   * Count, mean, variance, minimum and maximum in one job. Numerically stable.
   *
   * @example
   * const stats = await sc.parallelize([4, 1, 1]).stats()
   * stats.mean // => 2
   * stats.max // => 4
   */
  stats(this: RDD<number>): Promise<StatCounter> {
    return this.context.action('stats', () => stats(this))
  }

  /**
   * The mean; 0 without records.
   *
   * @example
   * await sc.parallelize([4, 1, 1]).mean() // => 2
   */
  mean(this: RDD<number>): Promise<number> {
    return this.context.action('mean', () => statistic(this, 'mean'))
  }

  /**
   * The variance of the records as the whole population; NaN without records.
   *
   * @example
   * await sc.parallelize([2, 4]).variance() // => 1
   * await sc.parallelize([2]).filter(n => n > 2).variance() // => Number.NaN
   */
  variance(this: RDD<number>): Promise<number> {
    return this.context.action('variance', () => statistic(this, 'variance'))
  }

  /**
   * The root of {@link RDD.variance}.
   *
   * @example
   * await sc.parallelize([1, 5]).stdev() // => 2
   */
  stdev(this: RDD<number>): Promise<number> {
    return this.context.action('stdev', () => statistic(this, 'stdev'))
  }

  /**
   * {@link RDD.variance}
   *
   * @example
   * await sc.parallelize([2, 4]).popVariance() // => 1
   */
  popVariance(this: RDD<number>): Promise<number> {
    return this.context.action('popVariance', () => statistic(this, 'popVariance'))
  }

  /**
   * {@link RDD.stdev}
   *
   * @example
   * await sc.parallelize([1, 5]).popStdev() // => 2
   */
  popStdev(this: RDD<number>): Promise<number> {
    return this.context.action('popStdev', () => statistic(this, 'popStdev'))
  }

  /**
   * The variance of the records as a sample: divided by one less than their number; NaN below two records.
   *
   * @example
   * await sc.parallelize([2, 4]).sampleVariance() // => 2
   * await sc.parallelize([2]).sampleVariance() // => Number.NaN
   */
  sampleVariance(this: RDD<number>): Promise<number> {
    return this.context.action('sampleVariance', () => statistic(this, 'sampleVariance'))
  }

  /**
   * The root of {@link RDD.sampleVariance}.
   *
   * @example
   * await sc.parallelize([0, 3, 6]).sampleStdev() // => 3
   */
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

  /**
   * What is known of {@link RDD.mean} after `timeout` ms; see {@link RDD.countApprox}.
   *
   * @example
   * const result = await sc.parallelize([4, 1, 1]).meanApprox(10_000)
   * result.initialValue.mean // => 2
   */
  meanApprox(this: RDD<number>, timeout: number, confidence = 0.95): Promise<PartialResult<BoundedDouble>> {
    return meanApprox(this, { timeout, confidence })
  }

  /**
   * What is known of {@link RDD.sum} after `timeout` ms; see {@link RDD.countApprox}.
   *
   * @example
   * const result = await sc.parallelize([4, 1, 1]).sumApprox(10_000)
   * result.initialValue // => { mean: 6, confidence: 1, low: 6, high: 6 }
   */
  sumApprox(this: RDD<number>, timeout: number, confidence = 0.95): Promise<PartialResult<BoundedDouble>> {
    return sumApprox(this, { timeout, confidence })
  }

  // ---- actions that can be called off; see FutureAction ----

  /**
   * {@link RDD.count}, with a handle to call it off.
   *
   * @example
   * const counting = visits.countAsync()
   * await counting // => 3
   * counting.isCompleted // => true
   */
  countAsync(): FutureAction<number> {
    return this.context.asyncAction('countAsync', () => count(this))
  }

  /**
   * {@link RDD.collect}, with a handle to call it off.
   *
   * @example
   * const collecting = visits.keys().collectAsync()
   * collecting.cancel('no longer wanted')
   * await collecting.catch(error => error.code) // => 'JOB_CANCELLED'
   */
  collectAsync(): FutureAction<T[]> {
    return this.context.asyncAction('collectAsync', () => collect(this))
  }

  /**
   * {@link RDD.take}, with a handle to call it off.
   *
   * @example
   * await visits.values().takeAsync(2) // => [1, 2]
   */
  takeAsync(n: number): FutureAction<T[]> {
    return this.context.asyncAction('takeAsync', () => take(this, n))
  }

  /**
   * {@link RDD.foreach}, with a handle to call it off. What was done before is done.
   *
   * @example
   * const sum = sc.longAccumulator()
   * await visits.foreachAsync(([, n]) => sum.add(n))
   * sum.value // => 6
   */
  foreachAsync(f: (record: T) => unknown, options: EffectOptions = {}): FutureAction<void> {
    return this.context.asyncAction('foreachAsync', () => foreach(this, f, options))
  }

  /**
   * {@link RDD.foreachPartition}, with a handle to call it off.
   *
   * @example
   * const sizes: number[] = []
   * await visits.foreachPartitionAsync(pairs => sizes.push([...pairs].length))
   * sizes // => [3]
   */
  foreachPartitionAsync(
    f: (records: IterableIterator<T> & AsyncIterable<T>) => unknown,
    options: EffectOptions = {},
  ): FutureAction<void> {
    return this.context.asyncAction('foreachPartitionAsync', () => foreachPartition(this, f, options))
  }

  // ---- persistence ----

  /**
   * Keeps the partitions once they are computed, for the jobs that follow. Nothing runs now. Partitions that do not fit are computed
   * again, or go to disk where the level says so.
   *
   * @throws UNSUPPORTED_OPERATION when another level is set already
   * @example
   * const computed = sc.longAccumulator()
   * const dear = visits.map(visit => (computed.add(1), visit)).persist(StorageLevel.MEMORY_AND_DISK)
   * await dear.count()
   * await dear.count()
   * computed.value // => 3
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

  /**
   * `persist(MEMORY_ONLY)`
   *
   * @example
   * visits.keys().cache().getStorageLevel() // => StorageLevel.MEMORY_ONLY
   */
  cache(): this {
    return this.persist()
  }

  /**
   * Drops what was kept, and keeps nothing from now on.
   *
   * @example
   * const kept = visits.keys().cache()
   * await kept.count()
   * sc.getRDDStorageInfo().length // => 1
   * kept.unpersist()
   * sc.getRDDStorageInfo().length // => 0
   */
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
   * @example
   * sc.setCheckpointDir(`${dir}/checkpoints`)
   * const sums = visits.reduceByKey((a, b) => a + b).cache()
   * sums.checkpoint()
   * await sums.count() // => 2
   * sums.isCheckpointed // => true
   */
  checkpoint(): void {
    this.context.checkpoint(this.node, 'reliable', currentScope('checkpoint'))
  }

  /**
   * {@link RDD.checkpoint} without files: cuts the lineage and keeps the records in this process, as long as this RDD is kept.
   *
   * @example
   * const names = visits.keys().localCheckpoint()
   * await names.count() // => 3
   * names.isCheckpointed // => true
   */
  localCheckpoint(): this {
    if (this.node.storage === StorageLevel.NONE) this.persist(StorageLevel.MEMORY_AND_DISK)
    this.context.checkpoint(this.node, 'local', currentScope('localCheckpoint'))
    return this
  }

  /** Whether the records were written down, by `checkpoint` or `localCheckpoint`. */
  get isCheckpointed(): boolean {
    return this.node.checkpoint?.source !== undefined
  }

  /**
   * The folder of the files; `undefined` before they are written, and with `localCheckpoint`.
   *
   * @example
   * sc.setCheckpointDir(`${dir}/checkpoints`)
   * const names = visits.keys()
   * names.checkpoint()
   * names.getCheckpointFile() // => undefined
   * await names.count()
   * names.getCheckpointFile()?.startsWith(`${dir}/checkpoints`) // => true
   */
  getCheckpointFile(): string | undefined {
    return this.isCheckpointed ? this.node.checkpoint?.path : undefined
  }
}
