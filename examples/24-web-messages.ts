/**
 * How many messages a WebSocket server (ws:, wss:) or a server of events (http:, https:) sends in each second.
 *
 *   npx kindling run examples/24-web-messages.ts wss://example.com/feed
 */
import { StreamingContext, seconds } from 'kindling'
import { HttpUtils } from 'kindling/connectors/http'

const [url] = process.argv.slice(2)
if (url === undefined) throw new Error('usage: 24-web-messages.ts ADDRESS')

await using ssc = new StreamingContext({ appName: 'messages', batchDuration: seconds(1) })

const messages = url.startsWith('ws')
  ? HttpUtils.createWebSocketStream(ssc, { url }).map(message => message.length)
  : HttpUtils.createEventStream(ssc, { url }).map(({ data }) => data.length)

messages
  .count()
  .map(n => `Received ${n} messages.`)
  .print()

await ssc.start()
await ssc.awaitTermination()
