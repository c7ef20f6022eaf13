/**
 * How `updateStateByKey` and `updateStateByPartition` move the table of a partition on.
 *
 * In a file of its own: workers import it.
 */
import { KindlingError } from '../../base/errors.ts'
import { Time } from '../../base/time.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import { copyValue, isImmutable } from '../../data/codec.ts'
import type { StateTask } from '../../rdd/nodes.ts'
import { type Partitioner, partitionOf } from '../../rdd/partitioner.ts'
import { GroupedValues } from './grouped-values.ts'
import { eachSlot } from './pairs.ts'
import { ABSENT } from './slots.ts'
import type { StateTable } from './state-table.ts'
import type { Advance } from './table-partition.ts'

/** New state of a key; none drops it. */
export type Update<K, V, S> = (
  values: V[],
  state: S | undefined,
  at: { readonly key: K; readonly time: Time },
) => S | undefined

/** New states of all keys of a partition. */
export type UpdatePartition = (
  records: IterableIterator<[unknown, unknown[], unknown]>,
) => Iterable<readonly [unknown, unknown]>

type UpdateTable = (
  table: StateTable,
  batch: GroupedValues,
  at: { readonly time: Time; readonly partition: number },
  task: StateTask,
) => Promise<void>

/** What a version is made with. */
export interface UpdateDetail {
  /** Whether its first input is the initial state. */
  readonly hasInitial: boolean
}

/** Moves the table of one partition on. */
export function updateStates(update: UpdateTable): Advance {
  return async (table, inputs, { time, detail, partition }, task) => {
    const [initial, batch] = (detail as UpdateDetail).hasInitial ? inputs : [undefined, ...inputs]
    if (initial !== undefined) await takeInitial(table, initial, task)
    const grouped = new GroupedValues()
    if (batch !== undefined) await eachSlot(batch, table, task, (slot, value) => grouped.add(slot, value))
    grouped.link(table.index.size)
    await update(table, grouped, { time: new Time(time), partition }, task)
    return undefined
  }
}

export function eachKey(update: Update<unknown, unknown, unknown>): UpdateTable {
  return (table, batch, { time }, task) => updateAll(table, batch, update, time, task)
}

export function wholePartition(update: UpdatePartition, partitioner: Partitioner): UpdateTable {
  return (table, batch, { partition }, task) =>
    updateWhole(table, batch, update, { partitioner, partition }, task)
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
