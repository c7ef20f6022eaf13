/**
 * Lengths of time, points in time, and spans between two points, all in whole milliseconds.
 *
 * @source Spark Duration.scala, Time.scala, Interval.scala
 */
import { describeValue, KindlingError } from './errors.ts'

/** Unit of a duration text. */
export type DurationUnit = 'ms' | 's' | 'm' | 'min' | 'h' | 'd'

/** A duration as text, such as '200ms', '5s', '1.5 h'. */
export type DurationText = `${number}${DurationUnit}` | `${number} ${DurationUnit}`

/** What options and parameters take for a length of time: a Duration, a number of ms, or a text. */
export type DurationLike = Duration | number | DurationText

const unitMs: Readonly<Record<DurationUnit, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

// Nobody means batches or windows this short; who writes 1 for "one second" is told so.
const LEAST_BARE_MS = 5

/**
 * A length of time in whole milliseconds; negative where two were subtracted. Immutable.
 *
 * @example
 * seconds(90).prettyPrint() // => '1.5 m'
 */
export class Duration {
  readonly milliseconds: number

  /** @throws INVALID_DURATION unless it is a whole number of ms */
  constructor(milliseconds: number) {
    this.milliseconds = wholeMs(milliseconds, 'A duration')
  }

  /**
   * The sum of both.
   *
   * @example
   * seconds(1).plus(milliseconds(500)) // => milliseconds(1500)
   */
  plus(that: Duration): Duration {
    return new Duration(this.milliseconds + that.milliseconds)
  }
  /**
   * What is left without the other; negative when that is longer.
   *
   * @example
   * seconds(1).minus(seconds(3)).milliseconds // => -2000
   */
  minus(that: Duration): Duration {
    return new Duration(this.milliseconds - that.milliseconds)
  }
  /**
   * `factor` times as long.
   *
   * @throws INVALID_DURATION unless that is a whole number of ms
   * @example
   * seconds(2).times(3) // => seconds(6)
   */
  times(factor: number): Duration {
    return new Duration(this.milliseconds * factor)
  }
  /**
   * How many times the other fits in, with its fraction.
   *
   * @example
   * seconds(3).div(seconds(2)) // => 1.5
   */
  div(that: Duration): number {
    return this.milliseconds / that.milliseconds
  }

  /**
   * Whether it is shorter.
   *
   * @example
   * seconds(1).less(minutes(1)) // => true
   */
  less(that: Duration): boolean {
    return this.milliseconds < that.milliseconds
  }
  /**
   * Whether it is not longer.
   *
   * @example
   * seconds(60).lessEq(minutes(1)) // => true
   */
  lessEq(that: Duration): boolean {
    return this.milliseconds <= that.milliseconds
  }
  /**
   * Whether it is longer.
   *
   * @example
   * seconds(60).greater(minutes(1)) // => false
   */
  greater(that: Duration): boolean {
    return this.milliseconds > that.milliseconds
  }
  /**
   * Whether it is not shorter.
   *
   * @example
   * seconds(60).greaterEq(minutes(1)) // => true
   */
  greaterEq(that: Duration): boolean {
    return this.milliseconds >= that.milliseconds
  }
  /**
   * Whether both are as long.
   *
   * @example
   * seconds(60).equals(minutes(1)) // => true
   */
  equals(that: Duration): boolean {
    return this.milliseconds === that.milliseconds
  }

  /**
   * Whether the other fits in without a rest.
   *
   * @example
   * seconds(6).isMultipleOf(seconds(2)) // => true
   */
  isMultipleOf(that: Duration): boolean {
    return this.milliseconds % that.milliseconds === 0
  }
  /**
   * Whether it is 0 ms.
   *
   * @example
   * seconds(1).minus(milliseconds(1000)).isZero() // => true
   */
  isZero(): boolean {
    return this.milliseconds === 0
  }
  /**
   * The shorter of the two.
   *
   * @example
   * seconds(90).min(minutes(1)) // => minutes(1)
   */
  min(that: Duration): Duration {
    return this.less(that) ? this : that
  }
  /**
   * The longer of the two.
   *
   * @example
   * seconds(90).max(minutes(1)) // => seconds(90)
   */
  max(that: Duration): Duration {
    return this.greater(that) ? this : that
  }

