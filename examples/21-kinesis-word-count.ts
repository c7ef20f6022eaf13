/**
 * The words of the records of a Kinesis stream, counted over the whole run: KinesisWordCount, which goes on after a crash.
 *
 *   npm install @aws-sdk/client-kinesis
 *   npx kindling run examples/21-kinesis-word-count.ts clicks eu-central-1 checkpoints
 *
 * A fourth argument is another address than that of the region. In a clone of this project, `npm run services -- start aws` starts a
 * server that answers as Kinesis does; it takes any keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY).
 */
import { StreamingContext, seconds } from 'kindling'
import { KinesisUtils } from 'kindling/connectors/kinesis'

const [stream, region, checkpoints, endpoint] = process.argv.slice(2)
if (stream === undefined || region === undefined || checkpoints === undefined)
  throw new Error('usage: 21-kinesis-word-count.ts STREAM REGION CHECKPOINTS [ADDRESS]')

const ssc = await StreamingContext.getOrCreate(checkpoints, () => {
  const ssc = new StreamingContext({ appName: 'Kinesis words', batchDuration: seconds(1) })
  KinesisUtils.createStream(ssc, { stream, region, ...(endpoint === undefined ? {} : { endpoint }) })
    .uid('records')
    .flatMap(({ data }) => new TextDecoder().decode(data).split(/\s+/))
    .map(word => [word, 1])
    .updateStateByKey<number>((ones, count = 0) => count + ones.length)
    .uid('counts')
    .print()
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
