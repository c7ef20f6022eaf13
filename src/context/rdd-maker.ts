/** The part of a context that makes RDDs. Joined in `SparkContext`. */

import { unionNode } from '../rdd/arrange-operations.ts'
import type { DeadLetter, LetterPlace } from '../rdd/dead-letters/dead-letter.ts'
import { letterPlace, RDDDeadLetters, type RDDOnErrorOptions } from '../rdd/dead-letters/rdd-dead-letters.ts'
import { filter } from '../rdd/narrow-operations.ts'
import type { SourceNode } from '../rdd/nodes.ts'
import { checkPartitions } from '../rdd/partitioner.ts'
import type { JobRunner } from '../rdd/ports.ts'
import { type Mapped, RDD } from '../rdd/rdd.ts'
import { currentScope, operator } from '../rdd/scope.ts'
import { listInputFiles } from '../rdd/sources/file-listing.ts'
import { localReader } from '../rdd/sources/local-reader.ts'
import type { RemoteFiles } from '../rdd/sources/remote-files.ts'
import {
  binaryRecordsNode,
  longLinesNode,
  objectFileNode,
  rangeNode,
  textFileNode,
  wholeFilesNode,
} from '../rdd/sources/source-node.ts'
import { type PartitionReader, type PartitionsOptions, userMadeNode } from '../rdd/sources/user-made.ts'
import { FilesInPlace } from './files-in-place.ts'
import { JobControl } from './job-control.ts'
import {
  type AvroReadOptions,
  type CsvReadOptions,
  type CsvRecord,
  type FileReadingContext,
  KnownFiles,
  type ParquetReadOptions,
  type SizedFile,
} from './known-files.ts'
import { literalSource, locatedSource } from './literals.ts'

/** See the file head. */
export abstract class RDDMaker extends JobControl {
  abstract readonly defaultParallelism: number
  abstract readonly maxLineBytes: number
  /** @internal What the RDDs belong to. */
  protected abstract readonly runner: JobRunner
  /** @internal @throws CONTEXT_STOPPED */
  protected abstract assertRunning(what: string): void

  /** `spark.default.parallelism`, or the number of slots; at most 2. */
  get defaultMinPartitions(): number {
    return Math.min(this.defaultParallelism, 2)
  }

  /**
   * The records of an array, or of any iterable, in `numPartitions` slices of nearly equal length: slice i of P covers the positions
   * ⌊i·n/P⌋ to ⌊(i+1)·n/P⌋. They are copied now: changes that come later are not seen.
   *
   * @param numPartitions default: `defaultParallelism`
   * @throws INVALID_ARGUMENT unless `numPartitions` is a whole number of at least 1
   * @throws RECORD_NOT_ENCODABLE for records that are no data
   * @example
   * sc.parallelize([1, 2, 3, 4, 5], 2).glom() // => [[1, 2], [3, 4, 5]]
   * sc.parallelize(new Map([['a', 1]])).mapValues(n => n + 1) // => [['a', 2]]
   */
  parallelize<T extends Mapped>(
    records: Iterable<T>,
    numPartitions: number = this.defaultParallelism,
  ): RDD<T> {
    checkPartitions(numPartitions)
    const all = Array.isArray(records) ? records : Array.from(records)
    return this.made('parallelize', () => literalSource('parallelize', all, numPartitions))
  }

  /**
   * {@link SparkContext.parallelize} under Spark's other name.
   *
   * @example
   * sc.makeRDD([1, 2, 3]) // => [1, 2, 3]
   */
  makeRDD<T extends Mapped>(records: Iterable<T>, numPartitions?: number): RDD<T> {
    return operator('makeRDD', () => this.parallelize(records, numPartitions))
  }

  /**
   * One partition for each record, with the hosts that it is best read on: `[[record, hosts], …]`. Spark's other `makeRDD`.
   *
   * @throws RECORD_NOT_ENCODABLE for records that are no data
   * @example
   * const placed = sc.makeRDDWithLocations([['a', ['host1']], ['b', ['host2', 'host3']]])
   * placed.glom() // => [['a'], ['b']]
   * placed.preferredLocations(1) // => ['host2', 'host3']
   */
  makeRDDWithLocations<T extends Mapped>(records: Iterable<readonly [T, readonly string[]]>): RDD<T> {
    return this.made('makeRDDWithLocations', () => locatedSource([...records]))
  }

