/** Waiting in real time for something outside the engine. */
import { KindlingError } from '../base/errors.ts'

/** How long, and what for. */
export interface UntilOptions {
  /** In ms of real time. Default 10 000. */
  readonly timeoutMs?: number
  /** For the message. */
  readonly what?: string
}

const POLL_MS = 5

/**
 * Resolves once `predicate` holds.
 *
 * @throws WAIT_TIMED_OUT
 * @example
 * let connected = false
 * setTimeout(() => {
 *   connected = true
 * }, 10)
 * await until(() => connected, { timeoutMs: 5000, what: 'a connection' })
 * connected // => true
 */
export async function until(
  predicate: () => boolean | Promise<boolean>,
  opts: UntilOptions = {},
): Promise<void> {
  const { timeoutMs = 10_000, what = predicate.toString() } = opts
  const start = performance.now()
  while (!(await predicate())) {
    if (performance.now() - start > timeoutMs)
      throw new KindlingError('WAIT_TIMED_OUT', { what, ms: timeoutMs })
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}
