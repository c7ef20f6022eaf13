/**
 * What one thread knows of something that is looked up elsewhere.
 *
 *   get(key) ─▶ known and young enough? ─▶ its value
 *            ─▶ being loaded? ─────────▶ that load's value
 *            ─▶ waits for this turn's other keys ─▶ load(keys), several at once ─▶ kept, the oldest unused dropped
 *
 * I1  At most `maxEntries` values are kept.
 * I2  A key is loaded by one call at a time, however many ask for it.
 * I3  What a load threw is thrown at those who wait for it, and not kept: the next one asks again.
 */
import { type Clock, SystemClock } from '../base/clock.ts'
import { KindlingError } from '../base/errors.ts'

/** A key that can be told from others by `===`. */
export type LookupKey = string | number | bigint | boolean

/** Loads the values of keys, at most as many as are asked for in one go. Those it does not give are not there. */
export type LookupLoad<K extends LookupKey, V> = (
  keys: readonly K[],
) => PromiseLike<Iterable<readonly [K, V]>> | Iterable<readonly [K, V]>

/** How much is kept, and for how long. */
export interface LookupSettings {
  readonly maxEntries: number
  readonly ttlMs: number
  readonly maxKeys: number
}

interface Entry<V> {
  readonly value: V | undefined
  readonly until: number
}

/** See the file head. */
export class LookupCache<K extends LookupKey, V> {
  private readonly load: LookupLoad<K, V>
  private readonly settings: LookupSettings
  private readonly clock: Clock
  /** The one that was asked for longest ago comes first. */
  private readonly entries = new Map<K, Entry<V>>()
  private readonly loading = new Map<K, Promise<V | undefined>>()
  private waiting: { readonly keys: K[]; readonly loaded: Promise<ReadonlyMap<K, V>> } | undefined

  constructor(load: LookupLoad<K, V>, settings: LookupSettings, clock: Clock = new SystemClock()) {
    this.load = load
    this.settings = settings
    this.clock = clock
  }

  /** Values that are kept. */
  get size(): number {
    return this.entries.size
  }

  get(key: K): Promise<V | undefined> {
    const known = this.entries.get(key)
    if (known !== undefined) {
      this.entries.delete(key)
      if (this.clock.now() < known.until) {
        this.entries.set(key, known)
        return Promise.resolve(known.value)
      }
    }
    const loading = this.loading.get(key) ?? this.begin(key)
    return loading
  }

  private begin(key: K): Promise<V | undefined> {
    const value = this.join(key).then(
      found => {
        this.loading.delete(key)
        this.keep(key, found.get(key))
        return found.get(key)
      },
      error => {
        this.loading.delete(key)
        throw error
      },
    )
    this.loading.set(key, value)
    return value
  }

  /** The load that the key goes with: the next one, as long as it has room. */
  private join(key: K): Promise<ReadonlyMap<K, V>> {
    if (this.waiting === undefined) {
      const keys: K[] = []
      // In its next turn, so that all who ask in this one go together.
      const loaded = new Promise<void>(resolve => setImmediate(resolve)).then(() => {
        if (this.waiting?.keys === keys) this.waiting = undefined
        return this.loadAll(keys)
      })
      this.waiting = { keys, loaded }
    }
    const { keys, loaded } = this.waiting
    if (keys.push(key) >= this.settings.maxKeys) this.waiting = undefined
    return loaded
  }

  private async loadAll(keys: readonly K[]): Promise<ReadonlyMap<K, V>> {
    const found: unknown = await this.load(keys)
    if (typeof (found as Partial<Iterable<unknown>> | undefined)?.[Symbol.iterator] !== 'function')
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'what the function of lookup gave',
        value: found,
        expected: 'a Map, or pairs of key and value',
      })
    return new Map(found as Iterable<readonly [K, V]>)
  }

  private keep(key: K, value: V | undefined): void {
    const { maxEntries, ttlMs } = this.settings
    this.entries.set(key, { value, until: this.clock.now() + ttlMs })
    if (this.entries.size > maxEntries) this.entries.delete(this.entries.keys().next().value!)
  }
}
