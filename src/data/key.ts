// Equality of keys, as every keyed operator sees it: SameValueZero for primitives (NaN equals NaN, -0 equals 0, and 1,
// 1n and '1' are three keys), by value for dates, bytes, tuples and plain records. A `Map` finds primitives by itself;
// for the others `canonicalKey` gives a string that is equal exactly when the keys are.
//
// canonicalKey's text is a sequence of prefix-free items, which makes it injective:
//   u undefined · z null · t true · f false · n<number>; · i<bigint>; · s<length>:<chars> · d<ms>; ·
//   b<length>:<one char per byte> · [<length>:<items> · {<length>:(<length>:<name><item>)… names in code unit order
import { describeValue, KindlingError } from '../base/errors.ts'
import { objectType, typeName } from './value-type.ts'

/** Keys may be nested this deep; deeper ones (in practice: cyclic ones) are KEY_NOT_SUPPORTED. */
export const MAX_KEY_DEPTH: number = 64

/** True for keys that a `Map` finds by value as they are: primitives other than symbols. */
export function isSimpleKey(key: unknown): boolean {
  switch (typeof key) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'undefined':
      return true
    default:
      return key === null
  }
}

/**
 * One string for each composite key: two keys give the same string exactly when `keyEquals` holds. It is no key by
 * itself: keep it apart from string keys, for example in a second `Map`. It may differ between versions, so it is
 * never stored.
 *
 * Cost: about 100 ns for a pair of short primitives.
 *
 * @throws KEY_NOT_SUPPORTED for functions, symbols, class instances, maps, … anywhere inside
 */
export function canonicalKey(key: object): string {
  return canonicalObject(key, 0)
}

/** {@link canonicalKey} of any key, also of a primitive. @throws KEY_NOT_SUPPORTED */
export function canonicalText(key: unknown): string {
  return canonicalItem(key, 0)
}

/** True when both are the same key. Cost: O(size of the key). Never throws: unsupported values equal only themselves. */
export function keyEquals(a: unknown, b: unknown): boolean {
  return equalsAt(a, b, 0)
}

/** The error for a value that cannot be (part of) a key. */
export function keyNotSupported(value: unknown, depth: number): KindlingError {
  const tooDeep = depth > MAX_KEY_DEPTH
  const type = tooDeep
    ? `${typeName(value)} nested over ${MAX_KEY_DEPTH} levels deep, or cyclic`
    : typeName(value)
  return new KindlingError('KEY_NOT_SUPPORTED', { type, value: describeValue(value) })
}

function canonicalItem(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return 's' + value.length + ':' + value
    case 'number':
      return 'n' + value + ';' // -0 prints as 0 and NaN as NaN: as wanted
    case 'bigint':
      return 'i' + value + ';'
    case 'boolean':
      return value ? 't' : 'f'
    case 'undefined':
      return 'u'
    case 'object':
      return value === null ? 'z' : canonicalObject(value, depth)
    default:
      throw keyNotSupported(value, depth)
  }
}

function canonicalObject(value: object, depth: number): string {
  if (depth > MAX_KEY_DEPTH) throw keyNotSupported(value, depth)
  switch (objectType(value)) {
    case 'array': {
      const items = value as readonly unknown[]
      let text = '[' + items.length + ':'
      for (let i = 0; i < items.length; i++) text += canonicalItem(items[i], depth + 1)
      return text
    }
    case 'record': {
      const record = value as Readonly<Record<string, unknown>>
      const names = sortedNames(record)
      let text = '{' + names.length + ':'
      for (const name of names) text += name.length + ':' + name + canonicalItem(record[name], depth + 1)
      return text
    }
    case 'date':
      return 'd' + (value as Date).getTime() + ';'
    case 'bytes':
    case 'buffer': {
      const bytes = value as Uint8Array
      return 'b' + bytes.length + ':' + asBuffer(bytes).toString('latin1')
    }
    default:
      throw keyNotSupported(value, depth)
  }
}

/** The own enumerable names of a record in code unit order: what makes field order irrelevant. */
export function sortedNames(record: object): string[] {
  const names = Object.keys(record)
  for (let i = 1; i < names.length; i++) {
    if (names[i - 1]! > names[i]!) return names.sort()
  }
  return names
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function equalsAt(a: unknown, b: unknown, depth: number): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object') return Number.isNaN(a) && Number.isNaN(b)
  if (a === null || b === null || depth > MAX_KEY_DEPTH) return false
  const type = objectType(a)
  const otherType = objectType(b)
  switch (type) {
    case 'array': {
      if (otherType !== 'array') return false
      const x = a as readonly unknown[]
      const y = b as readonly unknown[]
      if (x.length !== y.length) return false
      for (let i = 0; i < x.length; i++) if (!equalsAt(x[i], y[i], depth + 1)) return false
      return true
    }
    case 'record': {
      if (otherType !== 'record') return false
      const names = Object.keys(a)
      if (names.length !== Object.keys(b).length) return false
      for (const name of names) {
        if (!Object.prototype.propertyIsEnumerable.call(b, name)) return false
        if (!equalsAt((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name], depth + 1))
          return false
      }
      return true
    }
    case 'date': {
      if (otherType !== 'date') return false
      return equalsAt((a as Date).getTime(), (b as Date).getTime(), depth)
    }
    case 'bytes':
    case 'buffer':
      return (
        (otherType === 'bytes' || otherType === 'buffer') && asBuffer(a as Uint8Array).equals(b as Uint8Array)
      )
    default:
      return false
  }
}
