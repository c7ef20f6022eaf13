/**
 * The port through which the engine sees time, and its clock for production.
 *
 * Nothing above `base` reads Date.now or sets a timer of its own: whole programs run on the manual clock in tests.
 */
import { Activity } from './activity.ts'
import { sleepOn } from './sleep.ts'

export { ManualClock } from './manual-clock.ts'

/** A call planned for later. */
export interface Timer {
  /** Takes the call back. Does nothing when it has run already. */
  cancel(): void
}

/** Tells time and calls back later. */
export interface Clock {
  /** ms since the epoch, a whole number. */
  now(): number
  /**
   * Calls `run` once, when the clock shows `atMs` or later, never before. For a time that has passed: as soon as
   * possible, but not within this call. `run` must not throw.
   */
  schedule(atMs: number, run: () => void): Timer
  /** Resolves after `ms`; rejects with the signal's reason when that is aborted before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Work in progress that a manual clock waits for before it lets time go on. */
  readonly activity: Activity
}

// setTimeout takes 32-bit signed delays and runs longer ones at once.
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/**
 * The machine's clock. Its timers keep the process alive, as those of Node do.
 *
 * @example
 * const clock = new SystemClock()
 * const before = clock.now()
 * await clock.sleep(5)
 * clock.now() >= before + 5 // => true
 */
export class SystemClock implements Clock {
  readonly activity: Activity = new Activity()

  now(): number {
    return Date.now()
  }

  schedule(atMs: number, run: () => void): Timer {
    let timeout: NodeJS.Timeout
    const arm = (): void => {
      const waitMs = Math.min(Math.max(Math.ceil(atMs - Date.now()), 0), LONGEST_TIMEOUT_MS)
      timeout = setTimeout(() => {
        // Timers measure by another clock than Date.now and may come a millisecond early; far ones come in parts.
        if (Date.now() < atMs) arm()
        else run()
      }, waitMs)
    }
    arm()
    return { cancel: () => clearTimeout(timeout) }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }
}
