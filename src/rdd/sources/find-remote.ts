/**
 * Which files a path in another place stands for.
 *
 * What sinks write there is there before it counts: of such part files only those are taken that the `_SUCCESS` of their folder names, or its
 * `_log`.
 */
import { basename } from 'node:path/posix'
import { KindlingError } from '../../base/errors.ts'
import { FILE_LOG, readFileLog } from '../sink/file-log.ts'
import { isStoredPart } from '../sink/storage-directory.ts'
import { SUCCESS, successFiles } from '../sink/success-file.ts'
import { placedPath, type RemoteFile, type RemoteFiles } from './remote-files.ts'

/**
 * A file, or the files of a folder whose names begin with neither `.` nor `_`, by name. In the last part of the path `*` stands for
 * anything: files and folders that match, by name.
 *
 * @throws INPUT_PATH_NOT_FOUND when nothing is there
 */
export async function findRemoteFiles(place: RemoteFiles, path: string): Promise<readonly RemoteFile[]> {
  const files = path.includes('*') ? await matching(place, path) : await filesAt(place, path)
  if (files === undefined)
    throw new KindlingError('INPUT_PATH_NOT_FOUND', { path: placedPath(place.name, path) })
  return files
}

/** Of those in a folder that sinks may have written, those that count. */
export async function countedFiles(
  place: RemoteFiles,
  found: readonly RemoteFile[],
): Promise<readonly RemoteFile[]> {
  const success = found.find(({ path }) => basename(path) === SUCCESS)
  const counted =
    success === undefined
      ? undefined
      : successFiles(await place.reader().read(success.path, 0, success.bytes))
  return found.filter(({ path }) => {
    const name = basename(path)
    if (counted !== undefined) return counted.includes(name)
    return !isHidden(name) && !isStoredPart(name)
  })
}

async function filesAt(place: RemoteFiles, path: string): Promise<readonly RemoteFile[] | undefined> {
  if ((await place.list(path)).includes(FILE_LOG)) return loggedFiles(place, path)
  const inside = await place.listFiles(path)
  if (inside === undefined || inside.length === 0) {
    const file = await place.findFile(path)
    if (file !== undefined) return [file]
  }
  return inside === undefined ? undefined : (await countedFiles(place, inside)).toSorted(byPath)
}

/** The files that a rolling sink's log says count; the log is read before they are listed, so they are there. */
async function loggedFiles(place: RemoteFiles, folder: string): Promise<readonly RemoteFile[]> {
  const log = `${folder}/${FILE_LOG}`
  const names = async (): Promise<string[]> =>
    ((await place.listFiles(log)) ?? []).map(({ path }) => basename(path))
  const read = async (name: string): Promise<Uint8Array | undefined> => {
    const file = await place.findFile(`${log}/${name}`)
    return file && place.reader().read(file.path, 0, file.bytes)
  }
  const { files } = await readFileLog({ names, read }, placedPath(place.name, log))
  const found = new Map(((await place.listFiles(folder)) ?? []).map(file => [basename(file.path), file]))
  return files.map(({ file }) => {
    const there = found.get(file)
    if (there !== undefined) return there
    const path = placedPath(place.name, `${folder}/${file}`)
    throw new KindlingError('FILE_DAMAGED', {
      path,
      reason: 'it is missing, and counts by the log of its folder',
    })
  })
}

async function matching(place: RemoteFiles, path: string): Promise<readonly RemoteFile[] | undefined> {
  const slash = path.lastIndexOf('/')
  const folder = path.slice(0, Math.max(0, slash))
  const pattern = new RegExp(
    `^${path
      .slice(slash + 1)
      .split('*')
      .map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  )
  const names = (await place.list(folder)).filter(name => pattern.test(name) && !isHidden(name)).toSorted()
  const found: RemoteFile[] = []
  for (const name of names)
    found.push(...((await filesAt(place, slash < 0 ? name : `${folder}/${name}`)) ?? []))
  return names.length === 0 ? undefined : found
}

function byPath(a: RemoteFile, b: RemoteFile): number {
  return a.path < b.path ? -1 : 1
}

function isHidden(name: string): boolean {
  return /^[._]/.test(name)
}
