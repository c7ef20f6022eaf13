/**
 * The words of the records of Kafka topics: DirectKafkaWordCount.
 *
 *   npm install @platformatic/kafka
 *   npx kindling run examples/13-kafka-word-count.ts localhost:9092 posts,comments
 *
 * It begins with the first records. In a clone of this project, `npm run services -- start kafka` starts a broker to try it with.
 */
import { StreamingContext, seconds } from 'kindling'
import { ConsumerStrategies, KafkaUtils, LocationStrategies } from 'kindling/connectors/kafka'

const [brokers, topics] = process.argv.slice(2)
if (brokers === undefined || topics === undefined)
  throw new Error('usage: 13-kafka-word-count.ts BROKERS TOPICS, each a list with commas')

await using ssc = new StreamingContext({ appName: 'Kafka words', batchDuration: seconds(1) })

const params = { bootstrapServers: brokers, autoOffsetReset: 'earliest' } as const
KafkaUtils.createDirectStream(
  ssc,
  LocationStrategies.PreferConsistent,
  ConsumerStrategies.Subscribe(topics.split(','), params),
)
  .flatMap(record => (record.value ?? '').split(/\s+/))
  .filter(word => word !== '')
  .map(word => [word, 1])
  .reduceByKey((a, b) => a + b)
  .print()

await ssc.start()
await ssc.awaitTermination()
