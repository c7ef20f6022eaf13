/**
 * Which files of a checkpoint directory no restart needs: what a crash left half done, and what older versions of the state left.
 *
 * The newest manifests that can be read are kept, as many as a running program keeps, and all that they name. Files whose names are
 * not those of a checkpoint are never touched; nor are manifests newer than those that can be read, since numbers are not used twice.
 */
import { type LogFile, logFileOf } from './batch-log.ts'
import { countsFor } from './log-standing.ts'
import { manifestFile, type NumberedManifest, namedImages } from './manifest.ts'
import { MANIFESTS } from './retention.ts'
import type { StoredFile } from './stored-files.ts'
import { writerOfTemporary } from './temporary-files.ts'

/** A file that can go. */
export interface UnneededFile {
  readonly file: string
  readonly bytes: number
  readonly why:
    | 'not finished'
    | 'old manifest'
    | 'image that no manifest names'
    | 'log of old batches'
    | 'received, and in old batches'
    | 'received by an input that is gone'
}

/**
 * What can go, in the order in which it has to: what refers to a file before the file.
 *
 * @param manifests those that can be read, the newest first; at least one
 */
export function unneededFiles(
  manifests: readonly NumberedManifest[],
  files: readonly StoredFile[],
): UnneededFile[] {
  const kept = manifests.slice(0, MANIFESTS)
  const keptFiles = new Set(kept.map(({ number }) => manifestFile(number)))
  const named = namedImages(kept)
  const logFrom = Math.min(...kept.map(({ manifest }) => manifest.logFrom))
  const counts = (log: LogFile): boolean => kept.some(({ manifest }) => countsFor(manifest, log))
  const plans = files
    .flatMap(({ file }) => logFileOf(file) ?? [])
    .filter(log => log.kind === 'plan' && counts(log))
  // The last plan says which received blocks have had their batch.
  const last = plans.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...plans.map(({ time }) => time))
  const isNeeded = (log: LogFile): boolean => (log.time > logFrom || log.time >= last) && counts(log)
  const whyOf = (file: string): UnneededFile['why'] | undefined => {
    if (writerOfTemporary(file) !== undefined) return 'not finished'
    const manifest = /^manifest-(\d+)$/.exec(file)
    if (manifest !== null)
      return !keptFiles.has(file) && Number(manifest[1]) < kept[0]!.number ? 'old manifest' : undefined
    if (/^state\/[^/]+\/\d+\/\d+-\d+\.image$/.test(file))
      return named.has(file) ? undefined : 'image that no manifest names'
    const log = logFileOf(file)
    return log === undefined || isNeeded(log) ? undefined : 'log of old batches'
  }
  const order = ['not finished', 'old manifest', 'image that no manifest names', 'log of old batches']
  return files
    .flatMap(({ file, bytes }) => {
      const why = whyOf(file)
      return why === undefined ? [] : [{ file, bytes, why }]
    })
    .sort((a, b) => order.indexOf(a.why) - order.indexOf(b.why))
}
