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

interface Shared {
  readonly cluster: KafkaCluster
  leases: number
  timer: NodeJS.Timeout | undefined
}

const open = new Map<string, Shared>()
const keys = new WeakMap<object, string>()
let made = 0

/** What tells objects of parameters apart, on all threads. */
export function keyOf(params: object): string {
  const key = keys.get(params) ?? `parameters ${++made}`
  keys.set(params, key)
  return key
}

/** @param keepMs how long it is kept after the last lease; 0: not at all */
export function leaseByKey(key: string, settings: KafkaSettings, keepMs: number): Lease {
  const shared = open.get(key) ?? share(key, settings)
  shared.leases++
  clearTimeout(shared.timer)
  shared.cluster.hold(true)
  let isHeld = true
  return {
    cluster: shared.cluster,
    release() {
      if (!isHeld) return
      isHeld = false
      if (--shared.leases > 0) return
      shared.cluster.hold(false)
      shared.timer = setTimeout(() => {
        open.delete(key)
        void shared.cluster.close()
      }, keepMs).unref()
    },
  }
}

function share(key: string, settings: KafkaSettings): Shared {
  const shared: Shared = { cluster: libraryCluster(settings), leases: 0, timer: undefined }
  open.set(key, shared)
  return shared
}
