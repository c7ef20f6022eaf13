/** Streams that are an RDD operation on each RDD of one parent; where that has none, neither have they. */
import { HashPartitioner, type Partitioning, toPartitioner } from '../../rdd/partitioner.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { operator } from '../../rdd/scope.ts'
import { Cut } from './cut.ts'
import type { DStream } from './dstream.ts'
import type { AnyStream } from './recipe.ts'

/** The stream of `f(rdd)`. @param cut what `f` partitions by */
export function elementwise<T, U>(
  parent: DStream<T>,
  name: string,
  f: (rdd: RDD<T>) => RDD<U>,
  cut?: Cut,
): DStream<U> {
  const { sc } = parent.host
  // Functions are described as they are now; and those that cannot travel are refused here, not in the first batch.
  if (sc.workers !== undefined) operator(name, () => f(sc.parallelize([], 1) as RDD<T>))
  return parent.derive(name, {
    dependencies: [parent as AnyStream],
    cut,
    compute(time) {
      const rdd = parent.getOrCompute(time)
      return rdd === undefined ? undefined : f(rdd)
    },
  })
}

/** What pair operators of streams partition by: what is given, else hash with the context's default parallelism. */
export function cutOf<T>(stream: DStream<T>, given: Partitioning | undefined): Cut {
  return new Cut(toPartitioner(given ?? stream.host.sc.defaultParallelism))
}

export function reducedBy<K, V>(
  stream: DStream<readonly [K, V]>,
  reduce: (a: V, b: V) => V,
  cut: Cut,
): DStream<[K, V]> {
  return elementwise(stream, 'reduceByKey', rdd => rdd.reduceByKey(reduce, cut.partitioner), cut)
}

/** Into partitions of nearly equal size. */
export function repartitioned<T>(stream: DStream<T>, numPartitions: number): DStream<T> {
  // Not by hash, but as many as batches that run again had.
  const cut = new Cut(new HashPartitioner(numPartitions))
  return elementwise(stream, 'repartition', rdd => rdd.repartition(cut.partitioner.numPartitions), cut)
}

export function reduceOf<T>(stream: DStream<T>, reduce: (a: T, b: T) => T): DStream<T> {
  return operator('reduce', () =>
    stream
      .map(record => [null, record])
      .reduceByKey(reduce as (a: unknown, b: unknown) => unknown, 1)
      .map(pair => pair[1] as never),
  )
}

export function countOf<T>(stream: DStream<T>): DStream<number> {
  const { sc } = stream.host
  return elementwise(stream, 'count', rdd => {
    const counts = rdd.mapPartitions(countRecords)
    // A record of its own makes an empty batch count too.
    const all = sc.union([sc.parallelize([0], 1), counts])
    return all
      .map(n => [null, n])
      .reduceByKey((a, b) => a + b, 1)
      .map(pair => pair[1])
  })
}

function* countRecords(records: IterableIterator<unknown>): Generator<number> {
  let n = 0
  for (const _ of records) n++
  yield n
}

export function countByValue<T>(stream: DStream<T>, numPartitions?: number): DStream<[T, number]> {
  return operator('countByValue', () =>
    (stream.map(record => [record, 1] as [never, number]) as DStream<readonly [T, number]>).reduceByKey(
      (a, b) => a + b,
      numPartitions,
    ),
  )
}