  /** 'N ms', as Spark writes it. */
  toString(): string {
    return `${this.milliseconds} ms`
  }
  /**
   * The bare number of ms as text, as Spark puts it into names.
   *
   * @example
   * seconds(2).toFormattedString() // => '2000'
   */
  toFormattedString(): string {
    return String(this.milliseconds)
  }
  /**
   * For people: '250 ms', '2.0 s', '1.5 m', '1.25 h'.
   *
   * @example
   * milliseconds(250).prettyPrint() // => '250 ms'
   * minutes(75).prettyPrint() // => '1.25 h'
   */
  prettyPrint(): string {
    const ms = this.milliseconds
    if (ms < unitMs.s) return `${ms} ms`
    if (ms < unitMs.m) return `${(ms / unitMs.s).toFixed(1)} s`
    if (ms < unitMs.h) return `${(ms / unitMs.m).toFixed(1)} m`
    return `${(ms / unitMs.h).toFixed(2)} h`
  }
  /**
   * Milliseconds, so that `<` and `>` compare.
   *
   * @example
   * seconds(2) > milliseconds(500) // => true
   */
  valueOf(): number {
    return this.milliseconds
  }
}

/**
 * A point in time: milliseconds since the epoch. Immutable.
 *
 * @example
 * new Time(5500).floor(seconds(1)) // => new Time(5000)
 */
export class Time {
  readonly milliseconds: number

  /** @throws INVALID_ARGUMENT unless it is a whole number of ms */
  constructor(milliseconds: number) {
    if (!Number.isSafeInteger(milliseconds)) {
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'A time',
        value: milliseconds,
        expected: 'a whole number of milliseconds since the epoch',
      })
    }
    this.milliseconds = milliseconds + 0 // -0 becomes 0
  }

  /**
   * The time so much later.
   *
   * @example
   * new Time(5000).plus(seconds(2)) // => new Time(7000)
   */
  plus(that: Duration): Time {
    return new Time(this.milliseconds + that.milliseconds)
  }
  /**
   * Time − Time is the Duration between them; Time − Duration is the earlier Time.
   *
   * @example
   * new Time(5000).minus(new Time(2000)) // => seconds(3)
   * new Time(5000).minus(seconds(2)) // => new Time(3000)
   */
  minus(that: Time): Duration
  minus(that: Duration): Time
  minus(that: Time | Duration): Time | Duration {
    const ms = this.milliseconds - that.milliseconds
    return that instanceof Time ? new Duration(ms) : new Time(ms)
  }

  /**
   * The latest time not after this one that is a whole number of `step` after `zeroTime` (the epoch unless given).
   *
   * @example
   * new Time(5700).floor(seconds(2), new Time(1000)) // => new Time(5000)
   */
  floor(step: Duration, zeroTime: Time = new Time(0)): Time {
    const stepMs = positiveStep(step)
    const zeroMs = zeroTime.milliseconds
    return new Time(Math.floor((this.milliseconds - zeroMs) / stepMs) * stepMs + zeroMs)
  }
  /**
   * Whether it lies a whole number of `step` after the epoch.
   *
   * @example
   * new Time(6000).isMultipleOf(seconds(2)) // => true
   */
  isMultipleOf(step: Duration): boolean {
    return this.milliseconds % step.milliseconds === 0
  }

  /**
   * Whether it is before the other.
   *
   * @example
   * new Time(1000).less(new Time(2000)) // => true
   */
  less(that: Time): boolean {
    return this.milliseconds < that.milliseconds
  }
  /**
   * Whether it is not after the other.
   *
   * @example
   * new Time(1000).lessEq(new Time(1000)) // => true
   */
  lessEq(that: Time): boolean {
    return this.milliseconds <= that.milliseconds
  }
  /**
   * Whether it is after the other.
   *
   * @example
   * new Time(1000).greater(new Time(1000)) // => false
   */
  greater(that: Time): boolean {
    return this.milliseconds > that.milliseconds
  }
  /**
   * Whether it is not before the other.
   *
   * @example
   * new Time(1000).greaterEq(new Time(1000)) // => true
   */
  greaterEq(that: Time): boolean {
    return this.milliseconds >= that.milliseconds
  }
  /**
   * Whether both are the same moment.
   *
   * @example
   * new Time(1000).equals(new Time(0).plus(seconds(1))) // => true
   */
  equals(that: Time): boolean {
    return this.milliseconds === that.milliseconds
  }
  /**
   * The earlier of the two.
   *
   * @example
   * new Time(1000).min(new Time(2000)) // => new Time(1000)
   */
  min(that: Time): Time {
    return this.less(that) ? this : that
  }
  /**
   * The later of the two.
   *
   * @example
   * new Time(1000).max(new Time(2000)) // => new Time(2000)
   */
  max(that: Time): Time {
    return this.greater(that) ? this : that
  }

  /**
   * This time and every `step` after it, before `end`.
   *
   * @example
   * new Time(0).until(new Time(3000), seconds(1)) // => [new Time(0), new Time(1000), new Time(2000)]
   */
  until(end: Time, step: Duration): Time[] {
    return range(this.milliseconds, end.milliseconds, positiveStep(step))
  }
  /**
   * This time and every `step` after it, up to and including `end`.
   *
   * @example
   * new Time(0).to(new Time(2000), seconds(1)) // => [new Time(0), new Time(1000), new Time(2000)]
   */
  to(end: Time, step: Duration): Time[] {
    return range(this.milliseconds, end.milliseconds + 1, positiveStep(step))
  }

  /** 'N ms', as Spark writes it. */
  toString(): string {
    return `${this.milliseconds} ms`
  }
  /**
   * Milliseconds, so that `<` and `>` compare.
   *
   * @example
   * new Time(2000) > new Time(1000) // => true
   */
  valueOf(): number {
    return this.milliseconds
  }
}

