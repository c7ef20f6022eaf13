/** Operators whose functions are asynchronous. Each is a loop of its own: its neighbours are not fused with it. */
import { KindlingError } from '../base/errors.ts'
import { type DurationLike, toDuration } from '../base/time.ts'
import type { ChunkSource } from '../data/chunk.ts'
import { type AsyncCall, type AsyncMapSettings, AsyncMapSource, type Tried } from './async-map.ts'
import { AsyncPartitionSource, type PartitionFunction } from './async-partition.ts'
import { mapChunks } from './narrow-operations.ts'
import type { TaskInfo, TaskInput } from './ports.ts'
import type { RDD } from './rdd.ts'

/** How `mapAsync` calls its function. */
export interface MapAsyncOptions {
  /** Calls in flight in each task, at most. Default 16. */
  readonly concurrency?: number
  /** Whether results keep the order of the records (default), or come as they are ready. */
  readonly ordered?: boolean
  /** For each attempt. Default: none. */
  readonly timeout?: DurationLike
  /** Attempts after the first, for each record. Default 0; the task's own attempts come on top. */
  readonly retries?: number
  /** The pause before the first retry; each further one is twice as long, at most 30 s. Default 100 ms. */
  readonly backoff?: DurationLike
}

const CONCURRENCY = 16
const BACKOFF_MS = 100

export function mapAsync<T, U>(
  rdd: RDD<T>,
  f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
  options: MapAsyncOptions = {},
): RDD<U> {
  return asyncMapper(f, options)(rdd)
}

/** `mapAsync` with options that are checked now. @throws INVALID_ARGUMENT @throws INVALID_DURATION */
export function asyncMapper<T, U>(
  f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
  options: MapAsyncOptions = {},
): (rdd: RDD<T>) => RDD<U> {
  return mapperOf(f, settingsOf(options, false))
}

/** The same, but what records fail with after all attempts is among the results. @throws INVALID_ARGUMENT, INVALID_DURATION */
export function triedMapper<T, U>(
  f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
  options: MapAsyncOptions,
): (rdd: RDD<T>) => RDD<Tried<U>> {
  return mapperOf(f, settingsOf(options, true))
}

function settingsOf(options: MapAsyncOptions, isTried: boolean): AsyncMapSettings {
  const { timeout, backoff } = options
  return {
    isTried,
    concurrency: whole('concurrency', options.concurrency ?? CONCURRENCY, 1),
    ordered: options.ordered ?? true,
    timeoutMs:
      timeout === undefined ? undefined : toDuration(timeout, 'The timeout of mapAsync').milliseconds,
    retries: whole('retries', options.retries ?? 0, 0),
    backoffMs:
      backoff === undefined ? BACKOFF_MS : toDuration(backoff, 'The backoff of mapAsync').milliseconds,
  }
}

function mapperOf<T, R>(f: unknown, settings: AsyncMapSettings): (rdd: RDD<T>) => RDD<R> {
  const call = f as (record: unknown, call: AsyncCall) => unknown
  const open = (records: TaskInput, task: TaskInfo): ChunkSource =>
    new AsyncMapSource(records, call, settings, task)
  return rdd => mapChunks(rdd, 'mapAsync', open)
}

export function mapPartitionsAsync<T, U>(
  rdd: RDD<T>,
  f: (records: AsyncIterable<T> & Iterable<T>, call: AsyncCall) => AsyncIterable<U>,
  preservesPartitioning: boolean,
): RDD<U> {
  const call = f as unknown as PartitionFunction
  const open = (records: TaskInput, task: TaskInfo): ChunkSource =>
    new AsyncPartitionSource(records, call, task)
  return mapChunks(rdd, 'mapPartitionsAsync', open, preservesPartitioning)
}

function whole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new KindlingError('INVALID_ARGUMENT', {
    what: `${name} of mapAsync`,
    value,
    expected: `a whole number of at least ${least}`,
  })
}
