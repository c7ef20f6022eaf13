/** Where a server is, and how it is reached: data, which travels to tasks on other threads. */
import { databaseFailed } from '../database/database-errors.ts'
import type { TableSinkOptions } from '../database/target.ts'

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
export interface PostgresSinkOptions extends TableSinkOptions {
  /** A server by its parts, or as `postgres://user:password@host:port/database`. */
  readonly connection: string | PostgresConnection
}

/** A server as it travels. */
export interface PostgresServer {
  /** As the library takes it. */
  readonly connection: PostgresConnection & { readonly connectionString?: string }
  /** For messages: without user and password. */
  readonly name: string
}

/** @throws DATABASE_FAILED when the address is none */
export function serverOf(connection: string | PostgresConnection): PostgresServer {
  if (typeof connection === 'string')
    return { connection: { connectionString: connection }, name: nameOfAddress(connection) }
  return { connection, name: nameOf(connection.host, connection.port, connection.database) }
}

/** An address that is none is not shown: it may have a password. */
function nameOfAddress(address: string): string {
  const url = URL.parse(address)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    throw databaseFailed(
      'PostgreSQL',
      'an address',
      'it has to be postgres://user:password@host:port/database',
    )
  return nameOf(url.hostname, url.port, url.pathname.slice(1))
}

function nameOf(
  host = process.env['PGHOST'] ?? 'localhost',
  port: string | number = process.env['PGPORT'] ?? 5432,
  database = process.env['PGDATABASE'] ?? '',
): string {
  return `PostgreSQL at ${host}:${port === '' ? 5432 : port}/${database}`
}