/**
 * The span from one time to a later one. Immutable.
 *
 * @example
 * new Interval(new Time(1000), new Time(4000)).duration() // => seconds(3)
 */
export class Interval {
  readonly beginTime: Time
  readonly endTime: Time

  constructor(beginTime: Time, endTime: Time) {
    this.beginTime = beginTime
    this.endTime = endTime
  }

  /**
   * The interval of length `d` that `nowMs` lies in, counted from the epoch.
   *
   * @example
   * Interval.currentInterval(seconds(10), 25_000) // => new Interval(new Time(20_000), new Time(30_000))
   */
  static currentInterval(d: Duration, nowMs: number): Interval {
    const begin = new Time(nowMs).floor(d)
    return new Interval(begin, begin.plus(d))
  }

  /**
   * From begin to end.
   *
   * @example
   * new Interval(new Time(1000), new Time(1500)).duration() // => milliseconds(500)
   */
  duration(): Duration {
    return this.endTime.minus(this.beginTime)
  }
  /**
   * The interval moved later by `d`.
   *
   * @example
   * new Interval(new Time(0), new Time(1000)).plus(seconds(1)) // => new Interval(new Time(1000), new Time(2000))
   */
  plus(d: Duration): Interval {
    return new Interval(this.beginTime.plus(d), this.endTime.plus(d))
  }
  /**
   * The interval moved earlier by `d`.
   *
   * @example
   * new Interval(new Time(1000), new Time(2000)).minus(seconds(1)) // => new Interval(new Time(0), new Time(1000))
   */
  minus(d: Duration): Interval {
    return new Interval(this.beginTime.minus(d), this.endTime.minus(d))
  }

  /**
   * Whether it ends before the other.
   *
   * @throws INVALID_ARGUMENT, as the other comparisons do, when the two are of different length
   * @example
   * new Interval(new Time(0), new Time(5)).less(new Interval(new Time(5), new Time(10))) // => true
   */
  less(that: Interval): boolean {
    this.#mustHaveLengthOf(that)
    return this.endTime.less(that.endTime)
  }
  /**
   * `less` or `equals`.
   *
   * @example
   * const interval = new Interval(new Time(0), new Time(1000))
   * interval.lessEq(interval) // => true
   */
  lessEq(that: Interval): boolean {
    return this.less(that) || this.equals(that)
  }
  /**
   * The opposite of `lessEq`.
   *
   * @example
   * const interval = new Interval(new Time(0), new Time(1000))
   * interval.plus(seconds(1)).greater(interval) // => true
   */
  greater(that: Interval): boolean {
    return !this.lessEq(that)
  }
  /**
   * The opposite of `less`.
   *
   * @example
   * const interval = new Interval(new Time(0), new Time(1000))
   * interval.greaterEq(interval) // => true
   */
  greaterEq(that: Interval): boolean {
    return !this.less(that)
  }
  /**
   * Whether both ends are the same.
   *
   * @example
   * new Interval(new Time(0), new Time(1000)).equals(Interval.currentInterval(seconds(1), 999)) // => true
   */
  equals(that: Interval): boolean {
    return this.beginTime.equals(that.beginTime) && this.endTime.equals(that.endTime)
  }

