/**
 * The words of the files that appear in a folder, counted in a table of MySQL.
 *
 *   CREATE TABLE words (word varchar(100) PRIMARY KEY, count int)
 *   npx kindling run examples/18-mysql-word-count.ts mysql://me:secret@localhost/db words incoming checkpoints
 *
 * In a clone of this project, `npm run services -- start mariadb` starts a server to try it with.
 */
import { StreamingContext, seconds } from 'kindling'
import { mysqlSink } from 'kindling/connectors/mysql'

const [connection, table, incoming, checkpoints] = process.argv.slice(2)
if (connection === undefined || table === undefined || incoming === undefined || checkpoints === undefined)
  throw new Error('usage: 18-mysql-word-count.ts ADDRESS TABLE FOLDER CHECKPOINTS')

const ssc = await StreamingContext.getOrCreate(checkpoints, () => {
  const ssc = new StreamingContext({ appName: 'MySQL words', batchDuration: seconds(1) })
  ssc
    .textFileStream(incoming)
    .uid('lines')
    .flatMap(line => line.split(/\s+/))
    .filter(word => word !== '')
    .map(word => [word, 1])
    .updateStateByKey<number>((ones, count = 0) => count + ones.length)
    .uid('counts')
    .writeTo(mysqlSink({ connection, table, upsertOn: ['word'], columns: ['word', 'count'] }), {
      id: 'counts',
      require: 'exactly-once',
    })
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
