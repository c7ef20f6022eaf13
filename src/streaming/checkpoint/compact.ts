/**
 * Deletes what no restart needs from a directory that no program uses (`unneeded.ts`).
 *
 * Whether one does: the newest manifest names the process that wrote it. It is taken to have ended when it ran on this machine, its
 * number is not in use, and nothing has changed in the directory for a minute; the last for containers that share the name of their
 * machine and not its processes. In all other cases nobody can tell from here, and people have to say so.
 */
import { KindlingError } from '../../base/errors.ts'
import { CHECKPOINT_VERSION, newerVersion } from './envelope.ts'
import { inspectReceived } from './inspect-received.ts'
import type { LocalStorage } from './local-storage.ts'
import { manifestFile, manifestNumbers, readManifests } from './manifest.ts'
import type { CheckpointWriter } from './storage.ts'
import { type StoredFile, storedFiles } from './stored-files.ts'
import { isHere, isRunning, writerOfTemporary } from './temporary-files.ts'
import { type UnneededFile, unneededFiles } from './unneeded.ts'

const QUIET_MS = 60_000

/**
 * Gives what was deleted.
 *
 * @param options.now in ms
 * @param options.force whether the program is known to have ended
 * @throws CHECKPOINT_IN_USE, CHECKPOINT_NEWER, CHECKPOINT_NOT_USABLE; CHECKPOINT_NOT_WRITABLE in mid-work, which may be done again
 */
export async function compact(
  storage: LocalStorage,
  options: { readonly now: number; readonly force: boolean },
): Promise<readonly UnneededFile[]> {
  // Before the manifests: what is written later is none of our business.
  const files = await storedFiles(storage.name)
  const numbers = await manifestNumbers(storage)
  for (const number of numbers) await refuseNewer(storage, manifestFile(number))
  const manifests = await readManifests(storage, numbers, () => {})
  if (manifests[0] === undefined)
    throw new KindlingError('CHECKPOINT_NOT_USABLE', {
      directory: storage.name,
      reason: `none of its ${numbers.length} manifests can be read, so nothing can be told to be unneeded`,
    })
  const reason = options.force ? undefined : whyInUse(manifests[0].manifest.writer, files, options.now)
  if (reason !== undefined) throw new KindlingError('CHECKPOINT_IN_USE', { directory: storage.name, reason })
  const deleted: UnneededFile[] = []
  const { unneeded: received } = await inspectReceived(storage, manifests, files)
  // Segments last: plans refer to them.
  for (const unneeded of [...unneededFiles(manifests, files), ...received]) {
    // Also with force: what a process is writing at this moment is not for others to delete.
    const writer = writerOfTemporary(unneeded.file)
    if (writer !== undefined && isHere(writer) && isRunning(writer.pid)) continue
    await storage.delete(unneeded.file)
    deleted.push(unneeded)
  }
  return deleted
}

/** A later version may keep more than this one knows of. */
async function refuseNewer(storage: LocalStorage, file: string): Promise<void> {
  const bytes = await storage.read(file)
  const version = bytes === undefined ? undefined : newerVersion(bytes)
  if (version !== undefined)
    throw new KindlingError('CHECKPOINT_NEWER', {
      path: `${storage.name}/${file}`,
      version,
      known: CHECKPOINT_VERSION,
    })
}

function whyInUse(
  writer: CheckpointWriter | undefined,
  files: readonly StoredFile[],
  now: number,
): string | undefined {
  if (writer === undefined) return 'it does not say which process wrote it'
  const { host, pid } = writer
  if (!isHere(writer)) return `process ${pid} of the machine ${host} wrote it, which cannot be seen from here`
  if (isRunning(pid)) return `process ${pid} wrote it, and there is a process of that number`
  const quietMs = now - Math.max(...files.map(({ modified }) => modified))
  if (quietMs < QUIET_MS) return `it was changed ${Math.max(0, Math.round(quietMs / 1000))} s ago`
  return undefined
}
