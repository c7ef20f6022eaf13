/** Files that appear in another place as streams: what `ssc.filesIn(place)` gives. */
import type { CsvRecord } from '../../context/known-files.ts'
import type { AvroInputOptions } from '../../rdd/formats/avro-input.ts'
import type { CsvRow } from '../../rdd/formats/csv-input.ts'
import { type CsvOptions, recordMaker } from '../../rdd/formats/csv-rows.ts'
import type { ParquetInputOptions } from '../../rdd/formats/parquet-input.ts'
import { operator } from '../../rdd/scope.ts'
import type { RemoteFiles } from '../../rdd/sources/remote-files.ts'
import type { OnErrorOptions } from '../delivery/tried-stream.ts'
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
      sc.filesIn(this.place).known.lines([file], cut),
    )
  }

  /**
   * The rows of CSV files as records; see {@link SparkContext.csvFile}.
   *
   * @param options.onError takes rows that are none; without it such a row fails the batch
   * @example
   * ssc.filesIn(place).csvFileStream('in') // => [[{ one: 'two' }], []]
   */
  csvFileStream<T = CsvRecord>(folder: string, options: FilesToTake & CsvStreamOptions<T> = {}): DStream<T> {
    return csvStream(options, () =>
      this.stream('csvFileStream', folder, options, (sc, file) =>
        sc.filesIn(this.place).known.csvTexts([file], options as CsvOptions<never>),
      ),
    )
  }

  /**
   * The records of Parquet files; see {@link SparkContext.parquetFile}.
   *
   * @example
   * ssc.filesIn(place).parquetFileStream('parquet', { columns: ['who'] }) // => [[{ who: 'ann' }], []]
   */
  parquetFileStream<T = Record<string, unknown>>(
    folder: string,
    options: FilesToTake & ParquetInputOptions = {},
  ): DStream<T> {
    const { filter, newFilesOnly, ...format } = options
    return this.stream('parquetFileStream', folder, options, (sc, file, minPartitions) =>
      sc.filesIn(this.place).known.parquetRecords<T>([file], { ...format, minPartitions }),
    )
  }

  /**
   * The records of Avro files; see {@link SparkContext.avroFile}.
   *
   * @example
   * ssc.filesIn(place).avroFileStream<string>('avro') // => [['one', 'two'], []]
   */
  avroFileStream<T = Record<string, unknown>>(
    folder: string,
    options: FilesToTake & AvroInputOptions = {},
  ): DStream<T> {
    const { filter, newFilesOnly, ...format } = options
    return this.stream('avroFileStream', folder, options, (sc, file, minPartitions) =>
      sc.filesIn(this.place).known.avroRecords<T>([file], { ...format, minPartitions }),
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

/** How rows of files that appear are read, and where rows go that are none. */
export type CsvStreamOptions<T> = CsvOptions<T> & OnErrorOptions

/** Makes records of a stream of rows. */
export function csvStream<T>(
  { onError, ...options }: CsvStreamOptions<T>,
  rows: () => DStream<CsvRow>,
): DStream<T> {
  return operator('csvFileStream', () => {
    const make = recordMaker(options as CsvOptions<T>)
    return rows().map(make as never, onError === undefined ? {} : { onError }) as DStream<T>
  })
}
