/**
 * The words of the files that appear in a folder, counted in a table of PostgreSQL.
 *
 *   CREATE TABLE words (word text PRIMARY KEY, count int)
 *   npx kindling run examples/17-postgres-word-count.ts postgres://me:secret@localhost/db words incoming checkpoints
 *
 * In a clone of this project, `npm run services -- start postgres` starts a server to try it with.
 */
import { StreamingContext, seconds } from 'kindling'
import { postgresSink } from 'kindling/connectors/postgres'

const [connection, table, incoming, checkpoints] = process.argv.slice(2)
if (connection === undefined || table === undefined || incoming === undefined || checkpoints === undefined)
  throw new Error('usage: 17-postgres-word-count.ts ADDRESS TABLE FOLDER CHECKPOINTS')

const ssc = await StreamingContext.getOrCreate(checkpoints, () => {
  const ssc = new StreamingContext({ appName: 'PostgreSQL words', batchDuration: seconds(1) })
  ssc
    .textFileStream(incoming)
    .uid('lines')
    .flatMap(line => line.split(/\s+/))
    .filter(word => word !== '')
    .map(word => [word, 1])
    .updateStateByKey<number>((ones, count = 0) => count + ones.length)
    .uid('counts')
    .writeTo(postgresSink({ connection, table, upsertOn: ['word'], columns: ['word', 'count'] }), {
      id: 'counts',
      require: 'exactly-once',
    })
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
