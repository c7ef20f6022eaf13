/** Deletes what a crash left half-written, images that no manifest names (a crash left them before their manifest was written), and what inputs received that are gone. */
import { RECEIVED_FOLDER } from '../receiver/received-log.ts'
import { LOG_FOLDER } from './batch-log.ts'
import { type NumberedManifest, namedImages } from './manifest.ts'
import { operatorFolder } from './operator-folder.ts'
import type { CheckpointStorage } from './storage.ts'

export async function sweep(
  storage: CheckpointStorage,
  manifests: readonly NumberedManifest[],
  inputs: readonly string[],
): Promise<void> {
  const named = namedImages(manifests)
  for (const folder of ['', LOG_FOLDER]) await storage.clearUp?.(folder)
  for (const operator of await storage.list('state'))
    for (const partition of await storage.list(`state/${operator}`)) {
      const folder = `state/${operator}/${partition}`
      await storage.clearUp?.(folder)
      for (const name of await storage.list(folder))
        if (!named.has(`${folder}/${name}`)) await storage.delete(`${folder}/${name}`)
    }
  const folders = new Set(inputs.map(operatorFolder))
  for (const input of await storage.list(RECEIVED_FOLDER)) {
    await storage.clearUp?.(`${RECEIVED_FOLDER}/${input}`)
    if (folders.has(input)) continue
    const folder = `${RECEIVED_FOLDER}/${input}`
    for (const name of await storage.list(folder)) await storage.delete(`${folder}/${name}`)
  }
}
