/** The streaming contexts of this process that have been started and have not stopped. */
import type { StreamingContext } from './streaming-context.ts'

let active: readonly StreamingContext[] = []
const observers = new Set<(context: StreamingContext) => void>()

/** In the order in which they were started. */
export function activeContexts(): readonly StreamingContext[] {
  return active
}

/** Calls `observer` for every context that is about to start; gives a function that ends it. */
export function observeContexts(observer: (context: StreamingContext) => void): () => void {
  observers.add(observer)
  return () => observers.delete(observer)
}

/** @internal */
export function contextStarted(context: StreamingContext): void {
  active = [...active, context]
  for (const observer of observers) observer(context)
}

/** @internal */
export function contextStopped(context: StreamingContext): void {
  active = active.filter(other => other !== context)
}
