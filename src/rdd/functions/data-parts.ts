/** Captured data as parts of a description. Kinds are told by `node:util`, so that objects of other realms are known too. */
import { types } from 'node:util'
import { binaryOf, errorPartsOf } from '../../data/special-object.ts'
import type { Fields, Part, Slot } from './description.ts'

/** Gives the slot of a value that lies inside another; `step` is how messages write the way to it. */
export type Inner = (value: unknown, step: string) => Slot

/** The part of an object that is data; `undefined` for functions, class instances, and what is no data. */
export function dataPart(value: object, inner: Inner): Part | undefined {
  if (Array.isArray(value)) return hasBuiltInPrototype(value, 'Array') ? arrayPart(value, inner) : undefined
  if (types.isMap(value)) {
    if (!hasBuiltInPrototype(value, 'Map')) return undefined
    const items: Slot[] = []
    for (const [key, item] of Map.prototype.entries.call(value))
      items.push(inner(key, '.keys()'), inner(item, `.get(${textOf(key)})`))
    return { kind: 'map', items }
  }
  if (types.isSet(value)) {
    if (!hasBuiltInPrototype(value, 'Set')) return undefined
    return { kind: 'set', items: Array.from(Set.prototype.values.call(value), m => inner(m, '.values()')) }
  }
  if (types.isDate(value))
    return hasBuiltInPrototype(value, 'Date') ? { kind: 'date', time: Number(value) } : undefined
  if (types.isRegExp(value)) {
    const { source, flags, lastIndex } = value
    return hasBuiltInPrototype(value, 'RegExp') ? { kind: 'regexp', source, flags, lastIndex } : undefined
  }
  if (types.isNativeError(value)) return errorPart(value, inner)
  const binary = binaryOf(value)
  if (binary !== undefined) return { kind: 'bytes', type: binary.kind, bytes: binary.bytes.slice() }
  if (!isPlain(value)) return undefined
  return {
    kind: 'object',
    fields: fieldsOf(value, inner),
    hasPrototype: Object.getPrototypeOf(value) !== null,
    isFrozen: Object.isFrozen(value),
  }
}

/** The part of a symbol that every thread knows. */
export function symbolPart(symbol: symbol): Part | undefined {
  const key = Symbol.keyFor(symbol)
  if (key !== undefined) return { kind: 'symbol', wellKnown: false, key }
  for (const name of Object.getOwnPropertyNames(Symbol))
    if (Reflect.get(Symbol, name) === symbol) return { kind: 'symbol', wellKnown: true, key: name }
  return undefined
}

/** Own enumerable fields. */
export function fieldsOf(value: object, inner: Inner): Fields {
  const names: string[] = []
  const values: Slot[] = []
  const accessors: [string, Slot, Slot][] = []
  for (const name of Object.keys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, name)!
    const step = stepTo(name)
    if (descriptor.get !== undefined || descriptor.set !== undefined) {
      accessors.push([name, inner(descriptor.get, step), inner(descriptor.set, step)])
    } else {
      names.push(name)
      values.push(inner(descriptor.value, step))
    }
  }
  return accessors.length === 0 ? { names, values } : { names, values, accessors }
}

/** Whether an object was made by a literal, in any realm. */
export function isPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value)
  return prototype === null || isObjectPrototype(prototype)
}

/** Whether this is the end of prototype chains, in any realm. */
export function isObjectPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

/** Subclasses of built-in classes have state that only their own code knows how to make again. */
function hasBuiltInPrototype(value: object, name: string): boolean {
  const prototype: { constructor?: { name?: unknown } } | null = Object.getPrototypeOf(value)
  if (prototype === null || prototype.constructor?.name !== name) return false
  const above: object | null = Object.getPrototypeOf(prototype)
  return above !== null && isObjectPrototype(above)
}

function arrayPart(value: readonly unknown[], inner: Inner): Part {
  const items: Slot[] = new Array(value.length)
  const holes: number[] = []
  for (let i = 0; i < value.length; i++) {
    const item = value[i]
    if (item === undefined && !Object.hasOwn(value, i)) holes.push(i)
    items[i] = typeof item === 'number' || typeof item === 'string' ? item : inner(item, `[${i}]`)
  }
  return { kind: 'array', items, holes, isFrozen: Object.isFrozen(value) }
}

function errorPart(value: Error, inner: Inner): Part {
  const { name, message, stack, errors, fields, ...rest } = errorPartsOf(value)!
  return {
    kind: 'error',
    name,
    message,
    stack,
    cause: 'cause' in rest ? [inner(rest.cause, '.cause')] : [],
    errors: errors?.map((error, i) => inner(error, `.errors[${i}]`)),
    fields: { names: fields.map(f => f[0]), values: fields.map(f => f[1] as Slot) },
  }
}

/** How a message writes the way to a field. */
export function stepTo(name: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}

function textOf(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : String(typeof key === 'object' ? '…' : key)
}
