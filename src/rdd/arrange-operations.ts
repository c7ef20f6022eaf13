/** Operators that re-arrange partitions: union, coalesce, zip, cartesian; and repartition, which shuffles. */
import { KindlingError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { preferredLocations } from './introspection.ts'
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

/** What a coalescer may look at. */
export interface CoalescerInput {
  readonly numPartitions: number
  /** The hosts on which a partition is best read; none when it does not matter. */
  preferredLocations(partition: number): readonly string[]
}

/**
 * Chooses which partitions become one: at most `maxPartitions` groups, every partition of the input in exactly one of them.
 *
 * @source Spark PartitionCoalescer
 * @example
 * const outerFirst: PartitionCoalescer = (_, { numPartitions }) => [[0, numPartitions - 1], [1]]
 * sc.range(0, 3, 1, 3).coalesce(2, false, outerFirst).glom() // => [[0, 2], [1]]
 */
export type PartitionCoalescer = (
  maxPartitions: number,
  input: CoalescerInput,
) => readonly (readonly number[])[]

export function coalesce<T>(
  rdd: RDD<T>,
  numPartitions: number,
  shuffle: boolean,
  coalescer: PartitionCoalescer = neighbours,
): RDD<T> {
  checkPartitions(numPartitions)
  return operator('coalesce', () => {
    const input = shuffle ? repartition(rdd, numPartitions) : rdd
    if (shuffle && coalescer === neighbours) return input
    return rdd.derive(coalesced(input.node, numPartitions, coalescer))
  })
}

/** Neighbouring partitions in groups of nearly equal size. */
function neighbours(wanted: number, { numPartitions: from }: CoalescerInput): number[][] {
  const n = Math.min(wanted, from)
  return Array.from({ length: n }, (_, i) => {
    const start = Math.floor((i * from) / n)
    const end = Math.floor(((i + 1) * from) / n)
    return Array.from({ length: end - start }, (_, j) => start + j)
  })
}

function coalesced(parent: Node, wanted: number, coalescer: PartitionCoalescer): CoalesceNode {
  const { numPartitions: from } = parent
  const groups = coalescer(wanted, {
    numPartitions: from,
    preferredLocations: p => preferredLocations(parent, p),
  }).map(group => [...group])
  const sorted = groups.flat().sort((a, b) => a - b)
  if (groups.length > wanted || sorted.length !== from || sorted.some((p, i) => p !== i))
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'what the coalescer gave',
      value: groups,
      expected: `at most ${wanted} groups, with each partition from 0 to ${from - 1} in one of them`,
    })
  return makeNode<CoalesceNode>(
    {
      kind: 'coalesce',
      parent,
      groupOf: p => groups[p] ?? [],
      numPartitions: groups.length,
      partitioner: undefined,
    },
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
  return operator('zip', () =>
    zipPartitions([left as RDD<unknown>, right as RDD<unknown>], zipped, false),
  ) as RDD<[T, U]>
}

function* zipped(
  a: IterableIterator<unknown>,
  b: IterableIterator<unknown>,
): Generator<[unknown, unknown], undefined> {
  for (let n = 0; ; n++) {
    const x = a.next()
    const y = b.next()
    if (x.done && y.done) return undefined
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
export function zipPartitions(
  rdds: readonly RDD<unknown>[],
  f: (...records: IterableIterator<never>[]) => Iterable<unknown>,
  preservesPartitioning: boolean,
): RDD<unknown> {
  return operator('zipPartitions', () => {
    const { name } = currentScope('zipPartitions')
    const parents = rdds.map(r => r.node)
    const counts = parents.map(p => p.numPartitions)
    if (new Set(counts).size > 1)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: `the partition counts of ${name}`,
        value: counts.join(' and '),
        expected: 'the same number on all sides (repartition one of them)',
      })
    const partitioner = preservesPartitioning
      ? parents.find(p => p.partitioner !== undefined)?.partitioner
      : undefined
    return rdds[0]!.derive(
      makeNode<ZipNode>({ kind: 'zip', parents, f, numPartitions: counts[0]!, partitioner }, name),
    )
  })
}

/** What `RDD.zipPartitions` is given: the other RDDs, the function, and perhaps whether the partitioner stays. */
export function zipPartitionsGiven(rdd: RDD<unknown>, given: readonly unknown[]): RDD<unknown> {
  const at = given.findIndex(g => typeof g === 'function')
  const others = given.slice(0, at) as RDD<unknown>[]
  const f = given[at] as (...records: IterableIterator<never>[]) => Iterable<unknown>
  return zipPartitions([rdd, ...others], f, given[at + 1] === true)
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
