import { KindlingError } from '../base/errors.ts'
import { MAX_BLOCK_BYTES } from './byte-writer.ts'
import { MAX_VALUE_DEPTH, NOT_ENCODABLE } from './generic-encoder.ts'
import { BINARY_KINDS } from './generic-tags.ts'
import { changedMeanwhile, findNotEncodable } from './not-encodable.ts'
import { setField } from './record-shape.ts'
import { classOf } from './registered-class.ts'
import {
  AccessorSample,
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
 * Primitives come back as they are. Cost: about 65 ns for a small tuple, 200 ns for a small record.
 *
 * @throws RECORD_NOT_ENCODABLE
 */
export function copyValue<T>(value: T): T {
  if (typeof value !== 'object' && isPlainPrimitive(value)) return value
  const outer = depth
  try {
    return copyOf(value) as T
  } catch (e) {
    throw e === NOT_ENCODABLE ? (findNotEncodable(value, 'value') ?? changedMeanwhile('value')) : e
  } finally {
    for (; depth > outer; depth--) ancestors[depth - 1] = undefined
  }
}

// One stack for all calls spares an array for each; the encode of a registered class may call copyValue again.
// `depth` says how much of it is in use: shortening an array costs more than a small copy.
const ancestors: (object | undefined)[] = []
let depth = 0
const accessors: AccessorSample = new AccessorSample()

function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    if (isPlainPrimitive(value)) return value
    throw NOT_ENCODABLE
  }
  if (depth > 0 && (depth >= MAX_VALUE_DEPTH || ancestors.includes(value))) throw NOT_ENCODABLE
  ancestors[depth++] = value
  const copy = copyObject(value)
  ancestors[--depth] = undefined
  return copy
}

function copyObject(value: object): unknown {
  switch (objectType(value)) {
    case 'array': {
      if ((value as readonly unknown[]).length > MAX_BLOCK_BYTES) {
        throw new KindlingError('BLOCK_TOO_LARGE', { limit: `${MAX_BLOCK_BYTES} bytes` })
      }
      // slice makes an array of the right size at once; holes are filled by the loop.
      const copy = (value as readonly unknown[]).slice()
      for (let i = 0; i < copy.length; i++) {
        const item = copy[i]
        if (typeof item === 'object' ? item !== null : item === undefined || !isPlainPrimitive(item)) {
          copy[i] = copyOf(item)
        }
      }
      return copy
    }
    case 'record': {
      if (accessors.finds(value)) throw NOT_ENCODABLE
      // The spread clones the whole shape at once. Fields with symbols as names are not data.
      const copy: Record<string, unknown> = { ...value }
      if (Object.getOwnPropertySymbols(copy).length > 0) dropSymbols(copy)
      for (const name in copy) {
        const item = copy[name]
        if (typeof item === 'object' ? item !== null : !isPlainPrimitive(item))
          setField(copy, name, copyOf(item))
      }
      return copy
    }
    case 'map': {
      const copy = new Map<unknown, unknown>()
      for (const [key, item] of value as Map<unknown, unknown>) {
        copy.set(copyOf(key), copyOf(item))
      }
      return copy
    }
    case 'set': {
      const copy = new Set<unknown>()
      for (const item of value as Set<unknown>) copy.add(copyOf(item))
      return copy
    }
    case 'date':
      return new Date((value as Date).getTime())
    case 'regexp': {
      const { source, flags, lastIndex } = value as RegExp
      return makeRegExp(source, flags, lastIndex)
    }
    default:
      return copySpecial(value)
  }
}

function copySpecial(value: object): unknown {
  const registered = classOf(value)
  if (registered !== undefined) return registered.decode(copyOf(registered.encode(value)))
  const binary = binaryOf(value)
  if (binary !== undefined) return BINARY_KINDS[binary.kind]!.make(new Uint8Array(binary.bytes))
  const parts = errorPartsOf(value)
  if (parts === undefined) throw NOT_ENCODABLE
  const cause = 'cause' in parts ? { cause: copyOf(parts.cause) } : {}
  const errors = parts.errors?.map(part => copyOf(part))
  return makeError({ ...parts, ...cause, errors })
}

function dropSymbols(copy: object): void {
  for (const symbol of Object.getOwnPropertySymbols(copy)) Reflect.deleteProperty(copy, symbol)
}
