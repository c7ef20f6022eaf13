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
import { sliceTimes } from './windowed.ts'

/** Window and slide are multiples of the stream's own slide. */
export function paneWindowed<K, V>(
  stream: DStream<readonly [K, V]>,
  reduce: (a: V, b: V) => V,
  { window, slide }: { readonly window: Duration; readonly slide: Duration },
  cut: Cut,
): DStream<[K, V]> {
  const step = stream.slideDuration
  const reduced = reducedBy(stream, reduce, cut)
  const length = Math.max(1, Math.ceil(window.div(step)))
  const spanMs = window.milliseconds - step.milliseconds
  const kept = new KeptVersions(
    cut,
    by =>
      new VersionedState(stream.host.sc, 'reduceByKeyAndWindow', by.numPartitions, () =>
        slidePanes(reduce as AnyReduce, length, spanMs),
      ),
  )
  const state = {
    kept,
    layout: { operator: 'reduceByKeyAndWindow', window: window.milliseconds, slide: slide.milliseconds },
  }
  return stream.derive<[K, V]>('reduceByKeyAndWindow', {
    slideDuration: slide,
    dependencies: [reduced as AnyStream],
    state,
    parentRemember: own => own.plus(slide.max(window)),
    cut,
    forgotten: times => kept.forget(times),
    compute(time, self) {
      const before = time.minus(slide)
      const previous = self.getOrCompute(before)
      const start = time.minus(window)
      const entering = sliceTimes(
        reduced,
        (previous === undefined ? start : before.max(start)).plus(step),
        time,
      )
      const rdds: RDD<unknown>[] = []
      const times: number[] = []
      for (const at of entering) {
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
