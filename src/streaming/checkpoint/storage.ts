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
}
