/**
 * A function and what it uses → plain data that `revive` makes a function of, in another thread.
 *
 *   1. read the function's own text (once per text): its free variables, and what ties it to its place
 *   2. none → done, without any inspector
 *   3. ask the inspector for its scopes and its script; read the script (once): how each variable is declared
 *   4. decide for each variable: global, module to load again, or value
 *   5. values become parts; functions among them start at 1
 *
 * I1  Only free variables that the parser finds count; scopes list whatever the surrounding code declares.
 * I2  A variable that is assigned outside its declaration is refused: a copy of it would not change with it.
 * I3  What is met twice is one part, so shared and cyclic references stay.
 * I4  The inspector's session ends with the capture, whatever happens.
 * Cost: nothing without free variables; else about 0.1 ms, and once per script its parsing and up to 4 ms for its source, 35 ms
 * for the first one (benchmarks/functions.ts).
 */
import { engineKind } from '../../base/engine-kind.ts'
import type { Binding } from './bindings.ts'
import { builtInOf, isAlwaysGlobal, isNativeText, isStandardGlobal } from './built-in.ts'
import {
  assertNoOuter,
  CapturedFunction,
  deeper,
  reassigned,
  refused,
  type Trail,
} from './captured-function.ts'
import { dataPart, fieldsOf, type Inner, symbolPart } from './data-parts.ts'
import type {
  Fields,
  FunctionDescription,
  FunctionPart,
  Part,
  ScriptDescription,
  Slot,
} from './description.ts'
import { explicitValues } from './explicit.ts'
import type { FreeVariable, FunctionText } from './free-variables.ts'
import { functionId } from './function-ids.ts'
import { Inspection } from './inspection.ts'
import { instancePart, knownObject, sharedPart } from './instance-parts.ts'
import { modulePart, nativePart } from './known-functions.ts'
import { baseOf, CommonJS, entryPath, importPart, isFile, isRequire } from './modules.ts'
import { refusalOf } from './refusal.ts'
import type { Script } from './script.ts'

/** Values nested deeper than this are refused, as in records: a list of that depth is a mistake, or wants to be an array. */
const MAX_DEPTH = 500
const NO_FIELDS: Fields = { names: [], values: [] }

/**
 * A function as plain data, with what its variables hold now.
 *
 * @throws CLOSURE_NOT_TRANSFERABLE naming the variable that holds what cannot travel, and its line
 * @throws CAPTURE_REASSIGNED naming a variable that is assigned outside its declaration
 */
export function captureFunction(f: (...args: never[]) => unknown): FunctionDescription {
  using capturing = new Capturing(undefined)
  return capturing.describe(f)
}

/**
 * Looks whether a function could be captured, as far as it and what it uses lie in one file; what lies elsewhere is taken to be
 * fine.
 *
 * @param file path of the file
 * @throws CLOSURE_NOT_TRANSFERABLE @throws CAPTURE_REASSIGNED
 */
export function checkCapture(f: object, file: string): void {
  using capturing = new Capturing(file)
  capturing.describe(f)
}

class Capturing implements Disposable {
  private readonly parts: Part[] = []
  private readonly indexes = new Map<unknown, number>()
  private readonly scripts: ScriptDescription[] = []
  private readonly scriptIndexes = new Map<Script, number>()
  private inspection: Inspection | undefined
  private readonly functions: { readonly value: object; readonly ref: number; readonly trail: Trail }[] = []
  private depth = 0
  private readonly file: string | undefined

  constructor(file: string | undefined) {
    this.file = file
  }

  describe(f: object): FunctionDescription {
    const user = new CapturedFunction(f, this.inspect)
    this.slot(f, { variable: '', user, at: 0 })
    for (let next = this.functions.pop(); next !== undefined; next = this.functions.pop())
      this.parts[next.ref] = this.part(next.value, next.trail)
    return {
      version: 1,
      root: 0,
      entry: entryPath(),
      scripts: this.scripts,
      parts: this.parts,
    }
  }

  [Symbol.dispose](): void {
    this.inspection?.[Symbol.dispose]()
  }

  // ---- values ----

  private slot(value: unknown, trail: Trail): Slot {
    if (value === null) return null
    switch (typeof value) {
      case 'object':
      case 'function':
      case 'symbol':
        break
      default:
        return value as Slot
    }
    let ref = this.indexes.get(value)
    if (ref === undefined) {
      ref = this.parts.length
      this.indexes.set(value, ref)
      // The place is taken before its part is made, for what refers back to it.
      this.parts.push(ELSEWHERE)
      // Functions call each other in longer chains than data is deep, so they are not followed but put on a list.
      if (typeof value === 'function') this.functions.push({ value, ref, trail })
      else this.parts[ref] = this.nested(value, trail)
    }
    return { ref }
  }

