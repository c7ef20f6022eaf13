/**
 * DStream: a stream as one RDD for each batch time. Methods are lines that call the file where the work is.
 *
 * I1  The RDD of a time is made at most once while it is remembered; outputs that share a stream share the RDD.
 * I2  "No RDD" (`undefined`) is not remembered, and is not the same as an empty RDD.
 */
import { markKind } from '../../base/engine-kind.ts'
import { KindlingError } from '../../base/errors.ts'
import { Duration, type DurationLike, type Interval, Time, toDuration } from '../../base/time.ts'
import type { AsyncCall } from '../../rdd/async-map.ts'
import { asyncMapper, type MapAsyncOptions } from '../../rdd/async-operations.ts'
import type { TextOutputOptions } from '../../rdd/file-actions.ts'
import type { CombineOptions } from '../../rdd/pair-operations.ts'
import type { ParquetOutputOptions } from '../../rdd/parquet-output.ts'
import type { Partitioning } from '../../rdd/partitioner.ts'
import type { Mapped, RDD } from '../../rdd/rdd.ts'
import { currentScope, inBatch, inScope, type OperatorScope, operator } from '../../rdd/scope.ts'
import type { Sink } from '../../rdd/sink/sink.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import type { WriteToOptions } from '../delivery/sink-operation.ts'
import { type OnErrorOptions, triedAsyncStream, triedStream } from '../delivery/tried-stream.ts'
import { type MapWithStateDStream, mapWithState } from '../state/map-with-state.ts'
import type { KeptState } from '../state/state-rdd.ts'
import type { Emitted, StateSpec } from '../state/state-spec.ts'
import { type StateOptions, updateStateByKey, updateStateByPartition } from '../state/update-state.ts'
import type { Era, TimeGrid } from '../time-grid.ts'
import { type Batches, batches } from './batches.ts'
import type { Cut } from './cut.ts'
import {
  countByValue,
  countOf,
  cutOf,
  elementwise,
  reducedBy,
  reduceOf,
  repartitioned,
} from './elementwise.ts'
import type { StreamHost } from './host.ts'
import {
  foreachRDD,
  print,
  saveAsNDJSONFiles,
  saveAsObjectFiles,
  saveAsParquetFiles,
  saveAsTextFiles,
  writeTo,
} from './outputs.ts'
import type { AnyStream, Recipe } from './recipe.ts'
import { reducedByWindow, type WindowOptions } from './reduced-windowed.ts'
import { cutTogether, transformed, unioned } from './transformed.ts'
import {
  countByValueAndWindow,
  countByWindow,
  groupByKeyAndWindow,
  reduceByWindow,
} from './window-operations.ts'
import { slice, windowed } from './windowed.ts'

type Pairs<K, V> = DStream<readonly [K, V]>

/** Spark's default: state is saved so often, in whole slides. */
const CHECKPOINT_MS = 10_000
/** Characters of a uid: enough for any name that people read. */
const MAX_UID = 256

/** The key type of a pair. */
export type KeyOf<T> = T extends readonly [infer K, unknown] ? K : never
/** The value type of a pair. */
export type ValueOf<T> = T extends readonly [unknown, infer V] ? V : never

/**
 * A stream of records, as one RDD for each batch.
 *
 * @typeParam T the type of a record
 * @source Spark DStream; Zaharia et al., SOSP 2013
 * @example
 * lines
 *   .flatMap(line => line.split(' '))
 *   .map(word => [word, 1])
 *   .reduceByKey((a, b) => a + b) // => [[['to', 1], ['be', 1], ['or', 1]], [['not', 1], ['to', 1], ['be', 1]]]
 */
export class DStream<T> {
  static {
    markKind(DStream, 'DStream')
  }

  /** @internal */
  readonly host: StreamHost
  /** @internal */
  readonly scope: OperatorScope
  private readonly recipe: Recipe<T>
  private readonly generated = new Map<number, RDD<T>>()
  private times: TimeGrid | undefined
  private remembered: Duration | undefined
  private level: StorageLevel = StorageLevel.NONE
  private name: string | undefined
  private interval: Duration | undefined
  /** No RDDs up to this time, in ms: what came before a restart and is not needed. */
  private floor = Number.NEGATIVE_INFINITY
  /** Windows after this time, in ms, take in nothing of before. */
  private restart = Number.NEGATIVE_INFINITY

  /** @internal */
  constructor(host: StreamHost, name: string, recipe: Recipe<T>) {
    host.assertDefining(name)
    this.host = host
    this.recipe = recipe
    this.scope = currentScope(name)
  }

  /** @internal A stream derived from this one, in the same context. */
  derive<U>(name: string, recipe: Recipe<U>): DStream<U> {
    return operator(name, () => new DStream(this.host, name, recipe))
  }

  /** The time from one RDD to the next: the batch interval, or a window's slide. */
  get slideDuration(): Duration {
    const { slide } = this.recipe
    if (slide === 'batch interval') return this.host.batchDuration
    return slide ?? this.dependencies[0]?.slideDuration ?? this.host.batchDuration
  }

  /** The streams that this one is computed from. */
  get dependencies(): readonly AnyStream[] {
    return this.recipe.dependencies
  }

  // ---- element-wise ----

  /**
   * `f` of each record. Keeps partitions and order.
   * With `onError`, records for which it throws go to dead letters; without it they fail the batch.
   *
   * @throws PROMISE_RETURNED (in the batch) when `f` gives a promise: use `mapAsync`
   * @example
   * numbers.map(n => [n, n * n]) // => [[[1, 1], [2, 4], [3, 9]], [[4, 16], [5, 25]]]
   */
  map<U extends Mapped>(f: (record: T) => U, { onError }: OnErrorOptions = {}): DStream<U> {
    if (onError !== undefined) return triedStream(this, 'map', f, onError)
    return elementwise(this, 'map', rdd => rdd.map(f))
  }

