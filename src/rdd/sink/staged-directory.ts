/**
 * A directory that appears whole or not at all: `part-00000` … one for each partition, and `_SUCCESS`.
 *
 *   out/.words-1000._temporary…/.part-00000.0       an attempt of a task, beside the target, where listings leave it out
 *   out/.words-1000._temporary…/part-00000          the attempt that counts
 *   out/.words-1000._temporary…/_SUCCESS
 *   out/words-1000/                                 renamed in one step
 *
 * What is replaced steps aside (`._replaced…`) before, since a directory cannot be renamed onto another that has files, and goes last.
 */
import { basename, dirname, join } from 'node:path'
import { isMissing, isOccupied, type OutputFiles } from './output-files.ts'
import { outputFailed, type PartFile } from './part-file.ts'
import { SUCCESS } from './success-file.ts'

/** A directory to be; `tag` makes its temporary names differ from those of others. */
export interface StagedDirectory {
  readonly path: string
  readonly tag: string
  readonly files: OutputFiles
  readonly isDurable: boolean
}

/** Where attempts write. */
export function stagingOf({ path, tag }: Pick<StagedDirectory, 'path' | 'tag'>): string {
  return beside(path, `_temporary${tag}`)
}

/** A hidden name in the same folder: a rename within a folder is one step. */
function beside(path: string, suffix: string): string {
  return join(dirname(path), `.${basename(path)}.${suffix}`)
}

export async function beginStaging(directory: StagedDirectory): Promise<void> {
  const { files, path } = directory
  const staging = stagingOf(directory)
  try {
    await files.remove(staging)
    await files.makeDirectory(staging)
  } catch (error) {
    throw outputFailed(path, error)
  }
}

/** Gives the parts their names, and writes `_SUCCESS`. What other attempts left is removed. */
export async function completeStaging(
  directory: StagedDirectory,
  parts: readonly PartFile[],
  success: string,
): Promise<void> {
  const { files, isDurable } = directory
  const staging = stagingOf(directory)
  const counted = parts.filter(({ written }) => written !== undefined)
  for (const { written, name } of counted) await files.rename(join(staging, written!), join(staging, name))
  const names = new Set(counted.map(({ name }) => name))
  for (const name of await files.list(staging)) if (!names.has(name)) await files.remove(join(staging, name))
  await files.write(join(staging, SUCCESS), success)
  if (isDurable) await files.syncDirectory(staging)
}

/**
 * Puts the directory in its place, and what is there out of it.
 *
 * @param mayReplace asked when something is there; `false`: it stays, and what was staged goes
 * @returns whether the directory is now the staged one
 */
export async function publish(
  directory: StagedDirectory,
  mayReplace: () => Promise<boolean>,
): Promise<boolean> {
  const { files, path, tag, isDurable } = directory
  const staging = stagingOf(directory)
  const old = beside(path, `_replaced${tag}`)
  for (;;) {
    if (await files.exists(path)) {
      if (!(await mayReplace())) {
        await files.remove(staging)
        return false
      }
      await files.remove(old)
      await files.rename(path, old)
    }
    try {
      await files.rename(staging, path)
    } catch (error) {
      // Somebody else was quicker.
      if (isOccupied(error) && (await files.exists(path))) continue
      throw error
    }
    if (isDurable) await files.syncDirectory(dirname(path))
    await files.remove(old)
    return true
  }
}

/** Removes what was staged. */
export function abandonStaging(directory: StagedDirectory): Promise<void> {
  return directory.files.remove(stagingOf(directory))
}

/**
 * Clears up what a process that has died, or was overtaken, left in a folder: its tags are those that `isLeft` knows. A directory that
 * is being written elsewhere at this moment disappears in one step, so that it is published whole or not at all.
 */
export async function sweepStaged(
  files: OutputFiles,
  folder: string,
  isLeft: (tag: string) => boolean,
): Promise<void> {
  for (const name of await files.list(folder)) {
    const [, target, kind, tag] = /^\.(.+)\._(temporary|replaced|gone)(.*)$/.exec(name) ?? []
    if (target === undefined || !isLeft(tag!)) continue
    const path = join(folder, name)
    if (kind === 'replaced' && !(await files.exists(join(folder, target)))) {
      // The crash came between the two renames: what was there is there again.
      await files.rename(path, join(folder, target))
      continue
    }
    const gone = kind === 'temporary' ? join(folder, `.${target}._gone${tag}`) : path
    try {
      if (gone !== path) await files.rename(path, gone)
    } catch (error) {
      // Published, at the last moment.
      if (!isMissing(error)) throw error
    }
    await files.remove(gone)
  }
}