  toString(): string {
    return `[${this.beginTime}, ${this.endTime}]`
  }

  #mustHaveLengthOf(that: Interval): void {
    if (this.duration().equals(that.duration())) return
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'The interval to compare with',
      value: that.toString(),
      expected: `as long as ${this}`,
    })
  }
}

/**
 * `n` milliseconds.
 *
 * @throws INVALID_DURATION unless n is a whole number
 * @example
 * milliseconds(250).toString() // => '250 ms'
 */
export function milliseconds(n: number): Duration {
  return new Duration(n)
}

/**
 * `n` seconds; fractions are fine down to the millisecond.
 *
 * @throws INVALID_DURATION otherwise
 * @example
 * seconds(1.5) // => milliseconds(1500)
 */
export function seconds(n: number): Duration {
  return scaled(n, 's', `seconds(${describeValue(n)})`)
}

/**
 * `n` minutes; fractions are fine down to the millisecond.
 *
 * @throws INVALID_DURATION otherwise
 * @example
 * minutes(2) // => seconds(120)
 */
export function minutes(n: number): Duration {
  return scaled(n, 'min', `minutes(${describeValue(n)})`)
}

/**
 * The Duration that an option or parameter means: a Duration as it is, a bare number as milliseconds, a text by its
 * unit. The result is 0 or longer.
 *
 * @param what how messages call it: 'The batch duration'
 * @throws INVALID_DURATION for a negative or broken value, and for a bare number above 0 and below 5, which was
 * nearly always meant to be seconds
 * @example
 * toDuration('5s') // => seconds(5)
 * toDuration(200) // => milliseconds(200)
 */
export function toDuration(d: DurationLike, what = 'A duration'): Duration {
  if (typeof d === 'number') {
    if (d > 0 && d < LEAST_BARE_MS) {
      const meant = d >= 1 ? `: did you mean seconds(${d})?` : ''
      throw invalid(what, d, `at least ${LEAST_BARE_MS} when given as a bare number of milliseconds${meant}`)
    }
    return notNegative(new Duration(wholeMs(d, what)), what)
  }
  if (typeof d === 'string') return notNegative(parseDuration(d, what), what)
  if (d instanceof Duration) return notNegative(d, what)
  throw invalid(
    what,
    d,
    "a Duration such as seconds(5), a whole number of milliseconds, or a text such as '5s'",
  )
}

function parseDuration(text: string, what: string): Duration {
  const match = /^\s*(-?\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)\s*$/.exec(text)
  if (!match)
    throw invalid(what, text, "a number with one of the units ms, s, m, min, h, d, such as '5s' or '200ms'")
  return scaled(Number(match[1]), match[2] as DurationUnit, what, text)
}

function scaled(n: number, unit: DurationUnit, what: string, given: unknown = n): Duration {
  const exact = n * unitMs[unit]
  // 1.001 s is 1000.9999999999999 in floating point and means 1001 ms.
  const rounded = Math.round(exact)
  const isWhole = Math.abs(exact - rounded) <= 1e-9 * Math.max(1, Math.abs(exact))
  return new Duration(wholeMs(isWhole ? rounded : exact, what, given))
}

function wholeMs(ms: number, what: string, given: unknown = ms): number {
  if (!Number.isSafeInteger(ms)) throw invalid(what, given, 'a whole number of milliseconds')
  return ms + 0 // -0 becomes 0
}

function notNegative(d: Duration, what: string): Duration {
  if (d.milliseconds < 0) throw invalid(what, d.toString(), 'zero or longer')
  return d
}

function positiveStep(step: Duration): number {
  if (step.milliseconds > 0) return step.milliseconds
  throw invalid('The step between times', step.toString(), 'longer than zero')
}

function range(fromMs: number, endMs: number, stepMs: number): Time[] {
  const times: Time[] = []
  for (let ms = fromMs; ms < endMs; ms += stepMs) times.push(new Time(ms))
  return times
}

function invalid(what: string, value: unknown, expected: string): KindlingError {
  return new KindlingError('INVALID_DURATION', { what, value, expected })
}
