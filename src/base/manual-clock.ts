/**
 * A clock for tests: time stands still until advance is called, and then goes from timer to timer, each time waiting
 * until the engine has come to rest.
 *
 * 1. wait until the activity is at rest
 * 2. run the next timer that is due by the target, with the clock showing its time; go to 1
 * 3. when none is due any more, the clock shows the target
 *
 * Work in progress may itself sleep on the clock (a retry that backs off, a slow output in a test): then time goes on
 * to the next timer although work is pending, and beyond the target if need be, because nothing else can end it.
 *
 * I1  Timers run in order of time, those of one time in the order they were scheduled.
 * I2  The clock never goes back, and shows at least a timer's time while the timer runs.
 * I3  Nothing runs outside an advance but sleeps of zero length.
 */
import { Activity } from './activity.ts'
import type { Clock, Timer } from './clock.ts'
import { KindlingError } from './errors.ts'
import { sleepOn } from './sleep.ts'

// Turns of the event loop without any change after which pending nothing means rest: promise chains that go through
// setImmediate register their next piece of work within these.
const QUIET_TURNS = 3

// With pending work and a sleeper, rest is seen from outside: so many looks, so far apart in real time, at which
// nothing changed, the thread was idle, and no request to the system was open.
const QUIET_LOOKS = 2
const LOOK_MS = 2

// Node's names for single requests in flight, unlike handles that stay open (servers, sockets, watchers).
const REQUEST = /Req|ConnectWrap$|^WriteWrap$|^ShutdownWrap$|^Zlib/

interface PlannedTimer {
  readonly atMs: number
  readonly run: () => void
}

/**
 * A clock that stands still except within advance.
 *
 * @example
 * const clock = new ManualClock(0)
 * let rang = 0
 * clock.schedule(1000, () => {
 *   rang = clock.now()
 * })
 * await clock.advance(5000)
 * rang // => 1000
 * clock.now() // => 5000
 */
export class ManualClock implements Clock {
  readonly activity: Activity = new Activity()
  #nowMs: number
  readonly #closed: boolean
  /** Sorted by time, ties in order of scheduling. */
  readonly #timers: PlannedTimer[] = []
  #advances: Promise<unknown> = Promise.resolve()

  /**
   * @param startMs what the clock shows first, in ms
   * @param options.closed nothing is awaited but this clock: no disk, no socket, no other thread. Rest is seen at once then.
   */
  constructor(startMs = 0, options: { readonly closed?: boolean } = {}) {
    this.#nowMs = startMs
    this.#closed = options.closed ?? false
  }

  now(): number {
    return this.#nowMs
  }