  /**
   * All that `f` gives for each record, in order.
   *
   * @throws NOT_ITERABLE (in the batch) when `f` gives nothing iterable
   * @example
   * lines.flatMap(line => line.split(' ')) // => [['to', 'be', 'or'], ['not', 'to', 'be']]
   */
  flatMap<U>(f: (record: T) => Iterable<U>, { onError }: OnErrorOptions = {}): DStream<U> {
    if (onError !== undefined) return triedStream(this, 'flatMap', f, onError)
    return elementwise(this, 'flatMap', rdd => rdd.flatMap(f))
  }

  /**
   * The records for which `keep` holds. Keeps partitions, order and partitioner; a type guard narrows.
   *
   * @throws PROMISE_RETURNED (in the batch) when `keep` gives a promise
   * @example
   * words.filter(word => word === 'b') // => [['b'], ['b']]
   */
  filter<U extends T>(keep: (record: T) => record is U, options?: OnErrorOptions): DStream<U>
  filter(keep: (record: T) => unknown, options?: OnErrorOptions): DStream<T>
  filter(keep: (record: T) => unknown, { onError }: OnErrorOptions = {}): DStream<T> {
    if (onError !== undefined) return triedStream(this, 'filter', keep, onError)
    return elementwise(this, 'filter', rdd => rdd.filter(keep))
  }

  /**
   * One array for each partition of each batch.
   *
   * @example
   * numbers.glom() // => [[[1, 2, 3]], [[4, 5]]]
   */
  glom(): DStream<T[]> {
    return elementwise(this, 'glom', rdd => rdd.glom())
  }

  /**
   * What `f` makes of each partition of each batch, also of empty ones: an iterator in, an iterable out, both lazy.
   *
   * @param preservesPartitioning keeps the partitioner: promise that `f` leaves keys as they are
   * @throws NOT_ITERABLE (in the batch) when `f` gives nothing iterable
   * @example
   * numbers.mapPartitions(function* (records) {
   *   let sum = 0
   *   for (const n of records) sum += n
   *   yield sum
   * }) // => [[6], [9]]
   */
  mapPartitions<U>(
    f: (records: IterableIterator<T>) => Iterable<U>,
    preservesPartitioning = false,
  ): DStream<U> {
    return elementwise(this, 'mapPartitions', rdd => rdd.mapPartitions(f, preservesPartitioning))
  }

  /**
   * What `f` gives, or its promise resolves to, for each record; see {@link RDD.mapAsync}. With `onError`, records that still fail after
   * all attempts go to dead letters.
   *
   * @example
   * words.mapAsync(async word => word.toUpperCase(), { concurrency: 2 }) // => [['A', 'B', 'A'], ['B']]
   */
  mapAsync<U extends Mapped>(
    f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
    { onError, ...options }: MapAsyncOptions & OnErrorOptions = {},
  ): DStream<U> {
    if (onError !== undefined) return triedAsyncStream(this, f, options, onError)
    return elementwise(this, 'mapAsync', asyncMapper(f, options))
  }

  /**
   * What an asynchronous generator makes of each partition; see {@link RDD.mapPartitionsAsync}.
   *
   * @example
   * numbers.mapPartitionsAsync(async function* (records) {
   *   for await (const n of records) if (n % 2 === 1) yield n
   * }) // => [[1, 3], [5]]
   */
  mapPartitionsAsync<U>(
    f: (records: AsyncIterable<T> & Iterable<T>, call: AsyncCall) => AsyncIterable<U>,
    preservesPartitioning = false,
  ): DStream<U> {
    return elementwise(this, 'mapPartitionsAsync', rdd => rdd.mapPartitionsAsync(f, preservesPartitioning))
  }

  /**
   * Exactly `numPartitions` partitions of nearly equal size in each batch; the order is lost. Shuffles: worth it where a source gives few
   * partitions to much work.
   *
   * @throws INVALID_ARGUMENT unless `numPartitions` is a whole number of at least 1
   * @example
   * numbers.repartition(3).map(() => 1).glom() // => [[[1], [1], [1]]]
   */
  repartition(numPartitions: number): DStream<T> {
    return repartitioned(this, numPartitions)
  }

  /**
   * The records of both, this one's first. Keeps duplicates; no shuffle.
   *
   * @throws INVALID_ARGUMENT unless both slide alike and belong to one context
   * @example
   * words.union(lines) // => [['a', 'b', 'a', 'to be or'], ['b', 'not to be']]
   */
  union(other: DStream<T>): DStream<T> {
    return unioned([this, other])
  }

  /**
   * One record for each batch: all reduced by `reduce`; nothing for an empty batch. One partition.
   *
   * @param reduce associative and commutative
   * @example
   * numbers.reduce((a, b) => a + b) // => [[6], [9], []]
   */
  reduce(reduce: (a: T, b: T) => T): DStream<T> {
    return reduceOf(this, reduce)
  }

  /**
   * One record for each batch: how many there are, 0 for an empty batch. One partition; only counts are shuffled.
   *
   * @example
   * words.count() // => [[3], [1], [0]]
   */
  count(): DStream<number> {
    return countOf(this)
  }

  /**
   * How often each record occurs in each batch: `[record, count]`, in no order.
   *
   * @param numPartitions default: the context's default parallelism
   * @example
   * words.countByValue() // => [[['a', 2], ['b', 1]], [['b', 1]]]
   */
  countByValue(numPartitions?: number): DStream<[T, number]> {
    return countByValue(this, numPartitions)
  }

  /**
   * Any function of the batch's RDD, called on the driver for each batch: the way to all that RDDs can do. It defines what jobs compute;
   * actions belong into {@link DStream.foreachRDD}.
   *
   * @throws NO_RDD (fails the batch) when this stream has no RDD, or `f` gives none: give an empty RDD instead
   * @source Spark DStream.transform
   * @example
   * numbers.transform(rdd => rdd.sortBy(n => -n)) // => [[3, 2, 1], [5, 4]]
   */
  transform<U>(f: (rdd: RDD<T>, time: Time) => RDD<U>): DStream<U> {
    return transformed('transform', [this as AnyStream], ([rdd], time) => f(rdd as RDD<T>, time))
  }

