/**
 * The connections of this thread: one cluster for each object of parameters, shared by all streams, RDDs and tasks that have it.
 *
 * Who needs it takes a lease. When nobody has one any more it is kept for `spark.streaming.kafka.consumer.cache.timeout`, so that the
 * next job finds it open. A kept cluster does not keep the process alive.
 */
import type { KafkaCluster } from './cluster.ts'
import { libraryCluster } from './library-cluster.ts'
import type { KafkaSettings } from './params.ts'

/** The use of a cluster until it is released. Releasing twice does nothing. */
export interface Lease {
  readonly cluster: KafkaCluster
  release(): void
}

/** A client of the library, or several, with their connections. */
export interface Pooled {
  /** Whether its connections keep the process alive. They do at first. */
  hold(isHeld: boolean): void
  close(): Promise<void>
}

interface Shared<C> {
  readonly client: C
  leases: number
  timer: NodeJS.Timeout | undefined
}

const keys = new WeakMap<object, string>()
let made = 0

/** What tells objects of parameters apart, on all threads. */
export function keyOf(params: object): string {
  const key = keys.get(params) ?? `parameters ${++made}`
  keys.set(params, key)
  return key
}

/** Clients of this thread by key; see the file head. */
export class ClientPool<S, C extends Pooled> {
  private readonly open = new Map<string, Shared<C>>()
  private readonly make: (settings: S) => C

  constructor(make: (settings: S) => C) {
    this.make = make
  }

  /** @param keepMs how long it is kept after the last lease; 0: not at all */
  lease(key: string, settings: S, keepMs: number): { readonly client: C; release(): void } {
    const shared = this.open.get(key) ?? this.share(key, settings)
    shared.leases++
    clearTimeout(shared.timer)
    shared.client.hold(true)
    let isHeld = true
    return {
      client: shared.client,
      release: () => {
        if (!isHeld) return
        isHeld = false
        if (--shared.leases > 0) return
        shared.client.hold(false)
        shared.timer = setTimeout(() => {
          this.open.delete(key)
          void shared.client.close()
        }, keepMs).unref()
      },
    }
  }

  private share(key: string, settings: S): Shared<C> {
    const shared: Shared<C> = { client: this.make(settings), leases: 0, timer: undefined }
    this.open.set(key, shared)
    return shared
  }
}

const clusters = new ClientPool(libraryCluster)

/** @param keepMs how long it is kept after the last lease; 0: not at all */
export function leaseByKey(key: string, settings: KafkaSettings, keepMs: number): Lease {
  const { client, release } = clusters.lease(key, settings, keepMs)
  return { cluster: client, release }
}
