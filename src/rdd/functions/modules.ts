/**
 * Which modules a worker may load again, and by what name.
 *
 * I1  The entry module is never loaded again: that would start the program's jobs once more in each worker.
 */
import { realpathSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { isAbsolute } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { AnyNode } from 'acorn'
import type { ImportedBinding } from './bindings.ts'
import type { Part } from './description.ts'

/** Whether a file, by URL or path, is the program that was started here. */
export function isEntry(urlOrPath: string): boolean {
  return isProgram(urlOrPath, entryPath())
}

/** Whether a file, by URL or path, is a program as {@link entryPath} names it. */
export function isProgram(urlOrPath: string, entry: string | undefined): boolean {
  const path = pathOf(urlOrPath)
  return path !== undefined && stem(path) === entry
}

/** An import as a part, or `undefined` when it leads to the entry module: its declarations travel by source. */
export function importPart(imported: ImportedBinding, from: string): Part | undefined {
  const { specifier, name, attributes } = imported
  if (/^(\.\.?\/|\/|file:)/.test(specifier) && isEntry(new URL(specifier, baseOf(from)).href))
    return undefined
  // Without a round through the loader. A namespace has `default` besides, and is imported.
  if (isBuiltin(specifier) && name !== '*')
    return { kind: 'builtin', module: specifier, path: name === 'default' ? [] : [name] }
  return { kind: 'import', specifier, from, name, attributes }
}

/** What the variables of a CommonJS module mean, by what they were declared with. */
export class CommonJS {
  private readonly require: NodeJS.Require
  private readonly from: string

  constructor(from: string) {
    this.from = pathOf(from) ?? from
    this.require = createRequire(baseOf(from))
  }

  /** A value declared by `require('…')`, or by something made of it, as a part. */
  required(value: object, declaredWith: AnyNode | undefined): Part | undefined {
    const specifier = requiredBy(declaredWith)
    if (specifier === undefined) return undefined
    try {
      const exports: unknown = this.require(specifier)
      if (isBuiltin(specifier)) {
        const path = pathTo(value, exports)
        return path === undefined ? undefined : { kind: 'builtin', module: specifier, path }
      }
      return this.isEntryFile(specifier) ? undefined : this.part(specifier, pathTo(value, exports))
    } catch {
      return undefined // No longer there: the value itself is looked at.
    }
  }

  /** A value that the module itself exports. */
  own(value: object): Part | undefined {
    const exports: unknown = this.require.cache[this.from]?.exports
    return isEntry(this.from) ? undefined : this.part(this.from, pathTo(value, exports))
  }

  private isEntryFile(specifier: string): boolean {
    return isEntry(this.require.resolve(specifier))
  }

  private part(file: string, path: readonly string[] | undefined): Part | undefined {
    return path === undefined ? undefined : { kind: 'require', from: this.from, file, path }
  }
}

/** A loaded CommonJS module whose exports are this very object. */
export function commonJSExports(value: object): Part | undefined {
  const { cache } = createRequire(import.meta.url)
  for (const [file, module] of Object.entries(cache)) {
    if (module?.exports === value && !isEntry(file)) return { kind: 'require', from: file, file, path: [] }
  }
  return undefined
}

/** Whether a value is the `require` of a module. */
export function isRequire(value: unknown): boolean {
  return (
    typeof value === 'function' &&
    value.name === 'require' &&
    Object.hasOwn(value, 'resolve') &&
    Object.hasOwn(value, 'cache')
  )
}

/** Whether a script's name is that of a file. */
export function isFile(urlOrPath: string): boolean {
  return urlOrPath.startsWith('file:') || isAbsolute(urlOrPath)
}

/** What relative names in a file are relative to. */
export function baseOf(urlOrPath: string): string {
  return isAbsolute(urlOrPath) ? pathToFileURL(urlOrPath).href : urlOrPath
}

/** The specifier of `require('…')`, of a member of it, or of a function called with it. */
function requiredBy(node: AnyNode | undefined): string | undefined {
  switch (node?.type) {
    case 'CallExpression': {
      const first = node.arguments[0]
      if (node.callee.type !== 'Identifier' || first === undefined) return undefined
      if (node.callee.name !== 'require') return requiredBy(first)
      return first.type === 'Literal' && typeof first.value === 'string' ? first.value : undefined
    }
    case 'MemberExpression':
      return requiredBy(node.object)
    default:
      return undefined
  }
}

/** Where a value is in what a module exports: the whole, or a property of it. */
function pathTo(value: object, exports: unknown): string[] | undefined {
  if (exports === value) return []
  if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null) return undefined
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(exports)))
    if (descriptor.value === value || (descriptor.get !== undefined && read(exports, name) === value))
      return [name]
  return undefined
}

function read(object: object, name: string): unknown {
  try {
    return Reflect.get(object, name)
  } catch {
    return undefined // A getter of the module threw: then the value did not come from it.
  }
}

function pathOf(urlOrPath: string): string | undefined {
  if (isAbsolute(urlOrPath)) return urlOrPath
  try {
    return urlOrPath.startsWith('file:') ? fileURLToPath(urlOrPath) : undefined
  } catch {
    return undefined
  }
}

/** Loaders let programs leave out the ending, or write another. */
function stem(path: string): string {
  return path.replace(/\.[cm]?[jt]sx?$/, '')
}

let knownEntry: { readonly argument: string | undefined; readonly stem: string | undefined } | undefined

/** The path of the program that was started here, without its ending; in a worker thread, the file that it was made of. */
export function entryPath(): string | undefined {
  const argument = process.argv[1]
  // The command line of the engine sets it to the program that it runs.
  if (knownEntry === undefined || knownEntry.argument !== argument)
    knownEntry = { argument, stem: argument === undefined ? undefined : stem(realPath(argument)) }
  return knownEntry.stem
}

function realPath(path: string): string {
  try {
    return realpathSync(createRequire(import.meta.url).resolve(path))
  } catch {
    return path // With an ending that only a loader knows.
  }
}
