/** Records that functions over RDDs cannot take, gathered from any number of operations. */
import type { RDD } from '../rdd.ts'
import { currentBatch, currentScope, describeScope, type OperatorScope, operator } from '../scope.ts'
import type { DeadLetter, LetterPlace } from './dead-letter.ts'
import type { TriedRDD } from './tried-rdd.ts'

/** What becomes of records that a function throws for. */
export interface RDDOnErrorOptions {
  /** They are letters of it, and what throws fails nothing. Default: the job fails. */
  readonly onError?: RDDDeadLetters
}

/**
 * Where bad records of RDDs go; made by `sc.deadLetters`. Nothing is written until `letters()` is: a program that gives its records here
 * and never asks for them drops them.
 *
 * @example
 * const bad = sc.deadLetters()
 * const numbers = sc.parallelize(['1', 'x', '2']).map(word => BigInt(word), { onError: bad })
 * numbers // => [1n, 2n]
 * bad.letters().map(({ value, error, index }) => [value, error.name, index]) // => [['x', 'SyntaxError', 1]]
 */
export class RDDDeadLetters {
  private readonly parts: RDD<DeadLetter>[] = []
  private readonly union: (parts: readonly RDD<DeadLetter>[]) => RDD<DeadLetter>

  /** @internal */
  constructor(union: (parts: readonly RDD<DeadLetter>[]) => RDD<DeadLetter>) {
    this.union = union
  }

  /**
   * The letters of all operations so far, in order of definition. Functions that give values at once may be called again for them; what
   * asynchronous ones gave is kept, in memory and on disk.
   *
   * @example
   * const bad = sc.deadLetters()
   * const words = sc.parallelize(['a', '', 'b'])
   * const first = words.mapAsync(async word => word.at(0)!.toUpperCase(), { onError: bad })
   * await first.collect() // => ['A', 'B']
   * await bad.letters().count() // => 1
   */
  letters(): RDD<DeadLetter> {
    return this.union(this.parts)
  }

  /** @internal */
  add(letters: RDD<DeadLetter>): void {
    this.parts.push(letters)
  }
}

/** What the operation `op` gives, its letters added to `bad`. */
export function takenOf<U>(op: string, bad: RDDDeadLetters, make: () => TriedRDD<U>): RDD<U> {
  return operator(op, () => {
    const tried = make()
    bad.add(tried.letters(letterPlace(currentScope(op))))
    return tried.taken
  })
}

/** Of letters of an operation that is being defined: in which batch, if it is in one. */
export function letterPlace(scope: OperatorScope): Omit<LetterPlace, 'partition'> {
  const batchTime = currentBatch()
  const place = { operator: describeScope(scope) }
  return batchTime === undefined ? place : { ...place, batchTime }
}
