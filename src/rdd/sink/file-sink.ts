/**
 * Batches as directories of files: `prefix-TIME[.suffix]/part-00000` … one for each partition, and `_SUCCESS`.
 *
 * On the local file system a directory is renamed when it is whole (`staged-directory.ts`); on a storage the files count that `_SUCCESS`
 * names (`storage-directory.ts`).
 */
import { dirname, join, resolve } from 'node:path'
import { batchDirectory } from './batch-directory.ts'
import { Fence, type FenceFiles } from './fence.ts'
import type { FileFormatOptions } from './file-format.ts'
import type { FileStorage } from './file-storage.ts'
import { DurableFolders, isMissing, localOutputFiles, type OutputFiles } from './output-files.ts'
import { outputFailed, type PartFile, partFileWriter } from './part-file.ts'
import type { BatchToken, ExactlyOnceSink, SinkOutput } from './sink.ts'
import {
  abandonStaging,
  beginStaging,
  completeStaging,
  publish,
  type StagedDirectory,
  stagingOf,
  sweepStaged,
} from './staged-directory.ts'
import { storageFileSink } from './storage-directory.ts'
import { fenced, outputDigest, SUCCESS, type Success, successOf, successText } from './success-file.ts'

/** Where batches are written, and how. */
export interface FileSinkOptions extends FileFormatOptions {
  /** At the end of the directory's name, after a dot. Default: none. */
  readonly suffix?: string
  /** Where; the prefix is a name in it then. Default: the local file system. */
  readonly storage?: FileStorage
  /** Bytes of a file on a storage, where files are written whole: about so many are held. Default 64 MiB. */
  readonly maxFileBytes?: number
  /** @internal The local file system in the hands of a test. */
  readonly files?: OutputFiles
}

/**
 * A sink that writes each batch as a directory of files, which appears whole or not at all, once: also across crashes, and when attempts
 * of tasks run side by side. What is at the place of a directory already is replaced, unless it is this very batch.
 *
 * Over a storage, where nothing can be renamed in one step, readers take the files that `_SUCCESS` names (`files`, in a line of JSON).
 * A directory of another program is not replaced there, but refused (OUTPUT_PATH_EXISTS).
 *
 * @throws in batches: OUTPUT_FAILED; RECORD_NOT_ENCODABLE, RECORD_NOT_FITTING, PACKAGE_MISSING as the format has them
 * @example
 * words.writeTo(fileSink(`${dir}/words`, { format: 'ndjson', suffix: 'json' }))
 * await t.run(1)
 * sc.ndjsonFile(`${dir}/words-1000.json`) // => ['a', 'b', 'a']
 */
export function fileSink<T>(prefix: string, options: FileSinkOptions = {}): ExactlyOnceSink<T> {
  const { suffix = '', storage, maxFileBytes, files = localOutputFiles, ...format } = options
  const name = `files ${batchDirectory(prefix, suffix, '*')}`
  const pathOf = (batchTime: number): string => batchDirectory(prefix, suffix, batchTime)
  if (storage !== undefined)
    return storageFileSink<T>({ name, prefix, suffix, storage, format, maxFileBytes })
  const directoryOf = (batch: BatchToken): StagedDirectory => ({
    path: pathOf(batch.batchTime),
    tag: stagingTag(batch),
    files,
    isDurable: isDurable(batch),
  })
  const held = async (batch: BatchToken): Promise<Success | undefined> => {
    const path = pathOf(batch.batchTime)
    const success = successOf(await files.read(`${path}/${SUCCESS}`), batch, name)
    // Who put it there may have died, or failed, before it was safe.
    if (success !== undefined && isDurable(batch)) await files.sync(dirname(path))
    return success
  }
  const step = async (path: string, body: () => Promise<void>): Promise<void> => {
    try {
      await body()
    } catch (error) {
      throw outputFailed(path, error)
    }
  }
  const fence = new Fence(fenceFiles(files), prefix, name)
  const own = options.files
  return {
    name,
    guarantee: 'exactly-once',
    by: 'rename',
    writer: token =>
      partFileWriter<T>(
        stagingOf({ path: batchDirectory(prefix, suffix, token.batchTime), tag: stagingTag(token) }),
        token,
        { format, isDurable: isDurable(token), files: own },
      ) as ReturnType<ExactlyOnceSink<T>['writer']>,
    open: session =>
      step(prefix, async () => {
        await fence.raise(session)
        if (isDurable(session)) await new DurableFolders(files).keep(resolve(dirname(pathOf(0))))
        const digest = outputDigest(session)
        await sweepStaged(files, dirname(pathOf(0)), tag => {
          const [, theirs, epoch] = /^-(.+)-(\d+)$/.exec(tag) ?? []
          return theirs === digest && Number(epoch) < session.epoch
        })
      }),
    async committed(tokens) {
      const found: BatchToken[] = []
      for (const token of tokens) if ((await held(token)) !== undefined) found.push(token)
      return found
    },
    begin: batch =>
      step(pathOf(batch.batchTime), async () => {
        await fence.check(batch)
        await beginStaging(directoryOf(batch))
      }),
    commit: (batch, messages) =>
      step(pathOf(batch.batchTime), async () => {
        const directory = directoryOf(batch)
        const parts = messages as readonly PartFile[]
        await fence.check(batch)
        const names = parts.filter(({ written }) => written !== undefined).map(part => part.name)
        if ((await held(batch)) !== undefined) return abandonStaging(directory)
        try {
          await completeStaging(directory, parts, successText(batch, names))
          await publish(directory, async () => (await held(batch)) === undefined)
        } catch (error) {
          if (!isMissing(error) || (await files.exists(stagingOf(directory)))) throw error
          // A later epoch clears away what it finds of earlier ones.
          throw fenced(name, batch, 'its files have been cleared away')
        }
      }),
    abort: batch => abandonStaging(directoryOf(batch)),
    close: output => step(prefix, () => fence.lower(output)),
  }
}

function fenceFiles(files: OutputFiles): FenceFiles {
  return {
    async put(folder, name) {
      for (;;) {
        await files.makeDirectory(folder)
        try {
          await files.write(join(folder, name), '')
          return
        } catch (error) {
          // One that was overtaken has ended at this moment, and removed the folder.
          if (!isMissing(error)) throw error
        }
      }
    },
    names: folder => files.list(folder),
    async remove(folder, name) {
      await files.remove(join(folder, name))
      await files.removeEmpty(folder)
    },
  }
}

/** Nobody looks after a crash for what was written without a checkpoint directory. */
function isDurable({ epoch }: SinkOutput): boolean {
  return epoch > 0
}

/** What is written for an output in an epoch is told from the rest by its name. */
function stagingTag(output: SinkOutput): string {
  return `-${outputDigest(output)}-${output.epoch}`
}
