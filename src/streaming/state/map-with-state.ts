/**
 * A function called for every record with the state of its key; emits what the function gives.
 *
 * At t: the version of t − slide and the batch's pairs, in partition order. Keys without data are not touched: a batch costs what its
 * records cost, whatever the number of keys. After the data, keys that are idle for longer than the timeout are told of it and go.
 *
 * Source: Spark MapWithStateDStream, MapWithStateRDDRecord. Time-outs are looked for in every batch; Spark does so in checkpointing
 * batches only, which `spark.streaming.mapWithState.timeoutOnCheckpointOnly` restores.
 */
import { configEntries } from '../../base/config.ts'
import { makeNode, type StateNode, type StateOutputNode } from '../../rdd/nodes.ts'
import { partitionBy } from '../../rdd/pair-operations.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { operator } from '../../rdd/scope.ts'
import type { DStream } from '../dstream/dstream.ts'
import { cutOf } from '../dstream/elementwise.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import { KeptVersions } from './kept-versions.ts'
import { type AnyStateFunction, type MapDetail, mapStates } from './map-step.ts'
import { stateRDD } from './state-rdd.ts'
import type { Emitted, StateSpec } from './state-spec.ts'
import { VersionedState } from './versions.ts'

/** In Spark every tenth batch of a stream is checkpointed unless told otherwise. */
const CHECKPOINT_SLIDES = 10

/** The emitted records; and, by `stateSnapshots`, the state they come from: all keys and their state after each batch. */
export type MapWithStateDStream<K, S, M> = DStream<M> & { stateSnapshots(): DStream<[K, S]> }

export function mapWithState<K, V, S, M>(
  stream: DStream<readonly [K, V]>,
  spec: StateSpec<K, V, S, M>,
): MapWithStateDStream<K, S, Emitted<M>> {
  return operator('mapWithState', () => {
    const states = stateStream(stream, spec)
    const mapped = states.derive<Emitted<M>>('mapWithState', {
      dependencies: [states as AnyStream],
      compute(time) {
        const rdd = states.getOrCompute(time)
        if (rdd === undefined) return undefined
        const parent = rdd.node as StateNode
        const { numPartitions } = parent
        return rdd.derive<Emitted<M>>(
          makeNode<StateOutputNode>(
            { kind: 'stateOutput', parent, numPartitions, partitioner: undefined },
            'mapWithState',
          ),
        )
      },
    })
    return Object.assign(mapped, { stateSnapshots: () => states })
  })
}

function stateStream<K, V, S, M>(
  stream: DStream<readonly [K, V]>,
  { f, settings }: StateSpec<K, V, S, M>,
): DStream<[K, S]> {
  const { initialState } = settings
  const { sc } = stream.host
  const cut = cutOf(stream, settings.partitioner)
  const timeoutMs = settings.timeout?.milliseconds
  const inCheckpointsOnly = sc.conf.get(configEntries.timeoutOnCheckpointOnly)
  const kept = new KeptVersions(
    cut,
    by =>
      new VersionedState(sc, 'mapWithState', by.numPartitions, () =>
        mapStates(f as AnyStateFunction, timeoutMs),
      ),
  )
  const state = {
    kept,
    layout: { operator: 'mapWithState', slide: stream.slideDuration.milliseconds },
    schema: settings.schema,
    checkpointSlides: CHECKPOINT_SLIDES,
  }
  const states = stream.derive<[K, S]>('mapWithState', {
    dependencies: [stream as AnyStream],
    state,
    cut,
    forgotten: times => kept.forget(times),
    compute(time, self) {
      const previous = self.rddBefore(time)
      const batch = stream.getOrCompute(time)
      const initial = previous === undefined ? initialState : undefined
      const inputs = [initial, batch]
        .filter(rdd => rdd !== undefined)
        .map(rdd => partitionBy(rdd as RDD<readonly [K, unknown]>, kept.partitioner) as RDD<unknown>)
      const detail: MapDetail = {
        hasInitial: initial !== undefined,
        timesOut: !inCheckpointsOnly || self.isDue(time, self.checkpointDuration),
      }
      return stateRDD<[K, S]>(self, { state, time, previous, inputs, detail })
    },
  })
  return states
}