  /**
   * Plans a call. One for a time that has passed runs at the start of the next advance.
   *
   * @example
   * const clock = new ManualClock()
   * const rang: string[] = []
   * clock.schedule(20, () => rang.push('later'))
   * clock.schedule(10, () => rang.push('sooner'))
   * clock.schedule(10, () => rang.push('never')).cancel()
   * await clock.advance(20)
   * rang // => ['sooner', 'later']
   */
  schedule(atMs: number, run: () => void): Timer {
    const timer: PlannedTimer = { atMs, run }
    this.#timers.splice(this.#firstAfter(atMs), 0, timer)
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer)
        if (index >= 0) this.#timers.splice(index, 1)
      },
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const wake = this.activity.fallAsleep()
    return sleepOn(this, ms, signal).finally(wake)
  }

  /**
   * Lets `ms` pass and resolves once all timers due until then have run and the activity is at rest. Calls queue up.
   * Must not be awaited by work that the activity counts: the two would wait for each other.
   *
   * Rejects with what a timer threw; later timers stay planned.
   *
   * @throws INVALID_ARGUMENT (as rejection) unless ms is a whole number from 0 up
   * @example
   * const clock = new ManualClock(0)
   * const slept = clock.sleep(1000).then(() => clock.now())
   * await clock.advance(2500)
   * await slept // => 1000
   */
  advance(ms: number): Promise<void> {
    return this.#queue(() => this.#run(this.#nowMs + nonNegative(ms)))
  }

  /**
   * Lets time pass until the clock shows `ms`, as advance does; for a time that has passed, waits for rest only.
   *
   * @example
   * const clock = new ManualClock(1000)
   * await clock.advanceTo(5000)
   * await clock.advanceTo(2000)
   * clock.now() // => 5000
   */
  advanceTo(ms: number): Promise<void> {
    return this.#queue(() => this.#run(nonNegative(ms)))
  }

  #queue(advance: () => Promise<void>): Promise<void> {
    const result = this.#advances.then(advance)
    // The next advance waits for this one, whether or not it failed; its caller sees the failure.
    this.#advances = result.catch(() => {})
    return result
  }

  async #run(targetMs: number): Promise<void> {
    for (;;) {
      const rest = await (this.#closed ? this.#restInside() : this.#rest())
      const next = this.#timers[0]
      if (this.#closed && next === undefined && rest === 'asleep') throw stuck()
      if (next === undefined || (next.atMs > targetMs && rest === 'nothing-pending')) break
      this.#timers.shift()
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.run()
    }
    this.#nowMs = Math.max(this.#nowMs, targetMs)
  }

  /** Waits until nothing is pending, or until all that is pending waits for this clock. */
  async #rest(): Promise<'nothing-pending' | 'asleep'> {
    const { activity } = this
    let quietTurns = 0
    let quietLooks = 0
    for (;;) {
      const before = activity.version
      if (activity.pending === 0) {
        quietLooks = 0
        await new Promise(resolve => setImmediate(resolve))
        quietTurns = activity.version === before ? quietTurns + 1 : 0
        if (quietTurns >= QUIET_TURNS) return 'nothing-pending'
      } else if (activity.asleep === 0 || activity.held) {
        quietTurns = 0
        quietLooks = 0
        await activity.change()
      } else {
        quietTurns = 0
        const isQuiet = await looksQuiet()
        quietLooks = isQuiet && activity.version === before ? quietLooks + 1 : 0
        if (quietLooks >= QUIET_LOOKS) return 'asleep'
      }
    }
  }

  /** The same where all that is awaited is in this thread: once no callback is due, nothing happens before the next timer. */
  async #restInside(): Promise<'nothing-pending' | 'asleep'> {
    const { activity } = this
    for (let isQuiet = false; !isQuiet; ) {
      const before = activity.version
      await new Promise(resolve => setImmediate(resolve))
      isQuiet = activity.version === before && !isTurnDue()
    }
    return activity.pending === 0 ? 'nothing-pending' : 'asleep'
  }

  #firstAfter(atMs: number): number {
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#timers[middle]!.atMs <= atMs) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Watches this thread for a moment: idle for most of it, and no request to the system open at its end? */
async function looksQuiet(): Promise<boolean> {
  const before = performance.eventLoopUtilization()
  await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  await new Promise(resolve => setImmediate(resolve))
  const { active, idle } = performance.eventLoopUtilization(before)
  return (
    active < Math.max(idle, LOOK_MS) && !process.getActiveResourcesInfo().some(name => REQUEST.test(name))
  )
}

/** Whether callbacks wait for their turn, or the system was asked for something (a module that is loaded). */
function isTurnDue(): boolean {
  return process.getActiveResourcesInfo().some(name => name === 'Immediate' || REQUEST.test(name))
}

function stuck(): KindlingError {
  return new KindlingError('ILLEGAL_STATE', {
    what: 'Letting time go on',
    reason: 'work is in progress, and nothing is planned on the clock that could end it',
  })
}

function nonNegative(ms: number): number {
  if (Number.isSafeInteger(ms) && ms >= 0) return ms
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'The time to advance',
    value: ms,
    expected: 'a whole number of milliseconds from 0 up',
  })
}
