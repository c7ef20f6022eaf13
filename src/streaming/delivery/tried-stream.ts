/** `map`, `flatMap` and `filter` whose functions may throw: the stream without the records concerned, which go to dead letters. */
import { mapChunks, mapPartitionsWithIndex } from '../../rdd/narrow-operations.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { currentScope, describeScope, inScope, operator } from '../../rdd/scope.ts'
import { locatorOf, originsOf } from '../../rdd/sources/record-origin.ts'
import type { DStream } from '../dstream/dstream.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import type { DeadLetter, LetterPlace } from './dead-letter.ts'
import type { DeadLetters } from './dead-letters.ts'
import { LetterSource } from './letter-source.ts'
import { type KnownFailures, type TriedStep, tryAll } from './tried-step.ts'

/** What becomes of records that a function throws for. */
export interface OnErrorOptions {
  /** They go there, and what throws fails nothing. Default: the batch fails. */
  readonly onError?: DeadLetters
}

export function triedStream<T, U>(
  parent: DStream<T>,
  op: TriedStep['op'],
  f: (record: T) => unknown,
  letters: DeadLetters,
): DStream<U> {
  return operator(op, () => {
    const scope = currentScope(op)
    const step: TriedStep = { op, f }
    // By what they were found in: when that is made anew, as after a skipped batch, so is this.
    const known = new WeakMap<RDD<T>, KnownFailures>()
    const knownOf = (rdd: RDD<T>): KnownFailures => {
      const failures = known.get(rdd) ?? new Map()
      known.set(rdd, failures)
      return failures
    }
    const recipe = { slideDuration: parent.slideDuration, dependencies: [parent as AnyStream] }
    const taken = parent.derive<U>(op, {
      ...recipe,
      compute(time) {
        const rdd = parent.getOrCompute(time)
        return rdd === undefined ? undefined : takenOf<T, U>(rdd, step, knownOf(rdd))
      },
    })
    const left = inScope({ name: 'deadLetters', site: scope.site }, () =>
      parent.derive<DeadLetter>('deadLetters', {
        ...recipe,
        compute(time) {
          const rdd = parent.getOrCompute(time)
          return rdd === undefined
            ? undefined
            : lettersOf(rdd, step, knownOf(rdd), {
                operator: describeScope(scope),
                batchTime: time.milliseconds,
              })
        },
      }),
    )
    letters.add(left)
    return taken
  })
}

function takenOf<T, U>(rdd: RDD<T>, step: TriedStep, known: KnownFailures): RDD<U> {
  const tried = (partition: number, records: IterableIterator<T>): Iterable<unknown> =>
    tryAll(step, records, partition, known)
  return mapPartitionsWithIndex(rdd, tried, step.op === 'filter') as RDD<U>
}

function lettersOf<T>(
  rdd: RDD<T>,
  step: TriedStep,
  known: KnownFailures,
  place: Omit<LetterPlace, 'partition'>,
): RDD<DeadLetter> {
  const origins = originsOf(rdd.node)
  return mapChunks(
    rdd,
    'deadLetters',
    (records, task, partition) =>
      new LetterSource(records, task, {
        step,
        place: { ...place, partition },
        known: known.get(partition),
        locator: locatorOf(origins, partition),
      }),
  )
}