  /**
   * {@link DStream.transform} over two streams: the RDDs of the same time.
   *
   * @throws INVALID_ARGUMENT unless both slide alike and belong to one context
   * @throws NO_RDD (fails the batch) when a stream has no RDD, or `f` gives none
   * @example
   * numbers.transformWith(words, (a, b) => a.map(String).union(b)) // => [['1', '2', '3', 'a', 'b', 'a'], ['4', '5', 'b']]
   */
  transformWith<U, R>(
    other: DStream<U>,
    f: (mine: RDD<T>, theirs: RDD<U>, time: Time) => RDD<R>,
  ): DStream<R> {
    const both = [this as AnyStream, other as AnyStream]
    return transformed('transformWith', both, ([a, b], time) => f(a as RDD<T>, b as RDD<U>, time))
  }

  // ---- pairs; the default is a hash partitioner with the context's default parallelism ----

  /**
   * `f` of each value; keys, partitions, order and partitioner stay.
   *
   * @throws PROMISE_RETURNED (in the batch) when `f` gives a promise
   * @example
   * pairs.mapValues(n => n * 10) // => [[['a', 10], ['b', 20]], [['a', 30]]]
   */
  mapValues<K, V, U extends Mapped>(this: Pairs<K, V>, f: (value: V) => U): DStream<[K, U]> {
    return elementwise(this, 'mapValues', rdd => rdd.mapValues(f))
  }

  /**
   * One pair for each thing that `f` gives for a value; keys and partitioner stay. A key for which it gives nothing is gone.
   *
   * @throws NOT_ITERABLE (in the batch) when `f` gives nothing iterable
   * @example
   * pairs.flatMapValues(n => [n, -n]) // => [[['a', 1], ['a', -1], ['b', 2], ['b', -2]], [['a', 3], ['a', -3]]]
   */
  flatMapValues<K, V, U>(this: Pairs<K, V>, f: (value: V) => Iterable<U>): DStream<[K, U]> {
    return elementwise(this, 'flatMapValues', rdd => rdd.flatMapValues(f))
  }

  /**
   * The values of each key of each batch reduced to one; keys in no order. Combined on the map side first.
   *
   * @param reduce associative and commutative
   * @param partitions a number or a partitioner; default: hash with the context's default parallelism
   * @source Spark PairDStreamFunctions.reduceByKey
   * @example
   * words.map(word => [word, 1]).reduceByKey((a, b) => a + b) // => [[['a', 2], ['b', 1]], [['b', 1]]]
   */
  reduceByKey<K, V>(
    this: Pairs<K, V>,
    reduce: (a: V, b: V) => V,
    partitions?: Partitioning,
  ): DStream<[K, V]> {
    return reducedBy(this, reduce, cutOf(this, partitions))
  }

  /**
   * All values of each key of each batch: keys in no order, values of a key in order of partitions. Every value is shuffled; to sum up,
   * {@link DStream.reduceByKey} moves less.
   *
   * @param partitions as for {@link DStream.reduceByKey}
   * @example
   * words.map(word => [word, word.length]).groupByKey() // => [[['a', [1, 1]], ['b', [1]]], [['b', [1]]]]
   */
  groupByKey<K, V>(this: Pairs<K, V>, partitions?: Partitioning): DStream<[K, V[]]> {
    const cut = cutOf(this, partitions)
    return elementwise(this, 'groupByKey', rdd => rdd.groupByKey(cut.partitioner), cut)
  }

  /**
   * The general aggregation of each batch; see {@link RDD.combineByKey}.
   *
   * @example
   * pairs.combineByKey(n => [n], (list, n) => [...list, n], (a, b) => [...a, ...b]) // => [[['a', [1]], ['b', [2]]], [['a', [3]]]]
   */
  combineByKey<K, V, C>(
    this: Pairs<K, V>,
    create: (value: V) => C,
    mergeValue: (combiner: C, value: V) => C,
    mergeCombiners: (a: C, b: C) => C,
    opts: CombineOptions = {},
  ): DStream<[K, C]> {
    const cut = cutOf(this, opts.partitions)
    const combined = (rdd: RDD<readonly [K, V]>): RDD<[K, C]> =>
      rdd.combineByKey(create, mergeValue, mergeCombiners, { ...opts, partitions: cut.partitioner })
    return elementwise(this, 'combineByKey', combined, cut)
  }

  /**
   * `[key, [mine, theirs]]` for the batches of the same time; a list is empty where that side does not have the key.
   *
   * @param partitions as for {@link DStream.reduceByKey}
   * @throws INVALID_ARGUMENT unless both slide alike and belong to one context
   * @source Spark PairDStreamFunctions.cogroup
   * @example
   * pairs.cogroup(pairs.mapValues(String)) // => [[['a', [[1], ['1']]], ['b', [[2], ['2']]]], [['a', [[3], ['3']]]]]
   */
  cogroup<K, V, W>(
    this: Pairs<K, V>,
    other: Pairs<K, W>,
    partitions?: Partitioning,
  ): DStream<[K, [V[], W[]]]> {
    return cutTogether('cogroup', [this, other], partitions, (a, b, by) => a.cogroup(b, by))
  }

  /**
   * Inner join of the batches of the same time: one pair for each combination of a value here and one there. Records of different batches
   * meet only through a window on one of the streams.
   *
   * @param partitions as for {@link DStream.reduceByKey}
   * @throws INVALID_ARGUMENT unless both slide alike and belong to one context
   * @example
   * pairs.join(words.map(word => [word, true])) // => [[['a', [1, true]], ['a', [1, true]], ['b', [2, true]]], []]
   */
  join<K, V, W>(this: Pairs<K, V>, other: Pairs<K, W>, partitions?: Partitioning): DStream<[K, [V, W]]> {
    return cutTogether('join', [this, other], partitions, (a, b, by) => a.join(b, by))
  }

