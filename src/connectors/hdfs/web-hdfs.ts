/**
 * Files of HDFS by WebHDFS: asks the name node where, and a data node for the bytes.
 *
 * Several name nodes are tried in turn: one that is on standby, does not answer or is in safe mode sends on to the next. What asking again
 * may mend is asked again until the patience is over.
 */
import type { IncomingMessage } from 'node:http'
import { type Clock, SystemClock } from '../../base/clock.ts'
import { isKindlingError } from '../../base/errors.ts'
import { patiently as askedAgain } from '../../base/patience.ts'
import { type DurationLike, toDuration } from '../../base/time.ts'
import { hdfsFailed, hdfsUnreachable, RemoteFailure } from './hdfs-errors.ts'
import { bodyOf, bytesOf, send } from './http.ts'

/** How a cluster is reached. */
export interface WebHdfsOptions {
  /** Addresses of the name nodes, such as `http://namenode:9870`; of several the first that is active answers. */
  readonly nameNodes: string | readonly string[]
  /** Simple authentication: the user to be. */
  readonly user?: string
  /** A delegation token instead, or a function that gives one when it is needed. Never in a message. */
  readonly delegationToken?: string | (() => string | Promise<string>)
  /** For how long a cluster that does not answer is asked again. Default 60 s. */
  readonly patience?: DurationLike
  /** @internal */
  readonly clock?: Clock
}

/** A file or folder. */
export interface HdfsFileStatus {
  readonly path: string
  readonly isDirectory: boolean
  /** Bytes. */
  readonly length: number
  /** ms since 1970. */
  readonly modificationTime: number
}

interface RawStatus {
  readonly pathSuffix: string
  readonly type: 'FILE' | 'DIRECTORY'
  readonly length: number
  readonly modificationTime: number
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>

const PAUSES = { firstPauseMs: 50, maxPauseMs: 2000 }
const isPassing = (error: unknown): boolean => isKindlingError(error) && error.retry === 'backoff'
/** Of the temporary names that files are written under. */
let written = 0

/**
 * A cluster. Connections are kept between calls and hold up no program's end.
 *
 * @source Hadoop WebHDFS REST API
 * @example
 * const hdfs = new WebHdfs({ nameNodes: ['http://nn1:9870', 'http://nn2:9870'], user: 'etl' })
 * hdfs.name // => 'http://nn1:9870, http://nn2:9870'
 */
export class WebHdfs {
  /** Its addresses, for messages. */
  readonly name: string
  private readonly nameNodes: readonly string[]
  private readonly user: string | undefined
  private readonly token: WebHdfsOptions['delegationToken']
  private readonly patienceMs: number
  private readonly clock: Clock
  /** The name node that answered last. */
  private active = 0

  /** @throws INVALID_ARGUMENT for addresses that are none */
  constructor(options: WebHdfsOptions) {
    const given = typeof options.nameNodes === 'string' ? [options.nameNodes] : options.nameNodes
    this.nameNodes = given.map(address => addressOf(address))
    this.name = this.nameNodes.join(', ')
    this.user = options.user
    this.token = options.delegationToken
    this.patienceMs = toDuration(options.patience ?? 60_000, 'The patience with HDFS').milliseconds
    this.clock = options.clock ?? new SystemClock()
  }

  /**
   * What is there; `undefined` when nothing is.
   *
   * @throws HDFS_FAILED, HDFS_UNREACHABLE
   * @example
   * const hdfs = new WebHdfs({ nameNodes: nameNode })
   * await hdfs.write('/status/a', Buffer.from('abc'))
   * const found = await hdfs.status('/status/a')
   * found?.length // => 3
   * await hdfs.status('/status/b') // => undefined
   */
  async status(path: string): Promise<HdfsFileStatus | undefined> {
    const found = await this.orMissing(() => this.json('GET', path, { op: 'GETFILESTATUS' }))
    return found === undefined ? undefined : statusOf(path, (found as { FileStatus: RawStatus }).FileStatus)
  }

  /**
   * What a folder has, by name; `undefined` when there is no such folder.
   *
   * @throws HDFS_FAILED, HDFS_UNREACHABLE
   * @example
   * const hdfs = new WebHdfs({ nameNodes: nameNode })
   * await hdfs.write('/list/a', Buffer.from('abc'))
   * const found = await hdfs.list('/list')
   * found?.map(file => [file.path, file.isDirectory]) // => [['/list/a', false]]
   */
  async list(path: string): Promise<HdfsFileStatus[] | undefined> {
    const all: HdfsFileStatus[] = []
    let startAfter: string | undefined
    for (;;) {
      const query = { op: 'LISTSTATUS_BATCH', startAfter }
      const found = await this.orMissing(() => this.json('GET', path, query))
      if (found === undefined) return undefined
      const { partialListing, remainingEntries } = (
        found as {
          DirectoryListing: {
            partialListing: { FileStatuses: { FileStatus: readonly RawStatus[] } }
            remainingEntries: number
          }
        }
      ).DirectoryListing
      const entries = partialListing.FileStatuses.FileStatus
      for (const entry of entries) all.push(statusOf(`${path.replace(/\/$/, '')}/${entry.pathSuffix}`, entry))
      if (remainingEntries === 0 || entries.length === 0) return all
      startAfter = entries.at(-1)!.pathSuffix
    }
  }

