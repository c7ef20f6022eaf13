/** The port through which files are read that are not on this machine. */

/** A file that was found. */
export interface RemoteFile {
  /** As it is read by. */
  readonly path: string
  readonly bytes: number
  /** When it was last written, in ms since 1970. */
  readonly modified: number
}

/** Reads the bytes of files, in a task. Calls reject with a KindlingError that names the place. */
export interface RemoteReader {
  /**
   * The bytes from `offset` on, as they come.
   *
   * @param end after which hardly any bytes will be asked for: what is read ahead stops about there. Default: the end of the file
   */
  stream(path: string, offset: number, end?: number): AsyncIterable<Uint8Array>
  /** So many bytes from `offset` on: all of them. */
  read(path: string, offset: number, length: number): Promise<Uint8Array>
}

/** How the files of a folder are listed. */
export interface ListingOptions {
  /** For how long a place that does not answer is asked again, if that is not its own matter: a stream rather goes on without new files. */
  readonly patienceMs?: number | undefined
}

/**
 * Files in some other place: a folder of HDFS, a bucket. Other places can be had by implementing it.
 *
 * What `reader` gives is made where tasks run: it travels as functions of a program do.
 */
export interface RemoteFiles {
  /** What it is, for messages: an address without what is secret. */
  readonly name: string
  /** The names in a folder, of files and folders, in no order; none when there is no such folder. */
  list(folder: string): Promise<readonly string[]>
  /** The files right in a folder, in no order; `undefined` when there is no such folder, or where it is but a part of names: no file in it. */
  listFiles(folder: string, options?: ListingOptions): Promise<readonly RemoteFile[] | undefined>
  /** One file; `undefined` when there is none of that name. */
  findFile(path: string): Promise<RemoteFile | undefined>
  readonly reader: () => RemoteReader
}

/** What tasks need of a place. */
export type ReadingPlace = Pick<RemoteFiles, 'name' | 'reader'>

/** A file of a place, for messages. @param name of the place; '' is this machine */
export function placedPath(name: string, path: string): string {
  if (name === '') return path
  return `${name}${path.startsWith('/') ? '' : '/'}${path}`
}
