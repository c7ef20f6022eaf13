/**
 * The values of a long-lived table by slot, as tight as they allow, and safe from the program: what is put in is copied, and what
 * is taken out is a copy.
 *
 *   number, string, …            one cell
 *   [1, 'a'], { n: 1, s: 'a' }   a cell for each field, as long as all values have one shape and flat fields
 *   anything else                copies of the values
 *
 * Number fields of all slots lie in one typed array, slot by slot; other fields in one array likewise. The layout begins with the
 * first value and widens when a value does not fit: a number field to one of any primitive, a shape to copies.
 *
 * Cost: widening is O(slots), at most twice and once for each number field in the life of a column.
 */
import { copyValue } from './codec.ts'
import { isImmutable } from './copy-value.ts'
import { PINNING_LENGTH, unpinned } from './key-table.ts'
import { flatShape, type ValueShape, WIDE } from './value-shape.ts'

/** See the file head. */
export class ValueColumn {
  private shape: ValueShape | undefined
  private numbers: Float64Array = new Float64Array(0)
  private others: unknown[] = []

  /** A copy of the value; only for slots that were set. */
  get(slot: number): unknown {
    const { shape } = this
    if (shape === undefined) return undefined
    if (shape === WIDE) return copyValue(this.others[slot])
    return shape.get(this.numbers, this.others, slot)
  }

  /** Keeps a copy of `value`. @throws RECORD_NOT_ENCODABLE, and the slot is as it was */
  set(slot: number, value: unknown): void {
    this.shape ??= flatShape(value)
    const { shape } = this
    if (shape === WIDE) {
      const own = unpinnedCopy(value)
      this.reach(slot, shape)
      this.others[slot] = own
      return
    }
    this.reach(slot, shape)
    if (shape.set(this.numbers, this.others, slot, value)) return
    // Refused before anything is changed.
    if (!isImmutable(value)) copyValue(value)
    this.widen(shape.widened(value))
    this.set(slot, value)
  }

  /** Whether a slot that was set surely holds this value already; false where finding out costs too much. */
  isSame(slot: number, value: unknown): boolean {
    const { shape } = this
    if (shape === undefined) return false
    if (shape === WIDE) return isImmutable(value) && Object.is(this.others[slot], value)
    return shape.same(this.numbers, this.others, slot, value)
  }

  /** Copies the value of a slot of another column, without making it a value in between where both have one layout. */
  setFrom(slot: number, from: ValueColumn, fromSlot: number): void {
    const { shape } = from
    if (this.shape === undefined) this.shape = shape
    if (shape === undefined || shape !== this.shape) {
      this.set(slot, from.get(fromSlot))
      return
    }
    this.reach(slot, shape)
    for (let i = 0; i < shape.numbers; i++)
      this.numbers[slot * shape.numbers + i] = from.numbers[fromSlot * shape.numbers + i]!
    for (let i = 0; i < shape.others; i++)
      this.others[slot * shape.others + i] = from.others[fromSlot * shape.others + i]
  }

  /** Makes room for a slot. */
  private reach(slot: number, shape: ValueShape): void {
    const numbers = (slot + 1) * shape.numbers
    if (numbers > this.numbers.length) {
      const grown = new Float64Array(Math.max(numbers, this.numbers.length * 2, 64))
      grown.set(this.numbers)
      this.numbers = grown
    }
    const others = (slot + 1) * shape.others
    while (this.others.length < others) this.others.push(undefined)
  }

  private widen(shape: ValueShape): void {
    const old = this.shape!
    const count = Math.max(
      old.numbers === 0 ? 0 : Math.floor(this.numbers.length / old.numbers),
      old.others === 0 ? 0 : Math.floor(this.others.length / old.others),
    )
    const { numbers, others } = this
    this.numbers = new Float64Array(count * shape.numbers)
    this.others = new Array(count * shape.others).fill(undefined)
    this.shape = shape
    for (let slot = 0; slot < count; slot++) {
      const value = old.get(numbers, others, slot)
      if (shape === WIDE) this.others[slot] = value
      else shape.set(this.numbers, this.others, slot, value)
    }
  }
}

/** A copy that keeps no chunk of input alive through a string that was cut out of it. */
function unpinnedCopy(value: unknown): unknown {
  if (typeof value === 'string') return unpinned(value)
  const copy = copyValue(value)
  unpin(copy)
  return copy
}

function unpin(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Map) {
    for (const [key, item] of value)
      if (typeof item === 'string') value.set(key, unpinned(item))
      else unpin(item)
    return
  }
  if (ArrayBuffer.isView(value)) return
  const fields = value as Record<string, unknown>
  for (const name of Object.keys(fields)) {
    const item = fields[name]
    if (typeof item !== 'string') unpin(item)
    else if (item.length >= PINNING_LENGTH) fields[name] = unpinned(item)
  }
}
