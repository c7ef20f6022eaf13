/** The values of a batch by slot: lists through arrays, so that grouping makes no object for each key. */

/** See the file head. First `add` for all, then `link` once, then `of`. */
export class GroupedValues {
  private slots: Int32Array = new Int32Array(1024)
  private readonly values: unknown[] = []
  /** By slot: the place of its first value, from 1. */
  private first: Int32Array = new Int32Array(0)
  /** By place: the place of the next value of the same slot, from 1. */
  private next: Int32Array = new Int32Array(0)

  add(slot: number, value: unknown): void {
    const at = this.values.length
    if (at === this.slots.length) {
      const grown = new Int32Array(at * 2)
      grown.set(this.slots)
      this.slots = grown
    }
    this.slots[at] = slot
    this.values.push(value)
  }

  /** @param size the number of slots */
  link(size: number): void {
    const { slots, values } = this
    const first = new Int32Array(size)
    const next = new Int32Array(values.length)
    // From the end, so that each list is in the order in which values came.
    for (let at = values.length - 1; at >= 0; at--) {
      const slot = slots[at]!
      next[at] = first[slot]!
      first[slot] = at + 1
    }
    this.first = first
    this.next = next
  }

  /** The values of a slot in the order in which they came; `undefined` for none. */
  of(slot: number): unknown[] | undefined {
    let at = this.first[slot]!
    if (at === 0 || slot >= this.first.length) return undefined
    const values: unknown[] = []
    for (; at !== 0; at = this.next[at - 1]!) values.push(this.values[at - 1])
    return values
  }
}
