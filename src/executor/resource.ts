/**
 * Things that cannot travel and that tasks of one thread share: a connection, a pool, a parser.
 *
 * A resource travels as the function that makes it. Each thread makes it when a task first asks, keeps it for the tasks after, and
 * disposes of it when the thread ends: worker threads with their context, the program's own with the last context of the process.
 */
import { threadId } from 'node:worker_threads'

/** Something that each thread makes for itself; see {@link resource}. */
export interface Resource<T> {
  /** The thread's own, made at the first call. What making it throws is thrown here, and the next call tries again. */
  get(): T
}

/** How a resource ends. */
export interface ResourceOptions<T> {
  /** Called once for each thread that made one, when the thread ends; awaited. Not called for a thread that dies. */
  readonly dispose?: (value: Awaited<T>) => unknown
}

interface Held {
  readonly value: unknown
  readonly dispose: ((value: never) => unknown) | undefined
}

/** What this thread has made, by id. */
const held = new Map<string, Held>()
let nextId = 0
let contexts = 0

/**
 * Something that functions use and that cannot go to other threads: each thread makes its own, once, when a task first asks for it.
 *
 * @param make may be asynchronous: `get()` then gives the promise, the same one each time until it rejects
 * @example
 * const format = resource(() => new Intl.NumberFormat('en'))
 * await sc.parallelize([1234.5]).map(n => format.get().format(n)).collect() // => ['1,234.5']
 */
export function resource<T>(make: () => T, options: ResourceOptions<T> = {}): Resource<T> {
  return new ThreadResource(`${threadId}/${nextId++}`, make, options.dispose)
}

/** A resource as it travels: by its fields, to the same class over there. */
export class ThreadResource<T> implements Resource<T> {
  private readonly id: string
  private readonly make: () => T
  private readonly dispose: ((value: Awaited<T>) => unknown) | undefined

  constructor(id: string, make: () => T, dispose: ((value: Awaited<T>) => unknown) | undefined) {
    this.id = id
    this.make = make
    this.dispose = dispose
  }

  get(): T {
    const { id } = this
    const known = held.get(id)
    if (known !== undefined) return known.value as T
    const value = this.make()
    held.set(id, { value, dispose: this.dispose as Held['dispose'] })
    if (value instanceof Promise)
      value.catch(() => {
        if (held.get(id)?.value === value) held.delete(id)
      })
    return value
  }
}

/**
 * Disposes of all that this thread has made, the latest first, as later ones may use earlier ones.
 *
 * @param failed told of what a `dispose` throws; the others are disposed of all the same
 */
export async function disposeResources(failed: (error: unknown) => void): Promise<void> {
  const all = [...held.values()].reverse()
  held.clear()
  for (const { value, dispose } of all) {
    try {
      if (dispose !== undefined) await dispose((await value) as never)
    } catch (error) {
      failed(error)
    }
  }
}

/** Counts a context whose tasks may make resources in this thread; the last one to end disposes of them. */
export function contextBegins(): void {
  contexts++
}

/** See {@link contextBegins}. */
export async function contextEnds(failed: (error: unknown) => void): Promise<void> {
  if (--contexts === 0) await disposeResources(failed)
}
