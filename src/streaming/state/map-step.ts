/**
 * How `mapWithState` moves the table of a partition on: initial state, the batch's records in order, idle keys.
 *
 * In a file of its own: workers import it.
 */
import { KindlingError } from '../../base/errors.ts'
import { Time } from '../../base/time.ts'
import type { StateTask } from '../../rdd/nodes.ts'
import { BlockBuilder } from '../../storage/block-builder.ts'
import { CurrentState } from './current-state.ts'
import { IdleOrder } from './idle-order.ts'
import { eachSlot } from './pairs.ts'
import type { StateFunction } from './state-spec.ts'
import type { StateTable } from './state-table.ts'
import type { Advance } from './table-partition.ts'

/** What a version is made with. */
export interface MapDetail {
  /** Whether its first input is the initial state. */
  readonly hasInitial: boolean
  /** Whether idle keys are looked for. */
  readonly timesOut: boolean
}

/** Moves the table of one partition on, version by version. */
export function mapStates(f: AnyStateFunction, timeoutMs: number | undefined): Advance {
  const idleOrders = new WeakMap<StateTable, { readonly order: IdleOrder; readonly undone: number }>()
  const call = caller(f)
  return async (table, inputs, { time, detail }, task) => {
    const { hasInitial, timesOut } = detail as MapDetail
    const [initial, batch] = hasInitial ? inputs : [undefined, ...inputs]
    if (initial !== undefined)
      await eachSlot(initial, table, task, (slot, state) => table.put(slot, state, time))
    let idle: IdleOrder | undefined
    if (timeoutMs !== undefined) {
      const kept = idleOrders.get(table)
      idle = kept?.undone === table.undone ? kept.order : new IdleOrder(table)
      // Put back once the batch is through: after a failure the order is made anew from what the table holds.
      idleOrders.delete(table)
    }
    const run = call(table, idle, new Time(time), task)
    if (batch !== undefined) await eachSlot(batch, table, task, run.record)
    if (idle !== undefined && timeoutMs !== undefined) {
      if (timesOut) await run.timeOut(idle.idleSince(time - timeoutMs))
      idleOrders.set(table, { order: idle, undone: table.undone })
    }
    return { output: run.output.finish() }
  }
}

export type AnyStateFunction = StateFunction<unknown, unknown, unknown, unknown>

/** The calls of one partition in one batch. */
function caller(f: AnyStateFunction) {
  return (table: StateTable, idle: IdleOrder | undefined, time: Time, task: StateTask) => {
    const state = new CurrentState(table, idle, time.milliseconds)
    const output = new BlockBuilder()
    const callFor = (key: unknown, value: unknown): void => {
      try {
        const mapped = f(key, value, state, time)
        if (mapped === undefined) return
        if (mapped instanceof Promise)
          throw new KindlingError('PROMISE_RETURNED', {
            operation: 'mapWithState',
            instead: 'mapAsync before it',
          })
        output.add(mapped)
      } catch (error) {
        throw task.failed(error, value === undefined ? key : [key, value])
      }
    }
    return {
      output,
      record(slot: number, value: unknown, key: unknown): void {
        state.pointAt(slot)
        callFor(key, value)
        state.settle()
      },
      async timeOut(slots: readonly number[]): Promise<void> {
        for (let i = 0; i < slots.length; i++) {
          const slot = slots[i]!
          state.pointAt(slot, true)
          callFor(table.key(slot), undefined)
          state.settle()
          table.drop(slot)
          const pause = (i & 63) === 0 ? task.breathe() : undefined
          if (pause !== undefined) await pause
        }
      },
    }
  }
}