  /**
   * The bytes of a file, or a part of them; `undefined` when there is no such file.
   *
   * @param offset of the first byte. Default 0
   * @param length in bytes. Default: to the end
   * @throws HDFS_FAILED, HDFS_UNREACHABLE
   * @example
   * const hdfs = new WebHdfs({ nameNodes: nameNode })
   * await hdfs.write('/read/a', Buffer.from('abcdef'))
   * String(await hdfs.read('/read/a', 2, 3)) // => 'cde'
   */
  async read(path: string, offset = 0, length?: number): Promise<Uint8Array | undefined> {
    return this.orMissing(async () =>
      this.patiently(`the file ${path}`, async address =>
        bytesOf(await this.opened(address, path, offset, length)),
      ),
    )
  }

  /**
   * The bytes of a file as they come. When a data node fails in the middle, reading goes on from another at the next byte.
   *
   * @throws HDFS_FAILED, also when there is no such file; HDFS_UNREACHABLE
   * @example
   * const hdfs = new WebHdfs({ nameNodes: nameNode })
   * await hdfs.write('/stream/a', Buffer.from('abcdef'))
   * let bytes = 0
   * for await (const piece of hdfs.stream('/stream/a')) bytes += piece.length
   * bytes // => 6
   */
  async *stream(path: string, offset = 0, length?: number): AsyncGenerator<Uint8Array, undefined> {
    const end = length === undefined ? Number.POSITIVE_INFINITY : offset + length
    let at = offset
    let until = this.clock.now() + this.patienceMs
    while (at < end) {
      const rest = end === Number.POSITIVE_INFINITY ? undefined : end - at
      const answer = await this.patiently(`the file ${path}`, address => this.opened(address, path, at, rest))
      try {
        for await (const piece of answer) {
          at += (piece as Uint8Array).length
          until = this.clock.now() + this.patienceMs
          yield piece as Uint8Array
        }
        return undefined
      } catch (error) {
        // A short read is an error of the connection, never the end.
        if (this.clock.now() > until) throw hdfsUnreachable(this.name, `the file ${path}`, error)
        await this.clock.sleep(PAUSES.firstPauseMs)
      } finally {
        answer.destroy()
      }
    }
    return undefined
  }

  /**
   * Writes a file that is there whole or not at all: under another name first, then renamed. False, and nothing is changed, when there is
   * one of that name and `overwrite` is not set.
   *
   * @throws HDFS_FAILED, HDFS_UNREACHABLE, HDFS_FULL
   * @example
   * const hdfs = new WebHdfs({ nameNodes: nameNode })
   * await hdfs.write('/write/a', Buffer.from('first')) // => true
   * await hdfs.write('/write/a', Buffer.from('second')) // => false
   * String(await hdfs.read('/write/a')) // => 'first'
   */
  async write(
    path: string,
    bytes: Uint8Array,
    { overwrite = false }: { readonly overwrite?: boolean } = {},
  ): Promise<boolean> {
    // Hidden: streams of the folder do not look at it.
    const slash = path.lastIndexOf('/') + 1
    const hidden = `${path.slice(0, slash)}.${path.slice(slash)}`
    const temporary = `${hidden}._${process.pid}-${written++}-${Date.now().toString(36)}.tmp`
    try {
      await this.patiently(`the file ${path}`, async address => {
        const where = await this.redirect(address, 'PUT', temporary, { op: 'CREATE', overwrite: true })
        await bodyOf(await send('PUT', where, bytes))
      })
      if (await this.rename(temporary, path, { overwrite })) return true
      // Nobody saw the answer, but it was done: there is nothing to rename any more.
      if ((await this.status(temporary)) === undefined && (await this.status(path)) !== undefined)
        return this.holds(path, bytes)
      return false
    } finally {
      await this.delete(temporary).catch(() => {})
    }
  }

  /**
   * Adds to the end of a file. Costs some 250 ms, whatever the length.
   *
   * @throws HDFS_FAILED, HDFS_UNREACHABLE
   * @example
   * const hdfs = new WebHdfs({ nameNodes: nameNode })
   * await hdfs.write('/append/a', Buffer.from('one'))
   * await hdfs.append('/append/a', Buffer.from(' two'))
   * String(await hdfs.read('/append/a')) // => 'one two'
   */
  async append(path: string, bytes: Uint8Array): Promise<void> {
    // Asked once: whether one that failed was done is not known.
    const where = await this.patiently(`the file ${path}`, address =>
      this.redirect(address, 'POST', path, { op: 'APPEND' }),
    )
    try {
      await bodyOf(await send('POST', where, bytes))
    } catch (error) {
      throw this.known(error, `the file ${path}`)
    }
  }

