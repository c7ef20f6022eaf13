/** A queue of RDDs, or of arrays, as a source: for tests and experiments. @source Spark QueueInputDStream */
import { KindlingError } from '../../base/errors.ts'
import type { Time } from '../../base/time.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import { RDD } from '../../rdd/rdd.ts'
import type { BatchInput, InputSource, RateControl, SourceHost } from '../input-source.ts'

/**
 * What is queued: push to it at any time, also while the stream runs.
 *
 * @example
 * const queue: number[][] = [[1], [2], [3]]
 * ssc.queueStream(queue, { oneAtATime: false }) // => [[1, 2, 3], []]
 */
export type QueueLike<T> = (RDD<T> | readonly T[])[]

/** How the queue is taken from. */
export interface QueueStreamOptions<T> {
  /** One entry for each batch; `false`: all that wait, as far as back-pressure lets them. Default true. */
  readonly oneAtATime?: boolean
  /** What a batch gets when the queue is empty; `null` or nothing: an empty RDD. */
  readonly defaultRDD?: RDD<T> | null
}

/** See the file head. Not reliable: what was taken is gone. */
export function queueSource<T>(queue: QueueLike<T>, options: QueueStreamOptions<T>): InputSource<T> {
  const { oneAtATime = true, defaultRDD } = options
  let sc!: SparkContext
  let host!: SourceHost
  let rate!: RateControl
  let warned = false
  return {
    name: 'queue',
    guarantee: () => 'none',
    start(given: SourceHost) {
      host = given
      sc = host.sc
      rate = host.rateControl()
    },
    describe() {
      if (!warned) host.logger.warn("queueStream doesn't support checkpointing: a restart will be refused")
      warned = true
      return undefined
    },
    restore(time: Time): never {
      throw new KindlingError('QUEUE_NOT_RESTORABLE', { time: String(time) })
    },
    stop() {},
    plan(): BatchInput<T> {
      const taken = queue.splice(0, oneAtATime ? 1 : entriesWithin(queue, rate.limit()))
      if (taken.length === 0) return { rdd: defaultRDD ?? sc.emptyRDD<T>(), numRecords: 0 }
      const rdds = taken.map(entry => (entry instanceof RDD ? entry : sc.parallelize(entry)))
      const numRecords = taken.reduce((sum, entry) => sum + (entry instanceof RDD ? 0 : entry.length), 0)
      return { rdd: rdds.length === 1 ? rdds[0] : sc.union(rdds), numRecords }
    },
  }
}

/** How many entries have at most so many records; at least one. Records of RDDs are not known, and not counted. */
function entriesWithin<T>(queue: QueueLike<T>, limit: number): number {
  if (limit === 0) return 0
  let records = 0
  for (const [i, entry] of queue.entries()) {
    records += entry instanceof RDD ? 0 : entry.length
    if (records > limit && i > 0) return i
  }
  return queue.length
}