  private nested(value: object | symbol, trail: Trail): Part {
    if (++this.depth > MAX_DEPTH)
      throw refused(trail, { type: `nested over ${MAX_DEPTH} levels`, advice: 'Use an array, or a Map.' })
    const part = this.part(value, trail)
    this.depth--
    return part
  }

  private part(value: object | symbol, trail: Trail): Part {
    if (typeof value === 'symbol') {
      const part = symbolPart(value)
      if (part !== undefined) return part
      throw refused(trail, { type: 'a symbol of its own', advice: 'Use Symbol.for, or a text.' })
    }
    const shared = sharedPart(value, trail)
    if (shared !== undefined) return shared
    const refusal = refusalOf(value)
    if (refusal !== undefined) throw refused(trail, refusal)
    if (typeof value === 'function') return this.functionPart(value, trail)
    const inner = this.inside(trail)
    return knownObject(value) ?? dataPart(value, inner) ?? instancePart(value, trail, inner, this.isOfNode)
  }

  private inside(trail: Trail): Inner {
    return (value, step) => this.slot(value, deeper(trail, step))
  }

  private readonly isOfNode = (C: object): boolean =>
    new CapturedFunction(C, this.inspect).script?.source.url.startsWith('node:') === true

  // ---- functions ----

  private functionPart(f: object, trail: Trail): Part {
    const user = f === trail.user.f ? trail.user : new CapturedFunction(f, this.inspect)
    if (isNativeText(user.text)) return nativePart(f, trail)
    const { read } = user
    if (read === undefined) {
      const builtIn = builtInOf(f)
      if (builtIn !== undefined) return builtIn
      throw refused(trail, {
        type: 'a function whose source cannot be read',
        advice: 'Write it as a function of its own, or as an arrow function.',
      })
    }
    const explicit = explicitValues(f)
    if (explicit !== undefined) return this.explicitPart(user, read, explicit)
    if (isFree(read)) {
      assertNoOuter(user, read)
      return this.sourcePart(user, read, [])
    }
    if (this.file !== undefined && user.script === undefined) return ELSEWHERE
    return modulePart(user, trail) ?? this.closurePart(user, read)
  }

  private closurePart(user: CapturedFunction, read: FunctionText): FunctionPart {
    assertNoOuter(user, read)
    const captured: [FreeVariable, Slot][] = []
    for (const variable of read.free) {
      const slot = this.variable(variable, user)
      if (slot !== GLOBAL) captured.push([variable, slot])
    }
    user.remember(captured.map(([{ name }]) => name))
    return this.sourcePart(user, read, captured)
  }

  private variable(variable: FreeVariable, user: CapturedFunction): Slot | typeof GLOBAL {
    const { name, at, assignedAt } = variable
    const { script, offset, closure } = user
    const trail: Trail = { variable: name, user, at }
    if (closure === undefined) {
      if (isStandardGlobal(name)) return GLOBAL
      const names = user.read!.free.map(v => v.name).filter(n => !isStandardGlobal(n))
      throw refused(trail, {
        type: 'out of reach, since this Node has no inspector',
        advice: `Name what the function uses: capture({ ${names.join(', ')} }, f).`,
      })
    }
    const { scopes } = closure
    const scope = scopes.find(s => Object.hasOwn(s, name))
    const binding =
      offset === undefined ? undefined : script?.bindingOf(name, offset, offset + user.text.length)
    // Assigned by the function itself, to a variable or to a global, or by other code.
    if (assignedAt !== undefined) throw reassigned(trail, assignedAt)
    if (binding?.assignedAt !== undefined) throw reassigned(trail, binding.assignedAt - offset!)
    if (binding === undefined) {
      if (scope === undefined || (scope === scopes.at(-1) && isStandardGlobal(name))) return GLOBAL
    }
    const value = valueIn(scope, name)
    return this.imported(binding, value, user) ?? this.declared(binding, value, trail)
  }

  /** What an import binds is imported over there; but the engine's objects are not, nor the program itself. */
  private imported(binding: Binding | undefined, value: unknown, user: CapturedFunction): Slot | undefined {
    if (binding?.imported === undefined) return undefined
    if (isReference(value) && engineKind(value) !== undefined) return undefined
    const part = importPart(binding.imported, user.script!.source.url)
    return part === undefined ? undefined : this.add(part, value)
  }

