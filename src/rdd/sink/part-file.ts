/** A partition as a file, written under a name of its attempt. */
import { KindlingError } from '../../base/errors.ts'
import { type FileFormatOptions, fileFormat } from './file-format.ts'
import { localOutputFiles, type OutputFile, type OutputFiles } from './output-files.ts'
import type { SinkWriter, WriteToken } from './sink.ts'

/** What a task tells of the file that it wrote; without a name when it wrote none. */
export interface PartFile {
  /** The name that it was written under. */
  readonly written?: string
  /** The name that it is to have. */
  readonly name: string
}

/** How part files are written: data, so that it travels to tasks. */
export interface PartFileOptions {
  readonly format: FileFormatOptions
  /** Brought to the disk by `prepare`. */
  readonly isDurable: boolean
  /** Default: the local file system. Other ones do not travel. */
  readonly files?: OutputFiles | undefined
}

/** `part-00003.gz` */
export function partName(partition: number, suffix: string): string {
  return `part-${String(partition).padStart(5, '0')}${suffix}`
}

/** The writer of an attempt, into a directory. The file is opened by the first bytes. */
export function partFileWriter<T>(
  directory: string,
  { partition, attempt }: Pick<WriteToken, 'partition' | 'attempt'>,
  { format, isDurable, files = localOutputFiles }: PartFileOptions,
): SinkWriter<T, PartFile> {
  const { open, suffix, leavesOutEmpty = false } = fileFormat(format)
  const name = partName(partition, suffix)
  const written = `.${name}.${attempt}`
  const path = `${directory}/${written}`
  let file: OutputFile | undefined
  const encoder = open(async bytes => {
    file ??= await files.create(path)
    await file.write(bytes)
  })
  const orFailed = async <R>(step: Promise<R>): Promise<R> => {
    try {
      return await step
    } catch (error) {
      throw outputFailed(`${directory}/${name}`, error)
    }
  }
  return {
    write: records => orFailed(encoder.add(records)),
    prepare: () =>
      orFailed(
        (async () => {
          await encoder.end()
          if (file === undefined && leavesOutEmpty) return { name }
          file ??= await files.create(path)
          if (isDurable) await file.sync()
          return { written, name }
        })(),
      ),
    abort: () => files.remove(path),
    async close() {
      await file?.close()
    },
  }
}

/** @returns an OUTPUT_FAILED, or the engine's error as it is */
export function outputFailed(path: string, error: unknown): KindlingError {
  if (error instanceof KindlingError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new KindlingError('OUTPUT_FAILED', { path, reason }, { cause: error })
}
