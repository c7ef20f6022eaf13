/** The machine's clock for a program that may die: what a dead program waits for would keep the process alive. */
import { SystemClock, type Timer } from '../base/clock.ts'

/** See the file head. */
export class CancelledClock extends SystemClock {
  private readonly timers = new Set<Timer>()

  override schedule(atMs: number, run: () => void): Timer {
    const timer = super.schedule(atMs, () => {
      this.timers.delete(timer)
      run()
    })
    this.timers.add(timer)
    return {
      cancel: () => {
        this.timers.delete(timer)
        timer.cancel()
      },
    }
  }

  /** Nothing that was scheduled happens. */
  cancelAll(): void {
    for (const timer of this.timers) timer.cancel()
    this.timers.clear()
  }
}
