/** Durations of windows: whole batches of the stream they stand on. */
import { KindlingError } from '../../base/errors.ts'
import { type Duration, type DurationLike, toDuration } from '../../base/time.ts'

/** @throws INVALID_WINDOW unless it is a positive multiple of the parent's slide */
export function windowDurationOf(given: DurationLike, parentSlide: Duration): Duration {
  const window = toDuration(given, 'The window duration')
  if (isWhole(window, parentSlide)) return window
  throw new KindlingError('INVALID_WINDOW', { window: String(window), parentSlide: String(parentSlide) })
}

/** `undefined`: as the parent. @throws INVALID_SLIDE unless it is a positive multiple of the parent's slide */
export function slideDurationOf(
  given: DurationLike | undefined,
  parentSlide: Duration,
): Duration | undefined {
  if (given === undefined) return undefined
  const slide = toDuration(given, 'The slide duration')
  if (isWhole(slide, parentSlide)) return slide
  throw new KindlingError('INVALID_SLIDE', { slide: String(slide), parentSlide: String(parentSlide) })
}

function isWhole(duration: Duration, parentSlide: Duration): boolean {
  return duration.milliseconds > 0 && duration.isMultipleOf(parentSlide)
}
