/** The table that a sink writes: as it is asked for, and as the database has it. */
import { type DurationLike, toDuration } from '../../base/time.ts'
import { databaseFailed } from './database-errors.ts'
import { quotedName, quotedTable, type SQLConnection, type SQLDialect, type TableColumn } from './dialect.ts'

/** What every sink of a database is told. */
export interface TableSinkOptions {
  /** `words`, or with its schema: `public.words`. Names are taken as they are written, capitals too. */
  readonly table: string
  /**
   * The columns that are written. Records are objects with these properties, or arrays of the values in this order. Default: all columns
   * of the table but those that the database fills in itself (with a default, a number of its own or a formula), unless they are in
   * `upsertOn`.
   */
  readonly columns?: readonly string[]
  /** Columns with a unique index: a row replaces the one that is equal in them; of several in a batch the last one stays. Default: rows are added. */
  readonly upsertOn?: readonly string[]
  /** The schema of the tables that the sink has for itself (`kindling_…`). Default: where the database puts a table without schema. */
  readonly schema?: string
  /** How long a server that does not answer is tried again, by each step. Default 60 s. */
  readonly patience?: DurationLike
}

/** The options with their defaults, as they travel. */
export interface TableTarget {
  readonly table: string
  readonly columns: readonly string[] | undefined
  readonly upsertOn: readonly string[]
  readonly schema: string | undefined
  readonly patienceMs: number
}

/** @param server for messages. @throws DATABASE_FAILED when no table is named, or the options contradict themselves */
export function targetOf(options: TableSinkOptions, server: string): TableTarget {
  const { table, columns, upsertOn = [], schema, patience = 60_000 } = options
  const wrong = (reason: string): Error => databaseFailed(server, `table ${table}`, reason)
  if (table.split('.').some(part => part === '')) throw wrong('the name of the table is not complete')
  if (schema === '') throw wrong('the name of the schema is empty')
  if (columns?.length === 0) throw wrong('no columns are given')
  const strange = columns && upsertOn.find(column => !columns.includes(column))
  if (strange !== undefined) throw wrong(`column ${strange} of upsertOn is not among the columns`)
  const patienceMs = toDuration(patience, 'The patience with a database').milliseconds
  return { table, columns, upsertOn, schema, patienceMs }
}

/** The columns that are written, in order. @throws DATABASE_FAILED when the table lacks one, or is not there */
export async function columnsOf(
  dialect: SQLDialect,
  connection: SQLConnection,
  { table, columns, upsertOn }: TableTarget,
): Promise<readonly TableColumn[]> {
  const wrong = (reason: string): Error => databaseFailed(dialect.server, `table ${table}`, reason)
  // Says in the database's own words that it is not there.
  const list = columns?.map(name => quotedName(dialect, name)).join(', ') ?? '*'
  if (dialect.columnsOf === undefined) {
    if (columns === undefined) throw wrong('its columns are not known: name them (columns)')
    await connection.query(`SELECT ${list} FROM ${quotedTable(dialect, table)} WHERE 1 = 0`)
    return columns.map(name => ({ name, type: '' }))
  }
  await connection.query(`SELECT * FROM ${quotedTable(dialect, table)} WHERE 1 = 0`)
  const found = await dialect.columnsOf(connection, table)
  const isWritten = ({ name, isFilled }: TableColumn): boolean => isFilled !== true || upsertOn.includes(name)
  const wanted = columns ?? found.filter(isWritten).map(({ name }) => name)
  const missing = [...wanted, ...upsertOn].find(name => !found.some(column => column.name === name))
  if (missing !== undefined)
    throw wrong(`it has no column ${missing}, but ${found.map(({ name }) => name).join(', ')}`)
  return wanted.map(name => found.find(column => column.name === name)!)
}

/** @throws DATABASE_FAILED when the table cannot take whole batches, or its rows cannot be replaced as wanted */
export async function checkTable(
  dialect: SQLDialect,
  connection: SQLConnection,
  { table, upsertOn }: TableTarget,
): Promise<void> {
  const reason = await dialect.unfit?.(connection, table, upsertOn)
  if (reason !== undefined) throw databaseFailed(dialect.server, `table ${table}`, reason)
}
