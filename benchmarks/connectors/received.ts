/** A program that receives until it has all: a side of a comparison. */
import { type DStream, type SparkContext, StreamingContext } from 'kindling'
import type { Side } from './harness.ts'

/** Short, as what is measured ends with a batch. */
const BATCH_MS = 100

/** What is received. */
export interface Received {
  /** What the numbers of the stream add up to. */
  readonly expected: number
  readonly streamOf: (ssc: StreamingContext) => DStream<number>
  /** Makes others send, once receivers listen. Then the start is not timed. */
  readonly send?: () => Promise<void>
  /** Before each start. */
  readonly prepare?: () => Promise<void>
}

/** Timed until a batch has had the last record; that the program ends is not. */
export function received(sc: SparkContext, { expected, streamOf, send, prepare }: Received): Side {
  let ssc: StreamingContext
  let all: PromiseWithResolvers<void>
  let sum = 0
  return {
    async prepare() {
      await prepare?.()
      ssc = new StreamingContext(sc, BATCH_MS)
      all = Promise.withResolvers()
      sum = 0
      streamOf(ssc).foreachRDD(async rdd => {
        sum += await rdd.fold(0, (a, b) => a + b)
        if (sum >= expected) all.resolve()
      })
      if (send !== undefined) await ssc.start()
    },
    async run() {
      if (send === undefined) await ssc.start()
      else await send()
      await Promise.race([all.promise, ssc.awaitTermination()])
    },
    async found() {
      await ssc.stop({ stopSparkContext: false })
      return sum
    },
  }
}