  /**
   * {@link DStream.join}, keeping keys that only this stream has.
   *
   * @example
   * pairs.leftOuterJoin(words.map(word => [word, true])) // => [[['a', [1, true]], ['a', [1, true]], ['b', [2, true]]], [['a', [3, undefined]]]]
   */
  leftOuterJoin<K, V, W>(
    this: Pairs<K, V>,
    other: Pairs<K, W>,
    partitions?: Partitioning,
  ): DStream<[K, [V, W | undefined]]> {
    return cutTogether('leftOuterJoin', [this, other], partitions, (a, b, by) => a.leftOuterJoin(b, by))
  }

  /**
   * {@link DStream.join}, keeping keys that only the other stream has.
   *
   * @example
   * words.map(word => [word, 0]).rightOuterJoin(pairs) // => [[['a', [0, 1]], ['a', [0, 1]], ['b', [0, 2]]], [['a', [undefined, 3]]]]
   */
  rightOuterJoin<K, V, W>(
    this: Pairs<K, V>,
    other: Pairs<K, W>,
    partitions?: Partitioning,
  ): DStream<[K, [V | undefined, W]]> {
    return cutTogether('rightOuterJoin', [this, other], partitions, (a, b, by) => a.rightOuterJoin(b, by))
  }

  /**
   * {@link DStream.join}, keeping keys that either stream has.
   *
   * @example
   * pairs.fullOuterJoin(pairs.filter(([key]) => key === 'b')) // => [[['a', [1, undefined]], ['b', [2, 2]]], [['a', [3, undefined]]]]
   */
  fullOuterJoin<K, V, W>(
    this: Pairs<K, V>,
    other: Pairs<K, W>,
    partitions?: Partitioning,
  ): DStream<[K, [V | undefined, W | undefined]]> {
    return cutTogether('fullOuterJoin', [this, other], partitions, (a, b, by) => a.fullOuterJoin(b, by))
  }

  // ---- windows; durations are multiples of this stream's slide ----

  /**
   * The records of the last `windowDuration`, every `slideDuration`, oldest batch first. The window that is not full yet is given as it
   * is.
   *
   * Keeps this stream's RDDs; `persist` on the window goes to this stream. What is done with the window is done with all of its records
   * again at each slide: {@link DStream.reduceByKeyAndWindow} does not.
   *
   * @param windowDuration a multiple of this stream's slide
   * @param slideDuration a multiple of it too; default: this stream's own
   * @throws INVALID_WINDOW, INVALID_SLIDE when a duration is no multiple of this stream's slide
   * @source Spark WindowedDStream
   * @example
   * numbers.window(seconds(2)) // => [[1, 2, 3], [1, 2, 3, 4, 5], [4, 5]]
   */
  window(windowDuration: DurationLike, slideDuration?: DurationLike): DStream<T> {
    return windowed(this, windowDuration, slideDuration)
  }

  /**
   * One record for each slide: the window reduced by `reduce`; nothing for an empty window. One partition.
   *
   * With `inverse` kept up to date by what enters and leaves; an empty window then gives a neutral record.
   *
   * @param reduce associative and commutative
   * @param inverse takes records out again: `inverse(reduce(a, b), b)` equals `a`
   * @throws INVALID_WINDOW, INVALID_SLIDE
   * @example
   * numbers.reduceByWindow((a, b) => a + b, seconds(2)) // => [[6], [15], [9], []]
   * numbers.reduceByWindow((a, b) => a + b, (a, b) => a - b, seconds(2)) // => [[6], [15], [9], [0]]
   */
  reduceByWindow(
    reduce: (a: T, b: T) => T,
    windowDuration: DurationLike,
    slideDuration?: DurationLike,
  ): DStream<T>
  reduceByWindow(
    reduce: (a: T, b: T) => T,
    inverse: (a: T, b: T) => T,
    windowDuration: DurationLike,
    slideDuration?: DurationLike,
  ): DStream<T>
  reduceByWindow(
    reduce: (a: T, b: T) => T,
    second: DurationLike | ((a: T, b: T) => T),
    third?: DurationLike,
    fourth?: DurationLike,
  ): DStream<T> {
    if (typeof second === 'function')
      return reduceByWindow(this, reduce, third as DurationLike, fourth, second)
    return reduceByWindow(this, reduce, second, third)
  }

  /**
   * One record for each slide: how many records the window has. Each record is counted once, in its batch.
   *
   * @throws INVALID_WINDOW, INVALID_SLIDE
   * @example
   * numbers.countByWindow(seconds(2)) // => [[3], [5], [2], [0]]
   */
  countByWindow(windowDuration: DurationLike, slideDuration?: DurationLike): DStream<number> {
    return countByWindow(this, windowDuration, slideDuration)
  }

  /**
   * How often each record occurs in the window: `[record, count]`, in no order; records that left it are gone. A slide costs what enters
   * and leaves.
   *
   * @throws INVALID_WINDOW, INVALID_SLIDE
   * @example
   * words.countByValueAndWindow(seconds(2)) // => [[['a', 2], ['b', 1]], [['a', 2], ['b', 2]], [['b', 1]]]
   */
  countByValueAndWindow(
    windowDuration: DurationLike,
    slideDuration?: DurationLike,
    numPartitions?: number,
  ): DStream<[T, number]> {
    return countByValueAndWindow(this, windowDuration, slideDuration, numPartitions)
  }

