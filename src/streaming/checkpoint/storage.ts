/** The port through which checkpoints are kept: files of a storage, and what only checkpoints need of one. */
import type { FileStorage } from '../../rdd/sink/file-storage.ts'

/** The process that writes, so that people can tell whether it is still there. */
export interface CheckpointWriter {
  readonly host: string
  readonly pid: number
}

/** A {@link FileStorage} that can hold checkpoints. */
export interface CheckpointStorage extends FileStorage {
  /** Who writes through it; kept in manifests. */
  readonly writer?: CheckpointWriter
  /**
   * Adds to a file that `write` made. When it fails, a part of the bytes may be there. A storage that cannot add to files leaves it
   * out; the log of received blocks has more and smaller files then.
   */
  append?(file: string, bytes: Uint8Array): Promise<void>
  /** Removes what processes that have ended were writing in a folder; for storages where such files are hidden. */
  clearUp?(folder: string): Promise<void>
  /**
   * What is to be seen of a folder, or of a file that was added to, survives the end of the machine from now on: asked for before a process
   * builds on what another one may have left in the middle of writing. For storages where that is not so in any case.
   */
  settle?(path: string): Promise<void>
}
