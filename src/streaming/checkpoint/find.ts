/** Looks for saved data in a directory, and writes nothing. */
import { KindlingError } from '../../base/errors.ts'
import { manifestNumbers, type NumberedManifest, readManifests } from './manifest.ts'
import type { CheckpointStorage } from './storage.ts'

/** What a directory holds. */
export interface FoundCheckpoint {
  /** Of all manifests, readable or not, ascending. */
  readonly numbers: readonly number[]
  /** The newest first. */
  readonly manifests: readonly NumberedManifest[]
}

/**
 * Looks at what is there; writes nothing.
 *
 * @param createOnError begin anew when no manifest can be read
 * @throws CHECKPOINT_NOT_USABLE
 */
export async function findCheckpoint(
  storage: CheckpointStorage,
  createOnError: boolean,
  skipped: (message: string) => void,
): Promise<FoundCheckpoint> {
  const numbers = await manifestNumbers(storage)
  const manifests = await readManifests(storage, numbers, skipped)
  // A program that died while it wrote its first manifest had no batches yet: it begins anew.
  const isLost = numbers.length > 0 && manifests.length === 0 && (await storage.list('batches')).length > 0
  if (isLost && !createOnError)
    throw new KindlingError('CHECKPOINT_NOT_USABLE', {
      directory: storage.name,
      reason: `none of its ${numbers.length} manifests can be read`,
    })
  return { numbers, manifests }
}
