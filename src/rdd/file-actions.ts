/** Actions that write files. */
import { writeDirectory } from './output-directory.ts'
import type { ParquetOutputOptions } from './parquet-output.ts'
import type { RDD } from './rdd.ts'
import { currentScope } from './scope.ts'
import type { Compression } from './text-output.ts'

/** How files of lines are written. */
export interface TextOutputOptions {
  /** `gzip` writes `part-NNNNN.gz`. Default `none`. */
  readonly compression?: Compression
}

export function saveAsTextFile(rdd: RDD<unknown>, path: string, opts: TextOutputOptions): Promise<void> {
  return writeDirectory(rdd, path, currentScope('saveAsTextFile'), { ...opts, format: 'text' })
}

export function saveAsNDJSONFile(rdd: RDD<unknown>, path: string, opts: TextOutputOptions): Promise<void> {
  return writeDirectory(rdd, path, currentScope('saveAsNDJSONFile'), { ...opts, format: 'ndjson' })
}

export function saveAsParquetFile(
  rdd: RDD<unknown>,
  path: string,
  opts: ParquetOutputOptions,
): Promise<void> {
  return writeDirectory(rdd, path, currentScope('saveAsParquetFile'), { ...opts, format: 'parquet' })
}

export function saveAsObjectFile(rdd: RDD<unknown>, path: string): Promise<void> {
  return writeDirectory(rdd, path, currentScope('saveAsObjectFile'), { format: 'object' })
}
