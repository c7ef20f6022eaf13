/** An RDD as a directory of files, which appears whole or not at all (`sink/staged-directory.ts`): what the `saveAs…File` actions do. */
import { KindlingError } from '../base/errors.ts'
import type { RDD } from './rdd.ts'
import type { OperatorScope } from './scope.ts'
import type { FileFormatOptions } from './sink/file-format.ts'
import { localOutputFiles } from './sink/output-files.ts'
import { outputFailed, type PartFile, partFileWriter } from './sink/part-file.ts'
import type { BatchToken, RepeatingSink } from './sink/sink.ts'
import {
  abandonStaging,
  beginStaging,
  completeStaging,
  publish,
  type StagedDirectory,
  stagingOf,
} from './sink/staged-directory.ts'
import { writeBatch } from './sink/write-batch.ts'

/** One directory, written once: nobody asks for its token. */
const ONCE: BatchToken = { program: '', operatorId: '', epoch: 0, batchTime: 0 }

/**
 * Writes the partitions of an RDD under a new directory.
 *
 * @throws OUTPUT_PATH_EXISTS when the directory is there already
 * @throws OUTPUT_FAILED with the system's error as cause
 */
export async function writeDirectory(
  rdd: RDD<unknown>,
  path: string,
  scope: OperatorScope,
  format: FileFormatOptions,
): Promise<void> {
  const files = localOutputFiles
  if (!rdd.context.mayOverwriteOutput() && (await files.exists(path)))
    throw new KindlingError('OUTPUT_PATH_EXISTS', { path })
  await writeBatch(rdd, directorySink({ path, tag: '', files, isDurable: false }, format), ONCE, scope)
}

function directorySink(
  directory: StagedDirectory,
  format: FileFormatOptions,
): RepeatingSink<unknown, PartFile> {
  const staging = stagingOf(directory)
  return {
    name: directory.path,
    guarantee: 'at-least-once',
    writer: token => partFileWriter(staging, token, { format, isDurable: false }),
    begin: () => beginStaging(directory),
    async commit(_batch, parts) {
      try {
        await completeStaging(directory, parts, '')
        await publish(directory, async () => true)
      } catch (error) {
        throw outputFailed(directory.path, error)
      }
    },
    abort: () => abandonStaging(directory),
  }
}