  /**
   * Renames in one step. False when there is nothing to rename, or something of the new name and `overwrite` is not set.
   *
   * @throws HDFS_FAILED, HDFS_UNREACHABLE
   * @example
   * const hdfs = new WebHdfs({ nameNodes: nameNode })
   * await hdfs.write('/rename/a', Buffer.from('one'))
   * await hdfs.rename('/rename/a', '/rename/b') // => true
   * await hdfs.rename('/rename/a', '/rename/b') // => false
   */
  async rename(
    from: string,
    to: string,
    { overwrite = false }: { readonly overwrite?: boolean } = {},
  ): Promise<boolean> {
    const query: Query = {
      op: 'RENAME',
      destination: to,
      renameoptions: overwrite ? 'OVERWRITE' : undefined,
    }
    const answer = await this.orMissing(() => this.json('PUT', from, query))
    // With options the answer has no content, and a missing source is an error.
    return overwrite ? answer !== undefined : (answer as { boolean?: boolean } | undefined)?.boolean === true
  }

  /**
   * Removes a file, or with `recursive` a folder. False when there was nothing.
   *
   * @throws HDFS_FAILED, HDFS_UNREACHABLE
   * @example
   * const hdfs = new WebHdfs({ nameNodes: nameNode })
   * await hdfs.write('/delete/a', Buffer.from('one'))
   * await hdfs.delete('/delete', { recursive: true }) // => true
   * await hdfs.delete('/delete') // => false
   */
  async delete(path: string, { recursive = false }: { readonly recursive?: boolean } = {}): Promise<boolean> {
    const answer = await this.json('DELETE', path, { op: 'DELETE', recursive })
    return (answer as { boolean?: boolean }).boolean === true
  }

  /**
   * Makes a folder, and those above it.
   *
   * @throws HDFS_FAILED, HDFS_UNREACHABLE
   * @example
   * const hdfs = new WebHdfs({ nameNodes: nameNode })
   * await hdfs.makeDirectories('/folders/a/b')
   * const found = await hdfs.status('/folders/a')
   * found?.isDirectory // => true
   */
  async makeDirectories(path: string): Promise<void> {
    await this.json('PUT', path, { op: 'MKDIRS' })
  }

  private async holds(path: string, bytes: Uint8Array): Promise<boolean> {
    const found = await this.read(path)
    return found !== undefined && Buffer.compare(found, bytes) === 0
  }

  private async opened(
    address: string,
    path: string,
    offset: number,
    length: number | undefined,
  ): Promise<IncomingMessage> {
    const where = await this.redirect(address, 'GET', path, { op: 'OPEN', offset, length })
    return send('GET', where)
  }

  private async json(method: string, path: string, query: Query): Promise<unknown> {
    return this.patiently(`${String(query['op'])} of ${path}`, async address => {
      const text = await bodyOf(await send(method, await this.url(address, path, query)))
      return text === '' ? {} : JSON.parse(text)
    })
  }

  /** Where a data node takes or gives the bytes. */
  private async redirect(address: string, method: string, path: string, query: Query): Promise<string> {
    const answer = await send(method, await this.url(address, path, query))
    await bodyOf(answer)
    const { location } = answer.headers
    if (answer.statusCode === 307 && location !== undefined) return location
    throw new RemoteFailure('IOException', `it answered ${answer.statusCode} instead of naming a data node`)
  }

  private async url(address: string, path: string, query: Query): Promise<string> {
    const at = new URL(
      `${address}/webhdfs/v1${encodeURI(path).replaceAll('#', '%23').replaceAll('?', '%3F')}`,
    )
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) at.searchParams.set(name, String(value))
    const token = typeof this.token === 'function' ? await this.token() : this.token
    if (token !== undefined) at.searchParams.set('delegation', token)
    else if (this.user !== undefined) at.searchParams.set('user.name', this.user)
    return at.href
  }

  /** The first answer of an active name node. */
  private patiently<T>(what: string, ask: (address: string) => Promise<T>): Promise<T> {
    const { clock, patienceMs } = this
    return askedAgain({ clock, patienceMs, ...PAUSES, mayPass: isPassing }, () => this.fromAny(what, ask))
  }

  /** All name nodes are asked, from the one on that answered last. */
  private async fromAny<T>(what: string, ask: (address: string) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await ask(this.nameNodes[this.active]!)
      } catch (error) {
        const failure = this.known(error, what)
        if (!isPassing(failure)) throw failure
        this.active = (this.active + 1) % this.nameNodes.length
        if (tries === this.nameNodes.length) throw failure
      }
    }
  }

  private known(error: unknown, what: string): Error {
    if (error instanceof RemoteFailure && !error.mayPass) return hdfsFailed(this.name, what, error)
    return hdfsUnreachable(this.name, what, error)
  }

  private async orMissing<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (error) {
      const { cause } = error as Error
      if (cause instanceof RemoteFailure && cause.isMissing) return undefined
      throw error
    }
  }
}

function statusOf(path: string, raw: RawStatus): HdfsFileStatus {
  const { type, length, modificationTime } = raw
  return { path, isDirectory: type === 'DIRECTORY', length, modificationTime }
}

function addressOf(given: string): string {
  return new URL(given).href.replace(/\/$/, '')
}
