/** What every thread has by itself: globals, native functions, and what Node's own modules export. They travel by name. */
import { runInNewContext } from 'node:vm'

/** Something built in, by name. */
export type BuiltIn =
  | { readonly kind: 'global'; readonly path: readonly string[] }
  | { readonly kind: 'builtin'; readonly module: string; readonly path: readonly string[] }

/**
 * Names that mean the same everywhere: a function that uses only these costs nothing. (Other globals, such as `Map`, are
 * sometimes the names of imports: for them the scopes are asked.)
 */
const ALWAYS_GLOBAL: ReadonlySet<string> = new Set([
  ...['undefined', 'NaN', 'Infinity', 'globalThis', 'Math', 'JSON', 'Reflect', 'Atomics', 'console'],
  ...['parseInt', 'parseFloat', 'isNaN', 'isFinite', 'structuredClone', 'queueMicrotask'],
  ...['decodeURI', 'decodeURIComponent', 'encodeURI', 'encodeURIComponent'],
])

/** Whether a name is taken to mean the global without looking. */
export function isAlwaysGlobal(name: string): boolean {
  return ALWAYS_GLOBAL.has(name)
}

/** What Node adds to the language's globals, in all versions that the engine runs on. */
const NODE_GLOBALS: readonly string[] = [
  ...['process', 'global', 'Buffer', 'crypto', 'performance', 'fetch', 'atob', 'btoa', 'navigator'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
  ...['queueMicrotask', 'structuredClone', 'URL', 'URLSearchParams', 'URLPattern', 'DOMException'],
  ...['AbortController', 'AbortSignal', 'Event', 'EventTarget', 'CustomEvent', 'MessageEvent', 'CloseEvent'],
  ...['TextEncoder', 'TextDecoder', 'TextEncoderStream', 'TextDecoderStream', 'TransformStream'],
  ...['TransformStreamDefaultController', 'WritableStream', 'WritableStreamDefaultController'],
  ...['WritableStreamDefaultWriter', 'ReadableStream', 'ReadableStreamDefaultReader'],
  ...['ReadableStreamBYOBReader', 'ReadableStreamBYOBRequest', 'ReadableByteStreamController'],
  ...['ReadableStreamDefaultController', 'ByteLengthQueuingStrategy', 'CountQueuingStrategy'],
  ...['CompressionStream', 'DecompressionStream', 'BroadcastChannel', 'MessageChannel', 'MessagePort'],
  ...['Blob', 'File', 'FormData', 'Headers', 'Request', 'Response', 'WebSocket', 'Performance'],
  ...['PerformanceEntry', 'PerformanceMark', 'PerformanceMeasure', 'PerformanceObserver'],
  ...['PerformanceObserverEntryList', 'PerformanceResourceTiming', 'Crypto', 'CryptoKey', 'SubtleCrypto'],
  ...['Navigator', 'EventSource', 'Storage', 'localStorage', 'sessionStorage', 'StorageEvent'],
]

let standard: ReadonlySet<string> | undefined

/** Whether every thread has a global of this name by itself. What a program adds to the global object is its own. */
export function isStandardGlobal(name: string): boolean {
  return standardGlobals().has(name)
}

function standardGlobals(): ReadonlySet<string> {
  // A new realm has the language's globals and nothing else. It takes 1 ms to make.
  standard ??= new Set([
    ...(runInNewContext('Object.getOwnPropertyNames(globalThis)') as string[]),
    ...NODE_GLOBALS,
  ])
  return standard
}

/** Whether a function's text tells nothing: native code, a bound function, or a proxy of a function. */
export function isNativeText(text: string): boolean {
  return /\{\s*\[native code\]\s*\}$/.test(text)
}

let globals: Map<unknown, BuiltIn> | undefined
const otherRealms = new WeakMap<object, Map<unknown, BuiltIn>>()

/** The name of a built-in function or object, also of another realm (`vm` contexts have their own). */
export function builtInOf(value: object): BuiltIn | undefined {
  globals ??= namesBelow(globalThis)
  return globals.get(value) ?? modulesOf(value) ?? foreign(value)
}

function foreign(value: object): BuiltIn | undefined {
  if (typeof value !== 'function') return undefined
  const make: unknown = Object.getPrototypeOf(value)?.constructor
  if (typeof make !== 'function' || make === Function) return undefined
  try {
    const realm: unknown = make('return globalThis')()
    if (typeof realm !== 'object' || realm === null || realm === globalThis) return undefined
    let names = otherRealms.get(realm)
    if (names === undefined) {
      names = namesBelow(realm)
      otherRealms.set(realm, names)
    }
    return names.get(value)
  } catch {
    return undefined // Its realm forbids code from strings.
  }
}

function namesBelow(global: object): Map<unknown, BuiltIn> {
  const found = new Map<unknown, BuiltIn>()
  const add = (value: unknown, path: readonly string[]): boolean => {
    const isNamed = typeof value === 'function' || (typeof value === 'object' && value !== null)
    if (!isNamed || found.has(value)) return false
    found.set(value, { kind: 'global', path })
    return true
  }
  const below = (value: object, path: readonly string[], depth: number): void => {
    for (const name of Object.getOwnPropertyNames(value)) {
      // Accessors of the global object load things, and some warn.
      const inner: unknown = Object.getOwnPropertyDescriptor(value, name)?.value
      const isPrototype = name === 'prototype'
      if (name === 'constructor' || !add(inner, [...path, name])) continue
      if (depth < 2 || isPrototype) below(inner as object, [...path, name], depth + (isPrototype ? 0 : 1))
    }
  }
  for (const name of Object.getOwnPropertyNames(global)) {
    if (!standardGlobals().has(name)) continue
    const value: unknown = Object.getOwnPropertyDescriptor(global, name)?.value
    if (value === global || !add(value, [name])) continue
    // `process` holds what belongs to this thread alone.
    if (name !== 'process') below(value as object, [name], 1)
  }
  return found
}

/** What a loaded module of Node exports: the module itself, its functions, and one level below. */
function modulesOf(value: object): BuiltIn | undefined {
  for (const module of loadedModules()) {
    const exports: unknown = process.getBuiltinModule(module)
    if (typeof exports !== 'object' && typeof exports !== 'function') continue
    if (exports === value) return { kind: 'builtin', module, path: [] }
    const path = pathIn(exports as object, value)
    if (path !== undefined) return { kind: 'builtin', module, path }
  }
  return undefined
}

function pathIn(exports: object, value: object): string[] | undefined {
  for (const name of Object.keys(exports)) {
    const inner: unknown = Object.getOwnPropertyDescriptor(exports, name)?.value
    if (inner === value) return [name]
    if (typeof inner !== 'object' || inner === null) continue
    for (const deeper of Object.keys(inner))
      if (Object.getOwnPropertyDescriptor(inner, deeper)?.value === value) return [name, deeper]
  }
  return undefined
}

function loadedModules(): string[] {
  // Node's record of what it has loaded; asking for others would load them, and some warn.
  const { moduleLoadList = [] } = process as { moduleLoadList?: readonly string[] }
  const found: string[] = []
  for (const entry of moduleLoadList) {
    const name = /^NativeModule (?!internal\/|_)(.+)$/.exec(entry)?.[1]
    if (name !== undefined) found.push(`node:${name}`)
  }
  return found
}
