/** Text files of HDFS as RDDs and as streams. */
import type { SparkContext } from '../../context/spark-context.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type { DStream } from '../../streaming/dstream/dstream.ts'
import type { FilesToTake } from '../../streaming/sources/streams-in-place.ts'
import type { StreamingContext } from '../../streaming/streaming-context.ts'
import { HdfsFiles } from './hdfs-files.ts'
import type { WebHdfsOptions } from './web-hdfs.ts'

/** Reading from HDFS. */
export const HdfsUtils = {
  /**
   * The lines of a file, or of the files of a folder whose names begin with neither `.` nor `_`. Partitions: byte ranges of at most 32 MiB;
   * `.gz` files are one each. Lines are in the order of files by name.
   *
   * @param minPartitions default: `sc.defaultMinPartitions`
   * @throws INPUT_PATH_NOT_FOUND when there is neither; HDFS_FAILED, HDFS_ACCESS_DENIED, HDFS_UNREACHABLE; LINE_TOO_LONG in tasks
   * @source Spark SparkContext.textFile with an hdfs: path
   * @example
   * const options = { nameNodes: nameNode, user: 'etl' }
   * await new WebHdfs(options).write('/logs/today/a', Buffer.from('one\ntwo\n'))
   * await HdfsUtils.textFile(sc, options, '/logs/today') // => ['one', 'two']
   */
  async textFile(
    sc: SparkContext,
    options: WebHdfsOptions,
    path: string,
    minPartitions: number = sc.defaultMinPartitions,
  ): Promise<RDD<string>> {
    return sc.filesIn(new HdfsFiles(options)).textFile(path, minPartitions)
  },

  /**
   * Lines of the text files that appear in a folder, by the rules of `ssc.textFileStream`: found by modification time, each read once,
   * at most so many bytes a batch. Publish files by renaming them into the folder. A batch that runs again reads the same files.
   * While HDFS does not answer, batches have no files; later ones take what came meanwhile, unless it is older than
   * `spark.streaming.fileStream.minRememberDuration`.
   *
   * @source Spark StreamingContext.textFileStream with an hdfs: path
   * @example
   * const lines = HdfsUtils.textFileStream(ssc, { nameNodes: 'http://namenode:9870' }, '/incoming') // DStream<string>
   */
  textFileStream(
    ssc: StreamingContext,
    options: WebHdfsOptions,
    folder: string,
    stream: FilesToTake = {},
  ): DStream<string> {
    return ssc.filesIn(new HdfsFiles(options)).textFileStream(folder, stream)
  },
}
