/** Where tasks run, from the text that users write: `local`, `local[4]`, `local[*]`, `local[4,2]`. */
import { availableParallelism } from 'node:os'
import { KindlingError } from '../base/errors.ts'

/** A master as numbers. */
export interface Master {
  readonly text: string
  /** Tasks at the same time. */
  readonly slots: number
  /** Whether tasks run on threads of their own. */
  readonly threads: boolean
  /** Attempts of a task before its job fails. */
  readonly maxFailures: number | undefined
}

const LOCAL = /^local(?:\[\s*(\*|[1-9]\d*)\s*(?:,\s*([1-9]\d*)\s*)?\])?$/

/**
 * @throws MASTER_NOT_SUPPORTED for anything else
 * @example
 * parseMaster('local[2,3]') // => { text: 'local[2,3]', slots: 2, threads: true, maxFailures: 3 }
 */
export function parseMaster(text: string): Master {
  const match = LOCAL.exec(text.trim())
  if (match === null)
    throw new KindlingError('MASTER_NOT_SUPPORTED', {
      master: text,
      expected: 'local, local[N], local[*], local[N,F] (N tasks at a time, F attempts of each)',
    })
  const [, slots, attempts] = match
  if (slots === undefined) return { text, slots: 1, threads: false, maxFailures: 1 }
  return {
    text,
    slots: slots === '*' ? availableParallelism() : Number(slots),
    threads: true,
    maxFailures: attempts === undefined ? undefined : Number(attempts),
  }
}
