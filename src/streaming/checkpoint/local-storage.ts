/**
 * Checkpoints in a directory of the local file system.
 *
 * A file is written under a temporary name, brought to the disk, and then renamed (over an old one) or linked (if there is none):
 * both happen whole or not at all. Names of temporary files begin with a dot and are never listed.
 */
import { constants, mkdirSync } from 'node:fs'
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { KindlingError } from '../../base/errors.ts'
import type { FileStorage } from '../../rdd/sink/file-storage.ts'
import type { CheckpointStorage, CheckpointWriter } from './storage.ts'

/** Makes names of temporary files differ within this process. */
let temporaries = 0

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
  readonly writer: CheckpointWriter = { host: hostname(), pid: process.pid }
  private readonly isDurable: boolean

  /**
   * @param options.durable false, for tests: what was written need survive the process only, not the machine
   * @param options.create false: the directory is not made, for those who only look
   */
  constructor(directory: string, options: { readonly durable?: boolean; readonly create?: boolean } = {}) {
    this.name = resolve(directory)
    this.isDurable = options.durable ?? true
    if (options.create === false) return
    try {
      mkdirSync(this.name, { recursive: true })
    } catch (error) {
      throw notWritable(this.name, error)
    }
  }

  async createIfAbsent(file: string, bytes: Uint8Array): Promise<boolean> {
    const path = join(this.name, file)
    const temporary = await this.temporary(path, bytes)
    try {
      await link(temporary, path)
      if (this.isDurable) await syncDirectory(dirname(path))
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw notWritable(path, error)
    } finally {
      await rm(temporary, { force: true })
    }
  }

  async write(file: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.name, file)
    const temporary = await this.temporary(path, bytes)
    try {
      await rename(temporary, path)
      if (this.isDurable) await syncDirectory(dirname(path))
    } catch (error) {
      await rm(temporary, { force: true })
      throw notWritable(path, error)
    }
  }

  async append(file: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.name, file)
    try {
      const handle = await open(path, constants.O_WRONLY | constants.O_APPEND)
      try {
        await handle.writeFile(bytes)
        if (this.isDurable) await handle.datasync()
      } finally {
        await handle.close()
      }
    } catch (error) {
      throw notWritable(path, error)
    }
  }

  async read(file: string): Promise<Uint8Array | undefined> {
    const path = join(this.name, file)
    try {
      return await readFile(path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw notReadable(path, error)
    }
  }

  async list(folder: string): Promise<readonly string[]> {
    const path = join(this.name, folder)
    try {
      return (await readdir(path)).filter(name => !name.startsWith('.'))
    } catch (error) {
      // Somebody's file where folders are expected is none of them.
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
      throw notReadable(path, error)
    }
  }

  async delete(file: string): Promise<void> {
    const path = join(this.name, file)
    try {
      await rm(path, { force: true })
    } catch (error) {
      throw notWritable(path, error)
    }
  }

  /** Writes the bytes beside `path`, down to the disk. */
  private async temporary(path: string, bytes: Uint8Array): Promise<string> {
    const folder = dirname(path)
    const { host, pid } = this.writer
    const temporary = join(folder, `.${basename(path)}.${host}-${pid}-${temporaries++}`)
    try {
      const file = await openIn(folder, temporary)
      try {
        await file.writeFile(bytes)
        if (this.isDurable) await file.datasync()
      } finally {
        await file.close()
      }
      return temporary
    } catch (error) {
      await rm(temporary, { force: true })
      throw notWritable(path, error)
    }
  }
}

async function openIn(folder: string, path: string) {
  try {
    return await open(path, 'wx')
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    await mkdir(folder, { recursive: true })
    return await open(path, 'wx')
  }
}

/** Only then does the new name survive the end of the machine. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.datasync()
  } finally {
    await directory.close()
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
