/**
 * Which operator of the user's program is being defined, and where it was called.
 *
 * One call such as `distinct()` makes several lineage nodes; all of them carry the name and the line of that call, so that
 * errors and listings speak of what the user wrote. The outermost operator wins. Definition is synchronous, so one variable
 * is enough.
 */
import { captureSite, type Site } from '../base/source-location.ts'

/** An operator of the user's program: its name and the line that called it. */
export interface OperatorScope {
  readonly name: string
  readonly site: Site
}

let current: OperatorScope | undefined

/** Runs `define` as the body of the operator `name`, unless an outer operator is being defined already. */
export function operator<R>(name: string, define: () => R): R {
  if (current !== undefined) return define()
  return inScope({ name, site: captureSite() }, define)
}

/** Runs `body` so that nodes made in it belong to `scope`; `undefined` lets a user's function define operators of its own. */
export function inScope<R>(scope: OperatorScope | undefined, body: () => R): R {
  const outer = current
  current = scope
  try {
    return body()
  } finally {
    current = outer
  }
}

let batch: number | undefined

/** Runs `body`, which defines what belongs to the batch at `timeMs`: samples without a seed draw by it. */
export function inBatch<R>(timeMs: number, body: () => R): R {
  const outer = batch
  batch = timeMs
  try {
    return body()
  } finally {
    batch = outer
  }
}

/** The batch whose RDDs are being defined now. */
export function currentBatch(): number | undefined {
  return batch
}

/** The operator being defined now, or one for `name` with the caller's line. */
export function currentScope(name: string): OperatorScope {
  return current ?? { name, site: captureSite() }
}

/** `map at app.ts:12:3` */
export function describeScope(scope: OperatorScope): string {
  return `${scope.name} at ${scope.site}`
}
