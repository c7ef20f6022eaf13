/** Numbers for functions and classes of this thread, so that another thread can name them. */

const ids = new WeakMap<object, number>()
const functions = new Map<number, WeakRef<object>>()
const forgotten = new FinalizationRegistry<number>(id => functions.delete(id))
let nextId = 1

/** The number of a function; the same each time. */
export function functionId(f: object): number {
  let id = ids.get(f)
  if (id === undefined) {
    id = nextId++
    ids.set(f, id)
    functions.set(id, new WeakRef(f))
    forgotten.register(f, id)
  }
  return id
}

/** The function of a number, as long as the program holds it. */
export function functionOf(id: number): object | undefined {
  return functions.get(id)?.deref()
}
