import { partitionBy } from '../../rdd/pair-operations.ts'
import type { Partitioner, Partitioning } from '../../rdd/partitioner.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { operator } from '../../rdd/scope.ts'
import type { DStream } from '../dstream/dstream.ts'
import { cutOf } from '../dstream/elementwise.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import { KeptVersions } from './kept-versions.ts'
import { stateRDD } from './state-rdd.ts'
import { type Migrate, stateSchema } from './state-schema.ts'
import type { Advance } from './table-partition.ts'
import {
  eachKey,
  type Update,
  type UpdateDetail,
  type UpdatePartition,
  updateStates,
  wholePartition,
} from './update-step.ts'
import { VersionedState } from './versions.ts'

/** The rarer settings of stateful operators. */
export interface StateOptions<K, S> {
  /** A number or a partitioner; default: hash with the context's default parallelism. */
  readonly partitions?: Partitioning
  /** State before the first batch. Of several pairs with one key the first counts. */
  readonly initialState?: RDD<readonly [K, S]>
  /** What values look like, as a number; raise it when that changes. Saved with the state. Default 1. */
  readonly version?: number
  /** Makes a value of what another version of the program saved; called for each key at the restart. */
  readonly migrate?: Migrate<S>
}

export function updateStateByKey<K, V, S>(
  stream: DStream<readonly [K, V]>,
  update: Update<K, V, S>,
  given?: Partitioning | StateOptions<K, S>,
): DStream<[K, S]> {
  return operator('updateStateByKey', () =>
    stateful(
      stream,
      'updateStateByKey',
      given,
      () => () => updateStates(eachKey(update as Update<unknown, unknown, unknown>)),
    ),
  )
}

export function updateStateByPartition<K, V, S>(
  stream: DStream<readonly [K, V]>,
  update: (records: IterableIterator<[K, V[], S | undefined]>) => Iterable<readonly [K, S]>,
  given?: Partitioning | StateOptions<K, S>,
): DStream<[K, S]> {
  const f = update as unknown as UpdatePartition
  return operator('updateStateByPartition', () =>
    stateful(
      stream,
      'updateStateByPartition',
      given,
      partitioner => () => updateStates(wholePartition(f, partitioner)),
    ),
  )
}

function stateful<K, V, S>(
  stream: DStream<readonly [K, V]>,
  name: string,
  given: Partitioning | StateOptions<K, S> | undefined,
  advanceWith: (partitioner: Partitioner) => () => Advance,
): DStream<[K, S]> {
  const opts: StateOptions<K, S> =
    given === undefined
      ? {}
      : typeof given === 'number' || 'partition' in given
        ? { partitions: given }
        : given
  const cut = cutOf(stream, opts.partitions)
  const kept = new KeptVersions(
    cut,
    by => new VersionedState(stream.host.sc, name, by.numPartitions, advanceWith(by)),
  )
  const state = {
    kept,
    layout: { operator: name, slide: stream.slideDuration.milliseconds },
    schema: stateSchema(opts.version, opts.migrate),
  }
  return stream.derive<[K, S]>(name, {
    dependencies: [stream as AnyStream],
    state,
    cut,
    forgotten: times => kept.forget(times),
    compute(time, self) {
      const previous = self.rddBefore(time)
      const batch = stream.getOrCompute(time)
      if (previous === undefined && batch === undefined) return undefined
      const { partitioner } = kept
      const inputs: RDD<unknown>[] = []
      const initial = previous === undefined ? opts.initialState : undefined
      if (initial !== undefined) inputs.push(partitionBy(initial, partitioner) as RDD<unknown>)
      if (batch !== undefined) inputs.push(partitionBy(batch, partitioner) as RDD<unknown>)
      const detail: UpdateDetail = { hasInitial: initial !== undefined }
      return stateRDD<[K, S]>(self, { state, time, previous, inputs, detail })
    },
  })
}
