/**
 * Values that all tasks read.
 *
 * A broadcast is an id and a value kept under it in the context's store, so that a worker can later be sent the id alone and fetch
 * the value once. The store, and workers, forget a value when it is destroyed, or when nothing refers to its broadcast any more.
 */
import { markKind } from '../base/engine-kind.ts'
import { KindlingError } from '../base/errors.ts'
import { copyValue, decodeRecords } from '../data/codec.ts'

/** What is kept of one broadcast. */
interface Held {
  readonly id: number
  value: unknown
  destroyed: boolean
}

/** The broadcasts of one context. */
export class BroadcastStore {
  /** Told of values that were dropped: for good, or to be sent again. */
  onDrop: (id: number) => void = () => {}
  private readonly held = new Map<number, WeakRef<Held>>()
  private readonly forgotten = new FinalizationRegistry<number>(id => this.destroy(id))
  private nextId = 0

  /** @throws RECORD_NOT_ENCODABLE */
  put<T>(value: T): Broadcast<T> {
    const held: Held = { id: this.nextId++, value: frozen(copyValue(value)), destroyed: false }
    this.held.set(held.id, new WeakRef(held))
    this.forgotten.register(held, held.id)
    return new Broadcast(held, this)
  }

  /** Whether the value of an id is there. */
  has(id: number): boolean {
    return this.held.get(id)?.deref()?.destroyed === false
  }

  /** The value behind an id. @throws BROADCAST_DESTROYED also when it was forgotten */
  read(id: number): unknown {
    const held = this.held.get(id)?.deref()
    if (held === undefined || held.destroyed) throw new KindlingError('BROADCAST_DESTROYED', { id })
    return held.value
  }

  /** Drops a value for good, wherever it is. @internal */
  destroy(id: number): void {
    this.held.delete(id)
    this.onDrop(id)
  }

  /** How many values are kept. */
  get size(): number {
    return this.held.size
  }
}

/**
 * A value given to all tasks; made by `sc.broadcast`.
 *
 * @source Spark Broadcast
 * @example
 * const names = sc.broadcast({ ann: 'Ann A.' } as Record<string, string>)
 * visits.keys().map(name => names.value[name] ?? 'nobody') // => ['Ann A.', 'nobody', 'Ann A.']
 */
export class Broadcast<T> {
  static {
    markKind(Broadcast, 'Broadcast')
  }

  private readonly held: Held
  private readonly store: BroadcastStore

  /** @internal */
  constructor(held: Held, store: BroadcastStore) {
    this.held = held
    this.store = store
  }

  /** Unique in its context. */
  get id(): number {
    return this.held.id
  }

  /** The value. Its plain objects and arrays are frozen. @throws BROADCAST_DESTROYED */
  get value(): T {
    if (this.held.destroyed) throw new KindlingError('BROADCAST_DESTROYED', { id: this.held.id })
    return this.held.value as T
  }

  /**
   * Drops the copies that workers have made of it; they make them again when they use it.
   *
   * @throws BROADCAST_DESTROYED
   * @example
   * const names = sc.broadcast(['ann'])
   * names.unpersist()
   * names.value // => ['ann']
   */
  unpersist(): void {
    void this.value
    this.store.onDrop(this.id)
  }

  /**
   * Forgets the value. Using the broadcast afterwards is an error, also in tasks. May be called more than once.
   *
   * @example
   * const names = sc.broadcast(['ann'])
   * names.destroy()
   * await sc.range(1).map(i => names.value[i]).collect().catch(error => error.code) // => 'BROADCAST_DESTROYED'
   */
  destroy(): void {
    this.held.destroyed = true
    this.held.value = undefined
    this.store.destroy(this.held.id)
  }
}

/** The broadcasts of a worker: bytes, and a copy that is made when it is first read. */
export class ReceivedBroadcasts {
  private readonly bytes = new Map<number, Uint8Array>()
  private readonly copies = new Map<number, unknown>()

  /** @param bytes `undefined`: it was destroyed */
  put(id: number, bytes: Uint8Array | undefined): void {
    this.copies.delete(id)
    if (bytes === undefined) this.bytes.delete(id)
    else this.bytes.set(id, bytes)
  }

  /** What functions have in place of the program's broadcast. */
  of(id: number): Pick<Broadcast<unknown>, 'id' | 'value'> {
    const read = (): unknown => this.read(id)
    return {
      id,
      get value() {
        return read()
      },
    }
  }

  private read(id: number): unknown {
    const bytes = this.bytes.get(id)
    if (bytes === undefined) throw new KindlingError('BROADCAST_DESTROYED', { id })
    if (!this.copies.has(id)) this.copies.set(id, frozen(decodeRecords(bytes)[0]))
    return this.copies.get(id)
  }
}

/** Freezes plain objects and arrays all the way down; the copy has no cycles. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Map) {
    for (const [key, item] of value) {
      frozen(key)
      frozen(item)
    }
  } else if (value instanceof Set) for (const item of value) frozen(item)
  else if (Array.isArray(value)) {
    for (const item of value) frozen(item)
    Object.freeze(value)
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) frozen(item)
    Object.freeze(value)
  }
  return value
}
