/**
 * The way back: a description → a function of this thread.
 *
 *   1. load the modules that the description names
 *   2. make each part when it is first referred to: data, modules' exports, functions compiled from source
 *   3. fill in the variables of functions and the insides of data
 *
 * A function is compiled from its text, in a wrapper whose parameters are its free variables, with the file name, line and column
 * that the text has (compile-function.ts): stack traces and debuggers show the user's file.
 *
 * I1  A class is made once per thread and id, so `instanceof` holds across functions that were sent at different times.
 * I2  What a class needs while it is defined (its base, its static fields) is whole before; everything else is filled in later, so
 *     parts may refer to each other in circles.
 * Cost: about 30 µs for a small function (benchmarks/functions.ts).
 */
import { BINARY_KINDS } from '../../data/generic-tags.ts'
import { setField } from '../../data/record-shape.ts'
import { makeError, makeRegExp } from '../../data/special-object.ts'
import { compileFunctionPart } from './compile-function.ts'
import type { Fields, FunctionDescription, FunctionPart, Part, PartOf, Slot } from './description.ts'
import { guardProgram, importFrom, requireOf } from './module-loader.ts'
import { mapSource } from './stack-place.ts'

/** What a thread has of its own under the ids of the program. */
export interface ReviveHost {
  /** The thread's broadcast of an id. */
  broadcast(id: number): unknown
  /** The thread's accumulator of an id. */
  accumulator(id: number): unknown
}

/** Classes of this thread by the ids that the capturing thread gave them, as long as an instance or a function holds them. */
const classes = new Map<number, WeakRef<object>>()
const forgotten = new FinalizationRegistry<number>(id => {
  if (classes.get(id)?.deref() === undefined) classes.delete(id)
})

/**
 * The function that a description stands for. Modules that it uses are loaded first.
 *
 * @param host asked for broadcasts and accumulators
 */
export async function revive(
  description: FunctionDescription,
  host: ReviveHost,
): Promise<(...args: never[]) => unknown> {
  guardProgram(description.entry)
  const modules = new Map<number, object>()
  for (const [index, part] of description.parts.entries()) {
    if (part.kind === 'import')
      modules.set(index, await importFrom(part.from, part.specifier, part.attributes))
  }
  return new Reviving(description, host, modules).root() as (...args: never[]) => unknown
}

class Reviving {
  private readonly description: FunctionDescription
  private readonly host: ReviveHost
  private readonly modules: ReadonlyMap<number, object>
  private readonly made: unknown[]
  private readonly isMade: boolean[] = []
  private readonly pending: (() => void)[] = []
  private readonly frozen: object[] = []

  constructor(description: FunctionDescription, host: ReviveHost, modules: ReadonlyMap<number, object>) {
    this.description = description
    this.host = host
    this.modules = modules
    this.made = new Array(description.parts.length)
  }

  root(): unknown {
    const root = this.at(this.description.root)
    this.fill()
    for (const object of this.frozen) Object.freeze(object)
    return root
  }

  private value(slot: Slot): unknown {
    return typeof slot === 'object' && slot !== null ? this.at(slot.ref) : slot
  }

  private at(index: number): unknown {
    if (!this.isMade[index]) this.make(index, this.description.parts[index]!)
    return this.made[index]
  }

  private set(index: number, value: unknown): void {
    this.isMade[index] = true
    this.made[index] = value
  }

  /** Does all that was put off; that may put off more. What code is to use may have been made, and put off, long before. */
  private fill(): void {
    while (this.pending.length > 0) this.pending.pop()!()
  }

  private make(index: number, part: Part): void {
    if (part.kind === 'function') this.makeFunction(index, part)
    else this.set(index, this.simple(index, part))
  }

  private makeFunction(index: number, part: FunctionPart): void {
    const { id, isClass, eager, values, fields, prototypeFields, script: scriptIndex } = part
    const known = isClass ? classes.get(id)?.deref() : undefined
    if (known !== undefined) {
      this.set(index, known)
      return
    }
    const needed = values.slice(0, eager).map(slot => this.value(slot))
    if (eager > 0) this.fill()
    // What it needs may have needed it in turn, and made it.
    if (this.isMade[index]) return
    const script = this.description.scripts[scriptIndex]
    if (script !== undefined) mapSource(script)
    const parent = script?.url ?? import.meta.url
    const { value, fill } = compileFunctionPart(part, script, needed, (specifier, options) =>
      importFrom(parent, String(specifier), attributesOf(options)),
    )
    this.set(index, value)
    if (isClass) {
      classes.set(id, new WeakRef(value))
      forgotten.register(value, id)
    }
    this.pending.push(() => {
      for (let i = 0; i < values.length; i++) fill(i, this.value(values[i]))
      this.fields(value, fields)
      if (prototypeFields.names.length > 0)
        this.fields((value as { prototype: object }).prototype, prototypeFields)
    })
  }

