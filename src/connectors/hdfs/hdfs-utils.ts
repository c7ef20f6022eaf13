/** Text files of HDFS as RDDs and as streams. */
import { configEntries } from '../../base/config.ts'
import { KindlingError } from '../../base/errors.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import { capture } from '../../rdd/functions/explicit.ts'
import { makeNode, type SourceNode } from '../../rdd/nodes.ts'
import { RDD } from '../../rdd/rdd.ts'
import { splitTextFiles, type TextSplit } from '../../rdd/sources/text-file.ts'
import type { DStream } from '../../streaming/dstream/dstream.ts'
import { type FileStreamOptions, type FoundFile, placedFileSource } from '../../streaming/sources/file.ts'
import type { StreamingContext } from '../../streaming/streaming-context.ts'
import { openHdfsLines } from './open-lines.ts'
import { WebHdfs, type WebHdfsOptions } from './web-hdfs.ts'

type FileOfSize = Omit<FoundFile, 'modified'>

function linesNode(
  sc: SparkContext,
  options: WebHdfsOptions,
  files: readonly FileOfSize[],
  minPartitions: number,
): SourceNode {
  const maxLineBytes = sc.conf.get(configEntries.textMaxLineBytes)
  const splits = splitTextFiles(
    files.map(({ path, bytes }) => ({ path, size: bytes })),
    minPartitions,
  )
  const open = capture(
    { openHdfsLines, options, maxLineBytes },
    (split: unknown): ChunkSource => openHdfsLines(options, split as TextSplit, maxLineBytes),
  )
  return makeNode<SourceNode>(
    {
      kind: 'source',
      className: 'HdfsTextRDD',
      descriptors: splits,
      open,
      isEmpty: split => (split as TextSplit).start === (split as TextSplit).end,
      numPartitions: splits.length,
      partitioner: undefined,
    },
    'hdfsTextFile',
  )
}

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
    const hdfs = new WebHdfs(options)
    const found = await hdfs.status(path)
    if (found === undefined) throw new KindlingError('INPUT_PATH_NOT_FOUND', { path: `${hdfs.name}${path}` })
    const all = found.isDirectory ? ((await hdfs.list(path)) ?? []) : [found]
    const files = all
      .filter(file => !file.isDirectory && (!found.isDirectory || !/^[._]/.test(nameOf(file.path))))
      .map(file => ({ path: file.path, bytes: file.length }))
      .sort((a, b) => (a.path < b.path ? -1 : 1))
    return new RDD<string>(sc, linesNode(sc, options, files, minPartitions))
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
    stream: Pick<FileStreamOptions<string>, 'filter' | 'newFilesOnly'> = {},
  ): DStream<string> {
    // Planning does not wait long: the batch goes on without new files, and the next one asks again.
    const hdfs = new WebHdfs({ patience: 2000, ...options })
    const place = {
      list: async (directory: string) =>
        (await hdfs.list(directory))
          ?.filter(({ isDirectory }) => !isDirectory)
          .map(({ path, length, modificationTime }) => ({ path, bytes: length, modified: modificationTime })),
      read: (sc: SparkContext, file: FileOfSize, cut: number) =>
        new RDD<string>(sc, linesNode(sc, options, [file], cut)),
    }
    return ssc.inputStream(placedFileSource<string>(folder, place, stream))
  },
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
