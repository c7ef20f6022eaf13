/** Looking things up from tasks: in a database, or a service. */
import { KindlingError } from '../base/errors.ts'
import { type DurationLike, toDuration } from '../base/time.ts'
import { LookupCache, type LookupKey, type LookupLoad } from './lookup-cache.ts'
import { type Resource, resource } from './resource.ts'

/** How a {@link lookup} keeps what it has found. */
export interface LookupOptions {
  /** Values that each thread keeps, at most; those that were not asked for longest go first. Default 10 000. */
  readonly maxEntries?: number
  /** How long a value is taken as it was found, also that there is none. Default: always. */
  readonly ttl?: DurationLike
  /** Keys that are loaded by one call, at most. Default 100. */
  readonly maxKeys?: number
}

/** Gives the values of keys; made by {@link lookup}. */
export interface Lookup<K, V> {
  /** The value, or `undefined` when there is none. What loading it threw is thrown at all who wait for it, and the next one tries again. */
  get(key: K): Promise<V | undefined>
}

/**
 * Values by key that are loaded when somebody asks, and kept for a while: to enrich a stream from a database, in `mapAsync`.
 *
 * Each thread keeps its own. A key is loaded once at a time, however many ask for it; keys that are asked for at the same time, by the
 * calls that `mapAsync` has in flight, are loaded together. All calls of a batch need not see the same: for that there is
 * {@link refreshing}.
 *
 * Cost: one call of `load` for up to `maxKeys` keys that are not known; memory for `maxEntries` values in each thread.
 *
 * @param load called in tasks with the keys that are asked for; gives a `Map`, or pairs, of those that are there
 * @throws INVALID_ARGUMENT for options out of range, INVALID_DURATION
 * @example
 * const names = lookup(async (ids: readonly number[]) => new Map(ids.map(id => [id, `user ${id}`])), { ttl: '5 min' })
 * numbers.mapAsync(async id => await names.get(id)) // => [['user 1', 'user 2', 'user 3'], ['user 4', 'user 5']]
 */
export function lookup<K extends LookupKey, V>(
  load: LookupLoad<K, V>,
  options: LookupOptions = {},
): Lookup<K, V> {
  const { ttl, maxEntries = 10_000, maxKeys = 100 } = options
  const settings = {
    maxEntries: positive('maxEntries', maxEntries),
    maxKeys: positive('maxKeys', maxKeys),
    ttlMs: ttl === undefined ? Number.POSITIVE_INFINITY : toDuration(ttl, 'The ttl of lookup').milliseconds,
  }
  return new ThreadLookup(resource(() => new LookupCache(load, settings)))
}

/** A lookup as it travels: by what makes the cache of a thread. */
export class ThreadLookup<K extends LookupKey, V> implements Lookup<K, V> {
  private readonly cache: Resource<LookupCache<K, V>>

  constructor(cache: Resource<LookupCache<K, V>>) {
    this.cache = cache
  }

  get(key: K): Promise<V | undefined> {
    return this.cache.get().get(key)
  }
}

function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new KindlingError('INVALID_ARGUMENT', {
    what: `${name} of lookup`,
    value,
    expected: 'a whole number of at least 1',
  })
}
