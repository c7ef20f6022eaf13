/** The user's functions behind those of the engine: an operator wraps what it is given in functions of its own. */
import { CapturedFunction } from './captured-function.ts'
import { Inspection } from './inspection.ts'

/** `foreach` wraps a function in a loop over the chunks of a partition, in a check for promises. */
const MAX_WRAPPERS = 3

/** The functions of a file that `f` is, or calls through variables of its own. */
export function functionsOfFile(f: object, file: string): object[] {
  using inspection = Inspection.open(file)
  if (inspection === undefined) return []
  const found = new Set<object>()
  const look = (candidate: object, depth: number): void => {
    const user = new CapturedFunction(candidate, () => inspection)
    const { read, closure } = user
    if (read === undefined || closure === undefined) return
    if (user.offset !== undefined) found.add(candidate)
    else if (depth < MAX_WRAPPERS)
      for (const { name } of read.free) {
        const scope = closure.scopes.slice(0, -1).find(s => Object.hasOwn(s, name))
        const value = scope === undefined ? undefined : Object.getOwnPropertyDescriptor(scope, name)?.value
        if (typeof value === 'function') look(value, depth + 1)
      }
  }
  look(f, 0)
  return [...found]
}
