/**
 * Which streaming output a job belongs to.
 *
 * Every action started while an output operation's callback runs belongs to it, also after an `await`, and also when the callback
 * forgot to await it: the output waits for all of them, and a rejection fails it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { OperatorScope } from '../rdd/scope.ts'
import type { JobProperties } from '../scheduler/task.ts'

/** An action that was started in a scope. */
export interface StartedAction {
  readonly scope: OperatorScope
  readonly done: Promise<unknown>
  settled: boolean
}

/** The jobs of one output operation of one batch. */
export class JobScope {
  readonly properties: JobProperties
  readonly signal: AbortSignal
  readonly actions: StartedAction[] = []

  constructor(properties: JobProperties, signal: AbortSignal) {
    this.properties = properties
    this.signal = signal
  }

  /** Remembers an action; its rejection is handled here, so that none floats. */
  add(scope: OperatorScope, done: Promise<unknown>): void {
    const action: StartedAction = { scope, done, settled: false }
    this.actions.push(action)
    const settle = (): void => {
      action.settled = true
    }
    done.then(settle, settle)
  }
}

const current = new AsyncLocalStorage<JobScope>()

/** Runs `body` so that its actions belong to `scope`. */
export function runInJobScope<R>(scope: JobScope, body: () => R): R {
  return current.run(scope, body)
}

/** The scope of the calling code, if any. */
export function currentJobScope(): JobScope | undefined {
  return current.getStore()
}
