/** Objects of a bucket as files: S3, Google Cloud Storage and Azure Blob Storage by the package `opendal`. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Entry, Metadata, Operator } from 'opendal'
import { type Clock, SystemClock } from '../../base/clock.ts'
import { KindlingError } from '../../base/errors.ts'
import { capture } from '../../rdd/functions/explicit.ts'
import type { ListingOptions, RemoteFile, RemoteFiles, RemoteReader } from '../../rdd/sources/remote-files.ts'
import type { CheckpointStorage, CheckpointWriter } from '../../streaming/checkpoint/storage.ts'
import { operatorOf } from './library.ts'
import { objectReader } from './object-reader.ts'
import { type ObjectStoreOptions, type StoreSettings, settingsOf } from './options.ts'
import { type Ask, isUnsure, patiently } from './patience.ts'
import { failureOf, isMissing, isTaken } from './store-errors.ts'

/** Longer objects are written in parts of this length, which is also what is read at a time. */
const PART_BYTES = 8 * 1024 * 1024
const PARTS_AT_ONCE = 4
/** The field of an object that says which attempt wrote it: a name that every store takes. */
const ATTEMPT = 'kindlingattempt'
/** Google's names are escaped twice by the library when they are written. */
const PLAIN_NAME = /^[\w./~-]*$/

/**
 * A bucket, or a part of one, as a place for files: for `ssc.checkpoint(store)`, for `fileSink(…, { storage: store })`, and for reading
 * with `sc.filesIn(store)` and `ssc.filesIn(store)`.
 *
 * An object is there whole or not at all, and of several processes that create one at once one succeeds: by a conditional write, not by
 * renaming, which no store has. There is no `append`, so the log of received blocks has more and smaller files.
 *
 * Connections are kept between calls, and hold up no program's end.
 *
 * @example
 * const store = new ObjectStore({ url: 's3://data/apps/words', region: 'eu-central-1' })
 * store.name // => 's3://data/apps/words'
 */
export class ObjectStore implements CheckpointStorage, RemoteFiles {
  /** Its address, for messages. */
  readonly name: string
  readonly writer: CheckpointWriter = { host: hostname(), pid: process.pid }
  /** @internal Makes a reader where tasks run. */
  readonly reader: () => RemoteReader
  private readonly store: StoreSettings
  /** None, so that it travels to tasks, unless a test has given one. */
  private readonly clock: Clock | undefined

  /**
   * @param clock @internal of the patience
   * @throws INVALID_ARGUMENT for a url or credentials that are none; UNSUPPORTED_SCHEME
   */
  constructor(options: ObjectStoreOptions, clock?: Clock) {
    this.store = settingsOf(options)
    this.name = this.store.name
    this.clock = clock
    this.reader = capture({ objectReader, options }, () => objectReader(options))
  }

  /**
   * Writes a new file. False, and nothing is written, when there is one of that name. An answer that is lost is asked about: each attempt
   * leaves its number with the object.
   *
   * @throws OBJECT_STORE_FAILED, OBJECT_STORE_ACCESS_DENIED, OBJECT_STORE_UNREACHABLE
   * @example
   * const store = new ObjectStore({ url: 's3://data/create', ...bucket })
   * await store.createIfAbsent('a', Buffer.from('one')) // => true
   * await store.createIfAbsent('a', Buffer.from('two')) // => false
   */
  async createIfAbsent(file: string, bytes: Uint8Array): Promise<boolean> {
    this.checkName(file)
    const attempt = randomUUID()
    let mayBeOurs = false
    return this.ask(`the new file ${file}`, async operator => {
      try {
        await operator.write(file, bufferOf(bytes), {
          ifNotExists: true,
          userMetadata: { [ATTEMPT]: attempt },
        })
        return true
      } catch (error) {
        if (isTaken(failureOf(error))) return mayBeOurs && isOurs(operator, file, attempt, bytes)
        mayBeOurs ||= isUnsure(error)
        throw error
      }
    })
  }

  /**
   * Writes a file, in place of one of that name. More than 8 MiB go in parts, several at once.
   *
   * @throws OBJECT_STORE_FAILED, OBJECT_STORE_ACCESS_DENIED, OBJECT_STORE_UNREACHABLE
   * @example
   * const store = new ObjectStore({ url: 's3://data/write', ...bucket })
   * await store.write('a', Buffer.from('one'))
   * String(await store.read('a')) // => 'one'
   */
  async write(file: string, bytes: Uint8Array): Promise<void> {
    this.checkName(file)
    const parts =
      bytes.length > PART_BYTES ? { chunk: BigInt(PART_BYTES), concurrent: PARTS_AT_ONCE } : undefined
    await this.ask(`the file ${file}`, operator => operator.write(file, bufferOf(bytes), parts), {
      bytes: bytes.length,
    })
  }

  /**
   * The bytes of a file; `undefined` when there is none.
   *
   * @throws OBJECT_STORE_FAILED, OBJECT_STORE_ACCESS_DENIED, OBJECT_STORE_UNREACHABLE
   * @example
   * const store = new ObjectStore({ url: 's3://data/read', ...bucket })
   * await store.read('none') // => undefined
   */
  read(file: string): Promise<Uint8Array | undefined> {
    return this.orMissing(`the file ${file}`, operator => operator.read(file))
  }

