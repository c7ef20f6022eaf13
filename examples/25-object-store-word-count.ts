/**
 * The words of the objects that appear in a bucket, with checkpoints and exactly-once output there too.
 *
 *   npx kindling run examples/25-object-store-word-count.ts s3://bucket/words
 *
 * Who asks is known from the environment (AWS_ACCESS_KEY_ID and so on). In a clone of this project, `npm run services -- start aws` starts
 * a store to try it with; its address is the second argument. Put text files below `words/in`.
 */
import { fileSink, StreamingContext, seconds } from 'kindling'
import { ObjectStore } from 'kindling/connectors/object-store'

const [url, endpoint] = process.argv.slice(2)
if (url === undefined) throw new Error('usage: 25-object-store-word-count.ts URL [ENDPOINT]')

const at = endpoint === undefined ? {} : { endpoint }
const data = new ObjectStore({ url, ...at })
const state = new ObjectStore({ url: `${url}/checkpoints`, ...at })

const ssc = await StreamingContext.getOrCreate(state, () => {
  const ssc = new StreamingContext({ appName: 'object store words', batchDuration: seconds(1) })
  const counts = ssc
    .filesIn(data)
    .textFileStream('in', { newFilesOnly: false })
    .uid('lines')
    .flatMap(line => line.split(/\s+/))
    .filter(word => word !== '')
    .map(word => [word, 1])
    .updateStateByKey<number>((ones, count = 0) => count + ones.length)
    .uid('counts')
  counts.writeTo(fileSink('out/counts', { storage: data, format: 'ndjson' }), {
    id: 'out',
    require: 'exactly-once',
  })
  counts.print()
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
