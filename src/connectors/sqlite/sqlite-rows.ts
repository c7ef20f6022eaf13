/** Rows of SQLite as an RDD: `database/database-rows.ts` has how. */
import { resolve } from 'node:path'
import type { SparkContext } from '../../context/spark-context.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { databaseRows, type RowRanges } from '../database/database-rows.ts'
import type { SQLRow } from '../database/dialect.ts'
import { sqliteDialect } from './sqlite-dialect.ts'

/** What `sqliteRows` is given. */
export type SQLiteRowsOptions = RowRanges & {
  /** The path of a database that is there, or an address `file:…` with SQLite's parameters. */
  readonly file: string
}

/**
 * Rows of a table or a query of a file, a range of a column in each partition; see {@link databaseRows}. A date as a bound stands for text
 * in ISO form, as `sqliteSink` writes dates.
 *
 * Shape: objects with the columns by name; whole numbers that are too large for numbers are `bigint`. Partitions: `numPartitions`.
 * Memory: a thousand rows at a time.
 *
 * @throws INVALID_ARGUMENT for bounds that are none. In tasks: DATABASE_FAILED, such as for a file that is not there, DATABASE_UNREACHABLE
 * while it is locked, DATABASE_ACCESS_DENIED
 * @source Spark JdbcRDD
 * @example
 * const orders = sqliteRows(sc, { file: 'shop.db', table: 'orders', column: 'id', lowerBound: 1, upperBound: 100, numPartitions: 4 })
 * orders.getNumPartitions() // => 4
 */
export function sqliteRows(sc: SparkContext, options: SQLiteRowsOptions): RDD<SQLRow> {
  const { file: given, ...ranges } = options
  const file = given.startsWith('file:') ? given : resolve(given)
  return databaseRows(sc, { ...ranges, dialect: () => sqliteDialect(file) })
}
