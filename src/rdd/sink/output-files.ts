/** The part of a file system that directories of output are made with: a port, so that tests can break it at every step. */
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'

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
  /** A whole small file. */
  write(path: string, text: string): Promise<void>
  /** `undefined` when there is none. */
  read(path: string): Promise<string | undefined>
  exists(path: string): Promise<boolean>
  /** Names, in no order; none when there is no such directory. */
  list(path: string): Promise<readonly string[]>
  /** In one step. Fails when there is nothing at `from`, or a directory with files at `to`. */
  rename(from: string, to: string): Promise<void>
  /** With all that is in it; nothing happens when there is none. */
  remove(path: string): Promise<void>
  /** What was renamed in a directory survives the end of the machine. */
  syncDirectory(path: string): Promise<void>
}

/** The local file system. */
export const localOutputFiles: OutputFiles = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true })
  },
  async create(path) {
    const file = await open(path, 'w')
    return {
      write: bytes => file.write(bytes),
      sync: () => file.datasync(),
      close: () => file.close(),
    }
  },
  async write(path, text) {
    await writeFile(path, text, { flush: true })
  },
  async read(path) {
    try {
      return await readFile(path, 'utf8')
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
  rename,
  // Tasks of a job that failed may still be writing there.
  remove: path => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  async syncDirectory(path) {
    const directory = await open(path, 'r')
    try {
      await directory.datasync()
    } finally {
      await directory.close()
    }
  },
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
