/** Operators that compare the records, or the keys, of two RDDs. All over one cogroup. */
import { cogroupAll } from './join-operations.ts'
import { filter, flatMapValues, keys, map, mapValues } from './narrow-operations.ts'
import type { Partitioning } from './partitioner.ts'
import type { RDD } from './rdd.ts'
import { operator } from './scope.ts'

type Pairs<K, V> = RDD<readonly [K, V]>

/** Each record as a key without a value. */
function asKeys<T>(rdd: RDD<T>): Pairs<T, null> {
  return map(rdd, record => [record, null] as const)
}

export function intersection<T>(left: RDD<T>, right: RDD<T>, partitions?: Partitioning): RDD<T> {
  return operator('intersection', () => {
    const groups = cogroupAll<T>([asKeys(left), asKeys(right)] as unknown as RDD<never>[], partitions)
    return keys(filter(groups, ([, [mine, theirs]]) => mine!.length > 0 && theirs!.length > 0))
  })
}

export function subtract<T>(left: RDD<T>, right: RDD<T>, partitions?: Partitioning): RDD<T> {
  return operator('subtract', () => {
    // Of pairs, the left side's partitioner knows keys, not records.
    const partitioner = partitions ?? Math.max(1, left.getNumPartitions())
    return keys(subtractByKey(asKeys(left), asKeys(right), partitioner))
  })
}

export function subtractByKey<K, V, W>(
  left: Pairs<K, V>,
  right: Pairs<K, W>,
  partitions?: Partitioning,
): RDD<[K, V]> {
  return operator('subtractByKey', () => {
    const partitioner = partitions ?? left.partitioner ?? Math.max(1, left.getNumPartitions())
    // The values of the right side are of no interest: they do not cross.
    const bare = mapValues(right, () => null)
    const groups = cogroupAll<K>([left, bare] as unknown as RDD<never>[], partitioner)
    return flatMapValues(groups, ([mine, theirs]) => (theirs!.length > 0 ? [] : (mine as V[])))
  })
}
