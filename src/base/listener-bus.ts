/**
 * Delivers the engine's events to listeners: asynchronously, in order, and through a bounded queue.
 *
 * A listener never runs inside the code that posts, cannot break it by throwing, and cannot make it wait: when
 * listeners are slower than events come and the queue is full, events are dropped and counted.
 *
 * @source Spark AsyncEventQueue.scala, ListenerBus.scala
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from './clock.ts'
import { KindlingError } from './errors.ts'
import type { Logger } from './logger.ts'

/** How a bus is made. */
export interface ListenerBusOptions {
  /** Most events that wait for delivery. */
  readonly capacity: number
  readonly logger: Logger
  /** Clock whose activity counts undelivered events and listeners at work. */
  readonly clock?: Clock
}

// Between so many events the event loop gets a turn, so that listeners never keep sockets and timers waiting.
const EVENTS_PER_TURN = 128

/** What the method K of a listener is given. */
export type EventOf<L, K extends keyof L> = L[K] extends (event: infer E) => unknown ? E : never

interface Posted<L> {
  readonly method: keyof L
  readonly event: unknown
}

/** Events of the methods of L: `post('onBatchCompleted', event)` calls that method of each listener that has it. */
export class ListenerBus<L extends object> {
  readonly #capacity: number
  readonly #logger: Logger
  readonly #clock: Clock | undefined
  #listeners: readonly Partial<L>[] = []
  #queue: Posted<L>[] = []
  /** Index in #queue of the next event to deliver. */
  #head = 0
  #endActivity: (() => void) | undefined
  #posted = 0
  #delivered = 0
  #drainers: { readonly after: number; readonly resolve: () => void }[] = []
  #dropped = 0
  #isStopped = false
  readonly #inside = new AsyncLocalStorage<ListenerBus<L>>()

  /** @throws INVALID_ARGUMENT unless capacity is a whole number from 1 up */
  constructor(options: ListenerBusOptions) {
    if (!Number.isSafeInteger(options.capacity) || options.capacity < 1) {
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'The capacity of a listener bus',
        value: options.capacity,
        expected: 'a whole number from 1 up',
      })
    }
    this.#capacity = options.capacity
    this.#logger = options.logger
    this.#clock = options.clock
  }

  /** How many events were dropped because the queue was full. */
  get dropped(): number {
    return this.#dropped
  }

  /** Whether anybody listens: without, an event need not be made. */
  get hasListeners(): boolean {
    return this.#listeners.length > 0
  }

  /** Whether the caller runs in a listener of this bus, also after an await in it. */
  get insideListener(): boolean {
    return this.#inside.getStore() === this
  }

  /** Adds a listener; it gets the events delivered from now on. */
  add(listener: Partial<L>): void {
    this.#listeners = [...this.#listeners, listener]
  }

  /** Removes a listener; one that was never added is ignored. */
  remove(listener: Partial<L>): void {
    this.#listeners = this.#listeners.filter(other => other !== listener)
  }

  /** Queues an event. Returns at once; drops it when the queue is full, and after stop(). */
  post<K extends keyof L>(method: K, event: EventOf<L, K>): void {
    if (this.#isStopped) return
    if (this.#queue.length - this.#head >= this.#capacity) {
      this.#drop(method)
      return
    }
    this.#queue.push({ method, event })
    this.#posted++
    if (this.#endActivity !== undefined) return
    this.#endActivity = this.#clock?.activity.begin() ?? (() => {})
    setImmediate(() => this.#deliverTurn())
  }

  /** Resolves once every event posted before has been handed to the listeners. */
  drain(): Promise<void> {
    if (this.#delivered === this.#posted) return Promise.resolve()
    return new Promise(resolve => {
      this.#drainers.push({ after: this.#posted, resolve })
    })
  }

  /** Takes no more events; resolves once those already queued are delivered. May be called again. */
  stop(): Promise<void> {
    this.#isStopped = true
    return this.drain()
  }

  #deliverTurn(): void {
    const end = Math.min(this.#queue.length, this.#head + EVENTS_PER_TURN)
    while (this.#head < end) {
      this.#deliver(this.#queue[this.#head++]!)
      this.#delivered++
    }
    while (this.#drainers.length > 0 && this.#drainers[0]!.after <= this.#delivered)
      this.#drainers.shift()!.resolve()
    if (this.#head < this.#queue.length) {
      // Delivered events must not stay in memory while the queue never runs empty.
      this.#queue.splice(0, this.#head)
      this.#head = 0
      setImmediate(() => this.#deliverTurn())
      return
    }
    this.#queue = []
    this.#head = 0
    this.#endActivity?.()
    this.#endActivity = undefined
  }

  #deliver({ method, event }: Posted<L>): void {
    for (const listener of this.#listeners) {
      try {
        const handler: unknown = listener[method]
        if (typeof handler !== 'function') continue
        const result: unknown = this.#inside.run(this, () => Reflect.apply(handler, listener, [event]))
        if (isThenable(result)) this.#follow(method, result)
      } catch (error) {
        this.#report(method, error)
      }
    }
  }

  // Listeners may be async: the bus does not wait for them, but their rejections are its own to handle.
  #follow(method: keyof L, result: PromiseLike<unknown>): void {
    const settled = Promise.resolve(result).then(
      () => {},
      (error: unknown) => this.#report(method, error),
    )
    void this.#clock?.activity.track(settled)
  }

  #report(method: keyof L, error: unknown): void {
    this.#logger.error(`A listener threw in ${String(method)}; the event counts as delivered.`, { error })
  }

  #drop(method: keyof L): void {
    if (this.#dropped++ > 0) return
    this.#logger.warn(
      `Listeners are too slow: ${this.#capacity} events wait, so ${String(method)} and perhaps more are dropped. ` +
        'Make listeners faster, or raise spark.scheduler.listenerbus.eventqueue.capacity.',
    )
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function'
}
