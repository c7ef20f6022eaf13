import type { DurationLike } from '../../base/time.ts'
import { partitionBy } from '../../rdd/pair-operations.ts'
import type { Partitioning } from '../../rdd/partitioner.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { operator } from '../../rdd/scope.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import { KeptVersions } from '../state/kept-versions.ts'
import { type Filter, type MergeDetail, mergeWindow } from '../state/merge-step.ts'
import type { AnyReduce } from '../state/pane-step.ts'
import { stateRDD } from '../state/state-rdd.ts'
import { VersionedState } from '../state/versions.ts'
import type { DStream } from './dstream.ts'
import { slideDurationOf, windowDurationOf } from './durations.ts'
import { cutOf, reducedBy } from './elementwise.ts'
import { paneWindowed } from './pane-windowed.ts'
import type { AnyStream } from './recipe.ts'
import { rddsWithin } from './windowed.ts'

/** The rarer settings of `reduceByKeyAndWindow`. */
export interface WindowOptions<K, V> {
  /** A number or a partitioner; default: hash with the context's default parallelism. */
  readonly partitions?: Partitioning
  /**
   * With an inverse function: keys whose pair does not pass are not part of the window; they are forgotten once no batch of the
   * window has them. Asked for pairs that changed.
   */
  readonly filter?: (pair: readonly [K, V]) => boolean
}

type Reduce<V> = (a: V, b: V) => V
type Last<K, V> = Partitioning | WindowOptions<K, V> | undefined
/** The arguments after the reduce function, with and without an inverse. */
export type WindowArguments<K, V> =
  | [inverse: Reduce<V>, window: DurationLike, slide?: DurationLike, opts?: Last<K, V>]
  | [window: DurationLike, slide?: DurationLike, opts?: Last<K, V>]

export function reducedByWindow<K, V>(
  stream: DStream<readonly [K, V]>,
  reduce: Reduce<V>,
  rest: WindowArguments<K, V>,
): DStream<[K, V]> {
  return operator('reduceByKeyAndWindow', () => {
    if (typeof rest[0] === 'function') {
      const [inverse, window, slide, last] = rest as [Reduce<V>, DurationLike, DurationLike?, Last<K, V>?]
      return incremental(stream, reduce, inverse, { window, slide }, optionsOf(last))
    }
    const [window, slide, last] = rest as [DurationLike, DurationLike?, Last<K, V>?]
    const step = stream.slideDuration
    const span = { window: windowDurationOf(window, step), slide: slideDurationOf(slide, step) }
    return paneWindowed(stream, reduce, span, cutOf(stream, optionsOf(last).partitions))
  })
}

function optionsOf<K, V>(last: Last<K, V>): WindowOptions<K, V> {
  if (last === undefined) return {}
  return typeof last === 'number' || 'partition' in last ? { partitions: last } : last
}

function incremental<K, V>(
  stream: DStream<readonly [K, V]>,
  reduce: Reduce<V>,
  inverse: Reduce<V>,
  span: { readonly window: DurationLike; readonly slide: DurationLike | undefined },
  opts: WindowOptions<K, V>,
): DStream<[K, V]> {
  const step = stream.slideDuration
  const window = windowDurationOf(span.window, step)
  const slide = slideDurationOf(span.slide, step)
  const cut = cutOf(stream, opts.partitions)
  const reduced = reducedBy(stream, reduce, cut).persist(StorageLevel.MEMORY_ONLY_SER)
  const filter = opts.filter as Filter
  const kept = new KeptVersions(
    cut,
    by =>
      new VersionedState(stream.host.sc, 'reduceByKeyAndWindow', by.numPartitions, () =>
        mergeWindow(reduce as AnyReduce, inverse as AnyReduce, filter),
      ),
  )
  const state = {
    kept,
    layout: {
      operator: 'reduceByKeyAndWindow with inverse',
      window: window.milliseconds,
      slide: (slide ?? step).milliseconds,
      filtered: opts.filter !== undefined,
    },
  }
  return stream.derive<[K, V]>('reduceByKeyAndWindow', {
    slide,
    window,
    dependencies: [reduced as AnyStream],
    state,
    parentRemember: own => own.plus(window),
    cut,
    forgotten: times => kept.forget(times),
    compute(time, self) {
      const before = self.timeBefore(time)
      const previous = self.rddBefore(time)
      const start = self.windowStart(time)
      // Bounded by the windows themselves, so that a window shorter than its slide skips what lies between.
      const oldInWindow =
        previous === undefined ? [] : rddsWithin(reduced, self.windowStart(before), before.min(start))
      const entering = rddsWithin(reduced, before.max(start), time)
      const detail: MergeDetail = { leaving: oldInWindow.length }
      // Batches from before a change of the cut may be cut otherwise.
      const inputs = [...oldInWindow, ...entering].map(
        rdd => partitionBy(rdd, kept.partitioner) as RDD<unknown>,
      )
      return stateRDD<[K, V]>(self, { state, time, previous, inputs, detail })
    },
  })
}
