/** Asks a cluster again that does not answer. */
import type { Clock } from '../../base/clock.ts'
import { isKindlingError } from '../../base/errors.ts'

/** How long and how often. */
export interface Patience {
  readonly clock: Clock
  /** Without an answer; the last attempt begins before they are over. */
  readonly patienceMs: number
  /** Ends the waiting. */
  readonly signal?: AbortSignal
}

const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 1000

/** The first answer. @throws KAFKA_UNREACHABLE once the patience is over, and every other error at once */
export async function patiently<T>(
  ask: () => Promise<T>,
  { clock, patienceMs, signal }: Patience,
): Promise<T> {
  const until = clock.now() + patienceMs
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    try {
      return await ask()
    } catch (error) {
      const mayAsk = isKindlingError(error, 'KAFKA_UNREACHABLE') && clock.now() + pause <= until
      if (!mayAsk || signal?.aborted === true) throw error
      await clock.sleep(pause, signal)
    }
  }
}
