/**
 * Counts what others POST, by the field `kind`, and goes on after a crash: nothing that was answered with 200 is lost.
 *
 *   npx kindling run examples/23-http-push.ts 8080 checkpoints
 *   curl -H 'content-type: application/json' -d '[{"kind":"click"},{"kind":"buy"}]' http://127.0.0.1:8080/events
 */
import { StreamingContext, seconds } from 'kindling'
import { HttpUtils } from 'kindling/connectors/http'

const [port, checkpoints] = process.argv.slice(2)
if (!(Number(port) > 0) || checkpoints === undefined)
  throw new Error('usage: 23-http-push.ts PORT CHECKPOINTS')

const ssc = await StreamingContext.getOrCreate(checkpoints, () => {
  const ssc = new StreamingContext({
    appName: 'HTTP push',
    batchDuration: seconds(1),
    conf: { 'spark.streaming.receiver.writeAheadLog.enable': true },
  })
  HttpUtils.createPushStream(ssc, { port: Number(port), path: '/events' })
    .uid('events')
    .map(event => [String((event as { kind?: string } | null)?.kind), 1])
    .updateStateByKey<number>((ones, count = 0) => count + ones.length)
    .uid('counts')
    .print()
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
