/**
 * What the driver and the thread of receivers tell each other. A `run` is one start of a receiver: what an earlier start still sends
 * after it was stopped is told apart by it.
 */
import type { WireError } from '../../../base/errors.ts'
import type { LogLevel } from '../../../base/logger.ts'
import type { FunctionDescription } from '../../../rdd/functions/description.ts'

/** One start of a receiver. */
interface OfRun {
  readonly run: number
}

export type ToReceivers =
  /** Makes a receiver by the function and starts it. */
  | (OfRun & { readonly type: 'start'; readonly description: FunctionDescription; readonly streamId: number })
  | (OfRun & { readonly type: 'stop' })
  /** So many records that were sent are taken in, which had so many bytes. */
  | (OfRun & { readonly type: 'room'; readonly records: number; readonly bytes: number })
  /** What became of a block. */
  | (OfRun & { readonly type: 'stored'; readonly call: number; readonly error: WireError | undefined })

export type FromReceivers =
  | (OfRun & { readonly type: 'started' | 'stopped'; readonly error: WireError | undefined })
  /** Single records, as a block. */
  | (OfRun & { readonly type: 'records'; readonly bytes: Uint8Array; readonly count: number })
  /** Lines of text with their ends, as UTF-8. */
  | (OfRun & { readonly type: 'lines'; readonly bytes: Uint8Array; readonly count: number })
  /** Records that are to be one block. */
  | (OfRun & {
      readonly type: 'block'
      readonly call: number
      readonly bytes: Uint8Array
      /** One record. */
      readonly metadata: Uint8Array
    })
  /** What is no record: a block of one. */
  | (OfRun & { readonly type: 'bad'; readonly bytes: Uint8Array })
  | (OfRun & { readonly type: 'error'; readonly message: string; readonly error: WireError | undefined })
  | (OfRun & {
      readonly type: 'restart'
      readonly message: string
      readonly error: WireError | undefined
      readonly delayMs: number | undefined
    })
  | (OfRun & { readonly type: 'end'; readonly message: string; readonly error: WireError | undefined })
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string }
  /** A rejection that nobody handled. */
  | { readonly type: 'floated'; readonly error: WireError }