  /**
   * The names in a folder, of files and folders.
   *
   * @throws OBJECT_STORE_FAILED, OBJECT_STORE_ACCESS_DENIED, OBJECT_STORE_UNREACHABLE
   * @example
   * const store = new ObjectStore({ url: 's3://data/list', ...bucket })
   * await store.write('a/b', Buffer.from('one'))
   * await store.list('a') // => ['b']
   * await store.list('') // => ['a']
   */
  async list(folder: string): Promise<readonly string[]> {
    return (await this.entries(folder)).map(entry => nameOf(entry.path()))
  }

  /**
   * Removes a file, if it is there.
   *
   * @throws OBJECT_STORE_FAILED, OBJECT_STORE_ACCESS_DENIED, OBJECT_STORE_UNREACHABLE
   * @example
   * const store = new ObjectStore({ url: 's3://data/delete', ...bucket })
   * await store.write('a', Buffer.from('one'))
   * await store.delete('a')
   * await store.list('') // => []
   */
  async delete(file: string): Promise<void> {
    await this.ask(`the removal of ${file}`, operator => operator.delete(file))
  }

  /**
   * The files right in a folder, with their lengths and times; `undefined` when nothing is in it, as then there is no such folder.
   *
   * @throws OBJECT_STORE_FAILED, OBJECT_STORE_ACCESS_DENIED, OBJECT_STORE_UNREACHABLE
   * @example
   * const store = new ObjectStore({ url: 's3://data/files', ...bucket })
   * await store.write('a/b', Buffer.from('one'))
   * const found = await store.listFiles('a')
   * found?.map(({ path, bytes }) => [path, bytes]) // => [['a/b', 3]]
   */
  async listFiles(
    folder: string,
    { patienceMs }: ListingOptions = {},
  ): Promise<readonly RemoteFile[] | undefined> {
    const entries = await this.entries(folder, patienceMs)
    if (entries.length === 0) return undefined
    return entries
      .filter(entry => !entry.path().endsWith('/'))
      .map(entry => fileOf(entry.path(), entry.metadata()))
  }

  /**
   * The length and time of a file; `undefined` when there is none.
   *
   * @throws OBJECT_STORE_FAILED, OBJECT_STORE_ACCESS_DENIED, OBJECT_STORE_UNREACHABLE
   * @example
   * const store = new ObjectStore({ url: 's3://data/find', ...bucket })
   * await store.findFile('a') // => undefined
   */
  async findFile(path: string): Promise<RemoteFile | undefined> {
    const found = await this.orMissing(`the file ${path}`, operator => operator.stat(path))
    return found === undefined || found.isDirectory() ? undefined : fileOf(path, found)
  }

  private async entries(folder: string, patienceMs?: number): Promise<readonly Entry[]> {
    const path = folder === '' || folder.endsWith('/') ? folder : `${folder}/`
    const what = `the list of ${folder === '' ? 'all files' : folder}`
    const found = await this.ask(what, operator => operator.list(path), { patienceMs })
    // Some tools make an empty object to stand for a folder.
    return found.filter(entry => entry.path() !== path && entry.path() !== '/')
  }

  private checkName(file: string): void {
    if (this.store.scheme !== 'gcs' || PLAIN_NAME.test(file)) return
    throw new KindlingError('INVALID_ARGUMENT', {
      what: `the name of a file that is written to ${this.name}`,
      value: file,
      expected: 'letters of ASCII, digits and . _ ~ - /, as the client library escapes others twice',
    })
  }

  /** @param how.bytes that are sent, which take their time */
  private async ask<R>(
    what: string,
    call: Ask<R>,
    {
      bytes = 0,
      patienceMs = this.store.patienceMs,
    }: { bytes?: number; patienceMs?: number | undefined } = {},
  ): Promise<R> {
    const operator = await operatorOf(this.store)
    const store = { ...this.store, patienceMs }
    const clock = this.clock ?? new SystemClock()
    return patiently({ store, clock, what, bytes }, () => call(operator))
  }

  private orMissing<R>(what: string, call: Ask<R>): Promise<R | undefined> {
    return this.ask(what, async operator => {
      try {
        return await call(operator)
      } catch (error) {
        if (isMissing(failureOf(error))) return undefined
        throw error
      }
    })
  }
}

/** Whether it was this attempt that wrote a file. Where a store does not tell, the same bytes are as good. */
async function isOurs(
  operator: Operator,
  file: string,
  attempt: string,
  bytes: Uint8Array,
): Promise<boolean> {
  const found = (await operator.stat(file)).userMetadata?.[ATTEMPT]
  return found === undefined ? bufferOf(bytes).equals(await operator.read(file)) : found === attempt
}

function fileOf(path: string, { contentLength, lastModified }: Metadata): RemoteFile {
  return {
    path,
    bytes: Number(contentLength ?? 0n),
    modified: lastModified === null ? 0 : Date.parse(lastModified),
  }
}

/** The last part of `a/b/c` or `a/b/c/`. */
function nameOf(path: string): string {
  const whole = path.replace(/\/$/, '')
  return whole.slice(whole.lastIndexOf('/') + 1)
}

/** The same bytes, as the library takes them. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
