/** Total order: a range partitioner, and a sort inside each partition. */
import { keyBy } from './narrow-operations.ts'
import { makeNode, newShuffleId, type ShuffleNode } from './nodes.ts'
import { keyOrder, RangePartitioner } from './partitioner.ts'
import type { RDD } from './rdd.ts'
import { operator } from './scope.ts'

type Compare = (a: unknown, b: unknown) => number

export function sortByKey<K, V>(
  rdd: RDD<readonly [K, V]>,
  ascending: boolean,
  numPartitions: number = Math.max(1, rdd.getNumPartitions()),
  compare: Compare = keyOrder,
): RDD<[K, V]> {
  return operator('sortByKey', () => {
    const partitioner = new RangePartitioner(numPartitions, ascending, compare)
    const inputs = [{ node: rdd.node, shuffleId: newShuffleId() }]
    const within: Compare = ascending ? compare : (a, b) => compare(b, a)
    const result = { as: 'sorted', compare: within } as const
    const node = makeNode<ShuffleNode>(
      { kind: 'shuffle', inputs, partitioner, result, numPartitions },
      'sortByKey',
    )
    return rdd.derive(node)
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
