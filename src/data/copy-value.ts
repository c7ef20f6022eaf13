import { MAX_VALUE_DEPTH, NOT_ENCODABLE } from './generic-encoder.ts'
import { BINARY_KINDS } from './generic-tags.ts'
import { changedMeanwhile, findNotEncodable } from './not-encodable.ts'
import { setField } from './record-shape.ts'
import { classOf } from './registered-class.ts'
import {
  accessorOf,
  binaryOf,
  errorPartsOf,
  isPlainPrimitive,
  makeError,
  makeRegExp,
} from './special-object.ts'
import { objectType } from './value-type.ts'

/** True for values of which no copy can be told from the original: primitives other than symbols. */
export function isImmutable(value: unknown): boolean {
  return isPlainPrimitive(value)
}

/**
 * A deep copy, as if the value had been encoded and decoded (codec.ts says what that keeps), without the bytes.
 * Primitives come back as they are. Cost: about 50 ns for a small tuple.
 *
 * @throws RECORD_NOT_ENCODABLE
 */
export function copyValue<T>(value: T): T {
  if (isPlainPrimitive(value)) return value
  try {
    return copyOf(value, []) as T
  } catch (e) {
    throw e === NOT_ENCODABLE ? (findNotEncodable(value, 'value') ?? changedMeanwhile('value')) : e
  }
}

function copyOf(value: unknown, ancestors: object[]): unknown {
  if (isPlainPrimitive(value)) return value
  if (typeof value !== 'object' || value === null) throw NOT_ENCODABLE
  if (ancestors.length >= MAX_VALUE_DEPTH || ancestors.includes(value)) throw NOT_ENCODABLE
  ancestors.push(value)
  const copy = copyObject(value, ancestors)
  ancestors.pop()
  return copy
}

function copyObject(value: object, ancestors: object[]): unknown {
  switch (objectType(value)) {
    case 'array': {
      const items = value as readonly unknown[]
      const copy: unknown[] = []
      for (let i = 0; i < items.length; i++) copy.push(copyOf(items[i], ancestors))
      return copy
    }
    case 'record': {
      if (accessorOf(value) !== undefined) throw NOT_ENCODABLE
      const copy = {}
      for (const name of Object.keys(value)) {
        setField(copy, name, copyOf((value as Record<string, unknown>)[name], ancestors))
      }
      return copy
    }
    case 'map': {
      const copy = new Map<unknown, unknown>()
      for (const [key, item] of value as Map<unknown, unknown>) {
        copy.set(copyOf(key, ancestors), copyOf(item, ancestors))
      }
      return copy
    }
    case 'set': {
      const copy = new Set<unknown>()
      for (const item of value as Set<unknown>) copy.add(copyOf(item, ancestors))
      return copy
    }
    case 'date':
      return new Date((value as Date).getTime())
    case 'regexp': {
      const { source, flags, lastIndex } = value as RegExp
      return makeRegExp(source, flags, lastIndex)
    }
    default:
      return copySpecial(value, ancestors)
  }
}

function copySpecial(value: object, ancestors: object[]): unknown {
  const registered = classOf(value)
  if (registered !== undefined) return registered.decode(copyOf(registered.encode(value), ancestors))
  const binary = binaryOf(value)
  if (binary !== undefined) return BINARY_KINDS[binary.kind]!.make(new Uint8Array(binary.bytes))
  const parts = errorPartsOf(value)
  if (parts === undefined) throw NOT_ENCODABLE
  const cause = 'cause' in parts ? { cause: copyOf(parts.cause, ancestors) } : {}
  const errors = parts.errors?.map(part => copyOf(part, ancestors))
  return makeError({ ...parts, ...cause, errors })
}
