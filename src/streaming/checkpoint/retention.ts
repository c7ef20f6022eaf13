/** Deletes what the last few manifests do not need any more. */
import type { LogFile } from './batch-log.ts'
import { manifestFile, type NumberedManifest, namedImages } from './manifest.ts'
import type { CheckpointStorage } from './storage.ts'

/** Manifests that are kept: a damaged one costs no more than going back to the one before. */
export const MANIFESTS = 3

/** See the file head. */
export class Retention {
  private readonly storage: CheckpointStorage
  private log: LogFile[]
  private manifests: readonly NumberedManifest[]

  /** @param manifests the oldest first */
  constructor(storage: CheckpointStorage, log: readonly LogFile[], manifests: readonly NumberedManifest[]) {
    this.storage = storage
    this.log = [...log]
    this.manifests = manifests
  }

  add(file: LogFile): void {
    this.log.push(file)
  }

  /**
   * Takes in a new manifest, and deletes what it and those before it do not need.
   *
   * @returns plans up to this time are not needed any more
   */
  async keep(manifest: NumberedManifest): Promise<number> {
    const all = [...this.manifests, manifest]
    const kept = all.slice(-MANIFESTS)
    const needed = namedImages(kept)
    const logFrom = Math.min(...kept.map(({ manifest }) => manifest.logFrom))
    // What refers to a file goes before the file does.
    for (const { number } of all.slice(0, -MANIFESTS)) await this.storage.delete(manifestFile(number))
    for (const file of namedImages(all)) if (!needed.has(file)) await this.storage.delete(file)
    // The last plan says which received blocks have had their batch.
    const last = this.log.findLast(({ kind }) => kind === 'plan')?.time ?? logFrom
    const isNeeded = ({ time }: LogFile): boolean => time > logFrom || time >= last
    for (const log of this.log) if (!isNeeded(log)) await this.storage.delete(log.file)
    this.log = this.log.filter(isNeeded)
    this.manifests = kept
    return logFrom
  }
}
