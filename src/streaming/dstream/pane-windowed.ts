import type { Duration } from '../../base/time.ts'
import { partitionBy } from '../../rdd/pair-operations.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { KeptVersions } from '../state/kept-versions.ts'
import { type AnyReduce, type PaneDetail, slidePanes } from '../state/pane-step.ts'
import { stateRDD } from '../state/state-rdd.ts'
import { VersionedState } from '../state/versions.ts'
import type { Cut } from './cut.ts'
import type { DStream } from './dstream.ts'
import { reducedBy } from './elementwise.ts'
import type { AnyStream } from './recipe.ts'

/** Window and slide are multiples of the stream's own slide, which is the default of `slide`. */
export function paneWindowed<K, V>(
  stream: DStream<readonly [K, V]>,
  reduce: (a: V, b: V) => V,
  { window, slide }: { readonly window: Duration; readonly slide: Duration | undefined },
  cut: Cut,
): DStream<[K, V]> {
  const step = stream.slideDuration
  const reduced = reducedBy(stream, reduce, cut)
  const length = Math.max(1, Math.ceil(window.div(step)))
  const every = slide ?? step
  const kept = new KeptVersions(
    cut,
    by =>
      new VersionedState(stream.host.sc, 'reduceByKeyAndWindow', by.numPartitions, () =>
        slidePanes(reduce as AnyReduce, length, window.milliseconds),
      ),
  )
  const state = {
    kept,
    layout: { operator: 'reduceByKeyAndWindow', window: window.milliseconds, slide: every.milliseconds },
  }
  return stream.derive<[K, V]>('reduceByKeyAndWindow', {
    slide,
    window,
    dependencies: [reduced as AnyStream],
    state,
    parentRemember: own => own.plus(every.max(window)),
    cut,
    forgotten: times => kept.forget(times),
    compute(time, self) {
      const previous = self.rddBefore(time)
      const start = self.windowStart(time)
      const after = previous === undefined ? start : self.timeBefore(time).max(start)
      const rdds: RDD<unknown>[] = []
      const times: number[] = []
      for (const at of reduced.timesWithin(after, time)) {
        const rdd = reduced.getOrCompute(at)
        if (rdd === undefined) continue
        // Panes from before a change of the cut may be cut otherwise.
        rdds.push(partitionBy(rdd, kept.partitioner) as RDD<unknown>)
        times.push(at.milliseconds)
      }
      const detail: PaneDetail = { times }
      return stateRDD<[K, V]>(self, { state, time, previous, inputs: rdds, detail })
    },
  })
}
