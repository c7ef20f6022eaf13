/**
 * State for each key, updated in every batch.
 *
 * At t: the version of t − slide, and the batch's pairs, grouped by key. `update` is called for every key that has state or new
 * values; `undefined` drops the key. All state is emitted. Without any RDD of the parent so far there is no state and no RDD; a batch
 * without one updates all keys with no values.
 *
 * Source: Spark StateDStream.
 */
import { KindlingError } from '../../base/errors.ts'
import { Time } from '../../base/time.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import { makeNode, type StateNode, type StateTask } from '../../rdd/nodes.ts'
import { partitionBy } from '../../rdd/pair-operations.ts'
import { type Partitioner, type Partitioning, partitionOf, toPartitioner } from '../../rdd/partitioner.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { inScope, operator } from '../../rdd/scope.ts'
import type { DStream } from '../dstream/dstream.ts'
import { hashed } from '../dstream/elementwise.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import { eachPair } from './pairs.ts'
import { ABSENT, type Advance, Draft, handedOut, type StateTable, VersionedState } from './versions.ts'

/** The rarer settings of stateful operators. */
export interface StateOptions<K, S> {
  /** A number or a partitioner; default: hash with the context's default parallelism. */
  readonly partitions?: Partitioning
  /** State before the first batch. Of several pairs with one key the first counts. */
  readonly initialState?: RDD<readonly [K, S]>
}

type Update<K, V, S> = (
  values: V[],
  state: S | undefined,
  at: { readonly key: K; readonly time: Time },
) => S | undefined

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
      () => (draft, grouped, at, task) =>
        updateAll(draft, grouped, update as Update<unknown, unknown, unknown>, at.time, task),
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
      partitioner => (draft, grouped, at, task) =>
        updateWhole(draft, grouped, f, { partitioner, partition: at.partition }, task),
    ),
  )
}

type UpdatePartition = (
  records: IterableIterator<[unknown, unknown[], unknown]>,
) => Iterable<readonly [unknown, unknown]>

/** The batch's values by slot of the draft. */
type Grouped = ReadonlyMap<number, unknown[]>

type UpdateTable = (
  draft: Draft,
  grouped: Grouped,
  at: { readonly time: Time; readonly partition: number },
  task: StateTask,
) => Promise<StateTable>

function stateful<K, V, S>(
  stream: DStream<readonly [K, V]>,
  name: string,
  given: Partitioning | StateOptions<K, S> | undefined,
  updaterFor: (partitioner: Partitioner) => UpdateTable,
): DStream<[K, S]> {
  const opts: StateOptions<K, S> =
    given === undefined
      ? {}
      : typeof given === 'number' || 'partition' in given
        ? { partitions: given }
        : given
  const partitioner = toPartitioner(hashed(stream, opts.partitions))
  const update = updaterFor(partitioner)
  const withInitial = new WeakSet<StateNode>()
  const advance: Advance = async (previous, inputs, node, partition, task) => {
    const draft = new Draft(previous)
    const [initial, batch] = withInitial.has(node) ? inputs : [undefined, ...inputs]
    if (initial !== undefined) await takeInitial(draft, initial, task)
    const grouped = await group(draft, batch, task)
    return update(draft, grouped, { time: new Time(node.time), partition }, task)
  }
  const versions = new VersionedState(name, partitioner.numPartitions, advance)
  return stream.derive<[K, S]>(name, {
    slideDuration: stream.slideDuration,
    dependencies: [stream as AnyStream],
    keepsItself: true,
    forgotten: times => versions.forget(times),
    compute(time, self) {
      const previous = self.getOrCompute(time.minus(stream.slideDuration))
      const batch = stream.getOrCompute(time)
      if (previous === undefined && batch === undefined) return undefined
      const inputs: RDD<never>[] = []
      const initial = previous === undefined ? opts.initialState : undefined
      if (initial !== undefined) inputs.push(partitionBy(initial, partitioner) as unknown as RDD<never>)
      if (batch !== undefined) inputs.push(partitionBy(batch, partitioner) as unknown as RDD<never>)
      const node = makeNode<StateNode>(
        {
          kind: 'state',
          partitioner,
          numPartitions: partitioner.numPartitions,
          previous: previous?.node as StateNode | undefined,
          inputs: inputs.map(rdd => (rdd as unknown as RDD<unknown>).node),
          versions,
          time: time.milliseconds,
        },
        name,
      )
      if (initial !== undefined) withInitial.add(node)
      return inScope(self.scope, () => stream.host.sc.emptyRDD<[K, S]>().derive<[K, S]>(node))
    },
  })
}

async function takeInitial(draft: Draft, initial: ChunkSource, task: StateTask): Promise<void> {
  await eachPair(initial, task, (key, state) => {
    const slot = draft.slot(key)
    if (draft.get(slot) === ABSENT) draft.set(slot, state)
  })
}

/** The values of each key in the order in which they came. */
async function group(draft: Draft, batch: ChunkSource | undefined, task: StateTask): Promise<Grouped> {
  const grouped = new Map<number, unknown[]>()
  if (batch === undefined) return grouped
  await eachPair(batch, task, (key, value) => {
    const slot = draft.slot(key)
    const values = grouped.get(slot)
    if (values === undefined) grouped.set(slot, [value])
    else values.push(value)
  })
  return grouped
}

async function updateAll(
  draft: Draft,
  grouped: Grouped,
  update: Update<unknown, unknown, unknown>,
  time: Time,
  task: StateTask,
): Promise<StateTable> {
  const { keys } = draft.index
  for (let slot = 0; slot < keys.length; slot++) {
    const kept = draft.get(slot)
    const values = grouped.get(slot)
    if (kept === ABSENT && values === undefined) continue
    const key = keys[slot]
    try {
      const state = update(values ?? [], kept === ABSENT ? undefined : handedOut(kept), {
        key: handedOut(key),
        time,
      })
      if (state instanceof Promise)
        throw new KindlingError('PROMISE_RETURNED', {
          operation: 'updateStateByKey',
          instead: 'foreachRDD, which may be async,',
        })
      draft.set(slot, state === undefined ? ABSENT : state)
    } catch (error) {
      throw task.failed(error, key)
    }
    const pause = (slot & 63) === 0 ? task.breathe() : undefined
    if (pause !== undefined) await pause
  }
  return draft.finish()
}

async function updateWhole(
  draft: Draft,
  grouped: Grouped,
  update: UpdatePartition,
  place: { readonly partitioner: Partitioner; readonly partition: number },
  task: StateTask,
): Promise<StateTable> {
  const { keys } = draft.index
  function* records(): Generator<[unknown, unknown[], unknown], undefined> {
    for (let slot = 0; slot < keys.length; slot++) {
      const kept = draft.get(slot)
      const values = grouped.get(slot)
      if (kept === ABSENT && values === undefined) continue
      yield [handedOut(keys[slot]), values ?? [], kept === ABSENT ? undefined : handedOut(kept)]
    }
    return undefined
  }
  const next = new Draft(undefined)
  let last: unknown
  try {
    let n = 0
    for (const [key, state] of update(records())) {
      last = key
      const at = partitionOf(place.partitioner, key)
      if (at !== place.partition)
        throw new KindlingError('INVALID_ARGUMENT', {
          what: 'a key put out by updateStateByPartition',
          value: key,
          expected: `a key of the same partition (${place.partition}); this one belongs to ${at}`,
        })
      next.set(next.slot(key), state)
      const pause = (n++ & 63) === 0 ? task.breathe() : undefined
      if (pause !== undefined) await pause
    }
  } catch (error) {
    throw task.failed(error, last)
  }
  return next.finish()
}
