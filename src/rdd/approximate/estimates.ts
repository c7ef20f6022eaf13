/**
 * What can be said of a whole RDD when only some of its partitions have been looked at.
 *
 * Partitions are taken to be alike: with a fraction p of them seen, each record has been seen with probability p.
 *
 * @source Spark core partial: CountEvaluator, MeanEvaluator, SumEvaluator
 */
import type { StatCounter } from '../stat-counter.ts'
import { normalQuantile, studentQuantile } from './quantiles.ts'

/** A number with an interval that holds the true one with a probability of `confidence`. */
export interface BoundedDouble {
  readonly mean: number
  /** 0 … 1; 1 when it is exact. */
  readonly confidence: number
  readonly low: number
  readonly high: number
}

/** How far a job has come. */
export interface Progress {
  readonly done: number
  readonly total: number
}

const exactly = (value: number): BoundedDouble => ({ mean: value, confidence: 1, low: value, high: value })
const anything = (confidence: number): BoundedDouble => ({
  mean: 0,
  confidence,
  low: Number.NEGATIVE_INFINITY,
  high: Number.POSITIVE_INFINITY,
})

/** The number of records, of which `seen` are in the partitions that are done. */
export function estimateCount(seen: number, { done, total }: Progress, confidence: number): BoundedDouble {
  if (done === total) return exactly(seen)
  if (done === 0 || seen === 0) return { mean: 0, confidence: 0, low: 0, high: Number.POSITIVE_INFINITY }
  const p = done / total
  const mean = (seen * (1 - p)) / p
  const quantile = unseenQuantiles(seen, p)
  return {
    mean: seen + mean,
    confidence,
    low: seen + quantile((1 - confidence) / 2),
    high: seen + quantile((1 + confidence) / 2),
  }
}

/** Above this many unseen records the normal distribution is as good. */
const MAX_EXACT = 10_000

/** Quantiles of the number of records not seen: failures before the `seen`-th success of probability p (Pascal). */
function unseenQuantiles(seen: number, p: number): (probability: number) => number {
  const mean = (seen * (1 - p)) / p
  const stdev = Math.sqrt(mean / p)
  if (mean + 10 * stdev > MAX_EXACT)
    return probability => Math.max(0, Math.round(mean + stdev * normalQuantile(probability)))
  return probability => {
    // P(0) = p^seen, P(k + 1) = P(k) · (seen + k) / (k + 1) · (1 − p), by logarithms: p^seen may be too small for a number.
    let logMass = seen * Math.log(p)
    let sum = Math.exp(logMass)
    let k = 0
    for (; sum < probability && k < 2 * MAX_EXACT; k++) {
      logMass += Math.log(((seen + k) / (k + 1)) * (1 - p))
      sum += Math.exp(logMass)
    }
    return k
  }
}

/** How many standard deviations around the mean hold the true one with this confidence. */
function spread(count: number, confidence: number): number {
  const p = (1 + confidence) / 2
  return count > 100 ? normalQuantile(p) : studentQuantile(p, count - 1)
}

/** The mean of all numbers, from the statistics of those that were seen. */
export function estimateMean(
  seen: StatCounter,
  { done, total }: Progress,
  confidence: number,
): BoundedDouble {
  if (done === total) return exactly(seen.mean)
  if (done === 0 || seen.count === 0) return anything(0)
  if (seen.count === 1) return { ...anything(confidence), mean: seen.mean }
  const around = spread(seen.count, confidence) * Math.sqrt(seen.sampleVariance / seen.count)
  return { mean: seen.mean, confidence, low: seen.mean - around, high: seen.mean + around }
}

/** The sum of all numbers, from the statistics of those that were seen. */
export function estimateSum(seen: StatCounter, { done, total }: Progress, confidence: number): BoundedDouble {
  if (done === total) return exactly(seen.sum)
  if (done === 0 || seen.count === 0) return anything(0)
  const p = done / total
  const unseen = (seen.count * (1 - p)) / p
  const mean = seen.sum + seen.mean * unseen
  if (seen.count === 1) return { ...anything(confidence), mean }
  const meanVariance = seen.sampleVariance / seen.count
  const countVariance = (seen.count * (1 - p)) / (p * p)
  // The variance of a product of two independent variables.
  const variance = seen.mean ** 2 * countVariance + unseen ** 2 * meanVariance + meanVariance * countVariance
  const around = spread(seen.count, confidence) * Math.sqrt(variance)
  return { mean, confidence, low: mean - around, high: mean + around }
}
