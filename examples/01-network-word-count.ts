/**
 * The words of a text stream: the most frequent ones of the last 30 seconds, brought up to date every second.
 *
 *   nc -lk 9999                                                 in one terminal: type into it
 *   npx kindling run examples/01-network-word-count.ts localhost 9999
 */
import { liveTable, StreamingContext, seconds } from 'kindling'

const [host = 'localhost', port = '9999'] = process.argv.slice(2)

await using ssc = new StreamingContext({ appName: 'words', batchDuration: seconds(1) })

const counts = ssc
  .socketTextStream(host, Number(port))
  .flatMap(line => line.toLowerCase().split(/[^a-z]+/))
  .filter(word => word.length > 3)
  .map(word => [word, 1])
  .reduceByKeyAndWindow(
    (a, b) => a + b,
    (a, b) => a - b,
    seconds(30),
    seconds(1),
    { filter: ([, count]) => count > 0 },
  )

liveTable(ssc, counts, { title: 'words of the last 30 s' })

await ssc.start()
await ssc.awaitTermination()
