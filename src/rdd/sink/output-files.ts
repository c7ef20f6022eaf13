/** The part of a file system that output and checkpoints are written with: a port, so that tests can break it at every step. */
import { constants } from 'node:fs'
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname } from 'node:path'

/** A file being written. */
export interface OutputFile {
  write(bytes: Uint8Array): Promise<unknown>
  /** What was written survives the end of the machine. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** See the file head. Operations reject with the system's error. */
export interface OutputFiles {
  /** With all folders above it; nothing happens when it is there. */
  makeDirectory(path: string): Promise<void>
  /** Empties a file that is there. */
  create(path: string): Promise<OutputFile>
  /** Fails when there is one. */
  createNew(path: string): Promise<OutputFile>
  /** To add to a file that is there. */
  append(path: string): Promise<OutputFile>
  /** A whole small file, which survives the end of the machine once its directory is synced. */
  write(path: string, text: string): Promise<void>
  /** `undefined` when there is none. */
  read(path: string): Promise<Uint8Array | undefined>
  exists(path: string): Promise<boolean>
  /** Names, in no order; none when there is no such directory. */
  list(path: string): Promise<readonly string[]>
  /** Another name for a file, in one step. Fails when there is something at `to`. */
  link(from: string, to: string): Promise<void>
  /** In one step. Fails when there is nothing at `from`, or a directory with files at `to`. */
  rename(from: string, to: string): Promise<void>
  /** With all that is in it; nothing happens when there is none. */
  remove(path: string): Promise<void>
  /** A directory, if nothing is in it; in one step. */
  removeEmpty(path: string): Promise<void>
  /** The names in a directory, or the bytes of a file, survive the end of the machine. */
  sync(path: string): Promise<void>
}

/** The local file system. */
export const localOutputFiles: OutputFiles = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true })
  },
  create: async path => outputFile(await open(path, 'w')),
  createNew: async path => outputFile(await open(path, 'wx')),
  append: async path => outputFile(await open(path, constants.O_WRONLY | constants.O_APPEND)),
  async write(path, text) {
    await writeFile(path, text, { flush: true })
  },
  async read(path) {
    try {
      return await readFile(path)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  },
  exists: path =>
    stat(path).then(
      () => true,
      () => false,
    ),
  async list(path) {
    try {
      return await readdir(path)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  },
  link,
  rename,
  // Tasks of a job that failed may still be writing there.
  remove: path => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  async removeEmpty(path) {
    try {
      await rmdir(path)
    } catch (error) {
      if (!isMissing(error) && !isOccupied(error)) throw error
    }
  },
  async sync(path) {
    const found = await open(path, 'r')
    try {
      await found.datasync()
    } finally {
      await found.close()
    }
  },
}

/**
 * Folders whose own names survive the end of the machine: a folder that is synced is lost all the same if the one above it was not since
 * it was made there. Each is brought to the disk once; who made it, and when, does not matter.
 */
export class DurableFolders {
  private readonly files: Pick<OutputFiles, 'sync'>
  private readonly known = new Set<string>()

  constructor(files: Pick<OutputFiles, 'sync'>) {
    this.files = files
  }

  /** @param path a full one; something is there */
  async keep(path: string): Promise<void> {
    for (let at = path; !this.known.has(at); at = dirname(at)) {
      if (dirname(at) === at) return
      try {
        await this.files.sync(dirname(at))
      } catch (error) {
        // Where this process may not look, it has made nothing.
        if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') throw error
      }
      this.known.add(at)
    }
  }
}

function outputFile(file: FileHandle): OutputFile {
  return {
    write: bytes => file.writeFile(bytes),
    sync: () => file.datasync(),
    close: () => file.close(),
  }
}

/** Whether the system says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
}

/** Whether the system says that a directory with files is there. */
export function isOccupied(error: unknown): boolean {
  return codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOTDIR'
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | undefined)?.code
}
