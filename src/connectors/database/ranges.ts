/** Bounds cut into ranges of equal length, one for each partition. */
import { KindlingError } from '../../base/errors.ts'

/** A bound of a column: a whole number, or a moment. */
export type RangeBound = number | bigint | Date

/** From `from` on, up to `to`: that one too where `isClosed`, as in the last range. Data, which travels to tasks. */
export interface RowRange {
  readonly from: number | bigint | Date
  readonly to: number | bigint | Date
  readonly isClosed: boolean
}

/** Bounds of a column, both inclusive, and how many ranges they are cut into. */
export interface RangeBounds {
  /** The least value that is read. */
  readonly lowerBound: RangeBound
  /** The greatest value that is read. Of the same kind as `lowerBound`. */
  readonly upperBound: RangeBound
  /** At least 1. */
  readonly numPartitions: number
}

/**
 * Range i begins at lower + i · n / count, in whole numbers, where n is the number of those between the bounds. Each ends where the next
 * one begins, so that what lies between two whole numbers (fractions, microseconds) is in one of them, too.
 *
 * @throws INVALID_ARGUMENT
 * @source Spark JdbcRDD.getPartitions
 */
export function rangesOf({ lowerBound, upperBound, numPartitions }: RangeBounds): RowRange[] {
  const [lower, upper] = [wholeOf('lowerBound', lowerBound), wholeOf('upperBound', upperBound)]
  if (lowerBound instanceof Date !== upperBound instanceof Date)
    throw wrong('upperBound', upperBound, 'of the same kind as lowerBound')
  if (upper < lower) throw wrong('upperBound', upperBound, 'at least lowerBound')
  if (!Number.isSafeInteger(numPartitions) || numPartitions < 1)
    throw wrong('numPartitions', numPartitions, 'a whole number of at least 1')
  const count = BigInt(numPartitions)
  const length = upper - lower + 1n
  const beginOf = (i: bigint): bigint => lower + (i * length) / count
  const isMoment = lowerBound instanceof Date
  return Array.from({ length: numPartitions }, (_, i) => {
    const isLast = i === numPartitions - 1
    const to = isLast ? upper : beginOf(BigInt(i) + 1n)
    return { from: boundOf(beginOf(BigInt(i)), isMoment), to: boundOf(to, isMoment), isClosed: isLast }
  })
}

/** The range with its last whole number in place of its end; `undefined` when there is none in it. */
export function closedRange(
  range: RowRange,
): { readonly from: number | bigint; readonly to: number | bigint } | undefined {
  const [from, end] = [wholeOf('from', range.from), wholeOf('to', range.to)]
  const to = range.isClosed ? end : end - 1n
  // Neither of them is a moment.
  return to < from ? undefined : { from: numberOf(from), to: numberOf(to) }
}

function wholeOf(name: string, bound: RangeBound): bigint {
  if (typeof bound === 'bigint') return bound
  const value = bound instanceof Date ? bound.getTime() : bound
  if (Number.isSafeInteger(value)) return BigInt(value)
  throw wrong(name, bound, 'a whole number, a bigint or a date')
}

function boundOf(whole: bigint, isMoment: boolean): number | bigint | Date {
  return isMoment ? new Date(Number(whole)) : numberOf(whole)
}

function numberOf(whole: bigint): number | bigint {
  const number = Number(whole)
  return Number.isSafeInteger(number) ? number : whole
}

function wrong(name: string, value: unknown, expected: string): KindlingError {
  return new KindlingError('INVALID_ARGUMENT', { what: `${name} of rows of a database`, value, expected })
}
