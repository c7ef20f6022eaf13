/** Files that have been found as RDDs, wherever they are. */
import type { RDDOnErrorOptions } from '../rdd/dead-letters/rdd-dead-letters.ts'
import type { AvroInputOptions } from '../rdd/formats/avro-input.ts'
import type { CsvRow } from '../rdd/formats/csv-input.ts'
import { type CsvOptions, csvInput, recordMaker } from '../rdd/formats/csv-rows.ts'
import { type InputFormat, recordsNode } from '../rdd/formats/file-records.ts'
import type { ParquetInputOptions } from '../rdd/formats/parquet-input.ts'
import type { SourceNode } from '../rdd/nodes.ts'
import type { JobRunner } from '../rdd/ports.ts'
import { RDD } from '../rdd/rdd.ts'
import { operator } from '../rdd/scope.ts'
import type { ReadingPlace, RemoteFile } from '../rdd/sources/remote-files.ts'
import { remoteTextNode } from '../rdd/sources/remote-text.ts'

/** What the reading of files needs of a context. */
export interface FileReadingContext {
  readonly runner: JobRunner
  readonly defaultMinPartitions: number
  /** @throws CONTEXT_STOPPED */
  assertRunning(what: string): void
}

/** A row without types: texts by the names of columns. */
export type CsvRecord = Readonly<Record<string, string | undefined>>

/** How files of CSV are read, and where rows go that are none. */
export type CsvReadOptions<T> = CsvOptions<T> & RDDOnErrorOptions

/** How many partitions files are read as. */
export interface MinPartitions {
  /** At least, where files can be cut. Default: `sc.defaultMinPartitions` */
  readonly minPartitions?: number
}

/** How files of Parquet are read. */
export type ParquetReadOptions = ParquetInputOptions & MinPartitions

/** How files of Avro are read. */
export type AvroReadOptions = AvroInputOptions & MinPartitions

/** A file, as it is read. */
export type SizedFile = Omit<RemoteFile, 'modified'>

/** See the file head. @internal */
export class KnownFiles {
  private readonly context: FileReadingContext
  private readonly place: ReadingPlace

  constructor(context: FileReadingContext, place: ReadingPlace) {
    this.context = context
    this.place = place
  }

  /** Rows of CSV as records. */
  csvRows<T>(files: readonly SizedFile[], options: CsvReadOptions<T>): RDD<T> {
    const { onError } = options
    return operator('csvFile', () => {
      const rows = this.csvTexts(files, options as CsvOptions<never>)
      return rows.map(recordMaker(options) as never, onError === undefined ? {} : { onError }) as RDD<T>
    })
  }

  /** Rows of CSV before they are made records. */
  csvTexts(files: readonly SizedFile[], options: CsvOptions<never>): RDD<CsvRow> {
    const maxRecordBytes = this.context.runner.maxLineBytes
    return this.records(files, 1, { kind: 'csv', options: csvInput(options), maxRecordBytes })
  }

  parquetRecords<T>(
    files: readonly SizedFile[],
    { minPartitions = this.context.defaultMinPartitions, ...options }: ParquetReadOptions,
  ): RDD<T> {
    return this.records(files, minPartitions, { kind: 'parquet', options })
  }

  avroRecords<T>(
    files: readonly SizedFile[],
    { minPartitions = this.context.defaultMinPartitions, ...options }: AvroReadOptions,
  ): RDD<T> {
    return this.records(files, minPartitions, { kind: 'avro', options })
  }

  private records<T>(files: readonly SizedFile[], minPartitions: number, format: InputFormat): RDD<T> {
    return this.made(`${format.kind}File`, () => recordsNode(this.place, files, minPartitions, format))
  }

  /** Lines of text. */
  lines(files: readonly SizedFile[], minPartitions: number): RDD<string> {
    const { maxLineBytes } = this.context.runner
    return this.made('textFile', () => remoteTextNode(this.place, files, minPartitions, maxLineBytes))
  }

  private made<T>(name: string, node: () => SourceNode): RDD<T> {
    this.context.assertRunning(name)
    return operator(name, () => new RDD(this.context.runner, node()))
  }
}
