/**
 * What jobs inherit from the code that starts them: local properties (job group, description, tags, …) and signals.
 *
 * Spark keeps these by thread. A scope takes the thread's place: the program is one, every body given to a `with…` function is one,
 * also after its awaits, and so is each output operation of a batch. A scope starts with a copy of the properties of the one
 * around it; what is set in it ends with it, and is seen by everything that runs in it, side by side or not.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** One scope; see the file head. */
export interface LocalScope {
  /** By Spark's keys. */
  readonly properties: Map<string, string>
  /** Jobs are cancelled when one is aborted. */
  readonly signals: readonly AbortSignal[]
  /** Told of each job. */
  readonly onJob: readonly ((jobId: number) => void)[]
}

/** What a new scope has besides that of the one around it. */
export interface ScopeOptions {
  /** `undefined` takes a property out. */
  readonly properties?: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal
  readonly onJob?: (jobId: number) => void
}

/** The scopes of one context. */
export class LocalScopes {
  private readonly outermost: LocalScope = { properties: new Map(), signals: [], onJob: [] }
  private readonly inner = new AsyncLocalStorage<LocalScope>()

  /** The scope of the calling code. */
  get current(): LocalScope {
    return this.inner.getStore() ?? this.outermost
  }

  /** Runs `body` in a new scope inside the current one, or inside none. */
  run<R>(options: ScopeOptions, body: () => R, around: LocalScope = this.current): R {
    const { properties = {}, signal, onJob } = options
    const copy = new Map(around.properties)
    for (const [key, value] of Object.entries(properties)) setOrDelete(copy, key, value)
    const scope: LocalScope = {
      properties: copy,
      signals: signal === undefined ? around.signals : [...around.signals, signal],
      onJob: onJob === undefined ? around.onJob : [...around.onJob, onJob],
    }
    return this.inner.run(scope, body)
  }
}

/** Sets a property; `undefined` takes it out. */
export function setOrDelete(properties: Map<string, string>, key: string, value: string | undefined): void {
  if (value === undefined) properties.delete(key)
  else properties.set(key, value)
}