  /**
   * All values of each key in the window, oldest batch first; keys in no order. Holds the whole window, and groups it anew at each slide.
   *
   * @throws INVALID_WINDOW, INVALID_SLIDE
   * @example
   * pairs.groupByKeyAndWindow(seconds(2)) // => [[['a', [1]], ['b', [2]]], [['a', [1, 3]], ['b', [2]]], [['a', [3]]]]
   */
  groupByKeyAndWindow<K, V>(
    this: Pairs<K, V>,
    windowDuration: DurationLike,
    slideDuration?: DurationLike,
    partitions?: Partitioning,
  ): DStream<[K, V[]]> {
    return groupByKeyAndWindow(this, windowDuration, slideDuration, partitions)
  }

  /**
   * The values of each key in the window reduced to one.
   *
   * With `inverse` a slide costs what enters and leaves, not the whole window; keys then stay, with a neutral value, until
   * `opts.filter` drops them.
   *
   * @param inverse takes values out again: `inverse(reduce(a, b), b)` equals `a`
   * @throws INVALID_WINDOW, INVALID_SLIDE
   * @source Spark ReducedWindowedDStream
   * @example
   * pairs.reduceByKeyAndWindow((a, b) => a + b, seconds(2)) // => [[['a', 1], ['b', 2]], [['a', 4], ['b', 2]], [['a', 3]], []]
   * const ever = pairs.reduceByKeyAndWindow((a, b) => a + b, (a, b) => a - b, seconds(2))
   * ever // => [[['a', 1], ['b', 2]], [['a', 4], ['b', 2]], [['a', 3], ['b', 0]], [['a', 0], ['b', 0]]]
   * const filter = ([, n]: readonly [string, number]) => n > 0
   * const alive = pairs.reduceByKeyAndWindow((a, b) => a + b, (a, b) => a - b, seconds(2), seconds(1), { filter })
   * alive // => [[['a', 1], ['b', 2]], [['a', 4], ['b', 2]], [['a', 3]], []]
   */
  reduceByKeyAndWindow<K, V>(
    this: Pairs<K, V>,
    reduce: (a: V, b: V) => V,
    windowDuration: DurationLike,
    slideDuration?: DurationLike,
    opts?: Partitioning | WindowOptions<K, V>,
  ): DStream<[K, V]>
  reduceByKeyAndWindow<K, V>(
    this: Pairs<K, V>,
    reduce: (a: V, b: V) => V,
    inverse: (a: V, b: V) => V,
    windowDuration: DurationLike,
    slideDuration?: DurationLike,
    opts?: Partitioning | WindowOptions<K, V>,
  ): DStream<[K, V]>
  reduceByKeyAndWindow<K, V>(
    this: Pairs<K, V>,
    reduce: (a: V, b: V) => V,
    ...rest: unknown[]
  ): DStream<[K, V]> {
    return reducedByWindow(this, reduce, rest as Parameters<typeof reducedByWindow<K, V>>[2])
  }

  // ---- state ----

  /**
   * Keeps a state for each key. In every batch `update` is called for each key that has state or new values; `undefined` drops the
   * key. Emits all state, every batch.
   *
   * `update` gets a copy of the state: what it changes in place counts only when it is returned.
   *
   * @param update `(values, state, { key, time }) => state`, values of this batch in order, state `undefined` for a new key
   * @throws USER_CODE_FAILED, PROMISE_RETURNED (in the batch)
   * @source Spark StateDStream
   * @example
   * const sums = pairs.updateStateByKey<number>((values, sum = 0) => values.reduce((a, b) => a + b, sum))
   * sums // => [[['a', 1], ['b', 2]], [['a', 4], ['b', 2]], [['a', 4], ['b', 2]]]
   */
  updateStateByKey<S>(
    this: DStream<T> & Pairs<unknown, unknown>,
    update: (
      values: ValueOf<T>[],
      state: S | undefined,
      at: { readonly key: KeyOf<T>; readonly time: Time },
    ) => S | undefined,
    opts?: Partitioning | StateOptions<KeyOf<T>, S>,
  ): DStream<[KeyOf<T>, S]> {
    return updateStateByKey(this as Pairs<unknown, unknown> as Pairs<KeyOf<T>, ValueOf<T>>, update, opts)
  }

  /**
   * {@link DStream.updateStateByKey} for a whole partition at once: an iterator of `[key, values, state]` in, the new
   * `[key, state]` out; keys left out are dropped. Keys that are put out must belong to the same partition.
   *
   * @example
   * pairs.updateStateByPartition<number>(function* (records) {
   *   for (const [key, values, sum = 0] of records) yield [key, values.reduce((a, b) => a + b, sum)]
   * }) // => [[['a', 1], ['b', 2]], [['a', 4], ['b', 2]]]
   */
  updateStateByPartition<S>(
    this: DStream<T> & Pairs<unknown, unknown>,
    update: (
      records: IterableIterator<[KeyOf<T>, ValueOf<T>[], S | undefined]>,
    ) => Iterable<readonly [KeyOf<T>, S]>,
    opts?: Partitioning | StateOptions<KeyOf<T>, S>,
  ): DStream<[KeyOf<T>, S]> {
    return updateStateByPartition(
      this as Pairs<unknown, unknown> as Pairs<KeyOf<T>, ValueOf<T>>,
      update,
      opts,
    )
  }

  /**
   * Calls a function for every record with the state of its key, and emits what the function gives. Keys without records are not
   * touched: a batch costs what its records cost, however many keys there are.
   *
   * Order: that of the records in each partition; time-outs last. Partitions: those of the spec, by hash with the context's default
   * parallelism otherwise. All state, after each batch, is in `.stateSnapshots()`.
   *
   * @throws USER_CODE_FAILED, PROMISE_RETURNED (in the batch; the state is then as it was before the batch)
   * @source Spark MapWithStateDStream
   * @example
   * const counts = pairs.mapWithState(
   *   StateSpec.function((word: string, n: number | undefined, sum: State<number>) => {
   *     const total = (sum.getOption() ?? 0) + (n ?? 0)
   *     sum.update(total)
   *     return [word, total] as const
   *   }),
   * )
   * counts // => [[['a', 1], ['b', 2]], [['a', 4]], []]
   * counts.stateSnapshots() // => [[['a', 1], ['b', 2]], [['a', 4], ['b', 2]], [['a', 4], ['b', 2]]]
   */
  mapWithState<K, V, S, M>(
    this: Pairs<K, V>,
    spec: StateSpec<K, V, S, M>,
  ): MapWithStateDStream<K, S, Emitted<M>> {
    return mapWithState(this, spec)
  }

