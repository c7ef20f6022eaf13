/** A checkpoint directory of the local file system, looked at from outside: nothing is made, nothing is changed. */
import { readdir, stat } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { KindlingError } from '../../base/errors.ts'
import { LocalStorage } from './local-storage.ts'
import { manifestNumbers } from './manifest.ts'

/** A file, also one that is not finished. */
export interface StoredFile {
  /** Below the directory, separated by `/`. */
  readonly file: string
  readonly bytes: number
  /** In ms. */
  readonly modified: number
}

/** What is saved in a directory. @throws CHECKPOINT_NOT_FOUND */
export async function openExisting(directory: string): Promise<LocalStorage> {
  const missing = (reason: string): KindlingError =>
    new KindlingError('CHECKPOINT_NOT_FOUND', { directory: resolve(directory), reason })
  const found = await stat(directory).catch(() => undefined)
  if (found === undefined) throw missing('the directory does not exist')
  if (!found.isDirectory()) throw missing('it is a file')
  const storage = new LocalStorage(directory, { create: false })
  if ((await manifestNumbers(storage)).length === 0)
    throw missing((await readdir(directory)).length === 0 ? 'it is empty' : 'it has no manifest')
  return storage
}

/** All files of a directory; those that go meanwhile are left out. */
export async function storedFiles(directory: string): Promise<StoredFile[]> {
  const files: StoredFile[] = []
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const found = await stat(path).catch(() => undefined)
    if (found === undefined) continue
    const file = relative(directory, path).split(sep).join('/')
    files.push({ file, bytes: found.size, modified: found.mtimeMs })
  }
  return files.sort((a, b) => (a.file < b.file ? -1 : 1))
}
