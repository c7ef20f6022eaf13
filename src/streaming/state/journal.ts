/**
 * What slots held before each change of a table; see `state-table.ts`.
 *
 * One segment for each version. A reader of an older version takes in what has changed since, before it gives a chunk.
 */
import { ValueColumn } from '../../data/value-column.ts'
import { ABSENT, type SlotRows, type Slots } from './slots.ts'

/** What slots held before each change of one version, oldest first. */
export class Segment {
  /** The position of the first change, counted from the first change ever. */
  readonly start: number
  count = 0
  slots: Int32Array
  flags: Uint8Array
  marks: Float64Array
  readonly values: ValueColumn = new ValueColumn()

  constructor(start: number, capacity: number) {
    this.start = start
    this.slots = new Int32Array(capacity)
    this.flags = new Uint8Array(capacity)
    this.marks = new Float64Array(capacity)
  }

  get end(): number {
    return this.start + this.count
  }

  add(slot: number, flag: number, mark: number, values: ValueColumn): void {
    const at = this.count
    if (at === this.slots.length) this.grow()
    this.slots[at] = slot
    this.flags[at] = flag
    this.marks[at] = mark
    if (flag !== ABSENT) this.values.setFrom(at, values, slot)
    this.count++
  }

  dropLast(): void {
    this.count--
  }

  private grow(): void {
    const capacity = this.slots.length * 2
    const { slots, flags, marks } = this
    this.slots = new Int32Array(capacity)
    this.slots.set(slots)
    this.flags = new Uint8Array(capacity)
    this.flags.set(flags)
    this.marks = new Float64Array(capacity)
    this.marks.set(marks)
  }
}

/** Reads one version while the table may change under it. */
export class VersionReader {
  private readonly table: Slots
  private readonly journal: readonly Segment[]
  private position: number
  /** What changed since the version, by slot: what it held then. */
  private readonly then = new Map<
    number,
    { readonly flag: number; readonly mark: number; readonly value: unknown }
  >()

  constructor(table: Slots, journal: readonly Segment[], end: number) {
    this.table = table
    this.journal = journal
    this.position = end
  }

  /** Takes in changes since the last look; of several to one slot the first tells what the version held. */
  catchUp(): void {
    const { then } = this
    for (const segment of this.journal) {
      for (; this.position >= segment.start && this.position < segment.end; this.position++) {
        const i = this.position - segment.start
        const slot = segment.slots[i]!
        if (then.has(slot)) continue
        const flag = segment.flags[i]!
        then.set(slot, {
          flag,
          mark: segment.marks[i]!,
          value: flag === ABSENT ? undefined : segment.values.get(i),
        })
      }
    }
  }

  /** Later changes were undone: what they changed is as it was. */
  stepBack(position: number): void {
    this.position = Math.min(this.position, position)
  }

  /** Those slots that are wanted, by what they hold. */
  rows(from: number, to: number, wanted: (flag: number, slot: number) => boolean): SlotRows {
    this.catchUp()
    const { table, then } = this
    const rows: SlotRows = { slots: [], keys: [], values: [], flags: [], marks: [] }
    const unchanged = then.size === 0
    for (let slot = from; slot < to; slot++) {
      const before = unchanged ? undefined : then.get(slot)
      const flag = before?.flag ?? table.flag(slot)
      if (!wanted(flag, slot)) continue
      rows.slots.push(slot)
      rows.keys.push(table.key(slot))
      rows.flags.push(flag)
      if (before !== undefined) {
        rows.values.push(before.value)
        rows.marks.push(before.mark)
      } else {
        rows.values.push(flag === ABSENT ? undefined : table.value(slot))
        rows.marks.push(flag === ABSENT ? 0 : table.mark(slot))
      }
    }
    return rows
  }
}
