/** The end of a context, as those who wait for it see it. */

/** The first error, or the stop, whichever comes first. */
export class Termination {
  private failure: Error | undefined
  private isAwaited = false
  private readonly ended: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor() {
    // Nobody need wait for the end; an error that nobody waits for was logged.
    this.ended.promise.catch(() => {})
  }

  /** The first error, unless somebody waits for the end. */
  get unseenFailure(): Error | undefined {
    return this.isAwaited ? undefined : this.failure
  }

  wait(): Promise<void> {
    this.isAwaited = true
    return this.ended.promise
  }

  failed(error: Error): void {
    this.failure ??= error
    this.ended.reject(error)
  }

  stopped(): void {
    this.ended.resolve()
  }
}

/** How long an immediate stop waits for what it cannot end, such as the callback of an output, in ms of real time. */
const GRACE_MS = 2000

/** Resolves when the promise has settled, or after a moment: a stop must end even if user code never does. */
export async function settledInTime(promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>(resolve => {
    timer = setTimeout(resolve, GRACE_MS)
  })
  const settled = promise.then(
    () => {},
    () => {},
  )
  await Promise.race([settled, over])
  clearTimeout(timer)
}
