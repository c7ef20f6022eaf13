/** Files that appear in another place as streams: what `ssc.filesIn(place)` gives. */
import type { RemoteFiles } from '../../rdd/sources/remote-files.ts'
import type { DStream } from '../dstream/dstream.ts'
import type { InputSource } from '../input-source.ts'
import { type FilePlace, type FileStreamOptions, placedFileSource } from './file.ts'

/** Planning a batch does not wait longer for a place that does not answer: the next batch asks again. */
const PLANNING_MS = 2000

/** Which of the files that appear are taken. */
export type FilesToTake = Pick<FileStreamOptions<unknown>, 'filter' | 'newFilesOnly'>

/** Registers a source with its context, under the name of the method that was called. */
type MakeStream = <T>(name: string, source: InputSource<T>) => DStream<T>

/**
 * Streams of the files that appear in a folder of another place, by the rules of `ssc.textFileStream`: found by the time at which they
 * were written, each read once, at most so many bytes a batch. A batch that runs again reads the same files. While the place does not
 * answer, batches have no files; later ones take what came meanwhile, unless it is older than
 * `spark.streaming.fileStream.minRememberDuration`.
 *
 * @example
 * const files = ssc.filesIn(place)
 * files.textFileStream('in') // => [['one', 'two'], []]
 */
export class FileStreamsInPlace {
  private readonly make: MakeStream
  private readonly place: RemoteFiles

  /** @internal */
  constructor(make: MakeStream, place: RemoteFiles) {
    this.make = make
    this.place = place
  }

  /**
   * The lines of text files.
   *
   * @example
   * ssc.filesIn(place).textFileStream('in', { filter: path => path.endsWith('a') }) // => [['one', 'two'], []]
   */
  textFileStream(folder: string, options: FilesToTake = {}): DStream<string> {
    return this.stream('textFileStream', folder, options, (sc, file, cut) =>
      sc.filesIn(this.place).lines([file], cut),
    )
  }

  private stream<T>(
    name: string,
    folder: string,
    options: FilesToTake,
    read: FilePlace<T>['read'],
  ): DStream<T> {
    const { place } = this
    const files = { list: (path: string) => place.listFiles(path, { patienceMs: PLANNING_MS }), read }
    return this.make(name, placedFileSource<T>(folder, files, options))
  }
}
