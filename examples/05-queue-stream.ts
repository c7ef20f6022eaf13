/**
 * A stream of RDDs that the program queues itself, one a second: QueueStream.
 *
 *   npx kindling run --for 10s examples/05-queue-stream.ts
 */
import { type RDD, StreamingContext, seconds } from 'kindling'

await using ssc = new StreamingContext({ appName: 'queue', batchDuration: seconds(1) })

const queue: RDD<number>[] = []

ssc
  .queueStream(queue)
  .map(n => [n % 10, 1])
  .reduceByKey((a, b) => a + b)
  .print()

await ssc.start()

const thousand = Array.from({ length: 1000 }, (_, i) => i + 1)
for (let i = 0; i < 30 && ssc.getState() === 'active'; i++) {
  queue.push(ssc.sc.parallelize(thousand, 10))
  if (await ssc.awaitTerminationOrTimeout(seconds(1))) break
}
await ssc.stop({ graceful: true })
