/**
 * Aggregations that merge in several levels, so that the driver gets few partial results.
 *
 * Each level joins neighbouring partial results and keeps their order, so that the result is that of the flat action for every
 * depth, also where the merge is not commutative.
 *
 * @source Spark RDD.treeAggregate
 */
import { KindlingError } from '../base/errors.ts'
import { copyValue } from '../data/codec.ts'
import { collect } from './actions.ts'
import { mapPartitions, mapPartitionsWithIndex } from './narrow-operations.ts'
import { reduceByKey } from './pair-operations.ts'
import { HashPartitioner } from './partitioner.ts'
import type { RDD } from './rdd.ts'
import { noPromise } from './run-sink.ts'
import { operator } from './scope.ts'

export async function treeAggregate<T, U>(
  rdd: RDD<T>,
  zero: U,
  seq: (a: U, record: T) => U,
  comb: (a: U, b: U) => U,
  depth: number,
): Promise<U> {
  const kept = copyValue(zero)
  const partials = await operator('treeAggregate', () => {
    const parts = mapPartitions(
      rdd,
      records => {
        let value = copyValue(kept)
        for (const record of records) value = seq(value, record)
        return [noPromise(value, 'treeAggregate')]
      },
      false,
    )
    return collect(merged(parts, comb, checkDepth(depth)))
  })
  let value = copyValue(kept)
  for (const partial of partials) value = noPromise(comb(value, partial), 'treeAggregate')
  return value
}

export async function treeReduce<T>(rdd: RDD<T>, f: (a: T, b: T) => T, depth: number): Promise<T> {
  const partials = await operator('treeReduce', () => {
    const parts = mapPartitions(
      rdd,
      records => {
        const first = records.next()
        if (first.done) return []
        let value = first.value
        for (const record of records) value = f(value, record)
        return [noPromise(value, 'treeReduce')]
      },
      false,
    )
    return collect(merged(parts, f, checkDepth(depth)))
  })
  if (partials.length === 0) throw new KindlingError('EMPTY_COLLECTION', { operation: 'treeReduce' })
  return partials.reduce((a, b) => noPromise(f(a, b), 'treeReduce'))
}

/** Merges levels until few enough partitions are left. Each partition holds one partial result, or none. */
function merged<U>(parts: RDD<U>, comb: (a: U, b: U) => U, depth: number): RDD<U> {
  const scale = Math.max(2, Math.ceil(parts.getNumPartitions() ** (1 / depth)))
  let level = parts
  for (;;) {
    const from = level.getNumPartitions()
    if (from <= scale + Math.ceil(from / scale)) return level
    const to = Math.floor(from / scale)
    const keyed = mapPartitionsWithIndex(
      level,
      function* (index, records) {
        for (const record of records) yield [Math.floor((index * to) / from), record] as [number, U]
      },
      false,
    )
    level = reduceByKey(keyed, comb, new HashPartitioner(to)).values()
  }
}

function checkDepth(depth: number): number {
  if (Number.isInteger(depth) && depth >= 1) return depth
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'depth',
    value: depth,
    expected: 'a whole number of at least 1',
  })
}
