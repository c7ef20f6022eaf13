/** Reads files of HDFS on whichever thread needs them; clients are kept for each thread. */
import { KindlingError } from '../../base/errors.ts'
import type { RemoteReader } from '../../rdd/sources/remote-files.ts'
import { WebHdfs, type WebHdfsOptions } from './web-hdfs.ts'

const clients = new WeakMap<WebHdfsOptions, WebHdfs>()

/** See the file head. */
export function hdfsReader(options: WebHdfsOptions): RemoteReader {
  let hdfs = clients.get(options)
  if (hdfs === undefined) {
    hdfs = new WebHdfs(options)
    clients.set(options, hdfs)
  }
  const client = hdfs
  return {
    stream: (path, offset) => client.stream(path, offset),
    async read(path, offset, length) {
      if (length === 0) return new Uint8Array(0)
      const bytes = await client.read(path, offset, length)
      if (bytes?.length === length) return bytes
      throw new KindlingError('INPUT_NOT_READABLE', {
        path: `${client.name}${path}`,
        reason: bytes === undefined ? 'it is gone' : `it is shorter than ${offset + length} bytes`,
      })
    },
  }
}
