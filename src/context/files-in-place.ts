/** Files of another place as RDDs: what `sc.filesIn(place)` gives. */
import { filter } from '../rdd/narrow-operations.ts'
import type { RDD } from '../rdd/rdd.ts'
import { operator } from '../rdd/scope.ts'
import { findRemoteFiles } from '../rdd/sources/find-remote.ts'
import type { RemoteFiles } from '../rdd/sources/remote-files.ts'
import {
  type AvroReadOptions,
  type CsvReadOptions,
  type CsvRecord,
  type FileReadingContext,
  KnownFiles,
  type ParquetReadOptions,
} from './known-files.ts'

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
  /** @internal Reads files that have been found. */
  readonly known: KnownFiles
  private readonly context: FileReadingContext
  private readonly place: RemoteFiles

  /** @internal */
  constructor(context: FileReadingContext, place: RemoteFiles) {
    this.context = context
    this.place = place
    this.known = new KnownFiles(context, place)
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
    return this.known.lines(await findRemoteFiles(this.place, path), minPartitions)
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

  /**
   * The rows of CSV files as records; see {@link SparkContext.csvFile}. Partitions: one for each file.
   *
   * @throws INPUT_PATH_NOT_FOUND; what the place throws; in tasks ROW_NOT_READABLE, FILE_DAMAGED, PACKAGE_MISSING
   * @example
   * const store = new ObjectStore({ url: 's3://data/csv', ...bucket })
   * await store.write('in/a.csv', Buffer.from('name,age\nann,31\n'))
   * const rows = await sc.filesIn(store).csvFile('in', { columns: { name: 'string', age: 'number' } })
   * rows // => [{ name: 'ann', age: 31 }]
   */
  async csvFile<T = CsvRecord>(path: string, options: CsvReadOptions<T> = {}): Promise<RDD<T>> {
    return this.known.csvRows(await findRemoteFiles(this.place, path), options)
  }

  /**
   * The records of Parquet files; see {@link SparkContext.parquetFile}.
   *
   * @throws INPUT_PATH_NOT_FOUND; what the place throws; in tasks FILE_DAMAGED, FILE_NOT_FITTING, PACKAGE_MISSING
   * @example
   * const store = new ObjectStore({ url: 's3://data/parquet', ...bucket })
   * await visits.writeTo(fileSink('visits', { storage: store, format: 'parquet' }), { id: 'visits', time: 0 })
   * const rows = await sc.filesIn(store).parquetFile('visits-0', { columns: ['value'] })
   * rows.map(({ value }) => value as number).sum() // => 6
   */
  async parquetFile<T = Record<string, unknown>>(
    path: string,
    options: ParquetReadOptions = {},
  ): Promise<RDD<T>> {
    return this.known.parquetRecords(await findRemoteFiles(this.place, path), options)
  }

  /**
   * The records of Avro files; see {@link SparkContext.avroFile}.
   *
   * @throws INPUT_PATH_NOT_FOUND; what the place throws; in tasks FILE_DAMAGED, FILE_NOT_FITTING, PACKAGE_MISSING
   * @example
   * const store = new ObjectStore({ url: 's3://data/avro', ...bucket })
   * const words = fileSink<string>('words', { storage: store, format: 'avro', schema: 'string' })
   * await sc.parallelize(['a', 'b']).writeTo(words, { id: 'words', time: 0 })
   * await sc.filesIn(store).avroFile('words-0') // => ['a', 'b']
   */
  async avroFile<T = Record<string, unknown>>(path: string, options: AvroReadOptions = {}): Promise<RDD<T>> {
    return this.known.avroRecords(await findRemoteFiles(this.place, path), options)
  }
}
