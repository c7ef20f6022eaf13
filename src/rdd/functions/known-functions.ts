/** Functions that need no source, since every thread has them or loads their module. */
import { builtInOf } from './built-in.ts'
import { type CapturedFunction, refused, type Trail } from './captured-function.ts'
import type { Part } from './description.ts'
import { baseOf, CommonJS, isEntry, isFile } from './modules.ts'

/** A native function, by name. @throws CLOSURE_NOT_TRANSFERABLE for others without source */
export function nativePart(f: object, trail: Trail): Part {
  const builtIn = builtInOf(f)
  if (builtIn !== undefined) return builtIn
  throw refused(trail, {
    type: 'a bound function, or one of native code',
    advice: 'Write it as a function: x => object.method(x).',
  })
}

/** What ES modules export stays where it is: it is looked for once. */
const exported = new WeakMap<object, Part>()

/**
 * A function or class that a module exports: loaded again, so that it is the one that the module's other code knows. `undefined` for
 * those that travel by source: what modules keep to themselves, and all of the program that was started.
 */
export function modulePart(user: CapturedFunction, trail: Trail): Part | undefined {
  const { f } = user
  const known = exported.get(f)
  if (known !== undefined) return known
  const { script, offset } = user
  if (script === undefined) return undefined
  const { url, isModule, isMainContext } = script.source
  if (url.startsWith('node:')) {
    const builtIn = builtInOf(f)
    if (builtIn !== undefined) return builtIn
    throw refused(trail, { type: 'a function inside Node', advice: 'Call it inside a function of yours.' })
  }
  if (!isMainContext || isEntry(url) || !isFile(url)) return undefined
  if (!isModule) return new CommonJS(url).own(f)
  const name = offset === undefined ? undefined : script.exportedName(offset)
  if (name === undefined) return undefined
  const part: Part = { kind: 'import', specifier: baseOf(url), from: url, name, attributes: {} }
  exported.set(f, part)
  return part
}
