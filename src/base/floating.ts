/**
 * Rejections that nobody handles, brought home to the work they arose in.
 *
 * A promise that a user's function leaves floating rejects somewhere, some time. Node emits 'unhandledRejection' for it in the
 * asynchronous context in which the promise was made (Node 24), so work that runs in a context of its own is found again:
 *
 *   1. somebody who owns the process sets the trap (the command line; a library leaves Node's rule as it is)
 *   2. tasks and outputs run inside `failingWithFloats`; a task runs in the context of the code that asked for its job
 *   3. a rejection fails the innermost work that has not ended yet; when there is none, the owner of the process gets it
 *
 * Node tells of rejections once the microtasks of a turn are done. So work that is done waits for that moment before it counts as
 * done, and only where the trap is set. Cost there: one context and one turn of the event loop for each task (5 µs measured), nothing
 * for a record; elsewhere one comparison for each task.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** Work that can fail by a rejection. */
interface FloatScope {
  /** The work around it. */
  readonly outer: FloatScope | undefined
  /** Whether it was still running, and fails now. */
  take(error: unknown): boolean
}

const current = new AsyncLocalStorage<FloatScope>()
let trapped = false

/** Sets the trap for the whole process; `otherwise` gets what belongs to no work that runs. */
export function trapFloatingRejections(otherwise: (error: unknown) => void): void {
  trapped = true
  process.on('unhandledRejection', error => {
    for (let scope = current.getStore(); scope !== undefined; scope = scope.outer)
      if (scope.take(error)) return
    otherwise(error)
  })
}

/**
 * What `run` gives; rejects as soon as a promise that was made inside rejects without anybody handling it. What `run` does after
 * that is dropped: its signal is aborted. The work around it, if any, fails by rejections that come when this has ended.
 */
export async function failingWithFloats<R>(
  run: (failed: AbortSignal | undefined) => Promise<R>,
  describe: (error: unknown) => Error,
): Promise<R> {
  if (!trapped) return run(undefined)
  const floated = Promise.withResolvers<never>()
  const abortion = new AbortController()
  let isOver = false
  const scope: FloatScope = {
    outer: current.getStore(),
    take(error) {
      if (isOver) return false
      isOver = true
      const failure = describe(error)
      floated.reject(failure)
      abortion.abort(failure)
      return true
    },
  }
  try {
    const done = current.run(scope, async () => {
      const result = await run(abortion.signal)
      await new Promise(resolve => setImmediate(resolve))
      return result
    })
    return await Promise.race([done, floated.promise])
  } finally {
    isOver = true
  }
}
