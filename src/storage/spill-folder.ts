/**
 * Where tasks put what does not fit into their memory: files that live no longer than what refers to them.
 *
 *   <spark.local.dir>/kindling-spill-<id>/            outputs of map tasks
 *                                        thread-<n>/  what the tasks of a worker thread are writing
 *
 * The folder is made with its first file. It goes with the context, that of a thread when the thread has ended.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { KindlingError } from '../base/errors.ts'

/** A file that is there as long as something refers to this. Its path is fixed. */
export interface KeptFile {
  readonly path: string
}

const abandoned = new FinalizationRegistry<string>(removeFile)

/** See the file head. */
export class SpillFolder {
  readonly path: string
  private made = false
  private next = 0

  /** Nothing is made yet. */
  constructor(path: string) {
    this.path = path
  }

  /** A folder of its own in `parent`. */
  static in(parent: string = tmpdir()): SpillFolder {
    return new SpillFolder(join(parent, `kindling-spill-${randomUUID()}`))
  }

  /** The folder of a worker thread. */
  ofThread(thread: number): SpillFolder {
    return new SpillFolder(join(this.path, `thread-${thread}`))
  }

  /** The path of a new file. @throws OUTPUT_FAILED when the folder cannot be made */
  newPath(): string {
    this.make()
    return join(this.path, `spill-${this.next++}`)
  }

  /** Takes over a file that another folder's thread wrote. @throws BLOCK_DAMAGED when it is gone */
  adopt(path: string): KeptFile {
    this.make()
    const own = join(this.path, `${this.next++}-${basename(path)}`)
    try {
      renameSync(path, own)
    } catch (error) {
      const reason = `${path} is gone: ${(error as Error).message}`
      throw new KindlingError('BLOCK_DAMAGED', { reason }, { cause: error })
    }
    return keptFile(own)
  }

  /** Removes all, at once. Never throws. */
  removeNow(): void {
    try {
      rmSync(this.path, { recursive: true, force: true })
    } catch {
      // What is left is in a folder for temporary files.
    }
  }

  /** Removes all; waits for nothing where there is nothing. Never rejects. */
  async remove(): Promise<void> {
    if (!existsSync(this.path)) return
    await rm(this.path, { recursive: true, force: true }).catch(() => {})
  }

  private make(): void {
    if (this.made) return
    try {
      mkdirSync(this.path, { recursive: true })
      this.made = true
    } catch (error) {
      const reason = (error as Error).message
      throw new KindlingError('OUTPUT_FAILED', { path: this.path, reason }, { cause: error })
    }
  }
}

/** Removes the file once nothing refers to the result. */
export function keptFile(path: string): KeptFile {
  const kept = { path }
  abandoned.register(kept, path)
  return kept
}

/** Never throws. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // It goes with its folder.
  }
}
