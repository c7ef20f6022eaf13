/** How a stream is doing, as a read model of fixed size fed by the engine's events. */
import type { BatchInfo, PartitionLag, StreamingListener } from '../streaming/listener.ts'

/** Batches that rates and delays are averaged over. */
const RECENT = 10

/** Totals since the start, and the recent past. Delays in ms. */
export interface ProgressSnapshot {
  readonly completedBatches: number
  readonly failedBatches: number
  /** Of those that failed: how many were taken back. */
  readonly skippedBatches: number
  readonly totalRecords: number
  /** Records that went to sinks of dead letters. */
  readonly deadLetters: number
  readonly waitingBatches: number
  readonly receiverErrors: number
  readonly lastReceiverError: string
  /** Records per second over the last ten batches. */
  readonly recordsPerSecond: number
  /** Of the last completed batch. */
  readonly processingDelay: number | undefined
  readonly totalDelay: number | undefined
  /** Means over all batches. */
  readonly meanProcessingDelay: number
  readonly meanTotalDelay: number
  readonly maxTotalDelay: number
  /** How far sources are behind, those that know it: all their parts, in order of streams, after the last completed batch. */
  readonly lag: readonly PartitionLag[]
}

/** See the file head. Add it as a streaming listener. */
export class StreamingProgress implements Partial<StreamingListener> {
  private readonly recent: BatchInfo[] = []
  private completed = 0
  private failed = 0
  private skipped = 0
  private records = 0
  private letters = 0
  private submitted = 0
  private processing = 0
  private delay = 0
  private maxDelay = 0
  private errors = 0
  private lastError = ''

  onBatchSubmitted(): void {
    this.submitted++
  }

  onBatchCompleted({ batchInfo }: { readonly batchInfo: BatchInfo }): void {
    this.completed++
    this.records += batchInfo.numRecords
    for (const output of batchInfo.outputOperationInfos.values())
      if (output.failureReason !== undefined) {
        this.failed++
        break
      }
    this.processing += batchInfo.processingDelay ?? 0
    this.delay += batchInfo.totalDelay ?? 0
    this.maxDelay = Math.max(this.maxDelay, batchInfo.totalDelay ?? 0)
    this.recent.push(batchInfo)
    if (this.recent.length > RECENT) this.recent.shift()
  }

  onBatchSkipped(): void {
    this.skipped++
  }

  onDeadLetters({ numRecords }: { readonly numRecords: number }): void {
    this.letters += numRecords
  }

  onReceiverError({ receiverInfo }: { readonly receiverInfo: { readonly lastErrorMessage: string } }): void {
    this.errors++
    this.lastError = receiverInfo.lastErrorMessage
  }

  snapshot(): ProgressSnapshot {
    const last = this.recent.at(-1)
    let records = 0
    let ms = 0
    for (const batch of this.recent) {
      records += batch.numRecords
      ms += batch.batchDuration.milliseconds
    }
    const mean = (sum: number): number => (this.completed === 0 ? 0 : sum / this.completed)
    return {
      completedBatches: this.completed,
      failedBatches: this.failed,
      skippedBatches: this.skipped,
      totalRecords: this.records,
      deadLetters: this.letters,
      waitingBatches: this.submitted - this.completed,
      receiverErrors: this.errors,
      lastReceiverError: this.lastError,
      recordsPerSecond: ms === 0 ? 0 : (records * 1000) / ms,
      processingDelay: last?.processingDelay,
      totalDelay: last?.totalDelay,
      meanProcessingDelay: mean(this.processing),
      meanTotalDelay: mean(this.delay),
      maxTotalDelay: this.maxDelay,
      lag: [...(last?.streamIdToInputInfo.values() ?? [])].flatMap(({ lag }) => lag ?? []),
    }
  }
}
