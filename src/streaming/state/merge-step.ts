/**
 * How a window with an inverse function moves the table of a partition on: what left is taken out of each key's value, what entered is
 * taken in.
 *
 * In a file of its own: workers import it.
 */
import { KindlingError } from '../../base/errors.ts'
import { eachSlot } from './pairs.ts'
import type { AnyReduce } from './pane-step.ts'
import { ABSENT, HIDDEN, PRESENT } from './slots.ts'
import type { StateTable } from './state-table.ts'
import type { Advance } from './table-partition.ts'

/** What a key got from the inputs of one slide, by slot. */
interface Changes {
  readonly leaving: unknown[]
  readonly entering: unknown[]
  /** Batches with the key that entered, less those that left. */
  readonly batches: number[]
  readonly touched: number[]
}

/** Stands where a key got nothing. */
const NOTHING: unique symbol = Symbol('nothing')

/** Which keys are shown. */
export type Filter = ((pair: readonly [unknown, unknown]) => boolean) | undefined

/** What a version is made with. */
export interface MergeDetail {
  /** So many of its inputs, the first ones, leave the window; the others enter. */
  readonly leaving: number
}

/** Makes the version of a slide; see the file head. */
export function mergeWindow(reduce: AnyReduce, inverse: AnyReduce, filter: Filter): Advance {
  const functions = { reduce, inverse, filter }
  return async (table, inputs, { detail }, task) => {
    const { leaving } = detail as MergeDetail
    const changes: Changes = { leaving: [], entering: [], batches: [], touched: [] }
    let key: unknown
    try {
      for (let i = 0; i < inputs.length; i++)
        await eachSlot(inputs[i]!, table, task, (slot, value, k) => {
          key = k
          note(changes, slot, value, i < leaving, functions.reduce)
        })
      const { touched } = changes
      for (let i = 0; i < touched.length; i++) {
        const slot = touched[i]!
        key = table.index.keyAt(slot)
        apply(table, slot, changes, functions)
        const pause = (i & 1023) === 0 ? task.breathe() : undefined
        if (pause !== undefined) await pause
      }
    } catch (error) {
      throw task.failed(error, key)
    }
    return undefined
  }
}

function note(changes: Changes, slot: number, value: unknown, leaves: boolean, reduce: AnyReduce): void {
  const { leaving, entering, batches, touched } = changes
  while (leaving.length <= slot) {
    leaving.push(NOTHING)
    entering.push(NOTHING)
    batches.push(0)
  }
  if (leaving[slot] === NOTHING && entering[slot] === NOTHING) touched.push(slot)
  const into = leaves ? leaving : entering
  into[slot] = into[slot] === NOTHING ? value : reduce(into[slot], value)
  batches[slot]! += leaves ? -1 : 1
}

/**
 * Moves one key on. With a filter, the mark of a key counts the batches of the window that have it: a key that does not pass is
 * dropped once none has it, and hidden before.
 */
function apply(
  table: StateTable,
  slot: number,
  changes: Changes,
  { reduce, inverse, filter }: { reduce: AnyReduce; inverse: AnyReduce; filter: Filter },
): void {
  const leaving = changes.leaving[slot]
  const entering = changes.entering[slot]
  const isKept = table.flag(slot) !== ABSENT
  let value: unknown
  if (isKept) {
    value = table.value(slot)
    if (leaving !== NOTHING) value = inverse(value, leaving)
    if (entering !== NOTHING) value = reduce(value, entering)
  } else if (entering === NOTHING) throw new KindlingError('KEY_NOT_CONSISTENT', { key: table.key(slot) })
  else value = entering
  if (value instanceof Promise)
    throw new KindlingError('PROMISE_RETURNED', {
      operation: 'reduceByKeyAndWindow',
      instead: 'mapAsync before it',
    })
  if (filter === undefined) {
    table.put(slot, value)
    return
  }
  const batches = (isKept ? table.mark(slot) : 0) + changes.batches[slot]!
  if (filter([table.key(slot), value])) table.put(slot, value, batches, PRESENT)
  else if (batches > 0) table.put(slot, value, batches, HIDDEN)
  else table.drop(slot)
}
