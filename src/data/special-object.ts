// Objects that are neither arrays nor plain records but have a meaning of their own in blocks: bytes in their many
// types, and errors. Shared by the encoder, by copyValue, and by the search for what cannot be encoded.
import { types } from 'node:util'
import { BINARY_KIND_BY_NAME } from './generic-tags.ts'
import { setField } from './record-shape.ts'

/** A buffer or view: which of BINARY_KINDS it is, and its bytes (a view on the original). */
export interface Binary {
  readonly kind: number
  readonly bytes: Uint8Array
}

/**
 * The bytes of an ArrayBuffer, DataView, typed array or Buffer, or undefined for anything else. Subclasses, other than
 * Buffer, and what lies in shared memory are refused: a copy would no longer be the same thing.
 */
export function binaryOf(value: object): Binary | undefined {
  if (types.isArrayBuffer(value)) return { kind: 0, bytes: new Uint8Array(value) }
  if (!ArrayBuffer.isView(value) || types.isSharedArrayBuffer(value.buffer)) return undefined
  const prototype: { constructor?: { name?: unknown } } | null = Object.getPrototypeOf(value)
  const name = prototype?.constructor?.name
  if (typeof name !== 'string' || (name === 'Buffer' && prototype !== Buffer.prototype)) return undefined
  // The name says the type only if it is the built-in one: Object.prototype.toString reads the internal slot.
  const slot = Object.prototype.toString.call(value).slice(8, -1)
  if (name !== slot && !(name === 'Buffer' && slot === 'Uint8Array')) return undefined
  const kind = BINARY_KIND_BY_NAME.get(name)
  if (kind === undefined) return undefined
  return { kind, bytes: new Uint8Array(value.buffer, value.byteOffset, value.byteLength) }
}

/** What a block keeps of an error. Fields: own enumerable ones with primitive values, such as `code`. */
export interface ErrorParts {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Present if the error has one, even if it is undefined. */
  readonly cause?: unknown
  /** The parts of an AggregateError. */
  readonly errors: readonly unknown[] | undefined
  readonly fields: readonly (readonly [string, unknown])[]
}

/** The parts of an error of any class, or undefined for what is no error. */
export function errorPartsOf(value: object): ErrorParts | undefined {
  if (!types.isNativeError(value)) return undefined
  const fields: [string, unknown][] = []
  for (const name of Object.keys(value)) {
    if (name === 'name' || name === 'message' || name === 'stack' || name === 'cause' || name === 'errors')
      continue
    const field: unknown = (value as unknown as Record<string, unknown>)[name]
    if (isPlainPrimitive(field)) fields.push([name, field])
  }
  const errors: unknown = (value as { errors?: unknown }).errors
  return {
    name: String(value.name),
    message: String(value.message),
    stack: typeof value.stack === 'string' ? value.stack : undefined,
    ...(Object.hasOwn(value, 'cause') ? { cause: value.cause } : {}),
    errors: Array.isArray(errors) ? errors : undefined,
    fields,
  }
}

const ERROR_CLASSES: ReadonlyMap<string, ErrorConstructor> = new Map<string, ErrorConstructor>(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(c => [c.name, c]),
)

/** An error of these parts: of the built-in class of its name, or an Error with that name. */
export function makeError(parts: ErrorParts): Error {
  const options = 'cause' in parts ? { cause: parts.cause } : undefined
  const error: Error =
    parts.errors === undefined
      ? new (ERROR_CLASSES.get(parts.name) ?? Error)(parts.message, options)
      : new AggregateError(parts.errors, parts.message, options)
  if (error.name !== parts.name) define(error, 'name', parts.name)
  define(error, 'stack', parts.stack)
  for (const [name, value] of parts.fields) setField(error, name, value)
  return error
}

/** A regular expression, or undefined when the parts make none. */
export function makeRegExp(source: string, flags: string, lastIndex: number): RegExp | undefined {
  try {
    const expression = new RegExp(source, flags)
    expression.lastIndex = lastIndex
    return expression
  } catch {
    return undefined
  }
}

/** True for primitives other than symbols. */
export function isPlainPrimitive(value: unknown): boolean {
  if (value === null) return true
  const type = typeof value
  return type !== 'object' && type !== 'function' && type !== 'symbol'
}

/** The name of a field that is computed when read, if the object has one. Cost: about 40 ns per field. */
export function accessorOf(value: object): string | undefined {
  for (const name of Object.keys(value)) {
    if (Object.getOwnPropertyDescriptor(value, name)?.get !== undefined) return name
  }
  return undefined
}

/**
 * Tells which records to search for getters. Looking at all would double the cost of encoding them, and records of one
 * place in a program are alike: so the first 64, then one in 32.
 */
export class AccessorSample {
  #seen = 0

  /** True when the next record is one to search, and has a getter. */
  finds(record: object): boolean {
    const seen = this.#seen++
    return (seen < 64 || (seen & 31) === 0) && accessorOf(record) !== undefined
  }
}

function define(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, enumerable: false, writable: true })
}
