/** An output operation that writes each batch into a sink: once, however often the batch runs. */
import type { Logger } from '../../base/logger.ts'
import type { Time } from '../../base/time.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { describeScope, type OperatorScope } from '../../rdd/scope.ts'
import type { BatchToken, Sink, SinkOutput } from '../../rdd/sink/sink.ts'
import { isFenced, sinkStep, writeBatch } from '../../rdd/sink/write-batch.ts'
import type { RequiredGuarantee } from './guarantee.ts'

/** How a stream is written into a sink. */
export interface WriteToOptions {
  /** What the output is called in the sink's tokens; no two outputs of a program have one. Default: by its place in the program. */
  readonly id?: string
  /** Refuse the start when less than this can be kept. Default: what can be kept is said, and taken. */
  readonly require?: RequiredGuarantee
}

/** What an output needs of the program that it is part of. */
export interface SinkHost {
  readonly output: SinkOutput
  readonly logger: Logger
  /** Batches that had been planned before this start and had not ended, in ms. */
  readonly pending: readonly number[]
  /** All batches up to this time have ended, in ms. */
  ended(): number
  /** @throws FENCED when another process has taken over */
  guard(): Promise<void>
  /** Another process has taken over. */
  onFenced(error: unknown): void
  /** The sink has a batch of so many records. */
  onWritten(time: Time, records: number): void
}

/** What has become of a batch in a sink. */
export type Standing =
  /** Nothing of it has been written. */
  | 'absent'
  /** Parts of it have been written, and may be seen if the sink is not one of exactly once. */
  | 'begun'
  /** The sink was told to commit, and whether it did is not known. */
  | 'unsure'
  | 'committed'

/** Batches whose standing is remembered: more than ever wait or run. */
const MAX_STANDINGS = 1000
/** Tokens are given up so often. */
const FORGET_BATCHES = 100

/** See the file head. */
export class SinkOperation<T = unknown> {
  readonly scope: OperatorScope
  readonly id: string | undefined
  readonly required: RequiredGuarantee | undefined
  /** Whether its records are those that functions of the program could not take. */
  readonly takesDeadLetters: boolean
  private readonly sink: Sink<T>
  private readonly standings = new Map<number, Standing>()
  private host: SinkHost | undefined
  /** What the sink was told to open, and not yet to close. */
  private opened: SinkOutput | undefined
  private written = 0

  constructor(
    sink: Sink<T>,
    scope: OperatorScope,
    { id, require }: WriteToOptions,
    takesDeadLetters = false,
  ) {
    this.takesDeadLetters = takesDeadLetters
    this.sink = sink
    this.scope = scope
    this.id = id
    this.required = require
  }

  get name(): string {
    return this.sink.name
  }

  get guarantee(): Sink<T>['guarantee'] {
    return this.sink.guarantee
  }

  /** Whether a batch is at a place of its own, which another output's must not have. */
  get replaces(): boolean {
    return this.sink.guarantee === 'exactly-once' && this.sink.by !== 'transaction'
  }

  /** Opens the sink, and asks it what it holds. @throws SINK_FAILED, SINK_FENCED */
  async start(host: SinkHost): Promise<void> {
    const { sink } = this
    this.opened = host.output
    await sinkStep(sink, 'open', {}, () => sink.open?.({ ...host.output, logger: host.logger }))
    this.host = host
    if (sink.guarantee === 'exactly-once' && host.pending.length > 0) {
      const tokens = host.pending.map(batchTime => ({ ...host.output, batchTime }))
      for (const { batchTime } of await sinkStep(sink, 'committed', {}, () => sink.committed(tokens)))
        this.standings.set(batchTime, 'committed')
    }
    await this.forget()
  }

  /** Writes a batch, unless the sink holds it. */
  async write(rdd: RDD<T>, time: Time): Promise<void> {
    const { sink, scope } = this
    const host = this.host!
    const batch: BatchToken = { ...host.output, batchTime: time.milliseconds }
    if (this.standing(time) === 'committed') {
      host.logger.info(
        `${describeScope(scope)}: ${sink.name} holds the batch at ${time} already; it is not written again`,
      )
      return
    }
    const remember = (standing: Standing): void => this.remember(batch.batchTime, standing)
    remember('begun')
    try {
      const guard = (): Promise<void> => host.guard()
      const leavesOutEmpty = this.takesDeadLetters
      const records = await writeBatch(rdd, sink, batch, scope, { guard, leavesOutEmpty, onCommit: remember })
      remember(records === 0 && leavesOutEmpty ? 'absent' : 'committed')
      host.onWritten(time, records)
    } catch (error) {
      if (isFenced(error)) host.onFenced(error)
      throw error
    }
    if (++this.written % FORGET_BATCHES === 0) await this.forget()
  }

  /** What is known of a batch. */
  standing(time: Time): Standing {
    return this.standings.get(time.milliseconds) ?? 'absent'
  }

  /** Closes the sink, if it was opened: also one that is being opened, which may wait for its server. */
  async close(): Promise<void> {
    const { opened, sink } = this
    this.host = undefined
    this.opened = undefined
    if (opened !== undefined) await sinkStep(sink, 'close', {}, () => sink.close?.(opened))
  }

  private remember(batchTime: number, standing: Standing): void {
    this.standings.delete(batchTime)
    this.standings.set(batchTime, standing)
    if (this.standings.size > MAX_STANDINGS) this.standings.delete(this.standings.keys().next().value!)
  }

  /** What fails is tried again with later batches. */
  private async forget(): Promise<void> {
    const { sink, host } = this
    // The program may have stopped meanwhile.
    if (host === undefined) return
    const { output, ended, logger } = host
    await sinkStep(sink, 'forget', {}, () => sink.forget?.(output, ended() + 1)).catch((error: Error) =>
      logger.warn(error.message, { error }),
    )
  }
}
