/**
 * Windows: the parent's RDDs of a span of batch times, joined; and `slice`, which both windows and users ask.
 *
 *   parent   |p1|p2|p3|p4|p5|     window of 3 p, slide of 2 p
 *   at p3    [========]           = p1 ∪ p2 ∪ p3
 *   at p5          [========]     = p3 ∪ p4 ∪ p5
 */
import { Duration, type DurationLike, type Time } from '../../base/time.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import type { DStream } from './dstream.ts'
import { slideDurationOf, windowDurationOf } from './durations.ts'
import type { AnyStream } from './recipe.ts'

export function windowed<T>(parent: DStream<T>, window: DurationLike, slide?: DurationLike): DStream<T> {
  const windowDuration = windowDurationOf(window, parent.slideDuration)
  const slideDuration = slideDurationOf(slide, parent.slideDuration)
  parent.persist(StorageLevel.MEMORY_ONLY_SER)
  return parent.derive('window', {
    slideDuration,
    dependencies: [parent as AnyStream],
    parentRemember: own => own.plus(windowDuration),
    persistInstead: level => void parent.persist(level),
    compute(time) {
      const from = time.minus(windowDuration).plus(parent.slideDuration)
      return parent.host.sc.union(slice(parent, from, time))
    },
  })
}

/** The RDDs from `from` to `to`, both included, rounded down to slides; times up to the zero time have none. */
export function slice<T>(stream: DStream<T>, from: Time, to: Time): RDD<T>[] {
  const rdds: RDD<T>[] = []
  for (const at of sliceTimes(stream, from, to)) {
    const rdd = stream.getOrCompute(at)
    if (rdd !== undefined) rdds.push(rdd)
  }
  return rdds
}

/** The times of a stream from `from` to `to`, both included, rounded down to slides, and not before the zero time. */
export function sliceTimes(stream: DStream<never> | DStream<unknown>, from: Time, to: Time): Time[] {
  const { zeroTime: zero, slideDuration: step } = stream
  const first = Math.max(from.floor(step, zero).milliseconds, zero.milliseconds)
  return zero.plus(new Duration(first - zero.milliseconds)).to(to.floor(step, zero), step)
}
