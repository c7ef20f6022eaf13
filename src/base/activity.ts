/**
 * Counts work in progress, so that a manual clock knows when the engine has come to rest.
 *
 * Whoever starts asynchronous work brackets it with begin() or track(). Work may be counted more than once (a job,
 * its stage and its task): only zero matters. Work that must not be overtaken by virtual time although nothing of it
 * is seen in this thread (a worker thread, a socket) is also bracketed with hold().
 */

/** Work in progress on one clock. */
export class Activity {
  #pending = 0
  #held = 0
  #asleep = 0
  #version = 0
  #waiters: (() => void)[] = []

  /** How much work is in progress. */
  get pending(): number {
    return this.#pending
  }

  /** Counts work that begins now. The function returned ends it; calling that again does nothing. */
  begin(): () => void {
    this.#pending++
    this.#changed()
    return once(() => {
      this.#pending--
      this.#changed()
    })
  }

  /**
   * Counts a promise until it settles. Returns a promise with the same outcome, which the caller has to handle: the
   * original counts as handled.
   */
  track<T>(promise: Promise<T>): Promise<T> {
    const end = this.begin()
    return promise.then(
      value => {
        end()
        return value
      },
      (error: unknown) => {
        end()
        throw error
      },
    )
  }

  /**
   * Counts work that begins now and waits for something outside this thread: while it lasts, virtual time stands
   * still even if other work sleeps on the clock. The function returned ends it; calling that again does nothing.
   */
  hold(): () => void {
    this.#held++
    const end = this.begin()
    return once(() => {
      this.#held--
      end()
    })
  }

  /** Resolves once nothing is pending and nothing new begins during two turns of the event loop. */
  async idle(): Promise<void> {
    for (let quietTurns = 0; quietTurns < 2; ) {
      if (this.#pending > 0) {
        await this.change()
        quietTurns = 0
        continue
      }
      const before = this.#version
      await new Promise(resolve => setImmediate(resolve))
      quietTurns = this.#version === before ? quietTurns + 1 : 0
    }
  }

  /** Whether work is held by something outside this thread. For clocks. */
  get held(): boolean {
    return this.#held > 0
  }

  /** How many sleeps on the clock have not ended. For clocks. */
  get asleep(): number {
    return this.#asleep
  }

  /** Grows with every change, so that two readings tell whether anything happened between. For clocks. */
  get version(): number {
    return this.#version
  }

  /** Counts a sleep on the clock; the function returned ends it. For clocks. */
  fallAsleep(): () => void {
    this.#asleep++
    this.#changed()
    return once(() => {
      this.#asleep--
      this.#changed()
    })
  }

  /** Resolves at the next change. For clocks. */
  change(): Promise<void> {
    return new Promise(resolve => {
      this.#waiters.push(resolve)
    })
  }

  #changed(): void {
    this.#version++
    if (this.#waiters.length === 0) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}

function once(end: () => void): () => void {
  let isOver = false
  return () => {
    if (isOver) return
    isOver = true
    end()
  }
}
