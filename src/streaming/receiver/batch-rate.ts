/** The rate that the batches of one stream can take, as its batches complete; see `pid-rate-estimator.ts`. */
import { configEntries } from '../../base/config.ts'
import type { SourceHost } from '../input-source.ts'
import type { BatchInfo } from '../listener.ts'
import { PIDRateEstimator } from './pid-rate-estimator.ts'

/** See the file head. */
export class BatchRate {
  private readonly streamId: number
  private readonly estimator: PIDRateEstimator

  constructor({ conf, batchDuration, streamId }: SourceHost) {
    this.streamId = streamId
    this.estimator = new PIDRateEstimator({
      batchIntervalMs: batchDuration.milliseconds,
      proportional: conf.get(configEntries.backpressureProportional),
      integral: conf.get(configEntries.backpressureIntegral),
      derivative: conf.get(configEntries.backpressureDerived),
      minRate: conf.get(configEntries.backpressureMinRate),
    })
  }

  /** Records a second after a batch; `undefined` when it tells nothing. */
  after({
    processingEndTime,
    processingDelay,
    schedulingDelay,
    streamIdToInputInfo,
  }: BatchInfo): number | undefined {
    if (processingEndTime === undefined || processingDelay === undefined) return undefined
    return this.estimator.compute({
      timeMs: processingEndTime,
      records: streamIdToInputInfo.get(this.streamId)?.numRecords ?? 0,
      processingMs: processingDelay,
      schedulingMs: schedulingDelay ?? 0,
    })
  }
}
