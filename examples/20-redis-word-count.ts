/**
 * The words of the files that appear in a folder, counted in a hash of Redis.
 *
 *   npx kindling run examples/20-redis-word-count.ts redis://:secret@localhost:6379 words incoming checkpoints
 *
 * In a clone of this project, `npm run services -- start redis` starts a server to try it with.
 */
import { StreamingContext, seconds } from 'kindling'
import { redisSink, toHash } from 'kindling/connectors/redis'

const [connection, hash, incoming, checkpoints] = process.argv.slice(2)
if (connection === undefined || hash === undefined || incoming === undefined || checkpoints === undefined)
  throw new Error('usage: 20-redis-word-count.ts ADDRESS HASH FOLDER CHECKPOINTS')

const ssc = await StreamingContext.getOrCreate(checkpoints, () => {
  const ssc = new StreamingContext({ appName: 'Redis words', batchDuration: seconds(1) })
  ssc
    .textFileStream(incoming)
    .uid('lines')
    .flatMap(line => line.split(/\s+/))
    .filter(word => word !== '')
    .map((word): [string, number] => [word, 1])
    .updateStateByKey<number>((ones, count = 0) => count + ones.length)
    .uid('counts')
    .writeTo(redisSink({ connection, commands: toHash(hash) }), { id: 'counts', require: 'exactly-once' })
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
