/**
 * The port through which files are kept elsewhere: whole files by name, in folders that names separate by `/`.
 *
 * I1  A reader sees a file whole, or not at all, or notices by its checksum that it is not whole.
 * I2  Of several that create a file at once, one succeeds.
 * I3  What has resolved survives the end of the process and of the machine.
 *
 * Renaming is no part of it: object stores cannot rename in one step.
 */

/** See the file head. Operations reject with a KindlingError that names the place. */
export interface FileStorage {
  /** What it is, for messages: a path or an address. */
  readonly name: string
  /** Writes a new file; `false`, and nothing is written, when there is one of that name. */
  createIfAbsent(file: string, bytes: Uint8Array): Promise<boolean>
  /** Writes a file, in place of one of that name. */
  write(file: string, bytes: Uint8Array): Promise<void>
  /** `undefined` when there is none. */
  read(file: string): Promise<Uint8Array | undefined>
  /** The names in a folder (`''`: the uppermost), of files and folders, in no order; none when there is no such folder. */
  list(folder: string): Promise<readonly string[]>
  /** Nothing happens when there is none. */
  delete(file: string): Promise<void>
}
