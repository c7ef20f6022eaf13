/** Where a table is, and how it is reached: data, which travels to tasks on other threads. */
import { type DurationLike, toDuration } from '../../base/time.ts'
import { postgresFailed } from './postgres-errors.ts'

/** A server, by its parts. What is left out is taken from the variables of PostgreSQL's own clients (`PGHOST`, `PGPASSWORD`, …). */
export interface PostgresConnection {
  readonly host?: string
  /** Default 5432. */
  readonly port?: number
  readonly user?: string
  readonly password?: string
  readonly database?: string
  /** Encrypts the connection; as an object, with certificates of one's own. Default false. */
  readonly ssl?: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** What `postgresSink` is given. */
export interface PostgresSinkOptions {
  /** A server by its parts, or as `postgres://user:password@host:port/database`. */
  readonly connection: string | PostgresConnection
  /** `words`, or with its schema: `public.words`. Names are taken as they are written, capitals too. */
  readonly table: string
  /**
   * The columns that are written. Records are objects with these properties, or arrays of the values in this order. Default: all columns
   * of the table but those that PostgreSQL fills in itself (with a default, an identity or a formula).
   */
  readonly columns?: readonly string[]
  /** Columns with a unique index: a row replaces the one that is equal in them; of several in a batch the last one stays. Default: rows are added. */
  readonly upsertOn?: readonly string[]
  /** How long a server that does not answer is tried again, by each step. Default 60 s. */
  readonly patience?: DurationLike
}

/** The options with their defaults, as they travel. */
export interface PostgresSettings {
  /** As the library takes it. */
  readonly connection: PostgresConnection & { readonly connectionString?: string }
  /** For messages: without user and password. */
  readonly server: string
  readonly table: string
  readonly columns: readonly string[] | undefined
  readonly upsertOn: readonly string[]
  readonly patienceMs: number
}

/** @throws DATABASE_FAILED when the address is none, or no table is named */
export function settingsOf(options: PostgresSinkOptions): PostgresSettings {
  const { connection, table, columns, upsertOn = [], patience = 60_000 } = options
  const isText = typeof connection === 'string'
  const server = isText ? serverOf(connection) : nameOf(connection.host, connection.port, connection.database)
  const wrong = (reason: string): Error => postgresFailed(server, `table ${table}`, reason)
  if (table.split('.').some(part => part === '')) throw wrong('the name of the table is not complete')
  if (columns?.length === 0) throw wrong('no columns are given')
  const strange = columns && upsertOn.find(column => !columns.includes(column))
  if (strange !== undefined) throw wrong(`column ${strange} of upsertOn is not among the columns`)
  return {
    connection: isText ? { connectionString: connection } : connection,
    ...{ server, table, columns, upsertOn },
    patienceMs: toDuration(patience, 'The patience with PostgreSQL').milliseconds,
  }
}

/** An address that is none is not shown: it may have a password. */
function serverOf(address: string): string {
  const url = URL.parse(address)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    throw postgresFailed('?', 'an address', 'it has to be postgres://user:password@host:port/database')
  return nameOf(url.hostname, url.port, url.pathname.slice(1))
}

function nameOf(
  host = process.env['PGHOST'] ?? 'localhost',
  port: string | number = process.env['PGPORT'] ?? 5432,
  database = process.env['PGDATABASE'] ?? '',
): string {
  return `${host}:${port === '' ? 5432 : port}/${database}`
}

/** `"public"."words"` */
export function quoted(name: string): string {
  return name.split('.').map(quotedName).join('.')
}

/** A name without a schema. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
