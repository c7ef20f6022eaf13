/** Which files of a checkpoint directory cannot be read back, and what that means for a restart. */
import { damageOf } from './damage.ts'
import { newerVersion, unsealed } from './envelope.ts'
import type { LocalStorage } from './local-storage.ts'
import { manifestFile, type NumberedManifest, namedImages } from './manifest.ts'
import type { StoredFile } from './stored-files.ts'

/** A file that cannot be read back. */
export interface DamagedFile {
  /** Below the directory. */
  readonly file: string
  readonly reason: string
  /** What it means for a restart. */
  readonly meaning: string
}

const CHECKED = /^(manifest-\d+|batches\/\d+-\d+\.(plan|commit|failed)|state\/.*\.image)$/

/** @param manifests those that can be read, the newest first */
export async function findDamage(
  storage: LocalStorage,
  manifests: readonly NumberedManifest[],
  files: readonly StoredFile[],
): Promise<DamagedFile[]> {
  const damaged: DamagedFile[] = []
  const readable = new Set(manifests.map(({ number }) => manifestFile(number)))
  const newest = manifests[0]
  for (const { file } of files) {
    if (!CHECKED.test(file)) continue
    const bytes = await storage.read(file)
    if (bytes === undefined) continue
    const reason = readable.has(file) ? undefined : reasonOf(file, bytes)
    if (reason !== undefined) damaged.push({ file, reason, meaning: meaningOf(file, newest) })
  }
  const there = new Set(files.map(({ file }) => file))
  for (const file of namedImages(newest === undefined ? [] : [newest]))
    if (!there.has(file)) damaged.push({ file, reason: 'it is missing', meaning: meaningOf(file, newest) })
  return damaged
}

function reasonOf(file: string, bytes: Uint8Array): string | undefined {
  const version = newerVersion(bytes)
  if (version !== undefined) return `a newer version of Kindling wrote it (format ${version})`
  try {
    unsealed(file, bytes)
  } catch (error) {
    return damageOf(error).replace(`${file} cannot be read back: `, '').replace(/\.$/, '')
  }
  return file.startsWith('manifest-') ? 'it is no manifest' : undefined
}

function meaningOf(file: string, newest: NumberedManifest | undefined): string {
  const time = Number(/(\d+)-\d+\.\w+$/.exec(file)?.[1])
  if (file.startsWith('manifest-')) {
    if (newest === undefined) return 'without any manifest the program does not start'
    const isNewer = Number(file.slice('manifest-'.length)) > newest.number
    return isNewer ? `${manifestFile(newest.number)} is used instead` : 'nothing, a newer one can be read'
  }
  if (file.endsWith('.failed'))
    return `the batch at ${time} ms runs again, if its dead letters were not all written`
  if (file.endsWith('.commit')) return `the batch at ${time} ms runs again if it is needed`
  if (file.endsWith('.plan'))
    return newest !== undefined && time <= newest.manifest.ended
      ? `windows and state cannot be made again from before ${time} ms; plan says whether they have to be`
      : `the batch at ${time} ms is planned anew if it was the last; otherwise the program does not start`
  if (newest === undefined || !namedImages([newest]).has(file)) return 'nothing, it is not needed'
  return 'an older image is used, and the batches since then are computed again'
}
