/** Rows of PostgreSQL as an RDD: `database/database-rows.ts` has how. */
import type { SparkContext } from '../../context/spark-context.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { databaseRows, type RowRanges } from '../database/database-rows.ts'
import type { SQLRow } from '../database/dialect.ts'
import { type PostgresConnection, serverOf } from './options.ts'
import { postgresDialect } from './postgres-dialect.ts'

/** What `postgresRows` is given. */
export type PostgresRowsOptions = RowRanges & {
  /** A server by its parts, or as `postgres://user:password@host:port/database`. */
  readonly connection: string | PostgresConnection
}

/**
 * Rows of a table or a query, a range of a column in each partition; see {@link databaseRows}.
 *
 * Shape: objects with the columns by name, values as the client has them (large whole numbers and decimals as text).
 * Partitions: `numPartitions`. Memory: two thousand rows at a time.
 *
 * @throws INVALID_ARGUMENT for bounds that are none, DATABASE_FAILED for an address that is none. In tasks: DATABASE_UNREACHABLE,
 * DATABASE_ACCESS_DENIED, DATABASE_FAILED, PACKAGE_MISSING
 * @source Spark JdbcRDD
 * @example
 * const orders = postgresRows(sc, {
 *   connection: 'postgres://me:secret@localhost/shop',
 *   table: 'orders',
 *   column: 'day',
 *   lowerBound: new Date('2026-01-01'),
 *   upperBound: new Date('2026-01-31'),
 *   numPartitions: 4,
 * })
 * orders.getNumPartitions() // => 4
 */
export function postgresRows(sc: SparkContext, options: PostgresRowsOptions): RDD<SQLRow> {
  const { connection, ...ranges } = options
  const server = serverOf(connection)
  return databaseRows(sc, { ...ranges, dialect: () => postgresDialect(server) })
}
