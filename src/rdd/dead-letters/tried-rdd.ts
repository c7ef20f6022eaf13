/**
 * An RDD through a function that may throw for some records: what it gives for the others, and letters of those.
 *
 *   rdd ─▶ f ─▶ what f gives          `taken`
 *    └───▶ f threw ─▶ letters         asked for later, if at all
 *
 * Letters of functions that give values at once are found by calling `f` again, unless `taken` has found them in this process. What
 * asynchronous ones gave is kept instead, as data: a service need not answer twice alike, and a record must be in one of both.
 */
import type { AsyncCall, Tried } from '../async-map.ts'
import { type MapAsyncOptions, triedMapper } from '../async-operations.ts'
import { mapChunks, mapPartitions, mapPartitionsWithIndex } from '../narrow-operations.ts'
import type { RDD } from '../rdd.ts'
import { locatorOf, originsOf } from '../sources/record-origin.ts'
import { StorageLevel } from '../storage-level.ts'
import type { DeadLetter, LetterPlace } from './dead-letter.ts'
import { LetterSource } from './letter-source.ts'
import { type Failure, failuresOf, type KnownFailures, type TriedStep, tryAll } from './tried-step.ts'

/** Both sides of a tried RDD. */
export interface TriedRDD<U> {
  readonly taken: RDD<U>
  /** Of the records that are not. */
  letters(place: Omit<LetterPlace, 'partition'>): RDD<DeadLetter>
  /** Nobody needs it any more. */
  release(): void
}

export function tried<T, U>(rdd: RDD<T>, step: TriedStep): TriedRDD<U> {
  const known: KnownFailures = new Map()
  const call = (partition: number, records: IterableIterator<T>): Iterable<unknown> =>
    tryAll(step, records, partition, known)
  return {
    taken: mapPartitionsWithIndex(rdd, call, step.op === 'filter') as RDD<U>,
    letters: place => {
      const origins = originsOf(rdd.node)
      return mapChunks(
        rdd,
        'deadLetters',
        (records, task, partition) =>
          new LetterSource(records, task, {
            failuresOf: (records, first) => failuresOf(step, records, first),
            place: { ...place, partition },
            known: known.get(partition),
            locator: locatorOf(origins, partition),
          }),
      )
    },
    release() {},
  }
}

/** @throws INVALID_ARGUMENT, INVALID_DURATION for the options */
export function triedAsync<T, U>(
  f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
  options: MapAsyncOptions,
): (rdd: RDD<T>) => TriedRDD<U> {
  const mapper = triedMapper(f, options)
  const isOrdered = options.ordered ?? true
  return rdd => {
    const results = mapper(rdd).persist(StorageLevel.MEMORY_AND_DISK)
    return {
      taken: mapPartitions(results, succeeded, false),
      letters: place => {
        const origins = originsOf(rdd.node)
        return mapChunks(
          results,
          'deadLetters',
          (records, task, partition) =>
            new LetterSource(records, task, {
              failuresOf: records => failed(records as readonly Tried<unknown>[]),
              place: { ...place, partition },
              known: undefined,
              // Places are looked for in order.
              locator: isOrdered ? locatorOf(origins, partition) : undefined,
            }),
        )
      },
      release: () => void results.unpersist(),
    }
  }
}

function* succeeded<U>(results: IterableIterator<Tried<U>>): Generator<U, undefined> {
  for (const result of results) if ('made' in result) yield result.made
  return undefined
}

function failed(results: readonly Tried<unknown>[]): Failure[] {
  return results.flatMap(result => ('failure' in result ? [result.failure] : []))
}
