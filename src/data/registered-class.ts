import { KindlingError } from '../base/errors.ts'

/** How instances of a class become plain data and come back. */
export interface ClassCodec<T, D> {
  /** Stored with the data, so it must stay the same. Default: the class's own name. */
  readonly name?: string
  /** An instance as data that can be encoded. Must not change the instance. */
  readonly encode: (instance: T) => D
  /** A new instance from what `encode` gave, after it went through bytes. */
  readonly decode: (data: D) => T
}

/** A registered class, as the codec uses it. */
export interface RegisteredClass {
  readonly name: string
  readonly prototype: object
  readonly encode: (instance: object) => unknown
  readonly decode: (data: unknown) => object
}

const byName = new Map<string, RegisteredClass>()
const byPrototype = new Map<object, RegisteredClass>()

/**
 * Lets instances of `C` be records, or parts of them: shuffled, persisted, kept as state. Subclasses are registered by
 * themselves. Registering the same class again replaces its codec.
 *
 * @throws INVALID_ARGUMENT for a class without a name, when none is given
 * @throws CLASS_NAME_TAKEN when the name stands for another class
 * @example
 * class Point {
 *   readonly x: number
 *   readonly y: number
 *   constructor(x: number, y: number) {
 *     this.x = x
 *     this.y = y
 *   }
 * }
 * registerClass(Point, { encode: p => ({ x: p.x, y: p.y }), decode: ({ x, y }) => new Point(x, y) })
 * sc.parallelize([new Point(1, 2)]).repartition(2).map(p => p instanceof Point && p.x + p.y) // => [3]
 */
export function registerClass<T extends object, D>(
  C: abstract new (...args: never[]) => T,
  codec: ClassCodec<T, D>,
): void {
  const name = codec.name ?? C.name
  if (name === '') {
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'registerClass: name',
      value: '',
      expected: 'a text',
    })
  }
  const prototype: object = C.prototype
  const holder = byName.get(name)
  if (holder !== undefined && holder.prototype !== prototype)
    throw new KindlingError('CLASS_NAME_TAKEN', { name })
  const before = byPrototype.get(prototype)
  if (before !== undefined) byName.delete(before.name)
  const entry: RegisteredClass = {
    name,
    prototype,
    // The prototype is looked up before each call, so the argument is a T; data comes back as `encode` gave it.
    encode: codec.encode as (instance: object) => unknown,
    decode: codec.decode as (data: unknown) => object,
  }
  byName.set(name, entry)
  byPrototype.set(prototype, entry)
}

/** All registered classes, in the order in which they were registered. */
export function registeredClasses(): Iterable<RegisteredClass> {
  return byName.values()
}

/** Whether a class of this name is registered. */
export function isRegisteredClass(name: string): boolean {
  return byName.has(name)
}

/** The registered class of an object, by its exact prototype. */
export function classOf(value: object): RegisteredClass | undefined {
  const prototype: object | null = Object.getPrototypeOf(value)
  return prototype === null ? undefined : byPrototype.get(prototype)
}

/** The registered class of this name. @throws CLASS_NOT_REGISTERED */
export function classNamed(name: string): RegisteredClass {
  const entry = byName.get(name)
  if (entry === undefined) throw new KindlingError('CLASS_NOT_REGISTERED', { name })
  return entry
}
