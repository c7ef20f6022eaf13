/**
 * Windows: the parent's RDDs of a span of batch times, joined; and `slice`, which both windows and users ask.
 *
 *   parent   |p1|p2|p3|p4|p5|     window of 3 p, slide of 2 p
 *   at p3    [========]           = p1 ∪ p2 ∪ p3
 *   at p5          [========]     = p3 ∪ p4 ∪ p5
 */
import { type DurationLike, Time } from '../../base/time.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import type { DStream } from './dstream.ts'
import { slideDurationOf, windowDurationOf } from './durations.ts'
import type { AnyStream } from './recipe.ts'

export function windowed<T>(parent: DStream<T>, window: DurationLike, slide?: DurationLike): DStream<T> {
  const windowDuration = windowDurationOf(window, parent.slideDuration)
  parent.persist(StorageLevel.MEMORY_ONLY_SER)
  return parent.derive('window', {
    slide: slideDurationOf(slide, parent.slideDuration),
    window: windowDuration,
    dependencies: [parent as AnyStream],
    parentRemember: own => own.plus(windowDuration),
    persistInstead: level => void parent.persist(level),
    compute: (time, self) => parent.host.sc.union(rddsWithin(parent, self.windowStart(time), time)),
  })
}

/** The RDDs from `from` to `to`, both included, `from` rounded down to slides; times up to the zero time have none. */
export function slice<T>(stream: DStream<T>, from: Time, to: Time): RDD<T>[] {
  const first = stream.timeBefore(new Time(from.milliseconds + 1))
  return rddsWithin(stream, new Time(first.milliseconds - 1), to)
}

/** The RDDs later than `after`, up to `upTo`. */
export function rddsWithin<T>(stream: DStream<T>, after: Time, upTo: Time): RDD<T>[] {
  const rdds: RDD<T>[] = []
  for (const at of stream.timesWithin(after, upTo)) {
    const rdd = stream.getOrCompute(at)
    if (rdd !== undefined) rdds.push(rdd)
  }
  return rdds
}