  /**
   * An RDD without partitions: what a function that must give an RDD gives when there is nothing.
   *
   * @example
   * sc.emptyRDD<string>().union(visits.keys()) // => ['ann', 'bob', 'ann']
   * sc.emptyRDD().getNumPartitions() // => 0
   */
  emptyRDD<T>(): RDD<T> {
    return operator('emptyRDD', () => new RDD(this.runner, literalSource('emptyRDD', [], 0)))
  }

  /**
   * The whole numbers from `start` up to, but not including, `end`; with one argument, from 0 up to it. Nothing is stored but the
   * bounds of each partition.
   *
   * @param step default 1; may be negative, not 0
   * @param numPartitions default: `defaultParallelism`
   * @throws INVALID_ARGUMENT for numbers that are not whole, or a step of 0
   * @example
   * await sc.range(0, 10, 3).collect() // => [0, 3, 6, 9]
   */
  range(start: number, end?: number, step = 1, numPartitions: number = this.defaultParallelism): RDD<number> {
    checkPartitions(numPartitions)
    const range = end === undefined ? { start: 0, end: start, step } : { start, end, step }
    return this.made('range', () => rangeNode(range, numPartitions))
  }

  /**
   * Partitions that you describe and read yourself.
   *
   * Order and partitions: those of `descriptors`, which are copied now and must be data. `read` is called once for each attempt of
   * a task and must give the same records each time; it may be asynchronous, or give an asynchronous iterable.
   *
   * @throws RECORD_NOT_ENCODABLE for descriptors that are no data
   * @throws NOT_ITERABLE (in the job) when `read` gives nothing iterable
   * @source Spark RDD.compute of a class of one's own
   * @example
   * sc.fromPartitions([{ from: 0 }, { from: 10 }], async ({ from }) => [from, from + 1]) // => [0, 1, 10, 11]
   */
  fromPartitions<D, T>(
    descriptors: readonly D[],
    read: PartitionReader<D, T>,
    opts: PartitionsOptions<D> = {},
  ): RDD<T> {
    return this.made('fromPartitions', () => userMadeNode(descriptors, read, opts))
  }

  /**
   * The lines of text files, without their ends.
   *
   * Partitions: files are cut by byte ranges of about total ÷ `minPartitions`, at most 32 MiB; `.gz` files are not cut. Bytes that
   * are no UTF-8 become U+FFFD. The files are listed now, and read again by each job unless persisted.
   *
   * @param path a file, a directory (its files, without those whose names begin with `.` or `_`), a glob, or several by commas
   * @param minPartitions default: `defaultMinPartitions`
   * @param options.onError takes lines longer than `kindling.text.maxLineBytes`: where they begin, how long they are, and their first 4 KiB.
   * The files are read once more for that. Without it such a line fails the job
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE; LINE_TOO_LONG in the job
   * @example
   * t.file('in/a.log', 'one\r\ntwo\n')
   * t.file('in/b.log', 'three')
   * sc.textFile(`${dir}/in/*.log`) // => ['one', 'two', 'three']
   */
  textFile(
    path: string,
    minPartitions: number = this.defaultMinPartitions,
    { onError }: RDDOnErrorOptions = {},
  ): RDD<string> {
    const { maxLineBytes } = this
    return operator('textFile', () => {
      if (onError !== undefined)
        onError.add(this.longLines(path, minPartitions, letterPlace(currentScope('textFile'))))
      const passesLong = onError !== undefined
      return this.made('textFile', () => textFileNode(path, minPartitions, { maxLineBytes, passesLong }))
    })
  }

  /** @internal Letters of the lines of text files that are too long. */
  longLines(path: string, minPartitions: number, place: Omit<LetterPlace, 'partition'>): RDD<DeadLetter> {
    return this.made('deadLetters', () => longLinesNode(path, minPartitions, this.maxLineBytes, place))
  }

