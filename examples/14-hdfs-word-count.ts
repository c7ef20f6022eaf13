/**
 * The words of the files that appear in a folder of HDFS, with checkpoints there too: HdfsWordCount.
 *
 *   npx kindling run examples/14-hdfs-word-count.ts http://namenode:9870 /incoming /checkpoints/words
 *
 * In a clone of this project, `npm run services -- start hdfs` starts a cluster of one to try it with.
 */
import { StreamingContext, seconds } from 'kindling'
import { HdfsStorage, HdfsUtils, WebHdfs } from 'kindling/connectors/hdfs'

const [nameNodes, incoming, checkpoints] = process.argv.slice(2)
if (nameNodes === undefined || incoming === undefined || checkpoints === undefined)
  throw new Error(
    'usage: 14-hdfs-word-count.ts NAME_NODES FOLDER CHECKPOINTS, name nodes as a list with commas',
  )

const options = { nameNodes: nameNodes.split(','), user: process.env['HADOOP_USER_NAME'] ?? 'kindling' }
await using ssc = new StreamingContext({ appName: 'HDFS words', batchDuration: seconds(1) })
ssc.checkpoint(new HdfsStorage(new WebHdfs(options), checkpoints))

HdfsUtils.textFileStream(ssc, options, incoming, { newFilesOnly: false })
  .flatMap(line => line.split(/\s+/))
  .filter(word => word !== '')
  .map(word => [word, 1])
  .updateStateByKey<number>((ones, count = 0) => count + ones.length)
  .uid('counts')
  .print()

await ssc.start()
await ssc.awaitTermination()
