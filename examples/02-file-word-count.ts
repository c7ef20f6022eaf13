/**
 * The words of the files that appear in a directory: HdfsWordCount, over a local directory.
 *
 *   npx kindling run examples/02-file-word-count.ts incoming
 *   printf 'to be or not to be\n' > /tmp/a.txt && mv /tmp/a.txt incoming/        in another terminal
 *
 * Files are found by modification time, so they must appear complete: write them elsewhere on the same disk and rename them.
 */
import { StreamingContext, seconds } from 'kindling'

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('usage: 02-file-word-count.ts DIRECTORY')

await using ssc = new StreamingContext({ appName: 'file words', batchDuration: seconds(1) })

ssc
  .textFileStream(directory)
  .flatMap(line => line.split(/\s+/))
  .filter(word => word !== '')
  .map(word => [word, 1])
  .reduceByKey((a, b) => a + b)
  .print()

await ssc.start()
await ssc.awaitTermination()