  // ---- outputs ----

  /**
   * Writes the first `n` records of each batch to standard output, under a head with the batch's time, and `...` when there are more.
   * Computes no more partitions than {@link RDD.take} does.
   *
   * @example
   * const printed: string[] = []
   * const clock = new ManualClock()
   * await using ssc = new StreamingContext({ batchDuration: seconds(1), clock, write: text => printed.push(text) })
   * ssc.queueStream([['a', 'b', 'c']]).print(2)
   * await ssc.start()
   * await clock.advance(1000)
   * printed.join('').split('\n').slice(1) // => ['Time: 1000 ms', '-------------------------------------------', 'a', 'b', '...', '', '']
   */
  print(n = 10): void {
    print(this, n)
  }

  /**
   * Runs `f` on the driver for each batch, also for empty ones. It may be async; actions that it starts belong to the batch, awaited
   * or not. Outputs of a batch begin in order of definition, one at a time unless `spark.streaming.concurrentJobs` is more than 1.
   *
   * Its jobs run in the pool that `spark.scheduler.pool` names where the context was started, or in `f` by `setLocalProperty`. With
   * `spark.speculation`, slow tasks of `rdd.foreach` and `rdd.foreachPartition` are copied only if they are marked
   * `{ idempotent: true }`.
   *
   * @throws CONTEXT_STARTED; what `f` throws fails the batch
   * @source Spark DStream.foreachRDD
   * @example
   * const counts: string[] = []
   * words.foreachRDD(async (rdd, time) => {
   *   counts.push(`${time}: ${await rdd.count()} words`)
   * })
   * await t.run(3)
   * counts // => ['1000 ms: 3 words', '2000 ms: 1 words', '3000 ms: 0 words']
   */
  foreachRDD(f: (rdd: RDD<T>, time: Time) => unknown): void {
    foreachRDD(this, f)
  }

  /**
   * Writes each batch into a sink: files, a database, a queue. What that promises across crashes is said at the start, and by
   * `ssc.guarantees()`.
   *
   * @throws GUARANTEE_NOT_KEPT (from `start`) when `require` is more than can be kept
   * @source Spark DataStreamWriter and DataFrameWriterV2
   * @example
   * words.writeTo(fileSink(`${dir}/words`, { format: 'ndjson' }), { id: 'words' })
   * await t.run(1)
   * sc.ndjsonFile(`${dir}/words-1000`) // => ['a', 'b', 'a']
   */
  writeTo<M>(sink: Sink<T, M>, options: WriteToOptions = {}): void {
    writeTo(this, sink as Sink<T>, options)
  }

  /**
   * Each batch as text files in the directory `prefix-TIME[.suffix]`, TIME in ms; one that exists is replaced, so that a batch which runs
   * again leaves one copy. See {@link RDD.saveAsTextFile}.
   *
   * @example
   * words.saveAsTextFiles(`${dir}/words`, 'txt')
   * await t.run(1)
   * sc.textFile(`${dir}/words-1000.txt`) // => ['a', 'b', 'a']
   */
  saveAsTextFiles(prefix: string, suffix = '', opts: TextOutputOptions = {}): void {
    saveAsTextFiles(this, prefix, suffix, opts)
  }

  /**
   * Each batch as files that give back exactly its records by `sc.objectFile`, in the directory `prefix-TIME[.suffix]`.
   *
   * @example
   * words.saveAsObjectFiles(`${dir}/words`)
   * await t.run(1)
   * sc.objectFile(`${dir}/words-1000`) // => ['a', 'b', 'a']
   */
  saveAsObjectFiles(prefix: string, suffix = ''): void {
    saveAsObjectFiles(this, prefix, suffix)
  }

  /**
   * Each batch as files of JSON lines, in the directory `prefix-TIME[.suffix]`; pairs are `[key, value]`. Stands for Spark's
   * `saveAsHadoopFiles`, and for its sequence files.
   *
   * @source Spark PairDStreamFunctions.saveAsHadoopFiles
   * @example
   * pairs.saveAsNDJSONFiles(`${dir}/pairs`, 'json')
   * await t.run(1)
   * sc.textFile(`${dir}/pairs-1000.json`) // => ['["a",1]', '["b",2]']
   */
  saveAsNDJSONFiles(prefix: string, suffix = '', opts: TextOutputOptions = {}): void {
    saveAsNDJSONFiles(this, prefix, suffix, opts)
  }

  /**
   * Each batch as Parquet files, in the directory `prefix-TIME[.suffix]`; see {@link RDD.saveAsParquetFile}.
   *
   * @source Spark PairDStreamFunctions.saveAsNewAPIHadoopFiles
   * @example
   * pairs.saveAsParquetFiles(`${dir}/pairs`, 'parquet', { columns: { key: 'STRING', value: 'INT32' } })
   * await t.run(1)
   * await sc.binaryFiles(`${dir}/pairs-1000.parquet/*.parquet`).count() // => 1
   */
  saveAsParquetFiles(prefix: string, suffix = '', opts: ParquetOutputOptions = {}): void {
    saveAsParquetFiles(this, prefix, suffix, opts)
  }

