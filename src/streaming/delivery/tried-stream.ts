/** `map`, `flatMap`, `filter` and `mapAsync` whose functions may throw: the stream without the records concerned, which go to dead letters. */
import type { AsyncCall } from '../../rdd/async-map.ts'
import type { MapAsyncOptions } from '../../rdd/async-operations.ts'
import type { DeadLetter } from '../../rdd/dead-letters/dead-letter.ts'
import { type TriedRDD, tried, triedAsync } from '../../rdd/dead-letters/tried-rdd.ts'
import type { TriedStep } from '../../rdd/dead-letters/tried-step.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { currentScope, describeScope, inScope, operator } from '../../rdd/scope.ts'
import type { DStream } from '../dstream/dstream.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import type { DeadLetters } from './dead-letters.ts'

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
  return split(parent, op, letters, rdd => tried<T, U>(rdd, { op, f }))
}

/** @throws INVALID_ARGUMENT, INVALID_DURATION for the options */
export function triedAsyncStream<T, U>(
  parent: DStream<T>,
  f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
  options: MapAsyncOptions,
  letters: DeadLetters,
): DStream<U> {
  return split(parent, 'mapAsync', letters, triedAsync(f, options))
}

function split<T, U>(
  parent: DStream<T>,
  op: string,
  letters: DeadLetters,
  tryRDD: (rdd: RDD<T>) => TriedRDD<U>,
): DStream<U> {
  return operator(op, () => {
    const scope = currentScope(op)
    // By what they were made of: when that is made anew, as after a skipped batch, so is this.
    const made = new WeakMap<RDD<T>, TriedRDD<U>>()
    const byTime = new Map<number, TriedRDD<U>>()
    const triedOf = (rdd: RDD<T>, time: number): TriedRDD<U> => {
      const known = made.get(rdd) ?? tryRDD(rdd)
      made.set(rdd, known)
      byTime.set(time, known)
      return known
    }
    const recipe = { dependencies: [parent as AnyStream] }
    const taken = parent.derive<U>(op, {
      ...recipe,
      compute(time) {
        const rdd = parent.getOrCompute(time)
        return rdd === undefined ? undefined : triedOf(rdd, time.milliseconds).taken
      },
      forgotten: times => {
        for (const time of times) {
          byTime.get(time)?.release()
          byTime.delete(time)
        }
      },
    })
    const left = inScope({ name: 'deadLetters', site: scope.site }, () =>
      parent.derive<DeadLetter>('deadLetters', {
        ...recipe,
        compute(time) {
          const rdd = parent.getOrCompute(time)
          if (rdd === undefined) return undefined
          const batchTime = time.milliseconds
          return triedOf(rdd, batchTime).letters({ operator: describeScope(scope), batchTime })
        },
      }),
    )
    letters.add(left)
    return taken
  })
}
