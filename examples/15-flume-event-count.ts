/**
 * How many events a Flume agent sends in each batch: FlumeEventCount.
 *
 *   npm install avsc
 *   npx kindling run examples/15-flume-event-count.ts 127.0.0.1 41414
 *
 * An Avro sink of the agent sends to that address. In a clone of this project, `npm run services -- start flume` starts an agent.
 */
import { StreamingContext, seconds } from 'kindling'
import { FlumeUtils } from 'kindling/connectors/flume'

const [host, port] = process.argv.slice(2)
if (host === undefined || !(Number(port) > 0)) throw new Error('usage: 15-flume-event-count.ts HOST PORT')

await using ssc = new StreamingContext({ appName: 'Flume events', batchDuration: seconds(1) })

FlumeUtils.createStream(ssc, host, Number(port))
  .count()
  .map(n => `Received ${n} flume events.`)
  .print()

await ssc.start()
await ssc.awaitTermination()
