/**
 * The words of the records of one Kafka topic, counted into another one: each batch is there once, whatever is killed.
 *
 *   npm install @platformatic/kafka
 *   npx kindling run examples/16-kafka-exactly-once.ts localhost:9092 posts words checkpoint
 *
 * Both topics have to exist. Who reads `words` with `read_committed` sees batches whole or not at all. In a clone of this project,
 * `npm run services -- start kafka` starts a broker to try it with.
 */
import { StreamingContext, seconds } from 'kindling'
import { ConsumerStrategies, KafkaUtils, kafkaSink, LocationStrategies } from 'kindling/connectors/kafka'

const [brokers, from, to, checkpoint] = process.argv.slice(2)
if (brokers === undefined || from === undefined || to === undefined || checkpoint === undefined)
  throw new Error('usage: 16-kafka-exactly-once.ts BROKERS FROM TO CHECKPOINT')

const ssc = await StreamingContext.getOrCreate(checkpoint, () => {
  const ssc = new StreamingContext({ appName: 'Kafka to Kafka', batchDuration: seconds(1) })
  const params = { bootstrapServers: brokers, autoOffsetReset: 'earliest' } as const
  const counts = kafkaSink<readonly [word: string, count: number]>({
    bootstrapServers: brokers,
    topic: to,
    key: ([word]) => word,
    value: ([, count]) => String(count),
    delivery: 'exactly-once',
  })
  KafkaUtils.createDirectStream(
    ssc,
    LocationStrategies.PreferConsistent,
    ConsumerStrategies.Subscribe([from], params),
  )
    .uid('posts')
    .flatMap(record => (record.value ?? '').split(/\s+/))
    .filter(word => word !== '')
    .map(word => [word, 1])
    .reduceByKey((a, b) => a + b)
    .writeTo(counts, { id: 'words', require: 'exactly-once' })
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
