/**
 * Averages of what sensors send to an MQTT broker, over the last 10 seconds, sent to the broker again.
 *
 *   npm install mqtt
 *   npx kindling run examples/22-mqtt-averages.ts mqtt://localhost 'sensors/#' averages
 *
 * In a clone of this project, `npm run services -- start mqtt` starts a broker to try it with.
 */
import { StreamingContext, seconds } from 'kindling'
import { MqttUtils, mqttSink } from 'kindling/connectors/mqtt'

const [url, topics, target] = process.argv.slice(2)
if (url === undefined || topics === undefined || target === undefined)
  throw new Error('usage: 22-mqtt-averages.ts ADDRESS TOPICS TARGET')

await using ssc = new StreamingContext({ appName: 'MQTT averages', batchDuration: seconds(1) })

MqttUtils.createStream(ssc, { url, topics: [topics] })
  .map(({ topic, payload }) => [topic, Number(new TextDecoder().decode(payload))])
  .filter(([, value]) => Number.isFinite(value))
  .mapValues(sum => ({ sum, n: 1 }))
  .reduceByKeyAndWindow((a, b) => ({ sum: a.sum + b.sum, n: a.n + b.n }), seconds(10))
  .map(([topic, { sum, n }]) => ({ topic: `${target}/${topic}`, payload: String(sum / n) }))
  .writeTo(mqttSink({ url, message: message => message }))

await ssc.start()
await ssc.awaitTermination()
