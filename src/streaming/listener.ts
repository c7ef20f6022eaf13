/** What the engine tells about batches, output operations and receivers. @source Spark StreamingListener */
import type { Logger } from '../base/logger.ts'
import type { Duration, Time } from '../base/time.ts'

/** What one input stream gave to a batch. */
export interface StreamInputInfo {
  readonly inputStreamId: number
  readonly numRecords: number
  readonly metadata: Readonly<Record<string, unknown>>
  /** How far the source is behind after this batch; absent where it does not know. */
  readonly lag?: readonly PartitionLag[]
}

/** What a part of a source has that no batch has yet. */
export interface PartitionLag {
  /** Of the part: `clicks-0` for a partition of a topic. */
  readonly name: string
  readonly records: number
  /** Age of the last record that was read, in ms; 0 when there is nothing more, `undefined` when it is not known. */
  readonly ms: number | undefined
}

/** One output operation of one batch. Times in ms since epoch. */
export interface OutputOperationInfo {
  readonly batchTime: Time
  /** Index among the outputs of the context. */
  readonly id: number
  /** The operator: `print`, `foreachRDD`. */
  readonly name: string
  /** The operator and the line that called it. */
  readonly description: string
  readonly startTime: number | undefined
  readonly endTime: number | undefined
  readonly failureReason: string | undefined
  /** End − start in ms. */
  readonly duration: number | undefined
}

/** A batch. Times in ms since epoch, delays in ms. */
export interface BatchInfo {
  readonly batchTime: Time
  readonly batchDuration: Duration
  /** By stream id. */
  readonly streamIdToInputInfo: ReadonlyMap<number, StreamInputInfo>
  readonly submissionTime: number
  readonly processingStartTime: number | undefined
  readonly processingEndTime: number | undefined
  /** By output id. */
  readonly outputOperationInfos: ReadonlyMap<number, OutputOperationInfo>
  /** Processing start − submission. */
  readonly schedulingDelay: number | undefined
  /** Processing end − start. */
  readonly processingDelay: number | undefined
  /** Processing end − submission. */
  readonly totalDelay: number | undefined
  /** Records of all inputs. */
  readonly numRecords: number
}

/** A receiver. */
export interface ReceiverInfo {
  readonly streamId: number
  /** Its type and stream id: `SocketReceiver-0`. */
  readonly name: string
  readonly active: boolean
  /** The host it runs on. */
  readonly location: string
  readonly executorId: string
  /** Of the last error, or why it was stopped; empty when there was neither. */
  readonly lastErrorMessage: string
  /** Stack of the last error, or empty. */
  readonly lastError: string
  /** ms since epoch, −1 when there was none. */
  readonly lastErrorTime: number
}

/** A batch that failed for good and was skipped (`kindling.streaming.failurePolicy`): its input is in no result, and it does not run again. */
export interface BatchSkipped {
  readonly batchInfo: BatchInfo
  /** `undefined` when it failed while its jobs were made. */
  readonly failedOutput: OutputOperationInfo | undefined
  readonly failureReason: string
  /** What these did is not undone. */
  readonly outputsThatRan: readonly OutputOperationInfo[]
  /** The sink that has its input, with the policy `dead-letter`. */
  readonly deadLetters: string | undefined
}

/** Records that a function of the program could not take, and that a sink has now. */
export interface DeadLettersWritten {
  readonly batchTime: Time
  /** The call of `deadLetters`. */
  readonly output: string
  readonly sink: string
  /** Above 0. */
  readonly numRecords: number
}

/**
 * Callbacks; implement those you need. A listener that throws is logged and otherwise ignored.
 *
 * @example
 * const seen: string[] = []
 * const onBatchCompleted: StreamingListener['onBatchCompleted'] = ({ batchInfo: { batchTime, numRecords } }) =>
 *   void seen.push(`${batchTime}: ${numRecords} records`)
 * ssc.addStreamingListener({ onBatchCompleted })
 * t.collect('out', words)
 * await t.run(2)
 * seen // => ['1000 ms: 3 records', '2000 ms: 1 records']
 */
export interface StreamingListener {
  /** The context has started. `time` in ms since epoch. */
  onStreamingStarted(event: { readonly time: number }): void
  /** A receiver has started, for the first time or again. */
  onReceiverStarted(event: { readonly receiverInfo: ReceiverInfo }): void
  /** A receiver reported an error; whether it goes on is its own matter. */
  onReceiverError(event: { readonly receiverInfo: ReceiverInfo }): void
  /** A receiver has stopped; its `lastErrorMessage` says why. */
  onReceiverStopped(event: { readonly receiverInfo: ReceiverInfo }): void
  /** The jobs of a batch have been made. Not called for a batch without any. */
  onBatchSubmitted(event: { readonly batchInfo: BatchInfo }): void
  /** The first output of a batch has begun. */
  onBatchStarted(event: { readonly batchInfo: BatchInfo }): void
  /** The last output of a batch has ended, whether or not it failed. */
  onBatchCompleted(event: { readonly batchInfo: BatchInfo }): void
  /** A batch failed for good and was skipped. */
  onBatchSkipped(event: BatchSkipped): void
  /** Records of a batch have gone to a sink of dead letters. */
  onDeadLetters(event: DeadLettersWritten): void
  /** An output of a batch has begun. */
  onOutputOperationStarted(event: { readonly outputOperationInfo: OutputOperationInfo }): void
  /** An output of a batch has ended; `failureReason` says whether it failed. */
  onOutputOperationCompleted(event: { readonly outputOperationInfo: OutputOperationInfo }): void
}

/** Those that Spark shows. */
const PERCENTILES = [0, 5, 10, 25, 50, 75, 90, 95, 100]

/**
 * Logs how the total and the processing delay of the last `n` batches are spread, after every n-th batch.
 *
 * @source Spark StatsReportListener
 * @example
 * const written: string[] = []
 * const logger = consoleLogger('info', line => written.push(line))
 * ssc.addStreamingListener(new StatsReportListener(logger, 2))
 * t.collect('out', words)
 * await t.run(2)
 * written.map(line => /INFO +(.*) of the last/.exec(line)?.[1]) // => ['Total delay', 'Processing time']
 */
export class StatsReportListener implements Partial<StreamingListener> {
  private readonly n: number
  private readonly logger: Logger
  private batches: BatchInfo[] = []

  constructor(logger: Logger, n = 10) {
    this.logger = logger
    this.n = n
  }

  /** @internal */
  onBatchCompleted({ batchInfo }: { readonly batchInfo: BatchInfo }): void {
    this.batches.push(batchInfo)
    if (this.batches.length < this.n) return
    this.report('Total delay', b => b.totalDelay)
    this.report('Processing time', b => b.processingDelay)
    this.batches = []
  }

  private report(what: string, of: (batch: BatchInfo) => number | undefined): void {
    const ms = this.batches
      .map(of)
      .filter(delay => delay !== undefined)
      .sort((a, b) => a - b)
    if (ms.length === 0) return
    const at = (percent: number): number =>
      ms[Math.min(ms.length - 1, Math.floor((percent / 100) * ms.length))]!
    const spread = PERCENTILES.map(percent => `${percent}%: ${at(percent)} ms`).join(', ')
    this.logger.info(`${what} of the last ${ms.length} batches: ${spread}`)
  }
}
