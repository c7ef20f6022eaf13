/**
 * Checkpoints in a directory of the local file system.
 *
 * A file is written under a temporary name, brought to the disk, and then renamed (over an old one) or linked (if there is none):
 * both happen whole or not at all. Names of temporary files begin with a dot and are never listed.
 */
import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { KindlingError } from '../../base/errors.ts'
import type { FileStorage } from '../../rdd/sink/file-storage.ts'
import {
  DurableFolders,
  isMissing,
  localOutputFiles,
  type OutputFile,
  type OutputFiles,
} from '../../rdd/sink/output-files.ts'
import type { CheckpointStorage, CheckpointWriter } from './storage.ts'
import { isHere, isRunning, temporaryName, writerOfTemporary } from './temporary-files.ts'

/** What a process is writing at this moment, by full path; and a number that makes names differ. */
interface Temporaries {
  next: number
  readonly underWay: Set<string>
}

/** Those of this process. */
const ofProcess: Temporaries = { next: 0, underWay: new Set() }

/** How a directory is used. */
export interface LocalStorageOptions {
  readonly durable?: boolean
  readonly create?: boolean
  /** @internal The file system in the hands of a test. */
  readonly files?: OutputFiles
  /** @internal Who writes, other than this process; there is no other then. */
  readonly writer?: CheckpointWriter
}

/**
 * Checkpoints in a directory of the local file system: what `ssc.checkpoint` makes of a path. What `write` and
 * `createIfAbsent` make is there whole or not at all, also after a crash of the machine.
 *
 * @throws CHECKPOINT_NOT_WRITABLE when the directory cannot be made
 * @example
 * const storage = new LocalStorage(`${dir}/checkpoint`)
 * await storage.createIfAbsent('a/first', new Uint8Array([1])) // => true
 * await storage.createIfAbsent('a/first', new Uint8Array([2])) // => false
 * await storage.list('a') // => ['first']
 */
export class LocalStorage implements CheckpointStorage, FileStorage {
  /** The full path of the directory. */
  readonly name: string
  readonly writer: CheckpointWriter
  private readonly isDurable: boolean
  private readonly files: OutputFiles
  private readonly folders: DurableFolders
  private readonly temporaries: Temporaries
  private readonly isRunning: (writer: CheckpointWriter) => boolean

  /**
   * @param options.durable false, for tests: what was written need survive the process only, not the machine
   * @param options.create false: the directory is not made, for those who only look
   */
  constructor(directory: string, options: LocalStorageOptions = {}) {
    const { durable = true, create = true, files, writer } = options
    this.name = resolve(directory)
    this.isDurable = durable
    this.files = files ?? localOutputFiles
    this.folders = new DurableFolders(this.files)
    this.writer = writer ?? { host: hostname(), pid: process.pid }
    this.temporaries = writer === undefined ? ofProcess : { next: 0, underWay: new Set() }
    this.isRunning = other => writer === undefined && (!isHere(other) || isRunning(other.pid))
    if (!create || files !== undefined) return
    try {
      mkdirSync(this.name, { recursive: true })
    } catch (error) {
      throw notWritable(this.name, error)
    }
  }

  async createIfAbsent(file: string, bytes: Uint8Array): Promise<boolean> {
    const path = join(this.name, file)
    return this.throughTemporary(path, bytes, async temporary => {
      try {
        await this.files.link(temporary, path)
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
        // Who made it may have died before it was safe.
        await this.syncFolder(path)
        return false
      }
      await this.syncFolder(path)
      return true
    })
  }

  async write(file: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.name, file)
    await this.throughTemporary(path, bytes, async (temporary, isGone) => {
      await this.files.rename(temporary, path)
      isGone()
      await this.syncFolder(path)
    })
  }

  async append(file: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.name, file)
    try {
      await this.fill(await this.files.append(path), bytes)
    } catch (error) {
      throw notWritable(path, error)
    }
  }

  async settle(path: string): Promise<void> {
    if (!this.isDurable) return
    const full = join(this.name, path)
    try {
      await this.files.sync(full)
      await this.folders.keep(full)
    } catch (error) {
      if (!isMissing(error)) throw notWritable(full, error)
    }
  }

  async read(file: string): Promise<Uint8Array | undefined> {
    const path = join(this.name, file)
    try {
      return await this.files.read(path)
    } catch (error) {
      throw notReadable(path, error)
    }
  }

  async list(folder: string): Promise<readonly string[]> {
    const path = join(this.name, folder)
    try {
      return (await this.files.list(path)).filter(name => !name.startsWith('.'))
    } catch (error) {
      throw notReadable(path, error)
    }
  }

  async delete(file: string): Promise<void> {
    const path = join(this.name, file)
    try {
      await this.files.remove(path)
    } catch (error) {
      throw notWritable(path, error)
    }
  }

  async clearUp(folder: string): Promise<void> {
    const path = join(this.name, folder)
    try {
      for (const name of await this.files.list(path)) {
        const writer = writerOfTemporary(name)
        if (writer === undefined) continue
        const { host, pid } = this.writer
        const isOurs = writer.host === host && writer.pid === pid
        // After a restart in a container, another process had our name and number.
        const isWritten = isOurs ? this.temporaries.underWay.has(join(path, name)) : this.isRunning(writer)
        if (!isWritten) await this.files.remove(join(path, name))
      }
    } catch (error) {
      throw notWritable(path, error)
    }
  }

  /** Writes the bytes beside `path`, down to the disk, and then puts them there. */
  private async throughTemporary<R>(
    path: string,
    bytes: Uint8Array,
    publish: (temporary: string, isGone: () => void) => Promise<R>,
  ): Promise<R> {
    const { underWay } = this.temporaries
    let temporary: string | undefined
    try {
      const [file, name] = await this.createBeside(path)
      temporary = name
      await this.fill(file, bytes)
      return await publish(name, () => {
        temporary = undefined
        underWay.delete(name)
      })
    } catch (error) {
      throw notWritable(path, error)
    } finally {
      // What cannot be removed is cleared up by the next process.
      if (temporary !== undefined) {
        await this.files.remove(temporary).catch(() => {})
        underWay.delete(temporary)
      }
    }
  }

  private async createBeside(path: string): Promise<[OutputFile, string]> {
    const { temporaries, writer, files } = this
    const folder = dirname(path)
    for (;;) {
      const temporary = join(folder, temporaryName(basename(path), writer, temporaries.next++))
      temporaries.underWay.add(temporary)
      try {
        return [await files.createNew(temporary), temporary]
      } catch (error) {
        temporaries.underWay.delete(temporary)
        // Left by a process that had our number.
        if (codeOf(error) === 'EEXIST') continue
        if (!isMissing(error)) throw error
        await files.makeDirectory(folder)
      }
    }
  }

  private async fill(file: OutputFile, bytes: Uint8Array): Promise<void> {
    try {
      await file.write(bytes)
      if (this.isDurable) await file.sync()
    } finally {
      await file.close()
    }
  }

  /** Only then does a new name survive the end of the machine. */
  private async syncFolder(path: string): Promise<void> {
    if (!this.isDurable) return
    await this.files.sync(dirname(path))
    await this.folders.keep(dirname(path))
  }
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code
}

function notWritable(path: string, error: unknown): KindlingError {
  const reason = error instanceof Error ? error.message : String(error)
  return new KindlingError('CHECKPOINT_NOT_WRITABLE', { path, reason }, { cause: error })
}

function notReadable(path: string, error: unknown): KindlingError {
  const reason = error instanceof Error ? error.message : String(error)
  return new KindlingError('INPUT_NOT_READABLE', { path, reason }, { cause: error })
}
