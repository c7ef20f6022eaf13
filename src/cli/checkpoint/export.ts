/**
 * `kindling checkpoint export`: the state of an operator as a file that appears whole or not at all.
 *
 * One partition is in memory at a time. Without a time the newest image that can be read is taken.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import {
  imagesOf,
  partitionsOf,
  type SavedRecords,
  savedOperators,
} from '../../streaming/checkpoint/saved-state.ts'
import { openExisting } from '../../streaming/checkpoint/stored-files.ts'
import { grouped } from '../../ui/draw-table.ts'
import type { ExportCommand } from './command.ts'
import { writeNDJSON } from './export-ndjson.ts'
import { writeParquet } from './export-parquet.ts'
import { timeText } from './text.ts'

/** What a format is written from, and to. */
export interface ExportParts {
  /** May be called more than once. */
  readonly partitions: () => AsyncIterable<SavedRecords>
  readonly put: (bytes: Uint8Array) => Promise<unknown>
}

/** @throws OPERATOR_NOT_SAVED, FILE_DAMAGED, CLASS_NOT_REGISTERED, OUTPUT_FAILED, PACKAGE_MISSING, … */
export async function exportState(command: ExportCommand): Promise<number> {
  const { directory, operator: id, at: time, out, format } = command
  const storage = await openExisting(directory)
  for (const module of command.imports) await import(pathToFileURL(resolve(module)).href)
  const { operator, images } = imagesOf(storage, await savedOperators(storage), { id, time })
  const write = format === 'parquet' ? writeParquet : writeNDJSON
  for (const [i, image] of images.entries())
    try {
      const keys = await whole(out, put =>
        write({ partitions: () => partitionsOf(storage, operator, image), put }),
      )
      process.stderr.write(
        `${id}: ${grouped(keys)} keys of ${timeText(image.time)} (${image.time} ms) in ${out}\n`,
      )
      return 0
    } catch (error) {
      if (!isKindlingError(error, 'FILE_DAMAGED') || i === images.length - 1) throw error
      process.stderr.write(`skipped the image of ${image.time} ms: ${error.message}\n`)
    }
  return 1
}

/** Writes beside the file, and puts it in its place at the end. */
async function whole<R>(out: string, write: (put: ExportParts['put']) => Promise<R>): Promise<R> {
  const temporary = join(dirname(resolve(out)), `.${basename(out)}.${process.pid}.part`)
  const failed = (error: unknown): KindlingError =>
    new KindlingError('OUTPUT_FAILED', { path: out, reason: (error as Error).message }, { cause: error })
  let file: FileHandle
  try {
    file = await open(temporary, 'w')
  } catch (error) {
    throw failed(error)
  }
  try {
    const result = await write(async bytes => {
      try {
        await file.writeFile(bytes)
      } catch (error) {
        throw failed(error)
      }
    })
    await file.datasync()
    await file.close()
    await rename(temporary, out)
    return result
  } catch (error) {
    await file.close().catch(() => {})
    await rm(temporary, { force: true })
    throw isKindlingError(error) ? error : failed(error)
  }
}
