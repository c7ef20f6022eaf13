import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  Duration,
  type DurationLike,
  Interval,
  milliseconds,
  minutes,
  seconds,
  Time,
  toDuration,
} from '../../src/base/time.ts'
import { thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const ms = fc.integer({ min: -(2 ** 45), max: 2 ** 45 })
const stepMs = fc.integer({ min: 1, max: 2 ** 40 })

test('durations of seconds and minutes, down to the millisecond', () => {
  assert.equal(milliseconds(7).milliseconds, 7)
  assert.equal(seconds(5).milliseconds, 5000)
  assert.equal(seconds(1.001).milliseconds, 1001)
  assert.equal(minutes(0.5).milliseconds, 30_000)
  assert.equal(seconds(-1).milliseconds, -1000)
  for (const bad of [0.0001, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
    thrown('INVALID_DURATION', () => seconds(bad))
  }
  assert.match(
    thrown('INVALID_DURATION', () => milliseconds(1.5)).message,
    /1\.5, but must be a whole number/,
  )
})

test('arithmetic and comparison of durations', () => {
  assert.ok(seconds(1).plus(seconds(2)).equals(seconds(3)))
  assert.ok(seconds(1).minus(seconds(2)).equals(milliseconds(-1000)))
  assert.ok(seconds(1).times(3).equals(seconds(3)))
  assert.equal(seconds(3).div(seconds(2)), 1.5)
  assert.ok(seconds(1).less(seconds(2)) && !seconds(2).less(seconds(2)) && seconds(2).lessEq(seconds(2)))
  assert.ok(
    seconds(2).greater(seconds(1)) && !seconds(2).greater(seconds(2)) && seconds(2).greaterEq(seconds(2)),
  )
  assert.ok(seconds(4).isMultipleOf(seconds(2)) && !seconds(5).isMultipleOf(seconds(2)))
  assert.ok(seconds(0).isZero() && seconds(0).isMultipleOf(seconds(2)) && !seconds(1).isZero())
  assert.equal(seconds(1).min(seconds(2)).milliseconds, 1000)
  assert.equal(seconds(1).max(seconds(2)).milliseconds, 2000)
  assert.ok(seconds(1) < seconds(2))
  assert.ok(Object.is(seconds(0).times(-1).milliseconds, 0))
})

test('text forms of durations and times', () => {
  assert.equal(String(seconds(1)), '1000 ms')
  assert.equal(seconds(1).toFormattedString(), '1000')
  assert.equal(String(new Time(1500)), '1500 ms')
  const table: [number, string][] = [
    [0, '0 ms'],
    [999, '999 ms'],
    [1000, '1.0 s'],
    [1500, '1.5 s'],
    [90_000, '1.5 m'],
    [5_400_000, '1.50 h'],
  ]
  for (const [n, text] of table) assert.equal(milliseconds(n).prettyPrint(), text)
})

test('toDuration takes durations, milliseconds and texts', () => {
  const table: [DurationLike, number][] = [
    [seconds(2), 2000],
    [0, 0],
    [5, 5],
    [200, 200],
    ['200ms', 200],
    ['1ms', 1],
    ['5s', 5000],
    ['5 s', 5000],
    ['1.5h', 5_400_000],
    ['2m', 120_000],
    ['2min', 120_000],
    ['1d', 86_400_000],
  ]
  for (const [given, expected] of table) assert.equal(toDuration(given).milliseconds, expected, String(given))
})

test('toDuration refuses what was probably meant otherwise, and says so', () => {
  const message = thrown('INVALID_DURATION', () => toDuration(1, 'The batch duration')).message
  assert.match(message, /^The batch duration is 1, but .*did you mean seconds\(1\)\?/)
  assert.match(thrown('INVALID_DURATION', () => toDuration(0.5)).message, /at least 5/)
  const bad: unknown[] = [
    4,
    -1,
    5.5,
    Number.NaN,
    -0.5,
    '',
    '5',
    's',
    '5 parsecs',
    '-5s',
    '1e3ms',
    '0.5ms',
    null,
    {},
    seconds(-1),
    5n,
  ]
  for (const value of bad) thrown('INVALID_DURATION', () => toDuration(value as number))
})

test('times move by durations, and two times are a duration apart', () => {
  const t = new Time(5000)
  assert.ok(t.plus(seconds(1)).equals(new Time(6000)))
  assert.ok(t.minus(seconds(1)).equals(new Time(4000)))
  const between: Duration = t.minus(new Time(2000))
  assert.ok(between instanceof Duration && between.equals(seconds(3)))
  assert.ok(t.less(new Time(5001)) && t.lessEq(t) && t.greaterEq(t) && !t.greater(t))
  assert.equal(t.min(new Time(1)).milliseconds, 1)
  assert.equal(t.max(new Time(1)), t)
  assert.ok(t.isMultipleOf(seconds(5)) && !t.isMultipleOf(seconds(3)))
  for (const bad of [1.5, Number.NaN, 2 ** 53]) thrown('INVALID_ARGUMENT', () => new Time(bad))
})

test('floor is the last whole step, also before the zero time', () => {
  assert.equal(new Time(1350).floor(milliseconds(200)).milliseconds, 1200)
  assert.equal(new Time(1350).floor(milliseconds(200), new Time(50)).milliseconds, 1250)
  assert.equal(new Time(-1).floor(milliseconds(200)).milliseconds, -200)
  thrown('INVALID_DURATION', () => new Time(1).floor(milliseconds(0)))
  fc.assert(
    fc.property(ms, stepMs, ms, (at, step, zero) => {
      const floor = new Time(at).floor(new Duration(step), new Time(zero)).milliseconds
      assert.ok(floor <= at && at - floor < step)
      assert.ok((floor - zero) % step === 0)
    }),
    { numRuns: runs },
  )
})

test('until leaves the end out, to keeps it', () => {
  const at = (times: Time[]) => times.map(t => t.milliseconds)
  assert.deepEqual(at(new Time(0).until(new Time(3000), seconds(1))), [0, 1000, 2000])
  assert.deepEqual(at(new Time(0).to(new Time(3000), seconds(1))), [0, 1000, 2000, 3000])
  assert.deepEqual(at(new Time(0).to(new Time(2999), seconds(1))), [0, 1000, 2000])
  assert.deepEqual(at(new Time(1).until(new Time(1), seconds(1))), [])
  assert.deepEqual(at(new Time(1).to(new Time(1), seconds(1))), [1])
  assert.deepEqual(at(new Time(2).to(new Time(1), seconds(1))), [])
  thrown('INVALID_DURATION', () => new Time(0).until(new Time(1), milliseconds(0)))
})

test('intervals', () => {
  const i = Interval.currentInterval(seconds(1), 3456)
  assert.equal(String(i), '[3000 ms, 4000 ms]')
  assert.ok(i.duration().equals(seconds(1)))
  const next = i.plus(seconds(1))
  assert.equal(String(next), '[4000 ms, 5000 ms]')
  assert.ok(next.minus(seconds(1)).equals(i))
  assert.ok(
    i.less(next) && i.lessEq(next) && i.lessEq(i) && next.greater(i) && next.greaterEq(next) && !i.less(i),
  )
  thrown('INVALID_ARGUMENT', () => i.less(new Interval(new Time(0), new Time(1))))
})
