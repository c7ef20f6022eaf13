/**
 * Reduced values of each key over a sliding window, without an inverse function, at a cost that does not depend on the window.
 *
 * In: panes, one for each batch: slots and their reduced values. Out: for each slot the reduction of its values in the window.
 *
 * Each key has its values in the order of time, as two stacks:
 *
 *            front                    back
 *   values   v1   v2   v3        │    v4   v5   v6
 *   kept     v1v2v3  v2v3  v3    │    v4v5v6
 *
 * 1. a value that enters is reduced into that of the back: one call; 2. one that leaves is dropped from the front: none;
 * 3. when the front is empty, the back becomes the front, from the newest value on: one call for each; 4. the result is front and
 * back reduced together: one call.
 *
 * So a value costs about three calls in its life, however long the window is. Step 3 would come for all keys in the same slide,
 * when they began in the same one: a key turns its stacks over for the first time after a number of values that its slot decides,
 * so that the keys take turns.
 *
 * I1  The front is empty, or its first value is the oldest of the key.
 * I2  Reductions keep the order of time: `reduce` need be associative only.
 * Source: the two stacks of a queue; Tangwongsan, Hirzel, Schneider, VLDB 2015.
 */
import { ValueColumn } from '../../data/value-column.ts'

/** One batch in a window. Slots are distinct. */
export interface Pane {
  /** Batch time in ms. */
  readonly time: number
  readonly slots: Int32Array
  readonly values: readonly unknown[]
}

const NONE = -1
const GOLDEN = 0x9e3779b1

/** See the file head. A `reduce` that throws leaves it half done: then it is made anew from its panes. */
export class PaneWindow {
  private readonly reduce: (a: unknown, b: unknown) => unknown
  /** Values of a key in a full window, at most. */
  private readonly length: number
  private readonly panes: Pane[] = []
  // By slot.
  private first: Int32Array = new Int32Array(0)
  private last: Int32Array = new Int32Array(0)
  private frontLast: Int32Array = new Int32Array(0)
  private backCount: Int32Array = new Int32Array(0)
  private readonly back = new ValueColumn()
  // By entry: one value of one key. What columns give are copies, so a function may change its arguments in place.
  private readonly values = new ValueColumn()
  private readonly reduced = new ValueColumn()
  private next: Int32Array = new Int32Array(1024)
  private free = NONE
  private entries = 0

  constructor(reduce: (a: unknown, b: unknown) => unknown, length: number) {
    this.reduce = reduce
    this.length = length
  }

  /** The panes in the window, the oldest first. */
  get content(): readonly Pane[] {
    return this.panes
  }

  /** Takes in a pane later than all others. */
  insert(pane: Pane): void {
    this.panes.push(pane)
    const { slots, values } = pane
    for (let i = 0; i < slots.length; i++) this.append(slots[i]!, values[i])
  }

  /** Drops the oldest pane and gives it. */
  evict(): Pane {
    const pane = this.panes.shift()!
    for (const slot of pane.slots) this.dropFirst(slot)
    return pane
  }

  /** Whether the slot has a value in the window. */
  has(slot: number): boolean {
    return slot < this.first.length && this.first[slot] !== NONE
  }

  /** The reduction of all values of a slot that has any. */
  result(slot: number): unknown {
    if (this.frontLast[slot] === NONE) return this.back.get(slot)
    const front = this.reduced.get(this.first[slot]!)
    return this.backCount[slot] === 0 ? front : this.reduce(front, this.back.get(slot))
  }

  private append(slot: number, value: unknown): void {
    this.reach(slot)
    const entry = this.entry(value)
    if (this.first[slot] === NONE) this.first[slot] = entry
    else this.next[this.last[slot]!] = entry
    this.last[slot] = entry
    const count = this.backCount[slot]! + 1
    if (count === 1) this.back.setFrom(slot, this.values, entry)
    else this.back.set(slot, this.reduce(this.back.get(slot), this.values.get(entry)))
    this.backCount[slot] = count
    if (this.frontLast[slot] === NONE && count >= this.turn(slot)) this.turnOver(slot)
  }

  /** After how many values a key turns its stacks over for the first time: 1 … length. */
  private turn(slot: number): number {
    return 1 + ((Math.imul(slot, GOLDEN) >>> 8) % this.length)
  }

  private dropFirst(slot: number): void {
    if (this.frontLast[slot] === NONE) this.turnOver(slot)
    const entry = this.first[slot]!
    const isLastOfFront = this.frontLast[slot] === entry
    const isLast = this.last[slot] === entry
    this.first[slot] = isLast ? NONE : this.next[entry]!
    if (isLast) this.last[slot] = NONE
    if (isLastOfFront) this.frontLast[slot] = NONE
    this.next[entry] = this.free
    this.free = entry
  }

  /** The back becomes the front. */
  private turnOver(slot: number): void {
    const order: number[] = []
    const last = this.last[slot]!
    for (let entry = this.first[slot]!; ; entry = this.next[entry]!) {
      order.push(entry)
      if (entry === last) break
    }
    const { values, reduced } = this
    reduced.setFrom(last, values, last)
    for (let i = order.length - 1; i > 0; i--)
      reduced.set(order[i - 1]!, this.reduce(values.get(order[i - 1]!), reduced.get(order[i]!)))
    this.frontLast[slot] = last
    this.backCount[slot] = 0
  }

  private entry(value: unknown): number {
    let entry = this.free
    if (entry === NONE) {
      entry = this.entries++
      if (entry === this.next.length) {
        const next = new Int32Array(entry * 2)
        next.set(this.next)
        this.next = next
      }
    } else this.free = this.next[entry]!
    this.values.set(entry, value)
    return entry
  }

  private reach(slot: number): void {
    if (slot < this.first.length) return
    const capacity = Math.max(slot + 1, this.first.length * 2, 256)
    const grown = (from: Int32Array, fill: number): Int32Array => {
      const to = new Int32Array(capacity).fill(fill)
      to.set(from)
      return to
    }
    this.first = grown(this.first, NONE)
    this.last = grown(this.last, NONE)
    this.frontLast = grown(this.frontLast, NONE)
    this.backCount = grown(this.backCount, 0)
  }
}
