/** Records as the bytes of files: the port of the formats, and the formats by name, as data that travels to tasks. */
import { type AvroOutputOptions, avroFormat } from '../formats/avro-output.ts'
import { type CsvOutputOptions, csvFormat } from '../formats/csv-output.ts'
import { type ParquetOutputOptions, parquetFormat } from '../parquet-output.ts'
import { objectFormat } from '../sources/object-file.ts'
import { type Compression, jsonOf, lineFormat, textOf } from '../text-output.ts'

/** Turns records into the bytes of files. */
export interface FileFormat {
  /** At the end of each file's name. */
  readonly suffix: string
  /** Whether a partition that nothing was put for has no file. */
  readonly leavesOutEmpty?: boolean
  /** Begins a file. `put` takes bytes that it may keep; awaited before the next call. */
  open(put: (bytes: Uint8Array) => Promise<unknown>): RecordEncoder
}

/** The records of one file, in order; each call is awaited before the next. */
export interface RecordEncoder {
  add(records: Iterable<unknown>): Promise<void>
  /** The rest, and what stands at the end of the file. */
  end(): Promise<void>
}

/** How the records of a file look. */
export type FileFormatName = 'text' | 'ndjson' | 'csv' | 'object' | 'parquet' | 'avro'

/** A format, as data. */
export interface FileFormatOptions extends ParquetOutputOptions, CsvOutputOptions, AvroOutputOptions {
  /**
   * `text`: a line for each record, strings as they are; `ndjson`: each as JSON, pairs as `[key, value]`; `object`: what `objectFile` gives
   * back exactly; `parquet`: columns, by the package `hyparquet-writer`; `csv`: a row for each, of `columns` if they are given, by the package
   * `csv-stringify`; `avro`: object container files of `schema`, by the package `avsc`. Default `text`.
   */
  readonly format?: FileFormatName
  /** Of lines and CSV; blocks of Avro are packed by deflate then. Default `none`. */
  readonly compression?: Compression
}

export function fileFormat({
  format = 'text',
  compression = 'none',
  ...rest
}: FileFormatOptions): FileFormat {
  switch (format) {
    case 'text':
      return lineFormat(textOf, compression)
    case 'ndjson':
      return lineFormat(jsonOf, compression)
    case 'object':
      return objectFormat
    case 'csv':
      return csvFormat(rest.columns && Object.keys(rest.columns), rest, compression === 'gzip')
    case 'avro':
      return avroFormat(rest, compression === 'gzip')
    case 'parquet':
      return parquetFormat(rest)
  }
}