  /**
   * The batches as an async iterable; registers an output at once. A slow reader delays its batch, `break` detaches.
   *
   * @example
   * const counts = words.count().batches()
   * const seen: string[] = []
   * const running = t.run(2) // starts the context
   * for await (const { time, values } of counts) if (seen.push(`${time}: ${values}`) === 2) break
   * await running
   * seen // => ['1000 ms: 3', '2000 ms: 1']
   */
  batches(): Batches<T> {
    return batches(this)
  }

  // ---- keeping ----

  /**
   * Keeps the RDDs of this stream while they are remembered.
   *
   * @throws CONTEXT_STARTED
   * @example
   * const kept = words.filter(word => word !== 'a').persist()
   * kept.transform(rdd => sc.parallelize([String(rdd.getStorageLevel())])) // => [['MEMORY_ONLY_SER']]
   */
  persist(level: StorageLevel = StorageLevel.MEMORY_ONLY_SER): this {
    this.host.assertDefining('persist')
    if (this.recipe.persistInstead !== undefined) this.recipe.persistInstead(level)
    else this.level = level
    return this
  }

  /**
   * {@link DStream.persist} with its default level.
   *
   * @example
   * const lengths = words.map(word => word.length).cache()
   * lengths.union(lengths) // => [[1, 1, 1, 1, 1, 1], [1, 1]]
   */
  cache(): this {
    return this.persist()
  }

  /**
   * Names the operator, so that a program that was changed finds its saved state again. Without it an operator is known by its place
   * in the program. What is called on the result of a stateful operator names the operator.
   *
   * @param name up to 256 characters, unique in the program; short lower-case names are those of their folders
   * @throws INVALID_ARGUMENT, CONTEXT_STARTED
   * @example
   * pairs.updateStateByKey<number>((values, n = 0) => n + values.length).uid('counts') // => [[['a', 1], ['b', 1]]]
   */
  uid(name: string): this {
    this.host.assertDefining('uid')
    keeper(this as AnyStream).name = checkedUid(name)
    return this
  }

  /**
   * How often the state of this stream is saved, with a checkpoint directory. Default: every 10 s, in whole slides; `mapWithState`:
   * every tenth slide. Streams without state save nothing: they are computed again from the log of batches.
   *
   * @param interval a multiple of the slide
   * @throws CONTEXT_STARTED; at the start CHECKPOINT_INTERVAL_WITHOUT_DIRECTORY, INVALID_CHECKPOINT_INTERVAL
   * @example
   * ssc.checkpoint(`${dir}/checkpoint`)
   * const counts = pairs.updateStateByKey<number>((values, n = 0) => n + values.length)
   * counts.checkpoint(seconds(20)) // => [[['a', 1], ['b', 1]], [['a', 2], ['b', 1]]]
   */
  checkpoint(interval: DurationLike): this {
    this.host.assertDefining('checkpoint')
    keeper(this as AnyStream).interval = toDuration(interval, 'The checkpoint interval')
    return this
  }

  /**
   * The RDDs from `from` to `to`, both included; times between slides are rounded down.
   *
   * @throws STREAM_NOT_INITIALIZED before the context has started
   * @example
   * ssc.remember(minutes(1))
   * t.collect('out', words)
   * await t.run(3)
   * sc.union(words.slice(new Time(1000), new Time(2999))) // => ['a', 'b', 'a', 'b']
   */
  slice(from: Time, to: Time): RDD<T>[]
  slice(interval: Interval): RDD<T>[]
  slice(from: Time | Interval, to?: Time): RDD<T>[] {
    if ('beginTime' in from) return slice(this, from.beginTime, from.endTime)
    return slice(this, from, to as Time)
  }

  // ---- what checkpoints ask ----

  /** @internal The name that `uid` gave. */
  get userId(): string | undefined {
    return this.name
  }

  /** @internal What `checkpoint` set. */
  get checkpointInterval(): Duration | undefined {
    return this.interval
  }

  /** @internal Whether all that this stream is computed from can be had again after a restart. */
  get isReplayable(): boolean {
    return this.dependencies.every(parent => parent.isReplayable)
  }

  /**
   * @internal From one image of the state to the next. Without a word from the program every batch, where batches cannot be read
   * again: what came since the last image would be lost.
   */
  get checkpointDuration(): Duration {
    if (this.interval !== undefined) return this.interval
    if (!this.isReplayable) return this.slideDuration
    const slides =
      this.recipe.state?.checkpointSlides ?? Math.ceil(CHECKPOINT_MS / this.slideDuration.milliseconds)
    return this.slideDuration.times(slides)
  }

  /** @internal */
  get state(): KeptState | undefined {
    return this.recipe.state
  }

  /** @internal After a restart: there are no RDDs up to `floor`, but for `rdd` at that time. */
  resume(floor: Time, rdd?: RDD<T>): void {
    this.floor = floor.milliseconds
    if (rdd !== undefined) this.generated.set(this.floor, rdd)
  }

  // ---- what the graph asks ----

  /** @internal One batch before the first. */
  get zeroTime(): Time {
    return new Time(this.grid.zeroTime)
  }

  private get grid(): TimeGrid {
    if (this.times !== undefined) return this.times
    throw new KindlingError('STREAM_NOT_INITIALIZED', {
      stream: String(this.scope.name),
      reason: 'start the StreamingContext first',
    })
  }

  /** @internal */
  get rememberDuration(): Duration | undefined {
    return this.remembered
  }

  /** @internal Fixes the times of batches here and above; done for all outputs when the context starts. */
  initialize(grid: TimeGrid): void {
    if (this.times !== undefined) return
    this.times = grid
    this.remembered ??= this.leastRemembered
    for (const parent of this.dependencies) parent.initialize(grid)
  }

  /** @internal What every stream remembers: the version that the next one is made of. */
  get leastRemembered(): Duration {
    const slides = this.grid.eras.map(this.slideIn)
    // From the last batch of one interval to the first of another may be nearly two slides.
    return new Duration(Math.max(...slides) * (slides.length > 1 ? 2 : 1))
  }

