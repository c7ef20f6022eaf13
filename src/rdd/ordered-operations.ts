/** Total order: a range partitioner, and a sort inside each partition; and what is easy where keys lie by range. */
import { capture } from './functions/explicit.ts'
import { filter, keyBy } from './narrow-operations.ts'
import { type CoalesceNode, makeNode } from './nodes.ts'
import { keyOrder, type Partitioning, RangePartitioner, toPartitioner } from './partitioner.ts'
import { rangeSample } from './range-sample.ts'
import type { RDD } from './rdd.ts'
import { operator } from './scope.ts'
import { shuffleNode } from './shuffle-node.ts'

type Compare = (a: unknown, b: unknown) => number

export function sortByKey<K, V>(
  rdd: RDD<readonly [K, V]>,
  ascending: boolean,
  numPartitions: number = Math.max(1, rdd.getNumPartitions()),
  compare: Compare = keyOrder,
): RDD<[K, V]> {
  return operator('sortByKey', () => {
    const partitioner = new RangePartitioner(numPartitions, ascending, compare)
    const within: Compare = ascending ? compare : capture({ compare }, (a, b) => compare(b, a))
    return rdd.derive(shuffleNode('sortByKey', [rdd.node], partitioner, { as: 'sorted', compare: within }))
  })
}

export function sortBy<T, K>(
  rdd: RDD<T>,
  key: (record: T) => K,
  ascending: boolean,
  numPartitions?: number,
  compare?: (a: K, b: K) => number,
): RDD<T> {
  return operator('sortBy', () =>
    sortByKey(keyBy(rdd, key), ascending, numPartitions, compare as Compare | undefined).values(),
  )
}

export function repartitionAndSortWithinPartitions<K, V>(
  rdd: RDD<readonly [K, V]>,
  partitions: Partitioning,
  compare: (a: K, b: K) => number = keyOrder,
): RDD<[K, V]> {
  const name = 'repartitionAndSortWithinPartitions'
  return operator(name, () => {
    const result = { as: 'sorted', compare: compare as Compare } as const
    return rdd.derive(shuffleNode(name, [rdd.node], toPartitioner(partitions), result))
  })
}

export function filterByRange<K, V>(
  rdd: RDD<readonly [K, V]>,
  lower: K,
  upper: K,
  compare?: (a: K, b: K) => number,
): RDD<[K, V]> {
  return operator('filterByRange', () => {
    const { partitioner } = rdd
    const order = (compare ??
      (partitioner instanceof RangePartitioner ? partitioner.compare : keyOrder)) as Compare
    const inside = capture(
      { order, lower, upper },
      (pair: readonly [K, V]): boolean => order(pair[0], lower) >= 0 && order(pair[0], upper) <= 0,
    )
    const pruned =
      partitioner instanceof RangePartitioner && order === partitioner.compare
        ? rdd.derive<readonly [K, V]>(withinRange(rdd as RDD<unknown>, partitioner, lower, upper))
        : rdd
    return filter(pruned, inside) as unknown as RDD<[K, V]>
  })
}

/**
 * The partitions that may hold keys of a range; the others keep their place and are empty. Which ones is asked when a task is
 * made, since the bounds are known only then.
 */
function withinRange(
  rdd: RDD<unknown>,
  partitioner: RangePartitioner,
  lower: unknown,
  upper: unknown,
): CoalesceNode {
  const { node } = rdd
  const { numPartitions } = node
  const groupOf = (partition: number): number[] => {
    if (partitioner.compare(lower, upper) > 0) return []
    const ends = [partitioner.partition(lower), partitioner.partition(upper)]
    return partition >= Math.min(...ends) && partition <= Math.max(...ends) ? [partition] : []
  }
  const needs = rangeSample(partitioner, node)
  return makeNode<CoalesceNode>(
    { kind: 'coalesce', parent: node, groupOf, numPartitions, partitioner, needs },
    'filterByRange',
  )
}
