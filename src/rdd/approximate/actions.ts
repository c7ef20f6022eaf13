/**
 * Actions with a time limit: the job's results are merged as its partitions end, and when time is over, what is there is turned
 * into an estimate. The job goes on.
 */
import { KindlingError } from '../../base/errors.ts'
import { KeyTable } from '../../data/key-table.ts'
import { countValues } from '../keyed-actions.ts'
import { KeyedMap } from '../keyed-map.ts'
import { keys } from '../narrow-operations.ts'
import { gatherStats } from '../numeric-actions.ts'
import type { FoldResult, JobSink } from '../ports.ts'
import type { RDD } from '../rdd.ts'
import { currentScope, operator } from '../scope.ts'
import { StatCounter } from '../stat-counter.ts'
import { type BoundedDouble, estimateCount, estimateMean, estimateSum, type Progress } from './estimates.ts'
import { PartialResult } from './partial-result.ts'

/** How long to wait, and how sure to be. */
export interface ApproximateLimits {
  /** ms */
  readonly timeout: number
  /** 0 … 1 */
  readonly confidence: number
}

async function approximately<P, R>(
  rdd: RDD<unknown>,
  name: string,
  { timeout, confidence }: ApproximateLimits,
  sink: JobSink,
  merge: (part: P) => void,
  estimate: (progress: Progress) => R,
): Promise<PartialResult<R>> {
  check('confidence', confidence, confidence >= 0 && confidence <= 1, 'a number from 0 to 1')
  check('timeout', timeout, timeout >= 0, 'a number of ms from 0 up')
  const { context, node } = rdd
  const total = node.numPartitions
  let done = 0
  const onResult = (_: number, part: P): void => {
    done++
    merge(part)
  }
  // An action of its own: a batch waits for all of the job, not only for the first answer.
  const final = context.action(name, async () => {
    await context.runRequest<P>({ node, sink, scope: currentScope(name), onResult })
    return estimate({ done, total })
  })
  const over = Promise.withResolvers<void>()
  const timer = context.clock.schedule(context.clock.now() + timeout, over.resolve)
  try {
    const ended = await Promise.race([final.then(value => ({ value })), over.promise])
    if (ended !== undefined) return new PartialResult(ended.value, true, final)
    final.catch(() => {}) // Whoever calls getFinalValue handles it.
    return new PartialResult(estimate({ done, total }), false, final)
  } finally {
    timer.cancel()
  }
}

function check(what: string, value: number, holds: boolean, expected: string): void {
  if (!holds) throw new KindlingError('INVALID_ARGUMENT', { what, value, expected })
}

export function countApprox(
  rdd: RDD<unknown>,
  limits: ApproximateLimits,
): Promise<PartialResult<BoundedDouble>> {
  let seen = 0
  return approximately<number, BoundedDouble>(
    rdd,
    'countApprox',
    limits,
    { kind: 'count' },
    n => {
      seen += n
    },
    progress => estimateCount(seen, progress, limits.confidence),
  )
}

export function countByValueApprox<T>(
  rdd: RDD<T>,
  limits: ApproximateLimits,
): Promise<PartialResult<ReadonlyMap<T, BoundedDouble>>> {
  const seen = new KeyTable<number>()
  return approximately<KeyTable<number>, ReadonlyMap<T, BoundedDouble>>(
    rdd as RDD<unknown>,
    'countByValueApprox',
    limits,
    countValues,
    part => seen.mergeFrom(part, (a, b) => a + b),
    progress =>
      new KeyedMap<T, BoundedDouble>(
        KeyTable.from(
          seen.keys,
          seen.values.map(n => estimateCount(n, progress, limits.confidence)),
        ),
      ),
  )
}

export function countByKeyApprox<K, V>(
  rdd: RDD<readonly [K, V]>,
  limits: ApproximateLimits,
): Promise<PartialResult<ReadonlyMap<K, BoundedDouble>>> {
  return operator('countByKeyApprox', () => countByValueApprox(keys(rdd), limits))
}

function statsApprox(
  rdd: RDD<number>,
  name: string,
  limits: ApproximateLimits,
  estimate: typeof estimateMean,
): Promise<PartialResult<BoundedDouble>> {
  const seen = new StatCounter()
  return approximately<FoldResult, BoundedDouble>(
    rdd as RDD<never>,
    name,
    limits,
    gatherStats,
    part => void seen.mergeStats(part.value as StatCounter),
    progress => estimate(seen, progress, limits.confidence),
  )
}

export function meanApprox(
  rdd: RDD<number>,
  limits: ApproximateLimits,
): Promise<PartialResult<BoundedDouble>> {
  return statsApprox(rdd, 'meanApprox', limits, estimateMean)
}

export function sumApprox(
  rdd: RDD<number>,
  limits: ApproximateLimits,
): Promise<PartialResult<BoundedDouble>> {
  return statsApprox(rdd, 'sumApprox', limits, estimateSum)
}
