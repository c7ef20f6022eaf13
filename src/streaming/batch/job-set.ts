/** The jobs of one batch, one for each output operation, and what is known of their times. */
import type { Duration, Time } from '../../base/time.ts'
import { describeScope } from '../../rdd/scope.ts'
import type { OutputOperation } from '../dstream/host.ts'
import type { BatchInfo, OutputOperationInfo, StreamInputInfo } from '../listener.ts'

/** One output operation of one batch. */
export class OutputJob {
  readonly set: JobSet
  readonly id: number
  readonly output: Pick<OutputOperation, 'scope' | 'sink'>
  readonly run: () => void | Promise<void>
  startTime: number | undefined
  endTime: number | undefined
  error: Error | undefined
  /** Whether the context was stopped under it: that is no failure of the batch. */
  isCancelled = false
  /** Whether it does not run, since an output before it failed. */
  isDropped = false

  constructor(
    set: JobSet,
    id: number,
    output: Pick<OutputOperation, 'scope' | 'sink'>,
    run: () => void | Promise<void>,
  ) {
    this.set = set
    this.id = id
    this.output = output
    this.run = run
  }

  info(): OutputOperationInfo {
    const { startTime, endTime } = this
    return {
      batchTime: this.set.time,
      id: this.id,
      name: this.output.scope.name,
      description: describeScope(this.output.scope),
      startTime,
      endTime,
      failureReason: this.error?.message,
      duration: startTime === undefined || endTime === undefined ? undefined : endTime - startTime,
    }
  }
}

/** A batch from its submission to the end of its last output. */
export class JobSet {
  readonly time: Time
  readonly jobs: OutputJob[] = []
  readonly inputs: ReadonlyMap<number, StreamInputInfo>
  readonly submissionTime: number
  private readonly batchDuration: Duration
  startTime: number | undefined
  endTime: number | undefined

  constructor(
    time: Time,
    inputs: ReadonlyMap<number, StreamInputInfo>,
    submissionTime: number,
    batchDuration: Duration,
  ) {
    this.time = time
    this.inputs = inputs
    this.submissionTime = submissionTime
    this.batchDuration = batchDuration
  }

  get isComplete(): boolean {
    return this.jobs.every(job => job.endTime !== undefined || job.isDropped)
  }

  /** The output that failed first, in order of definition. */
  get failure(): OutputJob | undefined {
    return this.jobs.find(job => job.error !== undefined && !job.isCancelled)
  }

  get failed(): boolean {
    return this.jobs.some(job => job.error !== undefined)
  }

  info(): BatchInfo {
    const { startTime, endTime, submissionTime } = this
    const schedulingDelay = startTime === undefined ? undefined : startTime - submissionTime
    const processingDelay = startTime === undefined || endTime === undefined ? undefined : endTime - startTime
    let numRecords = 0
    for (const input of this.inputs.values()) numRecords += input.numRecords
    return {
      batchTime: this.time,
      batchDuration: this.batchDuration,
      streamIdToInputInfo: this.inputs,
      submissionTime,
      processingStartTime: startTime,
      processingEndTime: endTime,
      outputOperationInfos: new Map(this.jobs.map(job => [job.id, job.info()])),
      schedulingDelay,
      processingDelay,
      totalDelay: processingDelay === undefined ? undefined : schedulingDelay! + processingDelay,
      numRecords,
    }
  }
}
