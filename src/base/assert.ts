import { describeValue, KindlingError } from './errors.ts'

/**
 * States what must hold at this point. For mistakes of ours only: what a user or the outside can cause is a
 * KindlingError with its own code.
 *
 * @throws INTERNAL_ERROR when the condition is false
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new KindlingError('INTERNAL_ERROR', { assertion: message })
}

/**
 * Ends a switch over a closed union: does not compile while a case is missing.
 *
 * @throws INTERNAL_ERROR when it is reached all the same, by data that came past the types
 */
export function assertNever(value: never): never {
  throw new KindlingError('INTERNAL_ERROR', {
    assertion: `every case of a union is handled, but ${describeValue(value)} came`,
  })
}