  /** @internal In ms. */
  readonly slideIn = (era: Era): number => {
    const { slide } = this.recipe
    if (slide instanceof Duration) return slide.milliseconds
    const [parent] = slide === undefined ? this.dependencies : []
    return parent?.slideIn(era) ?? era.batchMs
  }

  /** @internal Remembers at least for `duration`, and lets parents remember what this stream needs of them. */
  remember(duration: Duration | undefined): void {
    const own = this.remembered
    if (duration !== undefined && (own === undefined || duration.milliseconds > own.milliseconds))
      this.remembered = duration
    const mine = this.remembered ?? this.leastRemembered
    const needed = this.recipe.parentRemember?.(mine) ?? mine
    for (const parent of this.dependencies) parent.remember(needed)
  }

  /** @internal Whether this stream has an RDD at `time`. */
  isTimeValid(time: Time): boolean {
    return this.grid.isValid(time.milliseconds, this.slideIn)
  }

  /** @internal Whether `time` is one of those that come so often. */
  isDue(time: Time, every: Duration): boolean {
    return this.grid.isValid(time.milliseconds, () => every.milliseconds)
  }

  /** @internal The latest before `time`; for the first one a slide earlier, at which there is no RDD. */
  timeBefore(time: Time): Time {
    return new Time(this.grid.before(time.milliseconds, this.slideIn))
  }

  /** @internal Those later than `after`, up to `upTo`. */
  timesWithin(after: Time, upTo: Time): Time[] {
    return this.grid.within(after.milliseconds, upTo.milliseconds, this.slideIn).map(ms => new Time(ms))
  }

  /** @internal What the RDD of `time` goes on from. */
  rddBefore(time: Time): RDD<T> | undefined {
    const before = this.timeBefore(time)
    const isCut = before.milliseconds <= this.restart && time.milliseconds > this.restart
    return isCut ? undefined : this.getOrCompute(before)
  }

  /** @internal The window of `time` has what is later. */
  windowStart(time: Time): Time {
    const start = time.minus(this.recipe.window!)
    return time.milliseconds > this.restart ? new Time(Math.max(start.milliseconds, this.restart)) : start
  }

  /** @internal For a window; of other streams `undefined`. */
  get windowDuration(): Duration | undefined {
    return this.recipe.window
  }

  /** @internal Windows after this time, in ms, take in nothing of before. */
  restartAfter(time: number): void {
    this.restart = time
  }

  /** @internal The RDD of a batch, made when it is asked for first. */
  getOrCompute(time: Time): RDD<T> | undefined {
    const known = this.generated.get(time.milliseconds)
    if (known !== undefined) return known
    if (time.milliseconds <= this.floor || !this.isTimeValid(time)) return undefined
    const rdd = inBatch(time.milliseconds, () => inScope(this.scope, () => this.recipe.compute(time, this)))
    if (rdd === undefined) return undefined
    if (
      this.level !== StorageLevel.NONE &&
      this.recipe.state === undefined &&
      rdd.getStorageLevel() === StorageLevel.NONE
    )
      rdd.persist(this.level)
    this.generated.set(time.milliseconds, rdd)
    return rdd
  }

  /** @internal The remembered RDD of a time, never a new one. */
  known(time: Time): RDD<T> | undefined {
    return this.generated.get(time.milliseconds)
  }

  /** @internal The time of the latest RDD that is known. */
  get newestKnown(): Time | undefined {
    return this.generated.size === 0 ? undefined : new Time(Math.max(...this.generated.keys()))
  }

  /** @internal Puts another RDD in place of the one that is known. */
  replace(time: Time, rdd: RDD<T>): void {
    this.generated.set(time.milliseconds, rdd)
  }

  /** @internal What its pairs are partitioned by, where that is its own doing. */
  get cut(): Cut | undefined {
    return this.recipe.cut
  }

  /** @internal Forgets the RDDs of this time and of later ones: they are made anew. */
  undo(from: Time): void {
    for (const [at, rdd] of this.generated) {
      if (at < from.milliseconds) continue
      this.generated.delete(at)
      if (this.level !== StorageLevel.NONE) rdd.unpersist()
    }
    this.recipe.state?.kept.versions.undo(from.milliseconds)
  }

  /** @internal Forgets what is older than the remember duration, here and above. */
  clearMetadata(time: Time, unpersist: boolean, done: Set<AnyStream> = new Set()): void {
    if (done.has(this as AnyStream)) return
    done.add(this as AnyStream)
    const oldest = time.milliseconds - (this.remembered ?? this.leastRemembered).milliseconds
    const forgotten: number[] = []
    for (const [at, rdd] of this.generated) {
      if (at > oldest) continue
      forgotten.push(at)
      this.generated.delete(at)
      if (unpersist && this.level !== StorageLevel.NONE) rdd.unpersist()
    }
    if (forgotten.length > 0) this.recipe.forgotten?.(forgotten)
    for (const parent of this.dependencies) parent.clearMetadata(time, unpersist, done)
  }
}

/** The stateful stream of the operator that a stream is the result of, or else the stream itself. */
function keeper(stream: AnyStream): AnyStream {
  return statefulOf(stream, stream.scope) ?? stream
}

function statefulOf(stream: AnyStream, scope: OperatorScope): AnyStream | undefined {
  if (stream.scope !== scope) return undefined
  if (stream.state !== undefined) return stream
  for (const parent of stream.dependencies) {
    const found = statefulOf(parent, scope)
    if (found !== undefined) return found
  }
  return undefined
}

/** Any text that people can read in messages; `operator-folder.ts` makes a folder of it. */
function checkedUid(name: string): string {
  if (typeof name === 'string' && name.length <= MAX_UID && /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u.test(name))
    return name
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'the uid of a stream',
    value: name,
    expected: `1 to ${MAX_UID} characters, without control characters`,
  })
}
