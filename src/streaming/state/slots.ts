/** What a table of state holds by slot. */

/** What a slot holds in a version. */
export const ABSENT = 0
export const PRESENT = 1
/** Kept, but not part of the records: a key that a filter hides while its window still has it. */
export const HIDDEN = 2

/** Slots in columns; values of absent ones are `undefined`. */
export interface SlotRows {
  readonly slots: number[]
  readonly keys: unknown[]
  readonly values: unknown[]
  readonly flags: number[]
  readonly marks: number[]
}

/** Slots in order, chunk by chunk; `undefined` at the end. */
export interface RowSource {
  next(): SlotRows | undefined
  close(): void
}

/** What is asked of a table about its newest version. */
export interface Slots {
  flag(slot: number): number
  mark(slot: number): number
  /** Of slots that hold something: a copy. */
  value(slot: number): unknown
  key(slot: number): unknown
}
