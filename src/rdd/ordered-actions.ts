/** Actions by order: the smallest and largest records. Records that compare as equal keep their order. */

import { KindlingError } from '../base/errors.ts'
import { joined } from '../data/chunk.ts'
import { reduce } from './actions.ts'
import { capture } from './functions/explicit.ts'
import { keyOrder } from './partitioner.ts'
import type { JobSink } from './ports.ts'
import type { RDD } from './rdd.ts'
import { eachRecord, run } from './run-sink.ts'
import { currentScope, operator } from './scope.ts'

type Compare<T> = (a: T, b: T) => number

/** Records kept beyond those asked for, so that sorting is rare. */
const SPARE = 256

export async function takeOrdered<T>(rdd: RDD<T>, n: number, compare: Compare<T> = keyOrder): Promise<T[]> {
  const scope = currentScope('takeOrdered')
  if (!Number.isSafeInteger(n) || n < 0)
    throw new KindlingError('INVALID_ARGUMENT', {
      what: `n of ${scope.name}`,
      value: n,
      expected: 'a whole number from 0 up',
    })
  if (n === 0) return []
  const sink: JobSink = {
    kind: 'chunks',
    run: capture({ n, SPARE, compare, eachRecord, smallest }, async (records, task) => {
      const kept: T[] = []
      const most = 2 * n + SPARE
      await eachRecord(records, task, record => {
        kept.push(record as T)
        if (kept.length >= most) smallest(kept, n, compare)
      })
      try {
        return smallest(kept, n, compare)
      } catch (error) {
        throw task.failed(error, undefined)
      }
    }),
  }
  const parts = await run<T[]>(rdd as RDD<unknown>, scope, sink)
  return smallest(joined(parts), n, compare)
}

/** Leaves the `n` smallest, in order; those that came first before their equals. */
function smallest<T>(records: T[], n: number, compare: Compare<T>): T[] {
  // `sort` puts undefined last, whatever the comparison says: such records are sorted in boxes.
  if (records.includes(undefined as T)) {
    const boxes = records.map(record => ({ record })).sort((a, b) => compare(a.record, b.record))
    for (const [i, { record }] of boxes.entries()) records[i] = record
  } else records.sort(compare)
  if (records.length > n) records.length = n
  return records
}

export function top<T>(rdd: RDD<T>, n: number, compare: Compare<T> = keyOrder): Promise<T[]> {
  return operator('top', () =>
    takeOrdered(
      rdd,
      n,
      capture({ compare }, (a: T, b: T) => compare(b, a)),
    ),
  )
}

export function max<T>(rdd: RDD<T>, compare: Compare<T> = keyOrder): Promise<T> {
  return operator('max', () =>
    reduce(
      rdd,
      capture({ compare }, (a: T, b: T) => (compare(a, b) >= 0 ? a : b)),
    ),
  )
}

export function min<T>(rdd: RDD<T>, compare: Compare<T> = keyOrder): Promise<T> {
  return operator('min', () =>
    reduce(
      rdd,
      capture({ compare }, (a: T, b: T) => (compare(a, b) <= 0 ? a : b)),
    ),
  )
}
