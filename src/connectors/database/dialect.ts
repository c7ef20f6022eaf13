/**
 * The port of an SQL database: what `databaseSink` and `databaseTable` need to know of it. PostgreSQL, MySQL and SQLite fulfil it here;
 * any other does with a few lines of a program's own. What is left out is standard SQL.
 */

/** A row by the names of its columns. */
export type SQLRow = Readonly<Record<string, unknown>>

/** A connection, used by one caller at a time. */
export interface SQLConnection {
  /**
   * Runs one statement, to its end. Gives its rows; none for a statement that has none. `BEGIN` and `COMMIT` come this way, too.
   *
   * @param values for its placeholders, in order: `null`, text, finite numbers, `bigint`, booleans, dates and bytes
   */
  query(sql: string, values?: readonly unknown[]): Promise<readonly SQLRow[]>
  /** The rows of a statement in runs that are no larger than fits into memory. Default: `query`, all at once. */
  stream?(sql: string, values?: readonly unknown[]): AsyncIterable<readonly SQLRow[]>
  /**
   * Runs a statement once for each list of values, all or none of them. Not called in a transaction. Default: rows are inserted many in
   * one statement.
   */
  each?(sql: string, rows: readonly (readonly unknown[])[]): Promise<void>
  /** Ends the connection, and what is under way on it: a transaction that has not been committed is rolled back. */
  close(): Promise<void>
}

/** What an error of a database means for whoever asked. */
export type DatabaseFault =
  /** Nothing was done, and the connection is as before: a lock, a deadlock. Asked again on it. */
  | 'busy'
  /** The server is not there, or the connection has ended. Asked again on a new one. */
  | 'unreachable'
  /** It has no room left. Asked again on a new connection. */
  | 'full'
  /** Wrong user or password, or without the right to do it. */
  | 'denied'
  /** Asking again does not mend it. */
  | 'failed'

/** An error of a database in words. */
export interface DatabaseProblem {
  readonly fault: DatabaseFault
  /** What it said, without passwords. */
  readonly reason: string
}

/** A column as the database has it. */
export interface TableColumn {
  readonly name: string
  /** The database's own name of the type, such as `int4`, `jsonb`, `varchar`. */
  readonly type: string
  /** Whether the database fills it in itself: with a default, a number of its own, or a formula. */
  readonly isFilled?: boolean
}

/** Rows that go from one table into another; all names are quoted. */
export interface MovedRows {
  readonly from: string
  readonly into: string
  readonly columns: readonly string[]
  /** Those in which a row is equal to the one that it replaces. */
  readonly keys: readonly string[]
  /** A column of `from` with a number for each row: of several with one key, the one with the largest stays. */
  readonly order: string
}

/** A table that takes the rows of one attempt. */
export interface StageTable {
  /** Quoted. */
  readonly name: string
  readonly columns: readonly TableColumn[]
  /** Whether a record may have no other properties than these columns. */
  readonly isWhole: boolean
  /** A further column, quoted, which takes the number of the row; only for rows that replace others. */
  readonly order: string | undefined
}

/** Takes records into a {@link StageTable}. */
export interface StageRows {
  /** Takes a run of records. @param first the number of the first one */
  write(records: readonly unknown[], first: number): Promise<void>
  /** All of them are in the table once this resolves. */
  end(): Promise<void>
}

/**
 * See the file head. Made anew by each task, in its thread.
 *
 * @example
 * const dialect: SQLDialect = {
 *   server: 'H2 at localhost:5435/shop',
 *   connect: async () => ({ query: async () => [], close: async () => {} }), // a client's calls
 *   explain: error => ({ fault: 'failed', reason: String(error) }),
 * }
 * dialect.server // => 'H2 at localhost:5435/shop'
 */
export interface SQLDialect<C extends SQLConnection = SQLConnection> {
  /** Product and address, without user and password, for messages: `PostgreSQL at localhost:5432/shop`. */
  readonly server: string
  /** Makes a connection. @throws whatever `explain` understands */
  connect(): Promise<C>
  /** What an error means that `connect` or a connection threw. */
  explain(error: unknown): DatabaseProblem
  /** Begins a transaction in which what is read stays as it is until the end. Default `BEGIN`. */
  readonly begin?: string
  /** A name as it stands in a statement. Default: in `"`. */
  quote?(name: string): string
  /** The placeholder for a value, from 0. Default `?`. */
  placeholder?(index: number): string
  /** Most values that one statement may have. Default 999. */
  readonly maxValues?: number
  /** The columns of a table, in order. Default: those that the sink was told, of which nothing is known. */
  columnsOf?(connection: C, table: string): Promise<readonly TableColumn[]>
  /** Says why a table cannot take whole batches whose rows replace those equal in `keys`, if any; `undefined` when it can. */
  unfit?(connection: C, table: string, keys: readonly string[]): Promise<string | undefined>
  /** The statement for rows that replace others. Default: those with their keys are deleted, then the last of each key is inserted. */
  upsert?(rows: MovedRows): string
  /** Makes the empty table `stage` with the columns of `select`. Default `CREATE TABLE … AS …`. */
  createStage?(stage: string, select: string): string
  /** A quicker way for rows than INSERT. With it, an attempt is one transaction from the making of its table on. */
  stageRows?(connection: C, stage: StageTable): Promise<StageRows>
}

/** `"public"."words"` of `public.words`. */
export function quotedTable(dialect: SQLDialect, table: string): string {
  return table
    .split('.')
    .map(name => quotedName(dialect, name))
    .join('.')
}

/** A name as it is, dots too. */
export function quotedName({ quote }: SQLDialect, name: string): string {
  return quote === undefined ? `"${name.replaceAll('"', '""')}"` : quote(name)
}

/** Placeholders for so many values, from `first` on: `?, ?`. */
export function placeholders(dialect: SQLDialect, count: number, first = 0): string {
  return Array.from({ length: count }, (_, i) => dialect.placeholder?.(first + i) ?? '?').join(', ')
}

/** A statement in which each `?` is a value, as the database writes them. Not for text with a `?` in it. */
export function statement(dialect: SQLDialect, sql: string): string {
  let index = 0
  return sql.replaceAll('?', () => dialect.placeholder?.(index++) ?? '?')
}
