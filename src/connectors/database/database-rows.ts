/** Rows of a database as an RDD, a range of a column in each partition. */
import { KindlingError } from '../../base/errors.ts'
import { type DurationLike, toDuration } from '../../base/time.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { databaseError } from './database-errors.ts'
import {
  quotedName,
  quotedTable,
  type SQLConnection,
  type SQLDialect,
  type SQLRow,
  statement,
} from './dialect.ts'
import { closedRange, type RangeBounds, type RowRange, rangesOf } from './ranges.ts'
import { connected, patiently, quietlyClosed } from './session.ts'

/** A table, and the column by whose ranges it is read: of numbers, or of dates or times. NULL is in no range. */
export interface TableRanges extends RangeBounds {
  /** `words`, or with its schema. */
  readonly table: string
  readonly column: string
  /** Those that are read. Default: all. */
  readonly columns?: readonly string[]
}

/** A query with two placeholders `?` for the first and the last whole number of a range, both inclusive, as Spark's JdbcRDD has it. */
export interface QueryRanges extends RangeBounds {
  /** `SELECT … WHERE ? <= id AND id <= ?` */
  readonly query: string
  readonly lowerBound: number | bigint
  readonly upperBound: number | bigint
}

/** What is read of a database. */
export type RowRanges = (TableRanges | QueryRanges) & {
  /** How long a server that does not answer is tried again by each task, at its start. Default 60 s. */
  readonly patience?: DurationLike
}

/** What `databaseRows` is given. */
export type DatabaseRowsOptions = RowRanges & {
  /** Makes the dialect of the database in each task. It travels to other threads, so what it uses has to be data, or be imported. */
  readonly dialect: () => SQLDialect
}

/**
 * Rows of a table or a query of any SQL database, by a dialect of one's own: the bounds are cut into `numPartitions` ranges of equal length,
 * and each partition is a query for one of them. For PostgreSQL, MySQL, MariaDB and SQLite there are `postgresRows`, `mysqlRows`, `sqliteRows`.
 *
 * The rows are asked for each time that a partition is computed: what changes in the database meanwhile shows. `persist` the RDD, or read
 * what does not change, where that matters.
 *
 * Shape: objects with the columns by name, values as the client of the database has them. Partitions: `numPartitions`, in order of the
 * ranges; rows in the order in which the database gives them.
 *
 * @throws INVALID_ARGUMENT for bounds that are none. In tasks: DATABASE_UNREACHABLE, DATABASE_ACCESS_DENIED, DATABASE_FAILED
 * @source Spark JdbcRDD
 * @example
 * const rows = databaseRows(sc, {
 *   dialect: () => ({
 *     server: 'H2 at localhost:5435/shop',
 *     connect: async () => ({ query: async (sql, values) => [{ sql, values }], close: async () => {} }), // a client's calls
 *     explain: error => ({ fault: 'failed', reason: String(error) }),
 *   }),
 *   table: 'orders',
 *   column: 'id',
 *   lowerBound: 1,
 *   upperBound: 100,
 *   numPartitions: 2,
 * })
 * await rows.map(({ values }) => values).collect() // => [[1, 51], [51, 100]]
 */
export function databaseRows(sc: SparkContext, options: DatabaseRowsOptions): RDD<SQLRow> {
  const { dialect, patience = 60_000 } = options
  const patienceMs = toDuration(patience, 'The patience with a database').milliseconds
  const what = 'query' in options ? queried(options) : tabled(options)
  return sc.fromPartitions(rangesOf(options), range => rowsOf(dialect(), what, range, patienceMs))
}

/** What is read, as it travels. */
type Asked =
  | {
      readonly kind: 'table'
      readonly table: string
      readonly column: string
      readonly columns: readonly string[] | undefined
    }
  | { readonly kind: 'query'; readonly query: string }

function tabled({ table, column, columns }: TableRanges): Asked {
  if (columns?.length === 0)
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'columns of rows of a database',
      value: columns,
      expected: 'at least one',
    })
  return { kind: 'table', table, column, columns }
}

function queried({ query, lowerBound, upperBound }: QueryRanges): Asked {
  const isWhole = [lowerBound, upperBound].every(bound => typeof bound !== 'object')
  if (isWhole && query.split('?').length === 3) return { kind: 'query', query }
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'query of rows of a database',
    value: query,
    expected: 'a statement with two placeholders ?, for whole numbers; for dates, name table and column',
  })
}

async function* rowsOf(
  dialect: SQLDialect,
  asked: Asked,
  range: RowRange,
  patienceMs: number,
): AsyncGenerator<SQLRow> {
  const found = statementOf(dialect, asked, range)
  if (found === undefined) return
  const what = asked.kind === 'table' ? `rows of table ${asked.table}` : 'rows of a query'
  const connection = await patiently(dialect, what, { patienceMs }, () => connected(dialect, undefined))
  try {
    for await (const rows of runsOf(connection, found.sql, found.values))
      for (const row of rows) yield { ...row }
  } catch (error) {
    throw databaseError(dialect, what, error)
  } finally {
    await quietlyClosed(connection)
  }
}

async function* runsOf(
  connection: SQLConnection,
  sql: string,
  values: readonly unknown[],
): AsyncGenerator<readonly SQLRow[]> {
  if (connection.stream === undefined) yield await connection.query(sql, values)
  else yield* connection.stream(sql, values)
}

/** `undefined` when nothing can be in the range. */
function statementOf(
  dialect: SQLDialect,
  asked: Asked,
  range: RowRange,
): { readonly sql: string; readonly values: readonly unknown[] } | undefined {
  if (asked.kind === 'query') {
    const closed = closedRange(range)
    return closed && { sql: statement(dialect, asked.query), values: [closed.from, closed.to] }
  }
  const column = quotedName(dialect, asked.column)
  const list = asked.columns?.map(name => quotedName(dialect, name)).join(', ') ?? '*'
  const [first, second] = [dialect.placeholder?.(0) ?? '?', dialect.placeholder?.(1) ?? '?']
  const until = range.isClosed ? '<=' : '<'
  const sql = `SELECT ${list} FROM ${quotedTable(dialect, asked.table)} WHERE ${column} >= ${first} AND ${column} ${until} ${second}`
  return { sql, values: [range.from, range.to] }
}
