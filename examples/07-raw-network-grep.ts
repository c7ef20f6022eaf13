/**
 * How many lines with "the" come in, over several connections that carry blocks of lines as they are: RawNetworkGrep.
 *
 *   node --conditions=source scripts/feeder.ts --raw --port 9998
 *   npx kindling run examples/07-raw-network-grep.ts localhost 9998
 *
 * A sender of your own is `rawSocketSender(() => blocks)`, or anything that writes what `rawFrame(lines)` gives.
 */
import { StreamingContext, seconds } from 'kindling'

const [host = 'localhost', ...ports] = process.argv.slice(2)

await using ssc = new StreamingContext({ appName: 'raw grep', batchDuration: seconds(1) })

const streams = (ports.length === 0 ? ['9999'] : ports).map(port =>
  ssc.rawSocketStream<string>(host, Number(port)),
)

ssc
  .union(streams)
  .filter(line => line.includes('the'))
  .count()
  .foreachRDD(async (rdd, time) => {
    for (const count of await rdd.collect()) console.log(`${time}: grep count ${count}`)
  })

await ssc.start()
await ssc.awaitTermination()
