/**
 * The words of the files that appear in a folder, counted in a file of SQLite. Nothing is to be installed.
 *
 *   npx kindling run examples/19-sqlite-word-count.ts words.db incoming checkpoints
 */
import { DatabaseSync } from 'node:sqlite'
import { StreamingContext, seconds } from 'kindling'
import { sqliteSink } from 'kindling/connectors/sqlite'

const [file, incoming, checkpoints] = process.argv.slice(2)
if (file === undefined || incoming === undefined || checkpoints === undefined)
  throw new Error('usage: 19-sqlite-word-count.ts FILE FOLDER CHECKPOINTS')

const database = new DatabaseSync(file)
database.exec(
  'PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS words (word text PRIMARY KEY, count int)',
)
database.close()

const ssc = await StreamingContext.getOrCreate(checkpoints, () => {
  const ssc = new StreamingContext({ appName: 'SQLite words', batchDuration: seconds(1) })
  ssc
    .textFileStream(incoming)
    .uid('lines')
    .flatMap(line => line.split(/\s+/))
    .filter(word => word !== '')
    .map(word => [word, 1])
    .updateStateByKey<number>((ones, count = 0) => count + ones.length)
    .uid('counts')
    .writeTo(sqliteSink({ file, table: 'words', upsertOn: ['word'], columns: ['word', 'count'] }), {
      id: 'counts',
      require: 'exactly-once',
    })
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
