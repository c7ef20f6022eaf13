/** A record that a function of the program could not take, with all that helps to find out why. */
import { describeValue } from '../../base/errors.ts'
import { encodeRecords } from '../../data/codec.ts'
import type { RecordOrigin } from '../sources/record-origin.ts'
import type { Failure } from './tried-step.ts'

/** What was thrown, as data. */
export interface LetterError {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
}

/** See the file head. All of it is data, so that every sink can take it. */
export interface DeadLetter {
  /** The record as the function was given it; a description, when it is no data. */
  readonly value: unknown
  /** What the function threw, or the batch failed with. */
  readonly error: LetterError
  /** The operation and its line: `map at app.ts:3:4`. */
  readonly operator: string
  /** In ms; of records of a batch. */
  readonly batchTime?: number
  /** Of what the operation was over, from 0. */
  readonly partition: number
  /** In the partition, from 0. */
  readonly index: number
  /**
   * Where it came from, when the operation is right over a source that knows: `{ file, offset }` in bytes for lines of files (of a packed
   * one: in its text), `{ block }` for what a receiver took in, whatever `locate` gives for partitions of a program's own.
   */
  readonly source?: Readonly<Record<string, unknown>>
  /** Its bytes there, without a line end; of lines of files. */
  readonly raw?: Uint8Array
  /** The input that gave it, when all of its batch failed (`kindling.streaming.failurePolicy`): the record itself may be right. */
  readonly input?: string
  /** Why the rest of this partition cannot be read; the letter stands for all of it, and has no value. */
  readonly unread?: string
}

/** What letters of one partition have in common. */
export type LetterPlace = Pick<DeadLetter, 'operator' | 'batchTime' | 'partition'>

export function letterOf(
  { index, value, error }: Failure,
  place: LetterPlace,
  origin: RecordOrigin | undefined,
): DeadLetter {
  return { value: dataOf(value), error, ...place, index, ...origin }
}

/** The record, or a description when it is no data. */
export function dataOf(value: unknown): unknown {
  try {
    encodeRecords([value])
    return value
  } catch {
    // What cannot be written down is described: the letter must arrive.
    return describeValue(value)
  }
}

export function errorOf(error: unknown): LetterError {
  if (!(error instanceof Error)) return { name: typeof error, message: describeValue(error) }
  const { name, message, stack } = error
  const { code } = error as { readonly code?: unknown }
  return {
    name,
    message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(stack === undefined ? {} : { stack }),
  }
}
