/** The plain actions: each is one job, or for `take` and `toLocalIterator` several small ones. */

import { AsyncLocalStorage } from 'node:async_hooks'
import { KindlingError } from '../base/errors.ts'
import { joined } from '../data/chunk.ts'
import { copyValue } from '../data/codec.ts'
import { capture } from './functions/explicit.ts'
import type { FoldResult, JobSink, TaskInput } from './ports.ts'
import type { RDD } from './rdd.ts'
import { noPromise, run } from './run-sink.ts'
import { currentScope, type OperatorScope, operator } from './scope.ts'
import { recordsOf } from './segment/interpret.ts'
import { iterateSource } from './segment/iterate.ts'

export async function collect<T>(rdd: RDD<T>): Promise<T[]> {
  const parts = await run<readonly T[]>(rdd, currentScope('collect'), { kind: 'collect' })
  return parts.length === 1 ? (parts[0] as T[]) : joined(parts)
}

export async function count<T>(rdd: RDD<T>): Promise<number> {
  const counts = await run<number>(rdd, currentScope('count'), { kind: 'count' })
  return counts.reduce((a, b) => a + b, 0)
}

async function foldPartitions<T>(rdd: RDD<T>, scope: OperatorScope, f: (a: T, b: T) => T): Promise<T[]> {
  const parts = await run<FoldResult>(rdd, scope, { kind: 'fold', f })
  return parts.filter(p => !p.empty).map(p => p.value as T)
}

export async function reduce<T>(rdd: RDD<T>, f: (a: T, b: T) => T): Promise<T> {
  const scope = currentScope('reduce')
  const parts = await foldPartitions(rdd, scope, f)
  if (parts.length === 0) throw new KindlingError('EMPTY_COLLECTION', { operation: scope.name })
  return parts.reduce((a, b) => noPromise(f(a, b), scope.name))
}

export function fold<T>(rdd: RDD<T>, zero: T, f: (a: T, b: T) => T): Promise<T> {
  return operator('fold', () => aggregate(rdd, zero, f, f))
}

export async function aggregate<T, U>(
  rdd: RDD<T>,
  zero: U,
  seq: (a: U, record: T) => U,
  comb: (a: U, b: U) => U,
): Promise<U> {
  const kept = copyValue(zero)
  const sink: JobSink = { kind: 'fold', f: seq, zero: capture({ copyValue, kept }, () => copyValue(kept)) }
  const scope = currentScope('aggregate')
  const parts = await run<FoldResult>(rdd, scope, sink)
  let value = copyValue(kept)
  for (const part of parts) value = noPromise(comb(value, part.value as U), scope.name)
  return value
}

export async function isEmpty<T>(rdd: RDD<T>): Promise<boolean> {
  return operator('isEmpty', () => take(rdd, 1)).then(some => some.length === 0)
}

export async function first<T>(rdd: RDD<T>): Promise<T> {
  const some = await operator('first', () => take(rdd, 1))
  if (some.length === 0) throw new KindlingError('EMPTY_COLLECTION', { operation: 'first' })
  return some[0] as T
}

export function take<T>(rdd: RDD<T>, n: number): Promise<T[]> {
  return operator('take', () => takeAtLeast(rdd, n))
}

async function takeAtLeast<T>(rdd: RDD<T>, n: number): Promise<T[]> {
  const scope = currentScope('take')
  const taken: T[] = []
  const total = rdd.getNumPartitions()
  const scaleUp = rdd.context.takeScaleUp
  for (let scanned = 0; scanned < total && taken.length < n; ) {
    let next = 1
    if (scanned > 0) {
      next = scanned * scaleUp
      // Spark's guess: half as many again as the partitions so far suggest.
      if (taken.length > 0)
        next = Math.min(next, Math.max(1, Math.ceil((1.5 * n * scanned) / taken.length) - scanned))
    }
    const partitions = Array.from({ length: Math.min(next, total - scanned) }, (_, i) => scanned + i)
    const left = n - taken.length
    const sink: JobSink = {
      kind: 'chunks',
      run: capture({ takeFrom, left }, (records: TaskInput) => takeFrom(records, left)),
    }
    const parts = await run<T[]>(rdd, scope, sink, partitions)
    for (const part of parts) for (const record of part) if (taken.length < n) taken.push(record)
    scanned += partitions.length
  }
  return taken
}

async function takeFrom(records: TaskInput, n: number): Promise<unknown[]> {
  const taken: unknown[] = []
  while (taken.length < n) {
    const chunk = await records.next(n - taken.length)
    if (chunk === undefined) break
    for (const record of recordsOf(chunk)) {
      taken.push(record)
      if (taken.length === n) break
    }
  }
  return taken
}

/** What is known of a function that is run for its effects. */
export interface EffectOptions {
  /**
   * Whether doing something twice, even at the same time, is the same as doing it once. Then a task that takes too long may be copied
   * (`spark.speculation`). Default false.
   */
  readonly idempotent?: boolean
}

export async function foreach<T>(
  rdd: RDD<T>,
  f: (record: T) => unknown,
  { idempotent = false }: EffectOptions,
): Promise<void> {
  await run(rdd, currentScope('foreach'), {
    kind: 'chunks',
    once: !idempotent,
    run: async (records, task) => {
      for (;;) {
        const chunk = await records.next()
        if (chunk === undefined) return
        for (const record of recordsOf(chunk)) {
          try {
            const result = f(record as T)
            if (isThenable(result)) await result
          } catch (error) {
            throw task.failed(error, record)
          }
          const pause = task.breathe()
          if (pause !== undefined) await pause
        }
      }
    },
  })
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}

export async function foreachPartition<T>(
  rdd: RDD<T>,
  f: (records: IterableIterator<T> & AsyncIterable<T>) => unknown,
  { idempotent = false }: EffectOptions,
): Promise<void> {
  await run(rdd, currentScope('foreachPartition'), {
    kind: 'chunks',
    once: !idempotent,
    run: async (records, task) => {
      await records.prepare()
      try {
        await f(bothWays<T>(records))
      } catch (error) {
        throw task.failed(error, undefined)
      }
    },
  })
}

/** An iterator that is both synchronous and asynchronous. */
function bothWays<T>(records: TaskInput): IterableIterator<T> & AsyncIterable<T> {
  const iterator = iterateSource(records) as Generator<T, undefined>
  async function* eventually(): AsyncGenerator<T> {
    for (const record of iterator) yield record
  }
  return Object.assign(iterator, { [Symbol.asyncIterator]: eventually })
}

export function toLocalIterator<T>(rdd: RDD<T>): AsyncIterableIterator<T> {
  const scope = currentScope('toLocalIterator')
  // Each job belongs to the code that made the iterator, whoever reads it.
  const fetch = AsyncLocalStorage.bind((p: number) => run<readonly T[]>(rdd, scope, { kind: 'collect' }, [p]))
  async function* partitions(): AsyncGenerator<T, undefined> {
    for (let p = 0; p < rdd.getNumPartitions(); p++) {
      const [rows] = await fetch(p)
      yield* rows ?? []
    }
    return undefined
  }
  return partitions()
}
