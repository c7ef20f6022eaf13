/** Captured objects that are no plain data: shared by id, built in, or instances of classes. */
import { types } from 'node:util'
import { engineKind } from '../../base/engine-kind.ts'
import { classOf } from '../../data/registered-class.ts'
import { builtInOf, isNativeText } from './built-in.ts'
import { refused, type Trail, textOf } from './captured-function.ts'
import { fieldsOf, type Inner, isObjectPrototype } from './data-parts.ts'
import type { Part } from './description.ts'
import { readFunction } from './free-variables.ts'
import { commonJSExports } from './modules.ts'
import { instanceRefusal } from './refusal.ts'

/** A broadcast or an accumulator: every worker has an instance of its own. */
export function sharedPart(value: object, trail: Trail): Part | undefined {
  const kind = engineKind(value)
  if (kind !== 'Broadcast' && kind !== 'Accumulator') return undefined
  try {
    const { id } = value as { readonly id: number }
    return { kind: kind === 'Broadcast' ? 'broadcast' : 'accumulator', id }
  } catch {
    throw refused(trail, {
      type: 'an accumulator that is not registered',
      advice: 'Call sc.register(accumulator) before.',
    })
  }
}

/** A whole module, or an object that every thread has, such as `Math`. */
export function knownObject(value: object): Part | undefined {
  return holdsFunctions(value) ? (builtInOf(value) ?? commonJSExports(value)) : undefined
}

/**
 * An instance by its class and fields, or as its registered codec makes it.
 *
 * @param isOfNode whether a class's source lies inside Node
 * @throws CLOSURE_NOT_TRANSFERABLE when fields alone do not make it again
 */
export function instancePart(
  value: object,
  trail: Trail,
  inner: Inner,
  isOfNode: (C: object) => boolean,
): Part {
  const registered = classOf(value)
  if (registered !== undefined)
    return {
      kind: 'decoded',
      decode: inner(registered.decode, ` (decode of ${registered.name})`),
      data: inner(registered.encode(value), ` (encode of ${registered.name})`),
    }
  const prototype = Object.getPrototypeOf(value) as object
  const C: unknown = Object.hasOwn(prototype, 'constructor') ? prototype.constructor : undefined
  if (typeof C !== 'function' || C.prototype !== prototype)
    throw refused(trail, instanceRefusal('', '', false))
  for (let base = prototype; !isObjectPrototype(base); base = Object.getPrototypeOf(base)) {
    const { constructor: above } = base
    if (typeof above !== 'function' || isNativeText(textOf(above)) || isOfNode(above)) {
      const extending = above === C ? '' : `, which extends ${above?.name}`
      throw refused(trail, instanceRefusal(C.name, extending, true))
    }
    if (readFunction(textOf(above))?.hasPrivateFields === true)
      throw refused(trail, instanceRefusal(C.name, ', which has #private fields', false))
    if (Object.getPrototypeOf(base) === null)
      throw refused(trail, instanceRefusal(C.name, ', which extends null', false))
  }
  return { kind: 'instance', class: inner(C, ` (its class ${C.name})`), fields: fieldsOf(value, inner) }
}

/** Only objects with a field that holds a function can be modules or built in. */
function holdsFunctions(value: object): boolean {
  if (Array.isArray(value) || types.isMap(value) || types.isSet(value) || ArrayBuffer.isView(value))
    return false
  for (const name of Object.getOwnPropertyNames(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, name)!
    if (typeof descriptor.value === 'function' || descriptor.get !== undefined) return true
  }
  return false
}
