/** About how many different records, or different values of each key, there are: by sketches. */
import { KindlingError } from '../base/errors.ts'
import {
  addKey,
  emptySketch,
  estimateKeys,
  MAX_P,
  MIN_P,
  mergeSketches,
  type Precision,
  precisionFor,
  type Sketch,
} from '../data/hyper-log-log.ts'
import { mapValues } from './narrow-operations.ts'
import { combineByKey } from './pair-operations.ts'
import type { Partitioning } from './partitioner.ts'
import type { FoldResult, JobSink } from './ports.ts'
import type { RDD } from './rdd.ts'
import { run } from './run-sink.ts'
import { currentScope, operator } from './scope.ts'

/** A relative standard error, or the bits of a sketch. */
export function precisionOf(given: number | Precision): Precision {
  if (typeof given === 'number') {
    const p = precisionFor(given)
    if (given > 0 && p <= MAX_P) return { p, sp: 0 }
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'relativeSD',
      value: given,
      expected: `at least 0.00026, which takes ${2 ** MAX_P} registers`,
    })
  }
  const { p, sp } = given
  if (!Number.isInteger(p) || p < MIN_P || p > MAX_P)
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'p',
      value: p,
      expected: `a whole number from ${MIN_P} to ${MAX_P}`,
    })
  if (sp !== 0 && (!Number.isInteger(sp) || sp < p || sp > 32))
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'sp',
      value: sp,
      expected: `0, or a whole number from p (${p}) to 32`,
    })
  return { p, sp }
}

export async function countApproxDistinct(rdd: RDD<unknown>, precision: Precision): Promise<number> {
  const sink: JobSink = {
    kind: 'fold',
    f: (sketch: Sketch, record: unknown) => addKey(sketch, record, precision),
    zero: () => emptySketch(precision),
  }
  const parts = await run<FoldResult>(rdd, currentScope('countApproxDistinct'), sink)
  const all = parts.reduce(
    (sketch, part) => mergeSketches(sketch, part.value as Sketch, precision),
    emptySketch(precision),
  )
  return estimateKeys(all, precision)
}

export function countApproxDistinctByKey<K, V>(
  rdd: RDD<readonly [K, V]>,
  precision: Precision,
  partitions: Partitioning | undefined,
): RDD<[K, number]> {
  return operator('countApproxDistinctByKey', () => {
    const sketches = combineByKey<K, V, Sketch>(
      rdd,
      value => addKey(emptySketch(precision), value, precision),
      (sketch, value) => addKey(sketch, value, precision),
      (a, b) => mergeSketches(a, b, precision),
      partitions === undefined ? {} : { partitions },
    )
    return mapValues(sketches, sketch => estimateKeys(sketch, precision))
  })
}
