/** Files of another place as RDDs: what `sc.filesIn(place)` gives. */
import { filter } from '../rdd/narrow-operations.ts'
import type { SourceNode } from '../rdd/nodes.ts'
import type { JobRunner } from '../rdd/ports.ts'
import { RDD } from '../rdd/rdd.ts'
import { operator } from '../rdd/scope.ts'
import { findRemoteFiles } from '../rdd/sources/find-remote.ts'
import type { RemoteFile, RemoteFiles } from '../rdd/sources/remote-files.ts'
import { remoteTextNode } from '../rdd/sources/remote-text.ts'

/** What the reading of files needs of a context. */
export interface FileReadingContext {
  readonly runner: JobRunner
  readonly defaultMinPartitions: number
  /** @throws CONTEXT_STOPPED */
  assertRunning(what: string): void
}

/** A file, as it is read. */
export type SizedFile = Omit<RemoteFile, 'modified'>

/**
 * Reads the files of another place. Paths are those of the place: a file, a folder (its files, without those whose names begin with `.`
 * or `_`), or with `*` in the last part. Of what sinks have written there, what counts is read: the files that `_SUCCESS` names.
 *
 * Files are listed when a method is called, and read by each job unless persisted.
 *
 * @example
 * const files = sc.filesIn(place)
 * await files.textFile('in') // => ['one', 'two']
 */
export class FilesInPlace {
  private readonly context: FileReadingContext
  private readonly place: RemoteFiles

  /** @internal */
  constructor(context: FileReadingContext, place: RemoteFiles) {
    this.context = context
    this.place = place
  }

  /**
   * The lines of text files, without their ends. Partitions: byte ranges of at most 32 MiB; `.gz` files are one each. Lines are in the
   * order of files by name.
   *
   * @param minPartitions default: `sc.defaultMinPartitions`
   * @throws INPUT_PATH_NOT_FOUND; what the place throws; LINE_TOO_LONG in tasks
   * @example
   * const store = new ObjectStore({ url: 's3://data/text', ...bucket })
   * await store.write('in/a.log', Buffer.from('one\ntwo\n'))
   * await sc.filesIn(store).textFile('in') // => ['one', 'two']
   */
  async textFile(
    path: string,
    minPartitions: number = this.context.defaultMinPartitions,
  ): Promise<RDD<string>> {
    return this.lines(await findRemoteFiles(this.place, path), minPartitions)
  }

  /**
   * The lines of text files, each read as JSON. Blank lines are left out.
   *
   * @param minPartitions default: `sc.defaultMinPartitions`
   * @throws INPUT_PATH_NOT_FOUND; what the place throws; USER_CODE_FAILED in tasks for a line that is no JSON
   * @example
   * const store = new ObjectStore({ url: 's3://data/ndjson', ...bucket })
   * await store.write('in/a.ndjson', Buffer.from('{"user":"ann"}\n'))
   * await sc.filesIn(store).ndjsonFile('in/*.ndjson') // => [{ user: 'ann' }]
   */
  async ndjsonFile<T>(path: string, minPartitions?: number): Promise<RDD<T>> {
    const lines = await this.textFile(path, minPartitions)
    return operator('ndjsonFile', () =>
      filter(lines, line => line.trim() !== '').map(line => JSON.parse(line) as T & {}),
    )
  }

  /** @internal The lines of files that are known already. */
  lines(files: readonly SizedFile[], minPartitions: number): RDD<string> {
    const { maxLineBytes } = this.context.runner
    return this.made('textFile', () => remoteTextNode(this.place, files, minPartitions, maxLineBytes))
  }

  private made<T>(name: string, node: () => SourceNode): RDD<T> {
    this.context.assertRunning(name)
    return operator(name, () => new RDD(this.context.runner, node()))
  }
}
