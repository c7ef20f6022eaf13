/** Batches into a table of PostgreSQL, each once: `database/database-sink.ts` has how. */
import type { ExactlyOnceSink } from '../../rdd/sink/sink.ts'
import { databaseSink } from '../database/database-sink.ts'
import type { Staged } from '../database/stage-writer.ts'
import { type PostgresSinkOptions, serverOf } from './options.ts'
import { postgresDialect } from './postgres-dialect.ts'

/**
 * A sink that writes the records of each batch as rows of a table, all in one transaction with a token of the batch: once, also across
 * crashes of the program and of the server. Rows travel by COPY, each partition over a connection of its own. Every row is written twice,
 * first into a table of its attempt.
 *
 * @typeParam T objects with a property for each column, or arrays of values: text, numbers, `bigint`, booleans, dates, bytes, arrays of
 * these; any data for `json` and `jsonb`. Properties that are missing are NULL.
 * @throws DATABASE_FAILED for options that contradict themselves. At the start: DATABASE_UNREACHABLE after the patience,
 * DATABASE_ACCESS_DENIED, DATABASE_FAILED (such as for an unknown table or column), PACKAGE_MISSING without `pg` or `pg-copy-streams`.
 * In batches also: RECORD_NOT_FITTING, DATABASE_FULL, SINK_FENCED
 * @example
 * const sink = postgresSink<[word: string, count: number]>({
 *   connection: { host: 'localhost', database: 'words', user: 'etl' },
 *   table: 'counts',
 *   columns: ['word', 'count'],
 *   upsertOn: ['word'],
 * })
 * sink.guarantee // => 'exactly-once'
 */
export function postgresSink<T extends object>(options: PostgresSinkOptions): ExactlyOnceSink<T, Staged> {
  const { connection, ...table } = options
  const server = serverOf(connection)
  return databaseSink<T>({ ...table, dialect: () => postgresDialect(server) })
}
