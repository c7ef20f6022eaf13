/**
 * Reference data that is loaded again and again, in versions: each batch has one.
 *
 *   load ─▶ version 1 ─▶ batches ─▶ `every` is over, a batch is made: load in the background ─▶ version 2 ─▶ later batches
 *                                                                      └─ failed: version 1 stays, and it is told
 *
 * I1  All who ask for the same batch time get the same version, for as long as a batch is remembered.
 * I2  At most one load is under way.
 * I3  No batch gets a version that is older than `maxAge`.
 */
import { KindlingError } from '../base/errors.ts'
import { Duration, type DurationLike, type Time, toDuration } from '../base/time.ts'
import type { Broadcast } from './broadcast.ts'
import type { SparkContext } from './spark-context.ts'

/** Batches whose version is remembered: more than ever wait or run. */
const MAX_BATCHES = 1000
/** After a load has failed, this part of `every` passes until the next one. */
const RETRY_PART = 10

/** When data is loaded again. */
export interface RefreshingOptions {
  /** A version of this age is replaced: the next batch that is made has it loaded, and those after it get the new one. */
  readonly every: DurationLike
  /** How old a version may get while loading fails. Default: any age. */
  readonly maxAge?: DurationLike
  /** Told when a load has failed, besides the log. */
  readonly onError?: (error: unknown) => void
}

/** Reference data; made by {@link refreshing}. */
export interface Refreshing<T> {
  /**
   * The version of a batch, for its tasks. To be called on the driver, in `transform` or `foreachRDD`.
   *
   * @param time of the batch
   * @throws REFERENCE_DATA_STALE when it is older than `maxAge`; RECORD_NOT_ENCODABLE when it is no data
   */
  at(sc: SparkContext, time: Time): Broadcast<T>
}

/** Data as it was loaded. */
interface Version<T> {
  readonly value: T
  /** When it had been loaded: for the first one, when it was first used. */
  loadedAt: number | undefined
  broadcast: Broadcast<T> | undefined
}

/**
 * Reference data, such as rates or a price list, that is loaded now and again later: all tasks of a batch see the same version of it, also
 * those that run again. A load that fails is told and tried again after a tenth of `every`; meanwhile the old version stays.
 *
 * Loads begin when a batch is made, and no batch waits for one: with batches far apart, a version may be older than `every` by one interval.
 * After a restart of the program, batches that run again have the version of the new start, and so has state that is made again from them.
 * Where that matters, let the plan of the batch say which version it has: a `DirectSource` whose range is the version (docs/lookups.md).
 *
 * @param load called on the driver; plain data, as for `sc.broadcast`. What the first call throws is thrown here
 * @throws INVALID_DURATION
 * @source the pattern of Spark programs that broadcast anew inside `transform`
 * @example
 * const rates = await refreshing(async () => ({ usd: 2 }), { every: '1 min' })
 * numbers.transform((rdd, time) => {
 *   const now = rates.at(sc, time)
 *   return rdd.map(euros => euros * now.value.usd)
 * }) // => [[2, 4, 6], [8, 10]]
 */
export async function refreshing<T>(
  load: () => PromiseLike<T> | T,
  { every, maxAge, onError }: RefreshingOptions,
): Promise<Refreshing<T>> {
  const everyMs = toDuration(every, 'The interval of refreshing').milliseconds
  const maxAgeMs =
    maxAge === undefined
      ? Number.POSITIVE_INFINITY
      : toDuration(maxAge, 'The greatest age of refreshing').milliseconds
  const settings = { everyMs, maxAgeMs, onError }
  return new LoadedVersions(load, await load(), settings)
}

interface Settings {
  readonly everyMs: number
  readonly maxAgeMs: number
  readonly onError: ((error: unknown) => void) | undefined
}

class LoadedVersions<T> implements Refreshing<T> {
  private readonly load: () => PromiseLike<T> | T
  private readonly settings: Settings
  private latest: Version<T>
  private readonly ofBatches = new Map<number, Version<T>>()
  private isLoading = false
  private nextLoad = Number.NEGATIVE_INFINITY
  private failure: unknown

  constructor(load: () => PromiseLike<T> | T, first: T, settings: Settings) {
    this.load = load
    this.settings = settings
    this.latest = { value: first, loadedAt: undefined, broadcast: undefined }
  }

  at(sc: SparkContext, time: Time): Broadcast<T> {
    const version = this.ofBatches.get(time.milliseconds) ?? this.choose(sc, time)
    version.broadcast ??= sc.broadcast(version.value)
    return version.broadcast
  }

  private choose(sc: SparkContext, time: Time): Version<T> {
    const { everyMs, maxAgeMs } = this.settings
    const version = this.latest
    const now = sc.clock.now()
    version.loadedAt ??= now
    const age = now - version.loadedAt
    if (age >= everyMs && now >= this.nextLoad && !this.isLoading)
      void sc.clock.activity.track(this.renew(sc))
    if (age > maxAgeMs)
      throw new KindlingError(
        'REFERENCE_DATA_STALE',
        {
          age: new Duration(age).prettyPrint(),
          maxAge: new Duration(maxAgeMs).prettyPrint(),
          reason: this.failure === undefined ? 'it is being loaded' : reasonOf(this.failure),
        },
        { cause: this.failure },
      )
    this.ofBatches.set(time.milliseconds, version)
    if (this.ofBatches.size > MAX_BATCHES) this.ofBatches.delete(this.ofBatches.keys().next().value!)
    return version
  }

  /** Never rejects. */
  private async renew(sc: SparkContext): Promise<void> {
    this.isLoading = true
    try {
      const value = await this.load()
      this.latest = { value, loadedAt: sc.clock.now(), broadcast: undefined }
      this.failure = undefined
    } catch (error) {
      this.failure = error
      this.nextLoad = sc.clock.now() + this.settings.everyMs / RETRY_PART
      const age = new Duration(sc.clock.now() - (this.latest.loadedAt ?? 0))
      sc.logger.warn(
        `reference data could not be loaded and stays as it is, ${age.prettyPrint()} old: ${reasonOf(error)}`,
        { error },
      )
      this.settings.onError?.(error)
    } finally {
      this.isLoading = false
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
