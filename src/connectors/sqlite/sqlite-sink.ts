/** Batches into a table of SQLite, each once: `database/database-sink.ts` has how. */
import { resolve } from 'node:path'
import type { ExactlyOnceSink } from '../../rdd/sink/sink.ts'
import { databaseSink } from '../database/database-sink.ts'
import type { Staged } from '../database/stage-writer.ts'
import type { TableSinkOptions } from '../database/target.ts'
import { sqliteDialect } from './sqlite-dialect.ts'

/** What `sqliteSink` is given. */
export interface SQLiteSinkOptions extends TableSinkOptions {
  /** The path of a database that is there, or an address `file:…` with SQLite's parameters. */
  readonly file: string
}

/**
 * A sink that writes the records of each batch as rows of a table of a file of SQLite, all in one transaction with a token of the batch:
 * once, also across crashes. Every row is written twice, first into a table of its attempt. Nothing is to be installed.
 *
 * Others may write to the file too; who finds it locked asks again until the patience is over. Calls hold the thread that makes them: the
 * driver's, while it moves the rows of a batch.
 *
 * @typeParam T objects with a property for each column, or arrays of values: text, numbers, `bigint`, booleans (as 0 and 1), dates (as text
 * in ISO form, UTC), bytes; objects and arrays as JSON. Properties that are missing are NULL.
 * @throws DATABASE_FAILED for options that contradict themselves. At the start: DATABASE_FAILED (such as for a file, table or column that
 * is not there), DATABASE_UNREACHABLE when it is locked all the time, DATABASE_ACCESS_DENIED. In batches also: RECORD_NOT_FITTING, DATABASE_FULL, SINK_FENCED
 * @example
 * const sink = sqliteSink<[word: string, count: number]>({
 *   file: 'words.db',
 *   table: 'counts',
 *   columns: ['word', 'count'],
 *   upsertOn: ['word'],
 * })
 * sink.guarantee // => 'exactly-once'
 */
export function sqliteSink<T extends object>(options: SQLiteSinkOptions): ExactlyOnceSink<T, Staged> {
  const { file: given, ...table } = options
  const file = given.startsWith('file:') ? given : resolve(given)
  return databaseSink<T>({ ...table, dialect: () => sqliteDialect(file) })
}
