/**
 * Batches into a table of an SQL database, each once:
 *
 *   tasks    rows into a table for each attempt ─▶ (its name)
 *   driver   one transaction: epoch locked ─▶ token ─▶ INSERT … SELECT from these tables; then they are dropped
 *
 * A batch whose token is there is not written again; an epoch that is not the latest is refused.
 *
 * I1  Nothing but the driver's transaction writes into the table, and it writes all of a batch with its token, or nothing.
 * I2  Tables of attempts may be dropped at any time after the transaction: they are named by epoch and batch, so that nobody drops those
 *     of a later one.
 * I3  It does not matter whether making and dropping tables is part of a transaction (PostgreSQL, SQLite) or ends it (MySQL): neither is
 *     done inside of one that writes.
 */
import type { Logger } from '../../base/logger.ts'
import type { ExactlyOnceSink } from '../../rdd/sink/sink.ts'
import { Bookkeeping } from './bookkeeping.ts'
import { databaseFailed } from './database-errors.ts'
import type { SQLConnection, SQLDialect } from './dialect.ts'
import { moveRows } from './move-rows.ts'
import { Session } from './session.ts'
import { type Staged, stageWriter } from './stage-writer.ts'
import { checkTable, columnsOf, type TableSinkOptions, targetOf } from './target.ts'

/** What `databaseSink` is given. */
export interface DatabaseSinkOptions extends TableSinkOptions {
  /**
   * Makes the dialect of the database: on the driver, and in each task. It travels to other threads, so what it uses has to be data, or
   * be imported.
   */
  readonly dialect: () => SQLDialect
}

/**
 * A sink for any SQL database, by a dialect of one's own: the records of each batch as rows of a table, all in one transaction with a
 * token of the batch. Once, also across crashes of the program and of the server. Every row is written twice, first into a table of its
 * attempt.
 *
 * For PostgreSQL, MySQL, MariaDB and SQLite there are sinks with their dialects: `postgresSink`, `mysqlSink`, `sqliteSink`.
 *
 * @typeParam T objects with a property for each column, or arrays of values: text, numbers, `bigint`, booleans, dates, bytes; objects and
 * arrays are written as JSON. Properties that are missing are NULL.
 * @throws DATABASE_FAILED for options that contradict themselves. At the start: DATABASE_UNREACHABLE after the patience,
 * DATABASE_ACCESS_DENIED, DATABASE_FAILED (such as for an unknown table or column). In batches also: RECORD_NOT_FITTING, DATABASE_FULL, SINK_FENCED
 * @example
 * const sink = databaseSink<[word: string, count: number]>({
 *   dialect: () => ({
 *     server: 'H2 at localhost:5435/shop',
 *     connect: async () => ({ query: async () => [], close: async () => {} }), // a client's calls
 *     explain: error => ({ fault: 'failed', reason: String(error) }),
 *   }),
 *   table: 'counts',
 *   columns: ['word', 'count'],
 *   upsertOn: ['word'],
 * })
 * sink.name // => 'table counts of H2 at localhost:5435/shop'
 */
export function databaseSink<T extends object>(options: DatabaseSinkOptions): ExactlyOnceSink<T, Staged> {
  const { dialect: make } = options
  const dialect = make()
  const { server } = dialect
  const target = targetOf(options, server)
  const what = `table ${target.table}`
  const name = `${what} of ${server}`
  const books = new Bookkeeping(dialect, target.schema, name)
  const outputs = new Set<string>()
  let session: Session<SQLConnection> | undefined
  let logger: Logger | undefined
  const onTrouble = (problem: Error): void => logger?.warn(problem.message)
  const current = (): Session<SQLConnection> => {
    session ??= new Session(dialect, { patienceMs: target.patienceMs, onTrouble })
    return session
  }
  const transaction = (body: (connection: SQLConnection) => Promise<void>): Promise<void> =>
    current().run(what, async connection => {
      await connection.query(dialect.begin ?? 'BEGIN')
      await body(connection)
      await connection.query('COMMIT')
    })
  return {
    name,
    guarantee: 'exactly-once',
    by: 'transaction',
    patienceMs: target.patienceMs,
    writer: (token, call) => stageWriter<T>(make(), target, token, call),
    async open(output) {
      logger = output.logger
      outputs.add(output.operatorId)
      await current().run(what, async connection => {
        await columnsOf(dialect, connection, target)
        await checkTable(dialect, connection, target)
        await books.open(connection, output)
      })
      await transaction(connection => books.claim(connection, output))
      await current().run('rows of earlier epochs', connection => books.dropOlder(connection, output))
    },
    committed: tokens => current().run('tokens of batches', connection => books.held(connection, tokens)),
    async commit(batch, messages) {
      await transaction(async connection => {
        await books.claim(connection, batch)
        if (!(await books.take(connection, batch))) return
        for (const { stage, columns, rows } of messages) {
          if (stage === undefined) continue
          const from = books.name(stage)
          const found = await moveRows(dialect, connection, target, { from, columns })
          // The server has lost some of them.
          if (found !== rows) throw databaseFailed(server, what, `${stage} has ${found} of ${rows} rows`)
        }
      })
      await current().run('rows of a batch', connection => books.dropBatch(connection, batch))
    },
    abort: batch => current().run('rows of a batch', connection => books.dropBatch(connection, batch)),
    forget: (output, batchTime) =>
      current().run('old tokens', connection => books.forget(connection, output, batchTime)),
    async close({ operatorId }) {
      outputs.delete(operatorId)
      if (outputs.size > 0) return
      const ended = session
      session = undefined
      await ended?.close()
    },
  }
}
