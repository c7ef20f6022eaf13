/** Files of HDFS for reading: for `sc.filesIn` and `ssc.filesIn`. */
import { basename } from 'node:path/posix'
import { capture } from '../../rdd/functions/explicit.ts'
import type { ListingOptions, RemoteFile, RemoteFiles, RemoteReader } from '../../rdd/sources/remote-files.ts'
import { hdfsReader } from './hdfs-reader.ts'
import { type HdfsFileStatus, WebHdfs, type WebHdfsOptions } from './web-hdfs.ts'

/**
 * A cluster as a place for files. Paths are from the root.
 *
 * @example
 * const options = { nameNodes: nameNode, user: 'etl' }
 * await new WebHdfs(options).write('/logs/files/a', Buffer.from('one\ntwo\n'))
 * await sc.filesIn(new HdfsFiles(options)).textFile('/logs/files') // => ['one', 'two']
 */
export class HdfsFiles implements RemoteFiles {
  /** Its addresses, for messages. */
  readonly name: string
  /** @internal Makes a reader where tasks run. */
  readonly reader: () => RemoteReader
  private readonly options: WebHdfsOptions
  private readonly hdfs: WebHdfs

  constructor(options: WebHdfsOptions) {
    this.options = options
    this.hdfs = new WebHdfs(options)
    this.name = this.hdfs.name
    this.reader = capture({ hdfsReader, options }, () => hdfsReader(options))
  }

  /**
   * The names in a folder.
   *
   * @throws HDFS_FAILED, HDFS_ACCESS_DENIED, HDFS_UNREACHABLE
   * @example
   * await new HdfsFiles({ nameNodes: nameNode }).list('/nothing') // => []
   */
  async list(folder: string): Promise<readonly string[]> {
    const found = (await this.hdfs.list(folder)) ?? []
    return found.filter(({ path }) => !path.endsWith('/')).map(({ path }) => basename(path))
  }

  /**
   * The files right in a folder; `undefined` when there is no such folder.
   *
   * @throws HDFS_FAILED, HDFS_ACCESS_DENIED, HDFS_UNREACHABLE
   * @example
   * await new HdfsFiles({ nameNodes: nameNode }).listFiles('/nothing') // => undefined
   */
  async listFiles(
    folder: string,
    { patienceMs }: ListingOptions = {},
  ): Promise<readonly RemoteFile[] | undefined> {
    const hdfs =
      patienceMs === undefined || this.options.patience !== undefined
        ? this.hdfs
        : new WebHdfs({ ...this.options, patience: patienceMs })
    const found = await hdfs.list(folder)
    // The listing of a file is the file, without a name in it.
    if (found?.some(({ path }) => path.endsWith('/'))) return undefined
    return found?.filter(({ isDirectory }) => !isDirectory).map(remoteFile)
  }

  /**
   * One file; `undefined` when there is none.
   *
   * @throws HDFS_FAILED, HDFS_ACCESS_DENIED, HDFS_UNREACHABLE
   * @example
   * await new HdfsFiles({ nameNodes: nameNode }).findFile('/nothing') // => undefined
   */
  async findFile(path: string): Promise<RemoteFile | undefined> {
    const found = await this.hdfs.status(path)
    return found === undefined || found.isDirectory ? undefined : remoteFile(found)
  }
}

function remoteFile({ path, length, modificationTime }: HdfsFileStatus): RemoteFile {
  return { path, bytes: length, modified: modificationTime }
}
