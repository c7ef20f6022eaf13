/** Opens a range of lines on whichever thread reads it; clients are kept for each thread. */
import type { ChunkSource } from '../../data/chunk.ts'
import type { TextSplit } from '../../rdd/sources/text-file.ts'
import { linesOf } from './hdfs-lines.ts'
import { WebHdfs, type WebHdfsOptions } from './web-hdfs.ts'

const clients = new WeakMap<WebHdfsOptions, WebHdfs>()

/** See the file head. */
export function openHdfsLines(
  options: WebHdfsOptions,
  split: TextSplit,
  maxLineBytes: number,
): ChunkSource<string> {
  let hdfs = clients.get(options)
  if (hdfs === undefined) {
    hdfs = new WebHdfs(options)
    clients.set(options, hdfs)
  }
  const client = hdfs
  return linesOf(split, maxLineBytes, (path, offset) => client.stream(path, offset))
}
