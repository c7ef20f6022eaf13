/** Loads modules as if a file of the user's had imported them. */
import { createRequire, registerHooks } from 'node:module'
import { KindlingError } from '../../base/errors.ts'
import { baseOf, entryPath, isProgram } from './modules.ts'

/**
 * Specifiers of this form are resolved as from another file: `import.meta.resolve` does not take one, and the loader of `vm`
 * is experimental. The hook passes all others on.
 */
const PREFIX = 'kindling-from:'

let isRegistered = false
/** Programs of other threads whose functions run here. */
const programs = new Set<string>()
const modules = new Map<string, Promise<object>>()

/** Keeps the program of another thread, by {@link entryPath} there, from being loaded in this one. */
export function guardProgram(entry: string | undefined): void {
  if (entry !== undefined && entry !== entryPath()) programs.add(entry)
}

/** What an import of `specifier` in the file `from` gives. */
export function importFrom(
  from: string,
  specifier: string,
  attributes: Readonly<Record<string, string>> = {},
): Promise<object> {
  const key = JSON.stringify([from, specifier, attributes])
  let module = modules.get(key)
  if (module === undefined) {
    register()
    const asked = `${PREFIX}${encodeURIComponent(baseOf(from))}:${specifier}`
    module = import(asked, { with: { ...attributes } }) as Promise<object>
    modules.set(key, module)
  }
  return module
}

/** The `require` of a file. */
export function requireOf(from: string): NodeJS.Require {
  return createRequire(baseOf(from))
}

function register(): void {
  if (isRegistered) return
  isRegistered = true
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (!specifier.startsWith(PREFIX)) return allowed(nextResolve(specifier, context), context.parentURL)
      const end = specifier.indexOf(':', PREFIX.length)
      const parentURL = decodeURIComponent(specifier.slice(PREFIX.length, end))
      return allowed(nextResolve(specifier.slice(end + 1), { ...context, parentURL }), parentURL)
    },
  })
}

/** A module of the program that imports the program itself would start all its jobs again, in each worker. */
function allowed<R extends { readonly url: string }>(resolved: R, from: string | undefined): R {
  for (const program of programs)
    if (isProgram(resolved.url, program))
      throw new KindlingError('PROGRAM_IMPORTED', { entry: resolved.url, module: from ?? 'a module' })
  return resolved
}
