/** Window operators made of simpler ones. */
import type { DurationLike } from '../../base/time.ts'
import type { Partitioning } from '../../rdd/partitioner.ts'
import { operator } from '../../rdd/scope.ts'
import type { DStream } from './dstream.ts'

const add = (a: number, b: number): number => a + b
const subtract = (a: number, b: number): number => a - b

export function reduceByWindow<T>(
  stream: DStream<T>,
  reduce: (a: T, b: T) => T,
  window: DurationLike,
  slide?: DurationLike,
  inverse?: (a: T, b: T) => T,
): DStream<T> {
  return operator('reduceByWindow', () => {
    const keyed = stream.map(record => [null, record]) as unknown as DStream<readonly [null, T]>
    const opts = { partitions: 1 }
    const reduced =
      inverse === undefined
        ? keyed.reduceByKeyAndWindow(reduce, window, slide, opts)
        : keyed.reduceByKeyAndWindow(reduce, inverse, window, slide, opts)
    return reduced.map(pair => pair[1] as never) as unknown as DStream<T>
  })
}

export function countByWindow<T>(
  stream: DStream<T>,
  window: DurationLike,
  slide?: DurationLike,
): DStream<number> {
  return operator('countByWindow', () => reduceByWindow(stream.count(), add, window, slide, subtract))
}

export function countByValueAndWindow<T>(
  stream: DStream<T>,
  window: DurationLike,
  slide?: DurationLike,
  numPartitions?: number,
): DStream<[T, number]> {
  return operator('countByValueAndWindow', () => {
    const ones = stream.map(record => [record, 1] as [never, number]) as unknown as DStream<
      readonly [T, number]
    >
    const opts = numPartitions === undefined ? {} : { partitions: numPartitions }
    return ones.reduceByKeyAndWindow(add, subtract, window, slide, { ...opts, filter: ([, n]) => n !== 0 })
  })
}

export function groupByKeyAndWindow<K, V>(
  stream: DStream<readonly [K, V]>,
  window: DurationLike,
  slide?: DurationLike,
  partitions?: Partitioning,
): DStream<[K, V[]]> {
  return operator('groupByKeyAndWindow', () =>
    stream
      .groupByKey(partitions)
      .window(window, slide)
      .groupByKey(partitions)
      .mapValues(groups => ([] as V[]).concat(...groups)),
  )
}
