// Tells what an object is, by the same rule for keys and for the codec. Own prototypes are recognised by identity;
// objects of another realm (vm contexts, as test runners use them) by their internal slot and by the length of their
// prototype chain, which tells a plain Date from an instance of a subclass.
import { types } from 'node:util'

/** What an object is, as far as keys and blocks care. `other`: functions, class instances, promises, streams, … */
export type ObjectType = 'array' | 'record' | 'date' | 'bytes' | 'buffer' | 'map' | 'set' | 'regexp' | 'other'

const BY_PROTOTYPE: ReadonlyMap<object | null, ObjectType> = new Map<object | null, ObjectType>([
  [null, 'record'],
  [Object.prototype, 'record'],
  [Date.prototype, 'date'],
  [Uint8Array.prototype, 'bytes'],
  [Buffer.prototype, 'buffer'],
  [Map.prototype, 'map'],
  [Set.prototype, 'set'],
  [RegExp.prototype, 'regexp'],
])

/**
 * What `value` is. Instances of subclasses (`class Tags extends Set`) are `other`, as are typed arrays besides
 * Uint8Array. Cost: about 5 ns for arrays and plain records of this realm.
 */
export function objectType(value: object): ObjectType {
  if (isPlainArray(value)) return 'array'
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return 'record'
  if (typeof value === 'function') return 'other'
  const known = BY_PROTOTYPE.get(prototype)
  // The internal slot is asked for as well: Object.create(Date.prototype) looks like a Date and is none.
  if (known !== undefined) return hasSlot(value, known) ? known : 'other'
  return foreignType(value, prototype)
}

/** True for arrays that are no instances of a subclass. Cost: a few ns, half of asking for the prototype. */
export function isPlainArray(value: unknown): value is readonly unknown[] {
  if (!Array.isArray(value)) return false
  return value.constructor === Array || isForeign(Object.getPrototypeOf(value), 2)
}

/** A short name of the type of any value, for messages: `string`, `Array`, `Socket`, `class Foo`, `null`. */
export function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'function') return /^class\b/.test(functionText(value)) ? 'class' : 'function'
  if (typeof value !== 'object') return typeof value
  try {
    const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name
    if (typeof name === 'string' && name !== '') return name
  } catch {
    // A proxy or getter that throws: the tag below still tells something.
  }
  return Object.prototype.toString.call(value).slice(8, -1)
}

function functionText(value: unknown): string {
  return Function.prototype.toString.call(value)
}

function hasSlot(value: object, type: ObjectType): boolean {
  switch (type) {
    case 'date':
      return types.isDate(value)
    case 'bytes':
    case 'buffer':
      return types.isUint8Array(value)
    case 'map':
      return types.isMap(value)
    case 'set':
      return types.isSet(value)
    case 'regexp':
      return types.isRegExp(value)
    default:
      return true
  }
}

function foreignType(value: object, prototype: object | null): ObjectType {
  if (isForeign(prototype, 1)) return types.isProxy(value) ? 'other' : 'record'
  if (Array.isArray(value)) return 'other'
  if (types.isDate(value)) return isForeign(prototype, 2) ? 'date' : 'other'
  if (types.isMap(value)) return isForeign(prototype, 2) ? 'map' : 'other'
  if (types.isSet(value)) return isForeign(prototype, 2) ? 'set' : 'other'
  if (types.isRegExp(value)) return isForeign(prototype, 2) ? 'regexp' : 'other'
  if (types.isUint8Array(value)) return isForeign(prototype, 3) ? 'bytes' : 'other'
  return 'other'
}

// True when the chain from `prototype` on has exactly `length` objects and ends in an Object.prototype, of whatever
// realm. An Object.create(null) somebody inherits from has no own isPrototypeOf.
function isForeign(prototype: object | null, length: number): boolean {
  let last = prototype
  for (let i = 1; i < length; i++) {
    if (last === null) return false
    last = Object.getPrototypeOf(last)
  }
  return last !== null && Object.getPrototypeOf(last) === null && Object.hasOwn(last, 'isPrototypeOf')
}
