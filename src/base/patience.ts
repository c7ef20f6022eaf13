/** Asks something again that did not work and may the next time: with pauses that grow, until the patience is over. */
import type { Clock } from './clock.ts'

/** For how long, how often, and for what. */
export interface Patience {
  readonly clock: Clock
  /** The last attempt begins before they are over. */
  readonly patienceMs: number
  /** The pause after the first attempt; each further one is twice as long, up to `maxPauseMs`. */
  readonly firstPauseMs: number
  readonly maxPauseMs: number
  /** Whether what was thrown may not come again. */
  mayPass(error: unknown): boolean
  /** Ends a pause: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Told of the first failure, when it is asked again. */
  onTrouble?(error: unknown): void
}

/**
 * The first answer. Rejects with the last error as it was thrown, and at once with one that does not pass.
 *
 * @example
 * const patience = { clock: new SystemClock(), patienceMs: 60_000, firstPauseMs: 50, maxPauseMs: 1000, mayPass: () => true }
 * await patiently(patience, async () => 'an answer') // => 'an answer'
 */
export async function patiently<R>(patience: Patience, ask: () => Promise<R>): Promise<R> {
  const { clock, patienceMs, firstPauseMs, maxPauseMs, signal, onTrouble } = patience
  const until = clock.now() + patienceMs
  for (let pauseMs = firstPauseMs, isFirst = true; ; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
    try {
      return await ask()
    } catch (error) {
      const isOver = signal?.aborted === true || clock.now() + pauseMs > until
      if (isOver || !patience.mayPass(error)) throw error
      if (isFirst) onTrouble?.(error)
      isFirst = false
    }
    await clock.sleep(pauseMs, signal)
  }
}
