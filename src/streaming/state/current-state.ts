/** The one `State` object of a partition, pointed at a slot for each call of the user's function. */
import { KindlingError } from '../../base/errors.ts'
import type { IdleOrder } from './idle-order.ts'
import { ABSENT } from './slots.ts'
import type { State } from './state-spec.ts'
import type { StateTable } from './state-table.ts'

/** See the file head. Changes go to the table at once; a failed batch takes them back as a whole. */
export class CurrentState implements State<unknown> {
  private readonly table: StateTable
  private readonly idle: IdleOrder | undefined
  private readonly time: number
  private slot = 0
  private isThere = false
  private isRemoved = false
  private isUpdated = false
  private isOver = false

  constructor(table: StateTable, idle: IdleOrder | undefined, time: number) {
    this.table = table
    this.idle = idle
    this.time = time
  }

  /** Before a call. */
  pointAt(slot: number, isTimingOut = false): void {
    this.slot = slot
    this.isThere = this.table.flag(slot) !== ABSENT
    this.isRemoved = false
    this.isUpdated = false
    this.isOver = isTimingOut
  }

  /** After a call: with a timeout, a record counts as an update also when it only read. */
  settle(): void {
    const { idle, slot } = this
    if (idle === undefined) return
    if (this.isRemoved || this.isOver) idle.remove(slot)
    else if (this.isThere) {
      if (!this.isUpdated) this.table.putMark(slot, this.time)
      idle.touch(slot)
    }
  }

  exists(): boolean {
    return this.isThere
  }

  get(): unknown {
    if (this.isThere) return this.table.value(this.slot)
    throw new KindlingError('STATE_NOT_SET', { key: this.table.key(this.slot) })
  }

  getOption(): unknown {
    return this.isThere ? this.table.value(this.slot) : undefined
  }

  update(state: unknown): void {
    if (this.isRemoved || this.isOver) this.refuse('update')
    if (state === undefined || state instanceof Promise)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'what state.update() was given',
        value: state,
        expected: 'a value (use state.remove() to drop the key)',
      })
    this.table.put(this.slot, state, this.time)
    this.isThere = true
    this.isUpdated = true
  }

  remove(): void {
    if (this.isRemoved || this.isOver) this.refuse('remove')
    this.table.drop(this.slot)
    this.isThere = false
    this.isRemoved = true
  }

  isTimingOut(): boolean {
    return this.isOver
  }

  private refuse(method: string): never {
    throw new KindlingError('ILLEGAL_STATE', {
      what: `state.${method}()`,
      reason: this.isOver
        ? 'the state is timing out: it is dropped after this call'
        : 'the state was removed by this call already',
    })
  }
}
