/** Actions that write files. */

import { writeDirectory } from './output-directory.ts'
import { type ParquetOutputOptions, parquetWriter } from './parquet-output.ts'
import type { RDD } from './rdd.ts'
import { currentScope } from './scope.ts'
import { objectWriter } from './sources/object-file.ts'
import { type Compression, jsonOf, lineWriter, textOf } from './text-output.ts'

/** How files of lines are written. */
export interface TextOutputOptions {
  /** `gzip` writes `part-NNNNN.gz`. Default `none`. */
  readonly compression?: Compression
}

export function saveAsTextFile(rdd: RDD<unknown>, path: string, opts: TextOutputOptions): Promise<void> {
  const writer = lineWriter(textOf, opts.compression ?? 'none')
  return writeDirectory(rdd, path, currentScope('saveAsTextFile'), writer)
}

export function saveAsNDJSONFile(rdd: RDD<unknown>, path: string, opts: TextOutputOptions): Promise<void> {
  const writer = lineWriter(jsonOf, opts.compression ?? 'none')
  return writeDirectory(rdd, path, currentScope('saveAsNDJSONFile'), writer)
}

export function saveAsParquetFile(
  rdd: RDD<unknown>,
  path: string,
  opts: ParquetOutputOptions,
): Promise<void> {
  return writeDirectory(rdd, path, currentScope('saveAsParquetFile'), parquetWriter(opts))
}

export function saveAsObjectFile(rdd: RDD<unknown>, path: string): Promise<void> {
  return writeDirectory(rdd, path, currentScope('saveAsObjectFile'), objectWriter)
}
