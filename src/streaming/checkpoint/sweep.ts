/** Deletes images that no manifest names: those that a crash left before their manifest was written. */
import { type NumberedManifest, namedImages } from './manifest.ts'
import type { CheckpointStorage } from './storage.ts'

export async function sweep(
  storage: CheckpointStorage,
  manifests: readonly NumberedManifest[],
): Promise<void> {
  const named = namedImages(manifests)
  for (const operator of await storage.list('state'))
    for (const partition of await storage.list(`state/${operator}`)) {
      const folder = `state/${operator}/${partition}`
      for (const name of await storage.list(folder))
        if (!named.has(`${folder}/${name}`)) await storage.delete(`${folder}/${name}`)
    }
}
