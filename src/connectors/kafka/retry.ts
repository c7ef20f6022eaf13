/** Asks a cluster again that does not answer. */
import type { Clock } from '../../base/clock.ts'
import { isKindlingError } from '../../base/errors.ts'
import { patiently as askedAgain } from '../../base/patience.ts'

/** How long and how often. */
export interface Patience {
  readonly clock: Clock
  /** Without an answer; the last attempt begins before they are over. */
  readonly patienceMs: number
  /** Ends the waiting. */
  readonly signal?: AbortSignal
}

const PAUSES = { firstPauseMs: 50, maxPauseMs: 1000 }
const mayPass = (error: unknown): boolean => isKindlingError(error, 'KAFKA_UNREACHABLE')

/** The first answer. @throws KAFKA_UNREACHABLE once the patience is over, and every other error at once */
export function patiently<T>(ask: () => Promise<T>, patience: Patience): Promise<T> {
  return askedAgain({ ...patience, ...PAUSES, mayPass }, ask)
}
