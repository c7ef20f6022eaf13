/**
 * How much the batches of one stream can take, as they complete; see `pid-rate-estimator.ts`.
 *
 *   slow start: `initial`, for all batches together ── the first one with data has ended ─▶ the estimate, at most `max`
 *
 * A backlog would otherwise be swallowed by the batches that are planned while the first one, which is too large, still runs.
 *
 * Counted in records, or in whatever unit the source plans by. What is known is written down with the plan of each batch, so that a
 * restart does not begin to guess again.
 */
import { configEntries } from '../../base/config.ts'
import type { Time } from '../../base/time.ts'
import type { RateControl, RateSettings, SourceHost } from '../input-source.ts'
import type { BatchInfo } from '../listener.ts'
import { PIDRateEstimator, type RateMemory } from './pid-rate-estimator.ts'

/** What a restart goes on from: plain data. */
export interface SavedRate {
  readonly rate: number
  readonly last: RateMemory
}

/** Units a second until something is known, for sources that say nothing else. */
export const FIRST_RATE = 100_000

/** See the file head. */
export class BatchRate implements RateControl {
  private readonly streamId: number
  private readonly batchMs: number
  private readonly settings: RateSettings
  private readonly estimator: PIDRateEstimator | undefined
  private readonly minRate: number
  private current: number | undefined
  /** By batch, as long as nothing is known. */
  private readonly amounts = new Map<number, number>()

  constructor(host: Pick<SourceHost, 'conf' | 'batchDuration' | 'streamId'>, settings: RateSettings) {
    const { conf, batchDuration, streamId } = host
    this.streamId = streamId
    this.batchMs = batchDuration.milliseconds
    this.settings = settings
    const isOn = conf.get(configEntries.backpressureEnabled)
    this.current = this.capped(
      isOn && settings.initial !== Number.POSITIVE_INFINITY ? settings.initial : undefined,
    )
    this.minRate = settings.min ?? conf.get(configEntries.backpressureMinRate)
    if (isOn)
      this.estimator = new PIDRateEstimator({
        batchIntervalMs: this.batchMs,
        proportional: conf.get(configEntries.backpressureProportional),
        integral: conf.get(configEntries.backpressureIntegral),
        derivative: conf.get(configEntries.backpressureDerived),
        minRate: this.minRate,
      })
  }

  get rate(): number | undefined {
    return this.current
  }

  limit(): number {
    if (this.current === undefined) return Number.POSITIVE_INFINITY
    const limit = Math.max(1, Math.floor((this.current * this.batchMs) / 1000))
    return this.isStarting ? Math.max(0, limit - this.underWay()) : limit
  }

  /** What has been planned for a batch. */
  planned(time: Time, numRecords: number): void {
    if (!this.isStarting) return
    this.amounts.set(time.milliseconds, this.settings.amountOf?.(time) ?? numRecords)
    // Those who do not plan, but let in at a rate, slow down until it is known what the batch takes.
    if (this.current !== undefined && this.underWay() > 0) this.settings.changed?.(this.minRate)
  }

  /** Whether nothing is known yet. */
  private get isStarting(): boolean {
    return this.estimator !== undefined && this.estimator.memory === undefined
  }

  private underWay(): number {
    let sum = 0
    for (const amount of this.amounts.values()) sum += amount
    return sum
  }

  /** A batch has ended. */
  completed(info: BatchInfo): void {
    const { processingEndTime, processingDelay, schedulingDelay, streamIdToInputInfo, batchTime } = info
    const records =
      this.settings.amountOf?.(batchTime) ?? streamIdToInputInfo.get(this.streamId)?.numRecords ?? 0
    for (const time of this.amounts.keys()) if (time <= batchTime.milliseconds) this.amounts.delete(time)
    const isFirst = this.isStarting
    const isKnown = processingEndTime !== undefined && processingDelay !== undefined
    const rate = isKnown
      ? this.estimator?.compute({
          timeMs: processingEndTime,
          records,
          processingMs: processingDelay,
          schedulingMs: schedulingDelay ?? 0,
        })
      : undefined
    if (rate !== undefined) this.change(rate)
    else if (isFirst && this.current !== undefined) {
      // The slow start is over, or goes on as before when the batch told nothing.
      const first = this.estimator?.memory?.rate ?? this.current
      this.change(Math.min(this.current, Math.max(first, this.minRate)))
    }
  }

  /** `undefined` while nothing is known. */
  save(): SavedRate | undefined {
    const last = this.estimator?.memory
    return last === undefined || this.current === undefined ? undefined : { rate: this.current, last }
  }

  /** What an earlier process knew. @param now in ms; the clock may have gone back since */
  restore({ rate, last }: SavedRate, now: number): void {
    if (this.estimator === undefined) return
    this.estimator.memory = { ...last, timeMs: Math.min(last.timeMs, now) }
    this.change(rate)
  }

  private change(rate: number): void {
    this.current = this.capped(rate)
    this.settings.changed?.(this.current!)
  }

  private capped(rate: number | undefined): number | undefined {
    const { max } = this.settings
    return rate === undefined || max === undefined ? (rate ?? max) : Math.min(rate, max)
  }
}
