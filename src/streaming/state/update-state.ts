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
import { copyValue, isImmutable } from '../../data/codec.ts'
import type { StateNode, StateTask } from '../../rdd/nodes.ts'
import { partitionBy } from '../../rdd/pair-operations.ts'
import { type Partitioner, type Partitioning, partitionOf, toPartitioner } from '../../rdd/partitioner.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { operator } from '../../rdd/scope.ts'
import type { DStream } from '../dstream/dstream.ts'
import { hashed } from '../dstream/elementwise.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import { GroupedValues } from './grouped-values.ts'
import { eachSlot } from './pairs.ts'
import { ABSENT } from './slots.ts'
import { stateRDD } from './state-rdd.ts'
import { type Migrate, stateSchema } from './state-schema.ts'
import type { StateTable } from './state-table.ts'
import { type Advance, TablePartition } from './table-partition.ts'
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
      () => (table, batch, at, task) =>
        updateAll(table, batch, update as Update<unknown, unknown, unknown>, at.time, task),
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
      partitioner => (table, batch, at, task) =>
        updateWhole(table, batch, f, { partitioner, partition: at.partition }, task),
    ),
  )
}

type UpdatePartition = (
  records: IterableIterator<[unknown, unknown[], unknown]>,
) => Iterable<readonly [unknown, unknown]>

type UpdateTable = (
  table: StateTable,
  batch: GroupedValues,
  at: { readonly time: Time; readonly partition: number },
  task: StateTask,
) => Promise<void>

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
  const advance: Advance = async (table, inputs, { node, partition }, task) => {
    const [initial, batch] = withInitial.has(node) ? inputs : [undefined, ...inputs]
    if (initial !== undefined) await takeInitial(table, initial, task)
    const grouped = new GroupedValues()
    if (batch !== undefined) await eachSlot(batch, table, task, (slot, value) => grouped.add(slot, value))
    grouped.link(table.index.size)
    await update(table, grouped, { time: new Time(node.time), partition }, task)
    return undefined
  }
  const versions = new VersionedState(
    name,
    partitioner.numPartitions,
    partition => new TablePartition(partition, advance),
  )
  const state = {
    versions,
    partitioner,
    layout: { operator: name, slide: stream.slideDuration.milliseconds },
    schema: stateSchema(opts.version, opts.migrate),
  }
  return stream.derive<[K, S]>(name, {
    slideDuration: stream.slideDuration,
    dependencies: [stream as AnyStream],
    state,
    forgotten: times => versions.forget(times),
    compute(time, self) {
      const previous = self.getOrCompute(time.minus(stream.slideDuration))
      const batch = stream.getOrCompute(time)
      if (previous === undefined && batch === undefined) return undefined
      const inputs: RDD<unknown>[] = []
      const initial = previous === undefined ? opts.initialState : undefined
      if (initial !== undefined) inputs.push(partitionBy(initial, partitioner) as RDD<unknown>)
      if (batch !== undefined) inputs.push(partitionBy(batch, partitioner) as RDD<unknown>)
      const rdd = stateRDD<[K, S]>(self, { state, time, previous, inputs })
      if (initial !== undefined) withInitial.add(rdd.node as StateNode)
      return rdd
    },
  })
}

async function takeInitial(table: StateTable, initial: ChunkSource, task: StateTask): Promise<void> {
  await eachSlot(initial, table, task, (slot, state) => {
    if (table.flag(slot) === ABSENT) table.put(slot, state)
  })
}

async function updateAll(
  table: StateTable,
  batch: GroupedValues,
  update: Update<unknown, unknown, unknown>,
  time: Time,
  task: StateTask,
): Promise<void> {
  for (let slot = 0; slot < table.index.size; slot++) {
    const values = batch.of(slot)
    const isAbsent = table.flag(slot) === ABSENT
    if (isAbsent && values === undefined) continue
    const key = table.key(slot)
    try {
      const state = update(values ?? [], isAbsent ? undefined : table.value(slot), { key, time })
      if (state === undefined) table.drop(slot)
      else if (state instanceof Promise)
        throw new KindlingError('PROMISE_RETURNED', {
          operation: 'updateStateByKey',
          instead: 'mapAsync before it',
        })
      else table.put(slot, state)
    } catch (error) {
      throw task.failed(error, key)
    }
    const pause = (slot & 63) === 0 ? task.breathe() : undefined
    if (pause !== undefined) await pause
  }
}

async function updateWhole(
  table: StateTable,
  batch: GroupedValues,
  update: UpdatePartition,
  place: { readonly partitioner: Partitioner; readonly partition: number },
  task: StateTask,
): Promise<void> {
  const before = table.index.size
  function* records(): Generator<[unknown, unknown[], unknown], undefined> {
    for (let slot = 0; slot < before; slot++) {
      const isAbsent = table.flag(slot) === ABSENT
      const values = batch.of(slot)
      if (isAbsent && values === undefined) continue
      yield [table.key(slot), values ?? [], isAbsent ? undefined : table.value(slot)]
    }
    return undefined
  }
  // Applied after the function has seen all: it may put out a key before it takes it in.
  const slots: number[] = []
  const states: unknown[] = []
  let last: unknown
  try {
    for (const [key, state] of update(records())) {
      last = key
      const at = partitionOf(place.partitioner, key)
      if (at !== place.partition)
        throw new KindlingError('INVALID_ARGUMENT', {
          what: 'a key put out by updateStateByPartition',
          value: key,
          expected: `a key of the same partition (${place.partition}); this one belongs to ${at}`,
        })
      slots.push(table.index.slotOf(key))
      states.push(isImmutable(state) ? state : copyValue(state))
      const pause = (slots.length & 63) === 0 ? task.breathe() : undefined
      if (pause !== undefined) await pause
    }
    const isKept = new Uint8Array(table.index.size)
    for (let i = 0; i < slots.length; i++) {
      isKept[slots[i]!] = 1
      table.put(slots[i]!, states[i])
    }
    for (let slot = 0; slot < before; slot++) if (isKept[slot] === 0) table.drop(slot)
  } catch (error) {
    throw task.failed(error, last)
  }
}
