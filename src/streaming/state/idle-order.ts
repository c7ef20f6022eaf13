/**
 * The keys of a table in the order of their last update, as a list through two arrays: to find those that are idle too long costs
 * what they are, not what the table has.
 */
import { ABSENT } from './slots.ts'
import type { StateTable } from './state-table.ts'

const NONE = -1

/** See the file head. Slot numbers are those of the table. */
export class IdleOrder {
  private readonly table: StateTable
  private before: Int32Array = new Int32Array(0)
  private after: Int32Array = new Int32Array(0)
  private first = NONE
  private last = NONE

  /** Orders what the table holds by its marks, which are times of update. */
  constructor(table: StateTable) {
    this.table = table
    const slots: number[] = []
    for (let slot = 0; slot < table.index.size; slot++) if (table.flag(slot) !== ABSENT) slots.push(slot)
    for (const slot of this.inOrder(slots)) this.touch(slot)
  }

  /** By time of update, and by slot where that is equal: the same however the list came to be. */
  private inOrder(slots: number[]): number[] {
    const { table } = this
    return slots.sort((a, b) => table.mark(a) - table.mark(b) || a - b)
  }

  /** The slot was updated just now. */
  touch(slot: number): void {
    if (slot === this.last) return
    if (slot >= this.after.length) this.grow(slot)
    this.remove(slot)
    this.before[slot] = this.last
    this.after[slot] = NONE
    if (this.last === NONE) this.first = slot
    else this.after[this.last] = slot
    this.last = slot
  }

  /** The slot holds nothing any more. Nothing happens when it is not in the list. */
  remove(slot: number): void {
    if (slot >= this.after.length) return
    const before = this.before[slot]!
    const after = this.after[slot]!
    if (before === NONE && this.first !== slot) return
    if (before === NONE) this.first = after
    else this.after[before] = after
    if (after === NONE) this.last = before
    else this.before[after] = before
    this.before[slot] = NONE
    this.after[slot] = NONE
  }

  /** The slots that were updated last before `threshold`. */
  idleSince(threshold: number): number[] {
    const slots: number[] = []
    for (let slot = this.first; slot !== NONE && this.table.mark(slot) < threshold; slot = this.after[slot]!)
      slots.push(slot)
    return this.inOrder(slots)
  }

  private grow(slot: number): void {
    const capacity = Math.max(slot + 1, this.after.length * 2, 1024)
    const grown = (from: Int32Array): Int32Array => {
      const to = new Int32Array(capacity).fill(NONE)
      to.set(from)
      return to
    }
    this.before = grown(this.before)
    this.after = grown(this.after)
  }
}
