/**
 * The one keyed table: key → dense slot, values in a column indexed by slot.
 *
 * In: keys of any supported kind (`key.ts`), values of any kind. Out: `keys[slot]`, `values[slot]`, slots 0 … size−1 in
 * order of first appearance.
 *
 * Keys that a `Map` finds by value (strings, numbers, booleans, bigint, null, undefined) are indexed as they are; tuples,
 * dates, bytes and records by their canonical string, in an index of their own so that no string key can collide with one.
 *
 * I1  `keys.length === values.length` between calls, and every slot has exactly one index entry.
 * I2  A key kept here pins nothing: long strings are copied out of the chunk they were sliced from, composite keys are
 *     copies that the user's program cannot change.
 * Cost: one hash look-up a record; the two copies above once for each distinct key.
 */
import { KindlingError } from '../base/errors.ts'
import { copyValue, decodePairs, encodePairs, registerClass } from './codec.ts'
import { canonicalKey } from './key.ts'

/** V8 refuses the entry after 2^24 in one `Map`; stay below it with a message that helps. */
export const MAX_KEYS: number = 2 ** 24 - 16

/** A slice of this many characters or more keeps its parent alive in V8. */
export const PINNING_LENGTH: number = 13

/** Keys and their values by slot; see the file head. Compiled segments read `simple`, `keys` and `values` directly. */
export class KeyTable<V = unknown> {
  readonly keys: unknown[] = []
  readonly values: V[] = []
  /** Slots of the keys that a Map finds by value. */
  readonly simple: Map<unknown, number> = new Map()
  private composite: Map<string, number> | undefined
  /** How many keys it takes. May be lowered while it is used. */
  maxKeys: number

  constructor(maxKeys: number = MAX_KEYS) {
    this.maxKeys = maxKeys
  }

  get size(): number {
    return this.keys.length
  }

  /** Whether it takes no further key. */
  get isFull(): boolean {
    return this.keys.length >= this.maxKeys
  }

  /** Forgets all keys and values, in place. */
  clear(): void {
    this.keys.length = 0
    this.values.length = 0
    this.simple.clear()
    this.composite = undefined
  }

  /** The slot of `key`, or `undefined` when it is not here. */
  slotOf(key: unknown): number | undefined {
    if (typeof key === 'object' && key !== null) return this.composite?.get(canonicalKey(key))
    return this.simple.get(key)
  }

  /**
   * Adds a key that is not here yet and gives its slot; the caller pushes the value at once (I1).
   *
   * @throws TABLE_FULL past {@link MAX_KEYS} keys
   * @throws KEY_NOT_SUPPORTED for functions, symbols and class instances
   */
  insert(key: unknown): number {
    const slot = this.keys.length
    if (slot >= this.maxKeys) throw new KindlingError('TABLE_FULL', { limit: this.maxKeys, what: 'keys' })
    if (typeof key === 'object' && key !== null) {
      // Whatever refuses the key does so before anything is changed.
      const name = canonicalKey(key)
      const own = copyValue(key)
      this.composite ??= new Map()
      this.composite.set(name, slot)
      this.keys.push(own)
    } else {
      if (typeof key === 'function' || typeof key === 'symbol') canonicalKey(key as unknown as object)
      const own = typeof key === 'string' ? unpinned(key) : key === 0 ? 0 : key
      this.simple.set(own, slot)
      this.keys.push(own)
    }
    return slot
  }

  /** The value of `key`, or `undefined`. */
  get(key: unknown): V | undefined {
    const slot = this.slotOf(key)
    return slot === undefined ? undefined : this.values[slot]
  }

  /** Sets the value of `key`, adding the key when it is new. */
  set(key: unknown, value: V): void {
    const slot = this.slotOf(key)
    if (slot === undefined) {
      this.insert(key)
      this.values.push(value)
    } else this.values[slot] = value
  }

  /** The table as one block of pairs. */
  encode(): Uint8Array {
    return encodePairs(this.keys, this.values)
  }

  /** Reads what {@link KeyTable.encode} wrote. */
  static decode<V>(bytes: Uint8Array): KeyTable<V> {
    const { keys, values } = decodePairs(bytes)
    return KeyTable.from(keys, values as V[])
  }

  /** A table over distinct keys and their values. */
  static from<V>(keys: readonly unknown[], values: readonly V[]): KeyTable<V> {
    const table = new KeyTable<V>()
    for (let i = 0; i < keys.length; i++) table.set(keys[i], values[i] as V)
    return table
  }

  /** Takes in another table: `merge(mine, theirs)` where both have a key. */
  mergeFrom(other: KeyTable<V>, merge: (mine: V, theirs: V) => V): void {
    for (let i = 0; i < other.keys.length; i++) {
      const key = other.keys[i]
      const slot = this.slotOf(key)
      if (slot === undefined) {
        this.insert(key)
        this.values.push(other.values[i] as V)
      } else this.values[slot] = merge(this.values[slot] as V, other.values[i] as V)
    }
  }
}

// Tasks give tables as results.
registerClass(KeyTable, {
  name: 'kindling.KeyTable',
  encode: ({ keys, values }: KeyTable) => ({ keys, values }),
  decode: ({ keys, values }) => KeyTable.from(keys, values),
})

/** The same string in memory of its own: joining and cutting makes V8 flatten it into a new, small parent. */
export function unpinned(text: string): string {
  return text.length < PINNING_LENGTH ? text : ` ${text}`.slice(1)
}
