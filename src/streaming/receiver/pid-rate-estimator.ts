/** The rate that batches can take, by a PID controller over the batches so far. @source Spark PIDRateEstimator */
import { KindlingError } from '../../base/errors.ts'

/** How strongly the estimate follows the present, the accumulated and the changing error; the last is a floor in records/s. */
export interface PIDSettings {
  readonly batchIntervalMs: number
  readonly proportional: number
  readonly integral: number
  readonly derivative: number
  readonly minRate: number
}

/** What is known of a batch. */
export interface BatchMeasure {
  /** End of processing, ms since epoch. */
  readonly timeMs: number
  readonly records: number
  readonly processingMs: number
  readonly schedulingMs: number
}

/** What the next estimate stands on; plain data. */
export interface RateMemory {
  readonly timeMs: number
  readonly rate: number
  readonly error: number
}

/** See the file head. */
export class PIDRateEstimator {
  private readonly settings: PIDSettings
  private last: RateMemory | undefined

  /** @throws INVALID_ARGUMENT for an interval or floor that is not above 0, or a negative weight */
  constructor(settings: PIDSettings) {
    const { batchIntervalMs, proportional, integral, derivative, minRate } = settings
    const check = (what: string, value: number, holds: boolean, expected: string): void => {
      if (!holds) throw new KindlingError('INVALID_ARGUMENT', { what, value, expected })
    }
    check('the batch interval of the rate estimator', batchIntervalMs, batchIntervalMs > 0, 'above 0')
    check('pid.proportional', proportional, proportional >= 0, 'at least 0')
    check('pid.integral', integral, integral >= 0, 'at least 0')
    check('pid.derived', derivative, derivative >= 0, 'at least 0')
    check('pid.minRate', minRate, minRate > 0, 'above 0')
    this.settings = settings
  }

  /** `undefined` before the first batch. */
  get memory(): RateMemory | undefined {
    return this.last
  }

  /** Goes on from what another estimator knew. */
  set memory(last: RateMemory | undefined) {
    this.last = last
  }

  /** Records a second for the stream; `undefined` for the first batch and for one that tells nothing. */
  compute(batch: BatchMeasure): number | undefined {
    const { timeMs, records, processingMs, schedulingMs } = batch
    const { last } = this
    if (!(timeMs > (last?.timeMs ?? -1) && records > 0 && processingMs > 0)) return undefined
    const processed = (records / processingMs) * 1000
    if (last === undefined) {
      this.last = { timeMs, rate: processed, error: 0 }
      return undefined
    }
    const { batchIntervalMs, proportional, integral, derivative, minRate } = this.settings
    const seconds = (timeMs - last.timeMs) / 1000
    const error = last.rate - processed
    const historical = (schedulingMs * processed) / batchIntervalMs
    const change = (error - last.error) / seconds
    const rate = Math.max(
      last.rate - proportional * error - integral * historical - derivative * change,
      minRate,
    )
    this.last = { timeMs, rate, error }
    return rate
  }
}
