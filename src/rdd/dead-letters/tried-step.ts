/** A function of records that may throw for some of them: what it gives for the others, and which these are. */
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import { errorOf, type LetterError } from './dead-letter.ts'

/** An operation, as the user wrote it: what travels to tasks. */
export interface TriedStep {
  readonly op: 'map' | 'flatMap' | 'filter'
  readonly f: (record: never) => unknown
}

/** A record for which the function threw. */
export interface Failure {
  /** In its partition, from 0. */
  readonly index: number
  readonly value: unknown
  readonly error: LetterError
}

/** Failures of one batch by partition; only partitions that were read to the end, and have few. */
export type KnownFailures = Map<number, readonly Failure[]>

/** Failures of a partition that are kept; for more the function is called again. */
const MAX_KNOWN = 1000

/** What the function gives for the records of a partition for which it does not throw. */
export function* tryAll(
  step: TriedStep,
  records: Iterable<unknown>,
  partition: number,
  known: KnownFailures,
): Generator<unknown, undefined> {
  const failures: Failure[] = []
  let index = -1
  for (const value of records) {
    index++
    let made: unknown
    try {
      made = call(step, value)
    } catch (error) {
      if (isMistake(error)) throw error
      if (failures.length <= MAX_KNOWN) failures.push({ index, value, error: errorOf(error) })
      continue
    }
    if (step.op === 'map') yield made
    else if (step.op === 'flatMap') yield* made as readonly unknown[]
    else if (made) yield value
  }
  if (failures.length <= MAX_KNOWN) known.set(partition, failures)
  return undefined
}

/** The failures among some records. @param first the index of the first one */
export function failuresOf(step: TriedStep, records: readonly unknown[], first: number): Failure[] {
  const failures: Failure[] = []
  for (const [i, value] of records.entries())
    try {
      call(step, value)
    } catch (error) {
      if (isMistake(error)) throw error
      failures.push({ index: first + i, value, error: errorOf(error) })
    }
  return failures
}

/** Of a flatMap all that it gives, gathered: a record is taken whole, or not at all. */
function call({ op, f }: TriedStep, value: unknown): unknown {
  const made = (f as (record: unknown) => unknown)(value)
  if (made instanceof Promise) {
    made.catch(() => {})
    throw new KindlingError('PROMISE_RETURNED', { operation: op, instead: 'mapAsync before it' })
  }
  if (op !== 'flatMap') return made
  if (typeof (made as Iterable<unknown> | undefined)?.[Symbol.iterator] !== 'function')
    throw new KindlingError('NOT_ITERABLE', { operation: op, value: made })
  return Array.from(made as Iterable<unknown>)
}

/** What is wrong with the program, and not with a record. */
export function isMistake(error: unknown): boolean {
  return isKindlingError(error, 'PROMISE_RETURNED') || isKindlingError(error, 'NOT_ITERABLE')
}
