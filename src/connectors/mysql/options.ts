/** Where a server is, and how it is reached: data, which travels to tasks on other threads. */
import { databaseFailed } from '../database/database-errors.ts'
import type { TableSinkOptions } from '../database/target.ts'

/** A server of MySQL or MariaDB, by its parts. */
export interface MySQLConnection {
  /** Default `localhost`. */
  readonly host?: string
  /** Default 3306. */
  readonly port?: number
  readonly user?: string
  readonly password?: string
  /** Where tables without a schema are. */
  readonly database?: string
  /**
   * Encrypts the connection; as an object, with certificates of one's own. The certificate has to be that of `host`, unless that is an
   * address of numbers. Default false.
   */
  readonly ssl?: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** What `mysqlSink` is given. */
export interface MySQLSinkOptions extends TableSinkOptions {
  /** A server by its parts, or as `mysql://user:password@host:port/database`. */
  readonly connection: string | MySQLConnection
}

/** A server as it travels. */
export interface MySQLServer {
  readonly connection: MySQLConnection
  /** For messages: without user and password. */
  readonly name: string
}

/** @throws DATABASE_FAILED when the address is none */
export function serverOf(connection: string | MySQLConnection): MySQLServer {
  const parts = typeof connection === 'string' ? partsOf(connection) : connection
  const { host = 'localhost', port = 3306, database = '' } = parts
  return { connection: parts, name: `MySQL at ${host}:${port}/${database}` }
}

/** An address that is none is not shown: it may have a password. */
function partsOf(address: string): MySQLConnection {
  const url = URL.parse(address)
  if (url === null || !/^(mysql|mariadb):$/.test(url.protocol) || url.hostname === '')
    throw databaseFailed('MySQL', 'an address', 'it has to be mysql://user:password@host:port/database')
  const part = <K extends string>(name: K, text: string): { [P in K]?: string } =>
    (text === '' ? {} : { [name]: decodeURIComponent(text) }) as { [P in K]?: string }
  return {
    host: url.hostname,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...part('user', url.username),
    ...part('password', url.password),
    ...part('database', url.pathname.slice(1)),
  }
}
