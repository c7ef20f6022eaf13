/** Operators that re-arrange partitions: union, coalesce, zip, cartesian; and repartition, which shuffles. */
import { KindlingError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { mapPartitionsWithIndex } from './narrow-operations.ts'
import {
  type CartesianNode,
  type CoalesceNode,
  makeNode,
  type Node,
  type UnionNode,
  type ZipNode,
} from './nodes.ts'
import { partitionBy } from './pair-operations.ts'
import { checkPartitions, HashPartitioner, type Partitioner, samePartitioner } from './partitioner.ts'
import type { RDD } from './rdd.ts'
import { currentScope, operator } from './scope.ts'

/**
 * All records of several RDDs. Those without partitions are left out; if the rest are partitioned alike, partition i joins
 * their partitions i and the partitioner stays, otherwise partitions are appended.
 *
 * @source Spark SparkContext.union, PartitionerAwareUnionRDD
 */
export function unionNode(all: readonly Node[]): UnionNode {
  const parents = all.filter(n => n.numPartitions > 0)
  const partitioner = parents[0]?.partitioner
  const aligned = parents.length > 0 && parents.every(p => samePartitioner(p.partitioner, partitioner))
  const numPartitions = aligned
    ? (partitioner as Partitioner).numPartitions
    : parents.reduce((sum, p) => sum + p.numPartitions, 0)
  return operator('union', () =>
    makeNode<UnionNode>(
      { kind: 'union', parents, aligned, numPartitions, partitioner: aligned ? partitioner : undefined },
      'union',
    ),
  )
}

export function coalesce<T>(rdd: RDD<T>, numPartitions: number, shuffle: boolean): RDD<T> {
  checkPartitions(numPartitions)
  if (shuffle) return operator('coalesce', () => repartition(rdd, numPartitions))
  return operator('coalesce', () => rdd.derive(coalesced(rdd.node, numPartitions)))
}

/** Neighbouring partitions in groups of nearly equal size. */
function coalesced(parent: Node, wanted: number): CoalesceNode {
  const from = parent.numPartitions
  const n = Math.min(wanted, from)
  const groups = Array.from({ length: n }, (_, i) => {
    const start = Math.floor((i * from) / n)
    const end = Math.floor(((i + 1) * from) / n)
    return Array.from({ length: end - start }, (_, j) => start + j)
  })
  return makeNode<CoalesceNode>(
    { kind: 'coalesce', parent, groups, numPartitions: n, partitioner: undefined },
    'coalesce',
  )
}

export function repartition<T>(rdd: RDD<T>, numPartitions: number): RDD<T> {
  checkPartitions(numPartitions)
  return operator('repartition', () => {
    const seed = rdd.context.seedFor(currentScope('repartition'))
    const dealt = mapPartitionsWithIndex(
      rdd,
      function* (index, records) {
        let at = new Random(seed).fork(index).int(numPartitions)
        for (const record of records) {
          at = (at + 1) % numPartitions
          yield [at, record] as [number, T]
        }
      },
      false,
    )
    return partitionBy(dealt, new HashPartitioner(numPartitions)).values()
  })
}

export function zip<T, U>(left: RDD<T>, right: RDD<U>): RDD<[T, U]> {
  return zipPartitions([left, right], 'zip', zipped as never) as RDD<[T, U]>
}

function* zipped(a: IterableIterator<unknown>, b: IterableIterator<unknown>): Generator<[unknown, unknown]> {
  for (let n = 0; ; n++) {
    const x = a.next()
    const y = b.next()
    if (x.done && y.done) return
    if (x.done || y.done)
      throw new KindlingError('ZIP_LENGTH_MISMATCH', {
        what: 'records in each partition',
        left: x.done ? n : `more than ${n}`,
        right: y.done ? n : `more than ${n}`,
      })
    yield [x.value, y.value]
  }
}

/** Partition i of each RDD handed to one function together. */
function zipPartitions(
  rdds: readonly (RDD<never> | RDD<unknown>)[],
  name: string,
  f: (...records: IterableIterator<never>[]) => Iterable<unknown>,
): RDD<unknown> {
  const parents = rdds.map(r => (r as RDD<unknown>).node)
  const counts = parents.map(p => p.numPartitions)
  if (new Set(counts).size > 1)
    throw new KindlingError('INVALID_ARGUMENT', {
      what: `the partition counts of ${name}`,
      value: counts.join(' and '),
      expected: 'the same number on both sides (repartition one of them)',
    })
  const node = operator(name, () =>
    makeNode<ZipNode>(
      { kind: 'zip', parents, f, numPartitions: counts[0] ?? 0, partitioner: undefined },
      name,
    ),
  )
  return (rdds[0] as RDD<unknown>).derive(node)
}

export function cartesian<T, U>(left: RDD<T>, right: RDD<U>): RDD<[T, U]> {
  const numPartitions = left.getNumPartitions() * right.getNumPartitions()
  const node = operator('cartesian', () =>
    makeNode<CartesianNode>(
      { kind: 'cartesian', left: left.node, right: right.node, numPartitions, partitioner: undefined },
      'cartesian',
    ),
  )
  return left.derive(node)
}