  /** A value; what CommonJS modules export is required again. */
  private declared(binding: Binding | undefined, value: unknown, trail: Trail): Slot {
    if (value === MISSING)
      throw refused(trail, {
        type: 'not initialised yet',
        advice: 'Put its declaration before the place where the function is used.',
      })
    const { script } = trail.user
    if (isReference(value) && engineKind(value) === undefined && script !== undefined) {
      const { url } = script.source
      if (isRequire(value))
        return this.add({ kind: 'require', from: baseOf(url), file: undefined, path: [] }, value)
      if (binding?.value !== undefined && !this.indexes.has(value) && isFile(url)) {
        const part = new CommonJS(url).required(value, binding.value)
        if (part !== undefined) return this.add(part, value)
      }
    }
    return this.slot(value, trail)
  }

  /** A part for a value that is not looked into. */
  private add(part: Part, value: unknown): Slot {
    const known = isReference(value) ? this.indexes.get(value) : undefined
    if (known !== undefined) return { ref: known }
    const ref = this.parts.push(part) - 1
    if (isReference(value)) this.indexes.set(value, ref)
    return { ref }
  }

  private explicitPart(
    user: CapturedFunction,
    read: FunctionText,
    values: Readonly<Record<string, unknown>>,
  ): FunctionPart {
    assertNoOuter(user, read)
    const captured: [FreeVariable, Slot][] = []
    for (const variable of read.free) {
      const { name, at, assignedAt } = variable
      const trail: Trail = { variable: name, user, at }
      if (assignedAt !== undefined) throw reassigned(trail, assignedAt)
      if (Object.hasOwn(values, name)) captured.push([variable, this.slot(values[name], trail)])
      else if (!isStandardGlobal(name))
        throw refused(trail, {
          type: 'not among the values given to capture()',
          advice: `Write capture({ …, ${name} }, f).`,
        })
    }
    return this.sourcePart(user, read, captured)
  }

  private sourcePart(
    user: CapturedFunction,
    read: FunctionText,
    captured: readonly (readonly [FreeVariable, Slot])[],
  ): FunctionPart {
    const { f, text, name, isStrict, placeIfKnown } = user
    const inner = this.inside({ variable: name, user, at: 0 })
    const prototype: unknown = Object.getOwnPropertyDescriptor(f, 'prototype')?.value
    return {
      kind: 'function',
      id: functionId(f),
      form: read.form,
      isClass: read.isClass,
      isStrict,
      name,
      text,
      script: placeIfKnown === undefined ? -1 : this.scriptIndex(placeIfKnown.script),
      line: placeIfKnown?.at.line ?? 0,
      column: placeIfKnown?.at.column ?? 0,
      names: captured.map(([variable]) => variable.name),
      values: captured.map(([, slot]) => slot),
      eager: captured.filter(([variable]) => variable.isEager).length,
      dynamicImports: read.dynamicImports,
      fields: Object.keys(f).length === 0 ? NO_FIELDS : fieldsOf(f, inner),
      prototypeFields:
        isReference(prototype) && Object.keys(prototype).length > 0
          ? fieldsOf(prototype, (item, step) => inner(item, `.prototype${step}`))
          : NO_FIELDS,
    }
  }

  private scriptIndex(script: Script): number {
    let index = this.scriptIndexes.get(script)
    if (index === undefined) {
      const { url, sourceMap } = script.source
      index = this.scripts.push({ url, sourceMap: mapsStacks() ? sourceMap : '' }) - 1
      this.scriptIndexes.set(script, index)
    }
    return index
  }

  private readonly inspect = (): Inspection | undefined => {
    this.inspection ??= Inspection.open(this.file)
    return this.inspection
  }
}

/** Stands for a function that a check does not look into. */
const ELSEWHERE: Part = { kind: 'global', path: [] }
/** That a variable is no variable, but a global that every thread has. */
const GLOBAL = Symbol('global')
/** The value of a variable before its declaration has run. */
const MISSING = Symbol('missing')

function valueIn(scope: Readonly<Record<string, unknown>> | undefined, name: string): unknown {
  if (scope === undefined) return MISSING
  try {
    return scope[name]
  } catch {
    return MISSING
  }
}

/** Whether a function can be sent without looking where it comes from. Of a class, its module must be known. */
function isFree({ isClass, mindsStrictness, free, dynamicImports }: FunctionText): boolean {
  if (isClass || mindsStrictness || dynamicImports.length > 0) return false
  return free.every(({ name }) => isAlwaysGlobal(name))
}

function isReference(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function mapsStacks(): boolean {
  return (process as { sourceMapsEnabled?: boolean }).sourceMapsEnabled === true
}
