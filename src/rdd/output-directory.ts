/**
 * An RDD as a directory of files: `part-00000` … one for each partition, and `_SUCCESS`.
 *
 * Everything is written beside the target, under a name that listings leave out, and renamed once, so that readers see all of it or
 * nothing; what is replaced stays until then. Within, an attempt of a task writes under a name of its own, so that one that fails
 * leaves nothing.
 */
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { KindlingError } from '../base/errors.ts'
import type { TaskInfo, TaskInput } from './ports.ts'
import type { RDD } from './rdd.ts'
import { run } from './run-sink.ts'
import type { OperatorScope } from './scope.ts'

/** Turns the records of a partition into the bytes of its file. */
export interface PartitionWriter {
  /** At the end of each file's name. */
  readonly suffix: string
  /** Whether a partition that nothing was put for has no file. */
  readonly leavesOutEmpty?: boolean
  /** `put` takes bytes that it may keep; awaited before the next call. */
  write(
    records: TaskInput,
    task: Pick<TaskInfo, 'breathe'>,
    put: (bytes: Uint8Array) => Promise<unknown>,
  ): Promise<void>
}

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
  writer: PartitionWriter,
): Promise<void> {
  if (!rdd.context.mayOverwriteOutput() && (await exists(path)))
    throw new KindlingError('OUTPUT_PATH_EXISTS', { path })
  const temporary = beside(path, '_temporary')
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary, { recursive: true })
  try {
    await run(rdd, scope, {
      kind: 'chunks',
      run: (records, task) => writePartition(records, task, temporary, writer),
    })
    await writeFile(`${temporary}/_SUCCESS`, '')
    await publish(temporary, path)
  } catch (error) {
    // Tasks of the job that failed may still be writing there; what cannot be removed must not hide the failure.
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
    throw error
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** A hidden name in the same folder: a rename within a folder is one step. */
function beside(path: string, suffix: string): string {
  return join(dirname(path), `.${basename(path)}.${suffix}`)
}

/** Puts a finished directory in its place. A directory cannot be renamed onto another that has files: the old one steps aside. */
async function publish(temporary: string, path: string): Promise<void> {
  if (!(await exists(path))) return rename(temporary, path)
  const old = beside(path, '_replaced')
  await rm(old, { recursive: true, force: true })
  await rename(path, old)
  await rename(temporary, path)
  await rm(old, { recursive: true, force: true })
}

async function writePartition(
  records: TaskInput,
  task: TaskInfo,
  directory: string,
  writer: PartitionWriter,
): Promise<void> {
  const name = `part-${String(task.partition).padStart(5, '0')}${writer.suffix}`
  const temporary = `${directory}/.${name}.${task.attempt}`
  const path = `${directory}/${name}`
  try {
    const file = await open(temporary, 'w')
    let isEmpty = true
    const put = (bytes: Uint8Array): Promise<unknown> => {
      isEmpty = false
      return file.write(bytes)
    }
    try {
      await writer.write(records, task, put)
    } finally {
      await file.close()
    }
    if (isEmpty && writer.leavesOutEmpty === true) await rm(temporary)
    else await rename(temporary, path)
  } catch (error) {
    if (error instanceof KindlingError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new KindlingError('OUTPUT_FAILED', { path, reason }, { cause: error })
  }
}
