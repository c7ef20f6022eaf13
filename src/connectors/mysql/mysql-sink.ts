/** Batches into a table of MySQL or MariaDB, each once: `database/database-sink.ts` has how. */
import type { ExactlyOnceSink } from '../../rdd/sink/sink.ts'
import { databaseSink } from '../database/database-sink.ts'
import type { Staged } from '../database/stage-writer.ts'
import { mysqlDialect } from './mysql-dialect.ts'
import { type MySQLSinkOptions, serverOf } from './options.ts'

/**
 * A sink that writes the records of each batch as rows of a table of MySQL or MariaDB, all in one transaction with a token of the batch:
 * once, also across crashes of the program and of the server. Every row is written twice, first into a table of its attempt.
 *
 * @typeParam T objects with a property for each column, or arrays of values: text, numbers, `bigint`, booleans, dates (as UTC), bytes;
 * objects and arrays as JSON. Properties that are missing are NULL.
 * @throws DATABASE_FAILED for options that contradict themselves. At the start: DATABASE_UNREACHABLE after the patience,
 * DATABASE_ACCESS_DENIED, DATABASE_FAILED (such as for an unknown table or column, or without a unique index of `upsertOn`),
 * PACKAGE_MISSING without `mysql2`. In batches also: RECORD_NOT_FITTING, DATABASE_FULL, SINK_FENCED
 * @example
 * const sink = mysqlSink<[word: string, count: number]>({
 *   connection: { host: 'localhost', database: 'words', user: 'etl' },
 *   table: 'counts',
 *   columns: ['word', 'count'],
 *   upsertOn: ['word'],
 * })
 * sink.name // => 'table counts of MySQL at localhost:3306/words'
 */
export function mysqlSink<T extends object>(options: MySQLSinkOptions): ExactlyOnceSink<T, Staged> {
  const { connection, ...table } = options
  const server = serverOf(connection)
  return databaseSink<T>({ ...table, dialect: () => mysqlDialect(server) })
}