  /**
   * Each file as `[path, text]`; small files share partitions of about total ÷ `minPartitions` bytes. `.gz` files are unpacked. A
   * file is held in memory as a whole.
   *
   * @param path as for {@link SparkContext.textFile}; paths come out as they were found
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE
   * @example
   * const path = t.file('in/a.txt', 'one\ntwo\n')
   * sc.wholeTextFiles(`${dir}/in`) // => [[path, 'one\ntwo\n']]
   */
  wholeTextFiles(path: string, minPartitions: number = this.defaultMinPartitions): RDD<[string, string]> {
    return this.made('wholeTextFiles', () => wholeFilesNode(path, minPartitions, 'text'))
  }

  /**
   * Each file as `[path, bytes]`, as it is, also `.gz` files; see {@link SparkContext.wholeTextFiles}.
   *
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE
   * @example
   * t.file('in/a.bin', new Uint8Array([1, 2, 3]))
   * sc.binaryFiles(`${dir}/in`).values() // => [new Uint8Array([1, 2, 3])]
   */
  binaryFiles(path: string, minPartitions: number = this.defaultMinPartitions): RDD<[string, Uint8Array]> {
    return this.made('binaryFiles', () => wholeFilesNode(path, minPartitions, 'bytes'))
  }

  /**
   * Files of records of `recordBytes` bytes each, as byte arrays; cut between records into partitions of about 32 MiB.
   *
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE
   * @throws FILE_DAMAGED when a file ends in mid-record
   * @example
   * t.file('in/a.bin', new Uint8Array([1, 2, 3, 4]))
   * sc.binaryRecords(`${dir}/in`, 2) // => [new Uint8Array([1, 2]), new Uint8Array([3, 4])]
   */
  binaryRecords(path: string, recordBytes: number): RDD<Uint8Array> {
    return this.made('binaryRecords', () => binaryRecordsNode(path, recordBytes))
  }

  /**
   * What {@link RDD.saveAsObjectFile} wrote; one partition for each file.
   *
   * @throws INPUT_PATH_NOT_FOUND; FILE_DAMAGED (in the job) when a file is not as it was written
   * @example
   * await visits.saveAsObjectFile(`${dir}/visits`)
   * sc.objectFile<[string, number]>(`${dir}/visits`).keys() // => ['ann', 'bob', 'ann']
   */
  objectFile<T>(path: string): RDD<T> {
    return this.made('objectFile', () => objectFileNode(path))
  }

  /**
   * The lines of text files, each read as JSON: what {@link RDD.saveAsNDJSONFile} wrote, or any file of such lines. Blank lines are left
   * out.
   *
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE; USER_CODE_FAILED (in the job) for a line that is no JSON
   * @example
   * t.file('in/a.ndjson', '{"user":"ann"}\n\n{"user":"bob"}\n')
   * sc.ndjsonFile<{ user: string }>(`${dir}/in`).map(({ user }) => user) // => ['ann', 'bob']
   */
  ndjsonFile<T>(path: string, minPartitions: number = this.defaultMinPartitions): RDD<T> {
    return operator('ndjsonFile', () =>
      filter(this.textFile(path, minPartitions), line => line.trim() !== '').map(line => JSON.parse(line)),
    )
  }

  /**
   * Reads the files of another place: of an object store, of HDFS.
   *
   * @param place an `ObjectStore`, `HdfsFiles`, or one of your own
   * @example
   * const store = new ObjectStore({ url: 's3://data/logs', ...bucket })
   * await store.write('in/a.log', Buffer.from('one\ntwo\n'))
   * await sc.filesIn(store).textFile('in') // => ['one', 'two']
   */
  filesIn(place: RemoteFiles): FilesInPlace {
    return new FilesInPlace(this.fileReading(), place)
  }

  /**
   * The rows of CSV files (RFC 4180) as records. Partitions: one for each file, as a record may begin anywhere inside quotes; `.gz` files
   * are unpacked. An empty field is `undefined`, a quoted empty one is an empty text. The files are listed now.
   *
   * Of a row that does not fit (too many or too few fields, quotes that do not match, a field that is not of its type, what the schema refuses)
   * the job fails, naming file and line; with `onError` it becomes a dead letter.
   *
   * @typeParam T a record: texts by column, or what `schema` makes
   * @param path as for {@link SparkContext.textFile}
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE; in the job ROW_NOT_READABLE, FILE_DAMAGED, PACKAGE_MISSING
   * @source Spark DataFrameReader.csv
   * @example
   * t.file('in/a.csv', 'name,age\n"Ann, M.",31\nbob,old\n')
   * const bad = sc.deadLetters()
   * const people = sc.csvFile(`${dir}/in`, { columns: { name: 'string', age: 'number' }, onError: bad })
   * people // => [{ name: 'Ann, M.', age: 31 }]
   * bad.letters().count() // => 1
   */
  csvFile<T = CsvRecord>(path: string, options: CsvReadOptions<T> = {}): RDD<T> {
    return operator('csvFile', () => this.localFiles().csvRows(sized(path), options))
  }

