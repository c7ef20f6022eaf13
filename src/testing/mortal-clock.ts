/**
 * The clock of a program that may die in a test: the test's own until then; afterwards its timers do nothing, its sleeps never end,
 * and its work counts no more. While the program is suspended, its timers wait.
 */
import { Activity } from '../base/activity.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { sleepOn } from '../base/sleep.ts'

/** A promise for what a dead program waits for. */
export function never(): Promise<never> {
  return new Promise(() => {})
}

/** See the file head. */
export class MortalClock implements Clock {
  readonly activity: MortalActivity
  private readonly clock: Clock
  private isDead = false
  private suspendedUntil = 0

  constructor(clock: Clock) {
    this.clock = clock
    this.activity = new MortalActivity(clock.activity)
  }

  now(): number {
    return this.clock.now()
  }

  schedule(atMs: number, run: () => void): Timer {
    const fire = (): void => {
      if (this.isDead) return
      if (this.now() < this.suspendedUntil) timer = this.clock.schedule(this.suspendedUntil, fire)
      else run()
    }
    let timer = this.clock.schedule(atMs, fire)
    return { cancel: () => timer.cancel() }
  }

  suspend(untilMs: number): void {
    this.suspendedUntil = untilMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.isDead) return never()
    const wake = this.activity.fallAsleep()
    return sleepOn(this, ms, signal).finally(wake)
  }

  /** The program is dead from now on. */
  die(): void {
    this.isDead = true
    this.activity.die()
  }
}

/** Passes on what it counts, until it dies. */
class MortalActivity extends Activity {
  private readonly whole: Activity
  private readonly ends = new Set<() => void>()
  private isDead = false

  constructor(whole: Activity) {
    super()
    this.whole = whole
  }

  override begin(): () => void {
    return this.passOn(super.begin(), () => this.whole.begin())
  }

  override hold(): () => void {
    return this.passOn(super.hold(), () => this.whole.hold())
  }

  override fallAsleep(): () => void {
    return this.passOn(super.fallAsleep(), () => this.whole.fallAsleep())
  }

  private passOn(endHere: () => void, begin: () => () => void): () => void {
    if (this.isDead) return endHere
    const end = begin()
    this.ends.add(end)
    return () => {
      endHere()
      end()
      this.ends.delete(end)
    }
  }

  die(): void {
    this.isDead = true
    for (const end of this.ends) end()
    this.ends.clear()
  }
}
