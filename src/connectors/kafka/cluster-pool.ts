/**
 * The connections of this process: one cluster for each object of parameters, shared by all streams, RDDs and tasks that have it.
 *
 * Who needs it takes a lease. When nobody has one any more it is kept for `spark.streaming.kafka.consumer.cache.timeout`, so that the
 * next job finds it open. A kept cluster does not keep the process alive.
 */
import type { KafkaCluster } from './cluster.ts'
import { libraryCluster } from './library-cluster.ts'
import { type KafkaParams, settingsOf } from './params.ts'

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

const open = new WeakMap<object, Shared>()

/** @param keepMs how long it is kept after the last lease; 0: not at all */
export function leaseCluster<K, V>(params: KafkaParams<K, V>, keepMs: number): Lease {
  const shared = open.get(params) ?? share(params)
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
        open.delete(params)
        void shared.cluster.close()
      }, keepMs).unref()
    },
  }
}

function share<K, V>(params: KafkaParams<K, V>): Shared {
  const cluster = libraryCluster(settingsOf<unknown, unknown>(params as KafkaParams<unknown, unknown>))
  const shared: Shared = { cluster, leases: 0, timer: undefined }
  open.set(params, shared)
  return shared
}