  /**
   * The records of Parquet files: what {@link RDD.saveAsParquetFile} wrote, or others' files. Partitions: byte ranges; a row group belongs to
   * the one that it begins in. INT64 columns give bigints, others that are binary bytes.
   *
   * @param path as for {@link SparkContext.textFile}
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE; in the job FILE_DAMAGED; FILE_NOT_FITTING without one of the columns; PACKAGE_MISSING
   * @source Spark DataFrameReader.parquet
   * @example
   * await visits.saveAsParquetFile(`${dir}/visits`)
   * sc.parquetFile(`${dir}/visits`) // => [{ key: 'ann', value: 1 }, { key: 'bob', value: 2 }, { key: 'ann', value: 3 }]
   */
  parquetFile<T = Record<string, unknown>>(path: string, options: ParquetReadOptions = {}): RDD<T> {
    return operator('parquetFile', () => this.localFiles().parquetRecords(sized(path), options))
  }

  /**
   * The records of Avro object container files. Partitions: byte ranges; a block belongs to the one that the mark before it begins in.
   * Codecs: null, deflate, zstandard. Records come as plain objects, bytes as `Uint8Array`.
   *
   * @param path as for {@link SparkContext.textFile}
   * @throws INPUT_PATH_NOT_FOUND, INPUT_NOT_READABLE; in the job FILE_DAMAGED; FILE_NOT_FITTING for a schema that the one of the file cannot be
   * resolved to; PACKAGE_MISSING
   * @source Spark DataFrameReader.format("avro")
   * @example
   * const words = fileSink<string>(`${dir}/words`, { format: 'avro', schema: 'string' })
   * await sc.parallelize(['a', 'b']).writeTo(words, { id: 'words', time: 0 })
   * sc.avroFile<string>(`${dir}/words-0`) // => ['a', 'b']
   */
  avroFile<T = Record<string, unknown>>(path: string, options: AvroReadOptions = {}): RDD<T> {
    return operator('avroFile', () => this.localFiles().avroRecords(sized(path), options))
  }

  /** @internal Reads files of this machine that have been listed. */
  localFiles(): KnownFiles {
    return new KnownFiles(this.fileReading(), { name: '', reader: localReader })
  }

  private fileReading(): FileReadingContext {
    const { runner, defaultMinPartitions } = this
    return { runner, defaultMinPartitions, assertRunning: what => this.assertRunning(what) }
  }

  /**
   * The records of several RDDs, in their order; see {@link RDD.union}. None gives an RDD without partitions.
   *
   * @example
   * sc.union([visits.keys(), sc.parallelize(['eve'])]) // => ['ann', 'bob', 'ann', 'eve']
   */
  union<T>(rdds: readonly RDD<T>[]): RDD<T> {
    return new RDD(this.runner, unionNode(rdds.map(r => r.node)))
  }

  /**
   * Where records go that functions over RDDs cannot take: given as `onError` to `map`, `flatMap`, `filter` and `mapAsync`. For streams
   * there is {@link StreamingContext.deadLetters}.
   *
   * @example
   * const bad = sc.deadLetters()
   * sc.parallelize(['{}', '{']).map(line => JSON.parse(line) as object, { onError: bad }) // => [{}]
   */
  deadLetters(): RDDDeadLetters {
    return new RDDDeadLetters(parts => this.union(parts))
  }

  /** An RDD over a new node; definitions need a running context. */
  private made<T>(name: string, node: () => SourceNode): RDD<T> {
    this.assertRunning(name)
    return operator(name, () => new RDD(this.runner, node()))
  }
}

function sized(path: string): SizedFile[] {
  return listInputFiles(path).map(file => ({ path: file.path, bytes: file.size }))
}
