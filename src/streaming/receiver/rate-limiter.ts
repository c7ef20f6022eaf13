/**
 * Lets at most so many records through in a second, on the engine's clock.
 *
 * Up to one second's worth of unused permits is kept for bursts. A request is granted at once when the debt of those before it is
 * paid, and its own debt is paid by the next: so a request larger than the rate passes, and the one after it waits.
 *
 * @source Spark RateLimiter; Guava's smooth bursty limiter
 */
import type { Clock } from '../../base/clock.ts'

/** See the file head. */
export class RateLimiter {
  private readonly clock: Clock
  private readonly maxRate: number
  private rate: number
  private stored = 0
  private freeAt: number

  /**
   * @param initialRate records a second; `undefined`: no limit until the first update
   * @param maxRate the limit that no update passes; `undefined`: none
   */
  constructor(clock: Clock, initialRate: number | undefined, maxRate: number | undefined) {
    this.clock = clock
    this.maxRate = maxRate ?? Number.POSITIVE_INFINITY
    this.rate = Math.min(initialRate ?? this.maxRate, this.maxRate)
    this.freeAt = clock.now()
  }

  /** Records a second; infinite when there is no limit. */
  get currentRate(): number {
    return this.rate
  }

  /** A new rate, capped at the maximum; 0 and less are ignored. Fractions count. */
  update(rate: number): void {
    if (!(rate > 0)) return
    this.refill()
    this.rate = Math.min(rate, this.maxRate)
    this.stored = Math.min(this.stored, this.rate)
  }

  /** `undefined` when `n` records may pass now; else resolves when they may. Rejects when the signal is aborted. */
  acquire(n: number, signal: AbortSignal): Promise<void> | undefined {
    if (this.rate === Number.POSITIVE_INFINITY || n <= 0) return undefined
    const now = this.refill()
    const wait = this.freeAt - now
    const fromStore = Math.min(n, this.stored)
    this.stored -= fromStore
    this.freeAt += ((n - fromStore) / this.rate) * 1000
    return wait > 0 ? this.clock.sleep(Math.ceil(wait), signal) : undefined
  }

  private refill(): number {
    const now = this.clock.now()
    if (now > this.freeAt) {
      if (this.rate !== Number.POSITIVE_INFINITY)
        this.stored = Math.min(this.rate, this.stored + ((now - this.freeAt) / 1000) * this.rate)
      this.freeAt = now
    }
    return now
  }
}
