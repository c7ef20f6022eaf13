/**
 * Batches as directories on a storage that cannot rename: files are written under names of their attempts, and `_SUCCESS`, which is
 * created only if there is none, says which of them count.
 *
 *   words-1000/part-00000-6b86b273ff34-3-0   partition, output, epoch, attempt; …-1, …-2 for what did not fit into one file
 *   words-1000/_SUCCESS                      one line of JSON: whose batch it is, and the files that count
 *
 * Files that do not count are deleted once `_SUCCESS` is there, and not before: until then, who else wrote the batch may still be the
 * one to commit it.
 */
import { KindlingError } from '../../base/errors.ts'
import { batchDirectory } from './batch-directory.ts'
import { Fence, type FenceFiles } from './fence.ts'
import type { FileFormatOptions } from './file-format.ts'
import type { FileStorage } from './file-storage.ts'
import { partName } from './part-file.ts'
import type { BatchToken, ExactlyOnceSink, WriteToken } from './sink.ts'
import { MAX_FILE_BYTES, type StoredFiles, storedPartWriter } from './stored-part.ts'
import { outputDigest, SUCCESS, type Success, successOf, successText } from './success-file.ts'

/** See the file head. */
export interface StorageSinkParts {
  readonly name: string
  readonly prefix: string
  readonly suffix: string
  readonly storage: FileStorage
  readonly format: FileFormatOptions
  readonly maxFileBytes: number | undefined
}

export function storageFileSink<T>(parts: StorageSinkParts): ExactlyOnceSink<T> {
  const { name, prefix, suffix, storage, format } = parts
  const maxFileBytes = parts.maxFileBytes ?? MAX_FILE_BYTES
  const folderOf = ({ batchTime }: BatchToken): string => batchDirectory(prefix, suffix, batchTime)
  const successFile = (batch: BatchToken): string => `${folderOf(batch)}/${SUCCESS}`
  const held = async (batch: BatchToken): Promise<Success | undefined> =>
    successOf(await storage.read(successFile(batch)), batch, name)
  /** Deletes the files of a batch that `isWanted` does not hold for. */
  const clear = async (batch: BatchToken, isWanted: (file: string) => boolean): Promise<void> => {
    const folder = folderOf(batch)
    for (const file of await storage.list(folder))
      if (!isWanted(file) && file !== SUCCESS) await storage.delete(`${folder}/${file}`)
  }
  const fence = new Fence(fenceFiles(storage), prefix, name)
  return {
    name: `${name} in ${storage.name}`,
    guarantee: 'exactly-once',
    by: 'manifest',
    writer: token =>
      storedPartWriter<T>({
        storage,
        format,
        maxFileBytes,
        folder: batchDirectory(prefix, suffix, token.batchTime),
        nameOf: (n, ending) => storedName(token, n, ending),
      }),
    open: session => fence.raise(session),
    begin: batch => fence.check(batch),
    close: output => fence.lower(output),
    async committed(tokens) {
      const found: BatchToken[] = []
      for (const token of tokens) {
        const success = await held(token)
        if (success === undefined) continue
        // Whoever committed it may have died before it cleared up.
        await clear(token, file => success.files.includes(file))
        found.push(token)
      }
      return found
    },
    async commit(batch, messages) {
      await fence.check(batch)
      const files = (messages as readonly StoredFiles[]).flatMap(stored => stored.map(({ file }) => file))
      const created = await storage.createIfAbsent(successFile(batch), Buffer.from(successText(batch, files)))
      const success = created ? { files } : await held(batch)
      if (success === undefined)
        throw new KindlingError('OUTPUT_PATH_EXISTS', { path: `${storage.name}/${folderOf(batch)}` })
      await clear(batch, file => success.files.includes(file))
    },
    async abort(batch) {
      const success = await held(batch)
      const own = `-${outputDigest(batch)}-${batch.epoch}-`
      const isOwn = (file: string): boolean => file.includes(own)
      await clear(batch, file => success?.files.includes(file) === true || !isOwn(file))
    },
  }
}

function fenceFiles(storage: FileStorage): FenceFiles {
  return {
    put: async (folder, name) => void (await storage.createIfAbsent(`${folder}/${name}`, new Uint8Array(0))),
    names: folder => storage.list(folder),
    remove: (folder, name) => storage.delete(`${folder}/${name}`),
  }
}

/** See the file head. */
function storedName(token: WriteToken, n: number, suffix: string): string {
  const { partition, epoch, attempt } = token
  const more = n === 0 ? '' : `-${n}`
  return partName(partition, `-${outputDigest(token)}-${epoch}-${attempt}${more}${suffix}`)
}

const STORED_PART = /^part-\d{5,}-[0-9a-f]{12}-\d+-\d+/

/** Whether a file was written by a sink, and counts only if `_SUCCESS` names it. */
export function isStoredPart(name: string): boolean {
  return STORED_PART.test(name)
}
