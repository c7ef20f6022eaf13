// Finds what in a value cannot be encoded, and where. Runs only after the encoder has refused, so that the encoder
// itself needs no paths.
import { types } from 'node:util'
import { describeValue, KindlingError } from '../base/errors.ts'
import { MAX_VALUE_DEPTH } from './generic-encoder.ts'
import { classOf } from './registered-class.ts'
import { accessorOf, binaryOf, errorPartsOf, isPlainPrimitive } from './special-object.ts'
import { objectType, typeName } from './value-type.ts'

/** The error for a value that the encoder refused, or undefined; `path` is how the message calls the value itself. */
export function findNotEncodable(value: unknown, path: string): KindlingError | undefined {
  const found = find(value, path, new Map())
  return found && new KindlingError('RECORD_NOT_ENCODABLE', { ...found })
}

/** The error where nothing is found any more: a proxy or a getter that answers differently. */
export function changedMeanwhile(path: string): KindlingError {
  return new KindlingError('RECORD_NOT_ENCODABLE', { path, type: 'different each time it is read' })
}

interface Found {
  readonly path: string
  readonly type: string
}

function find(value: unknown, path: string, ancestors: Map<object, string>): Found | undefined {
  if (isPlainPrimitive(value)) return undefined
  if (typeof value !== 'object' || value === null) return { path, type: `a ${typeName(value)}` }
  const first = ancestors.get(value)
  if (first !== undefined) return { path, type: `cyclic (it is ${first} again)` }
  if (ancestors.size >= MAX_VALUE_DEPTH) return { path, type: `nested over ${MAX_VALUE_DEPTH} levels deep` }
  ancestors.set(value, path)
  const found = findInside(value, path, ancestors)
  ancestors.delete(value)
  return found
}

function findInside(value: object, path: string, ancestors: Map<object, string>): Found | undefined {
  switch (objectType(value)) {
    case 'array':
      return findAmong(value as readonly unknown[], path, ancestors)
    case 'record':
      return findInRecord(value, path, ancestors)
    case 'map': {
      let at = 0
      for (const [key, item] of value as Map<unknown, unknown>) {
        const found =
          find(key, `${path}.keys()[${at++}]`, ancestors) ??
          find(item, `${path}.get(${describeValue(key, 40)})`, ancestors)
        if (found !== undefined) return found
      }
      return undefined
    }
    case 'set':
      return findAmong([...(value as Set<unknown>)], `${path}.values()`, ancestors)
    case 'date':
    case 'regexp':
    case 'bytes':
    case 'buffer':
      return undefined
    default:
      return findInSpecial(value, path, ancestors)
  }
}

function findAmong(
  items: readonly unknown[],
  path: string,
  ancestors: Map<object, string>,
): Found | undefined {
  for (let i = 0; i < items.length; i++) {
    const found = find(items[i], `${path}[${i}]`, ancestors)
    if (found !== undefined) return found
  }
  return undefined
}

function findInRecord(record: object, path: string, ancestors: Map<object, string>): Found | undefined {
  const accessor = accessorOf(record)
  if (accessor !== undefined)
    return { path: path + field(accessor), type: 'a getter (store the value it gives instead)' }
  for (const name of Object.keys(record)) {
    const found = find((record as Record<string, unknown>)[name], path + field(name), ancestors)
    if (found !== undefined) return found
  }
  return undefined
}

function findInSpecial(value: object, path: string, ancestors: Map<object, string>): Found | undefined {
  const registered = classOf(value)
  if (registered !== undefined) {
    return find(registered.encode(value), `${path} (as the encode of ${registered.name} gives it)`, ancestors)
  }
  if (binaryOf(value) !== undefined) return undefined
  const parts = errorPartsOf(value)
  if (parts !== undefined) {
    return (
      find(parts.cause, `${path}.cause`, ancestors) ??
      findAmong(parts.errors ?? [], `${path}.errors`, ancestors)
    )
  }
  return { path, type: refusedType(value) }
}

function refusedType(value: object): string {
  if (types.isPromise(value)) return 'a Promise (await it first, for example with mapAsync)'
  if (types.isSharedArrayBuffer(value)) return 'a SharedArrayBuffer (copy its bytes first)'
  if (ArrayBuffer.isView(value) && types.isSharedArrayBuffer(value.buffer)) {
    return `a ${typeName(value)} over shared memory (copy it first)`
  }
  return `an instance of class ${typeName(value)}`
}

function field(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}
