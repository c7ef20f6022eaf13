/** Checkpoints, logs and the output of file sinks in a folder of HDFS. */
import { hostname } from 'node:os'
import type { CheckpointStorage, CheckpointWriter } from '../../streaming/checkpoint/storage.ts'
import type { WebHdfs } from './web-hdfs.ts'

const TEMPORARY = /\._\d+-\d+-[a-z0-9]+\.tmp$/

/**
 * A folder as a storage: for `ssc.checkpoint(storage)` and for `fileSink` and other sinks that write through a storage.
 *
 * A file is there whole or not at all (written under another name and renamed, which is one step of the name node), and of several
 * processes that create one at once one succeeds. There is no `append`: it costs 250 ms a call, so the log of received blocks has more
 * and smaller files.
 *
 * @example
 * const hdfs = new WebHdfs({ nameNodes: 'http://namenode:9870', user: 'etl' })
 * new HdfsStorage(hdfs, '/apps/words').name // => 'http://namenode:9870/apps/words'
 */
export class HdfsStorage implements CheckpointStorage {
  readonly name: string
  readonly writer: CheckpointWriter = { host: hostname(), pid: process.pid }
  private readonly hdfs: WebHdfs
  private readonly root: string

  /** @param folder from the root, made when something is written */
  constructor(hdfs: WebHdfs, folder: string) {
    this.hdfs = hdfs
    this.root = `/${folder.replace(/^\/+|\/+$/g, '')}`
    this.name = `${hdfs.name}${this.root}`
  }

  /**
   * Writes a new file. False, and nothing is written, when there is one of that name.
   *
   * @throws HDFS_FAILED, HDFS_ACCESS_DENIED, HDFS_UNREACHABLE
   * @example
   * const storage = new HdfsStorage(new WebHdfs({ nameNodes: nameNode }), '/storage/create')
   * await storage.createIfAbsent('a', Buffer.from('one')) // => true
   * await storage.createIfAbsent('a', Buffer.from('two')) // => false
   */
  createIfAbsent(file: string, bytes: Uint8Array): Promise<boolean> {
    return this.hdfs.write(this.pathOf(file), bytes)
  }

  /**
   * Writes a file, in place of one of that name.
   *
   * @throws HDFS_FAILED, HDFS_ACCESS_DENIED, HDFS_UNREACHABLE
   * @example
   * const storage = new HdfsStorage(new WebHdfs({ nameNodes: nameNode }), '/storage/write')
   * await storage.write('a', Buffer.from('one'))
   * String(await storage.read('a')) // => 'one'
   */
  async write(file: string, bytes: Uint8Array): Promise<void> {
    await this.hdfs.write(this.pathOf(file), bytes, { overwrite: true })
  }

  /**
   * The bytes of a file; `undefined` when there is none.
   *
   * @throws HDFS_FAILED, HDFS_ACCESS_DENIED, HDFS_UNREACHABLE
   * @example
   * const storage = new HdfsStorage(new WebHdfs({ nameNodes: nameNode }), '/storage/read')
   * await storage.read('none') // => undefined
   */
  read(file: string): Promise<Uint8Array | undefined> {
    return this.hdfs.read(this.pathOf(file))
  }

  /**
   * The names in a folder, without what is being written.
   *
   * @throws HDFS_FAILED, HDFS_ACCESS_DENIED, HDFS_UNREACHABLE
   * @example
   * const storage = new HdfsStorage(new WebHdfs({ nameNodes: nameNode }), '/storage/list')
   * await storage.write('a/b', Buffer.from('one'))
   * await storage.list('a') // => ['b']
   */
  async list(folder: string): Promise<readonly string[]> {
    const found = (await this.hdfs.list(this.pathOf(folder))) ?? []
    return found
      .map(({ path }) => path.slice(path.lastIndexOf('/') + 1))
      .filter(name => !TEMPORARY.test(name))
  }

  /**
   * Removes a file, if it is there.
   *
   * @throws HDFS_FAILED, HDFS_ACCESS_DENIED, HDFS_UNREACHABLE
   * @example
   * const storage = new HdfsStorage(new WebHdfs({ nameNodes: nameNode }), '/storage/delete')
   * await storage.write('a', Buffer.from('one'))
   * await storage.delete('a')
   * await storage.list('') // => []
   */
  async delete(file: string): Promise<void> {
    await this.hdfs.delete(this.pathOf(file))
  }

  /**
   * Removes what processes that died left half written, an hour ago or more.
   *
   * @example
   * const storage = new HdfsStorage(new WebHdfs({ nameNodes: nameNode }), '/storage/clear')
   * await storage.clearUp('')
   * await storage.list('') // => []
   */
  async clearUp(folder: string): Promise<void> {
    for (const { path, modificationTime } of (await this.hdfs.list(this.pathOf(folder))) ?? [])
      if (TEMPORARY.test(path) && Date.now() - modificationTime > ABANDONED_MS) await this.hdfs.delete(path)
  }

  private pathOf(file: string): string {
    return file === '' ? this.root : `${this.root}/${file}`
  }
}

/** A file that is being written for longer than this belongs to nobody any more. */
const ABANDONED_MS = 3_600_000
