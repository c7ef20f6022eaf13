/** A read-only map whose keys are found by the engine's equality: tuples, dates and records by value. */
import { inspect } from 'node:util'
import type { KeyTable } from '../data/key-table.ts'

/** A view on a {@link KeyTable}; iterates in order of first appearance. */
export class KeyedMap<K, V> implements ReadonlyMap<K, V> {
  private readonly table: KeyTable<V>

  constructor(table: KeyTable<V>) {
    this.table = table
    // Shown by console.log as the Map it stands for.
    Object.defineProperty(this, inspect.custom, { value: () => new Map(this) })
  }

  get size(): number {
    return this.table.size
  }

  get(key: K): V | undefined {
    return this.table.get(key)
  }

  has(key: K): boolean {
    return this.table.slotOf(key) !== undefined
  }

  forEach(f: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) f(value, key, this)
  }

  *entries(): MapIterator<[K, V]> {
    for (let i = 0; i < this.table.size; i++) yield [this.table.keys[i] as K, this.table.values[i] as V]
  }

  *keys(): MapIterator<K> {
    yield* this.table.keys as K[]
  }

  *values(): MapIterator<V> {
    yield* this.table.values
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }

  get [Symbol.toStringTag](): string {
    return 'KeyedMap'
  }
}
