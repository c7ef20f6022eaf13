/** A program that receives until it has all. */
import { type DStream, type SparkContext, StreamingContext } from 'kindling'

/** Short, as what is measured ends with a batch. */
const BATCH_MS = 50

/**
 * Starts a program, adds up the numbers of its stream until they are `expected` or more, and stops it.
 *
 * @param whenStarted makes others send
 */
export async function received(
  sc: SparkContext,
  expected: number,
  streamOf: (ssc: StreamingContext) => DStream<number>,
  whenStarted?: () => void | Promise<void>,
): Promise<number> {
  const ssc = new StreamingContext(sc, BATCH_MS)
  const all = Promise.withResolvers<void>()
  let sum = 0
  streamOf(ssc).foreachRDD(async rdd => {
    sum += await rdd.fold(0, (a, b) => a + b)
    if (sum >= expected) all.resolve()
  })
  await ssc.start()
  await whenStarted?.()
  await Promise.race([all.promise, ssc.awaitTermination()])
  await ssc.stop({ stopSparkContext: false })
  return sum
}
