/**
 * A directory that appears whole or not at all: `part-00000` … one for each partition, and `_SUCCESS`.
 *
 *   out/.words-1000._temporary…/.part-00000.0       an attempt of a task, beside the target, where listings leave it out
 *   out/.words-1000._whole…/part-00000              the attempts that count, moved there when all tasks have ended well
 *   out/.words-1000._whole…/_SUCCESS
 *   out/words-1000/                                 renamed in one step
 *
 * An attempt that lost may still be writing at that time: what it makes lies in a directory that is never published.
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

/** Where the parts that count are gathered. */
function wholeOf({ path, tag }: StagedDirectory): string {
  return beside(path, `_whole${tag}`)
}

/** A hidden name in the same folder: a rename within a folder is one step. */
function beside(path: string, suffix: string): string {
  return join(dirname(path), `.${basename(path)}.${suffix}`)
}

export async function beginStaging(directory: StagedDirectory): Promise<void> {
  const { files, path } = directory
  const staging = stagingOf(directory)
  try {
    await abandonStaging(directory)
    await files.makeDirectory(staging)
  } catch (error) {
    throw outputFailed(path, error)
  }
}

/** Gathers the parts that count under their names, and writes `_SUCCESS`. */
export async function completeStaging(
  directory: StagedDirectory,
  parts: readonly PartFile[],
  success: string,
): Promise<void> {
  const { files, isDurable } = directory
  const [staging, whole] = [stagingOf(directory), wholeOf(directory)]
  await files.makeDirectory(whole)
  for (const { written, name } of parts)
    if (written !== undefined) await files.rename(join(staging, written), join(whole, name))
  // Written and moved like a part: it fails where a later driver has cleared away, also when there are no parts.
  await files.write(join(staging, SUCCESS), success)
  await files.rename(join(staging, SUCCESS), join(whole, SUCCESS))
  if (isDurable) await files.sync(whole)
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
  const old = beside(path, `_replaced${tag}`)
  for (;;) {
    if (await files.exists(path)) {
      if (!(await mayReplace())) {
        await abandonStaging(directory)
        return false
      }
      await files.remove(old)
      await files.rename(path, old)
    }
    try {
      await files.rename(wholeOf(directory), path)
    } catch (error) {
      // Somebody else was quicker.
      if (isOccupied(error) && (await files.exists(path))) continue
      throw error
    }
    if (isDurable) await files.sync(dirname(path))
    await files.remove(old)
    await abandonStaging(directory)
    return true
  }
}

/** Removes what was staged. */
export async function abandonStaging(directory: StagedDirectory): Promise<void> {
  const { files } = directory
  await files.remove(stagingOf(directory))
  await files.remove(wholeOf(directory))
}

/**
 * Clears up what a process that has died, or was overtaken, left in a folder: its tags are those that `isLeft` knows. A directory that
 * is being written elsewhere at this moment disappears in one step, so that it is published whole or not at all: what attempts write
 * into goes first, and what was gathered from it meanwhile is found by looking again.
 */
export async function sweepStaged(
  files: OutputFiles,
  folder: string,
  isLeft: (tag: string) => boolean,
): Promise<void> {
  for (;;) {
    const left = [...(await files.list(folder))].sort().flatMap(name => {
      const [, target, kind, tag] = /^\.(.+)\._(temporary|whole|replaced|gone)(.*)$/.exec(name) ?? []
      return target !== undefined && isLeft(tag!) ? [{ path: join(folder, name), target, kind, tag }] : []
    })
    if (left.length === 0) return
    for (const { path, target, kind, tag } of left) {
      if (kind === 'replaced' && !(await files.exists(join(folder, target)))) {
        // The crash came between the two renames: what was there is there again.
        await files.rename(path, join(folder, target))
        continue
      }
      const gone = kind === 'temporary' || kind === 'whole' ? join(folder, `.${target}._gone${tag}`) : path
      try {
        if (gone !== path) await files.rename(path, gone)
      } catch (error) {
        // Published, at the last moment.
        if (!isMissing(error)) throw error
      }
      await files.remove(gone)
    }
  }
}