  private simple(index: number, part: Exclude<Part, FunctionPart>): unknown {
    switch (part.kind) {
      case 'date':
        return new Date(part.time)
      case 'regexp':
        return makeRegExp(part.source, part.flags, part.lastIndex)
      case 'bytes':
        return BINARY_KINDS[part.type]!.make(Uint8Array.from(part.bytes))
      case 'symbol':
        return part.wellKnown ? Reflect.get(Symbol, part.key) : Symbol.for(part.key)
      case 'global':
        return follow(globalThis, part.path)
      case 'builtin':
        return follow(process.getBuiltinModule(part.module), part.path)
      case 'import':
        return part.name === '*' ? this.modules.get(index) : Reflect.get(this.modules.get(index)!, part.name)
      case 'require': {
        const require = requireOf(part.from)
        return part.file === undefined ? require : follow(require(part.file), part.path)
      }
      case 'broadcast':
        return this.host.broadcast(part.id)
      case 'accumulator':
        return this.host.accumulator(part.id)
      case 'decoded':
        return (this.whole(part.decode) as (data: unknown) => unknown)(this.whole(part.data))
      case 'error':
        return this.error(part)
      default:
        return this.container(part)
    }
  }

  /** A value whose insides are there. */
  private whole(slot: Slot): unknown {
    const value = this.value(slot)
    this.fill()
    return value
  }

  private error(part: PartOf<'error'>): Error {
    const { name, message, stack, cause, errors, fields } = part
    return makeError({
      name,
      message,
      stack,
      ...(cause.length === 0 ? {} : { cause: this.whole(cause[0]) }),
      errors: errors?.map(slot => this.whole(slot)),
      fields: fields.names.map((field, i) => [field, fields.values[i]]),
    })
  }

  /** What may hold itself: empty first, filled later. */
  private container(part: PartOf<'object' | 'array' | 'map' | 'set' | 'instance'>): unknown {
    switch (part.kind) {
      case 'object': {
        const object: object = part.hasPrototype ? {} : Object.create(null)
        this.pending.push(() => this.fields(object, part.fields))
        if (part.isFrozen) this.frozen.push(object)
        return object
      }
      case 'instance': {
        const { prototype } = this.value(part.class) as { prototype: object }
        const object: object = Object.create(prototype)
        this.pending.push(() => this.fields(object, part.fields))
        return object
      }
      case 'array': {
        const array: unknown[] = new Array(part.items.length)
        const holes = new Set(part.holes)
        this.pending.push(() => {
          for (let i = 0; i < array.length; i++) if (!holes.has(i)) array[i] = this.value(part.items[i])
        })
        if (part.isFrozen) this.frozen.push(array)
        return array
      }
      case 'map': {
        const map = new Map<unknown, unknown>()
        this.pending.push(() => {
          for (let i = 0; i < part.items.length; i += 2)
            map.set(this.value(part.items[i]), this.value(part.items[i + 1]))
        })
        return map
      }
      case 'set': {
        const set = new Set<unknown>()
        this.pending.push(() => {
          for (const item of part.items) set.add(this.value(item))
        })
        return set
      }
    }
  }

  private fields(object: object, { names, values, accessors = [] }: Fields): void {
    for (let i = 0; i < names.length; i++) setField(object, names[i]!, this.value(values[i]))
    for (const [name, get, set] of accessors)
      Object.defineProperty(object, name, {
        get: this.value(get) as () => unknown,
        set: this.value(set) as (value: unknown) => void,
        configurable: true,
        enumerable: true,
      })
  }
}

function follow(from: unknown, path: readonly string[]): unknown {
  let value = from
  for (const name of path) value = Reflect.get(value as object, name)
  return value
}

function attributesOf(options: unknown): Readonly<Record<string, string>> {
  return (options as { with?: Record<string, string> } | undefined)?.with ?? {}
}
