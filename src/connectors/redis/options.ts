/** Where a server is, and how it is reached: data, which travels to tasks on other threads. */
import type { DurationLike } from '../../base/time.ts'
import { databaseFailed } from '../database/database-errors.ts'
import type { RedisCommand } from './commands.ts'

/** A server of Redis, by its parts. */
export interface RedisConnection {
  /** Default `localhost`. */
  readonly host?: string
  /** Default 6379. */
  readonly port?: number
  readonly username?: string
  readonly password?: string
  /** The number of the database. Default 0. */
  readonly db?: number
  /** Encrypts the connection; as an object, with certificates of one's own. Default false. */
  readonly tls?: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** What `redisSink` is given. */
export interface RedisSinkOptions<T> {
  /** A server by its parts, or as `redis://user:password@host:port/db` (`rediss:` with encryption). */
  readonly connection: string | RedisConnection
  /**
   * The commands for a record: one of `toKeys`, `toHash`, `toStream`, `toChannel`, or a function of one's own. Called in tasks, so what
   * it uses has to be data, or be imported.
   */
  readonly commands: (record: T) => readonly RedisCommand[]
  /** What the keys begin with that the sink has for itself. Default `kindling`. */
  readonly prefix?: string
  /** How long a server that does not answer is tried again, by each step. Default 60 s. */
  readonly patience?: DurationLike
}

/** A server as it travels. */
export interface RedisServer {
  readonly connection: RedisConnection
  /** For messages: without user and password. */
  readonly name: string
}

/** @throws DATABASE_FAILED when the address is none */
export function serverOf(connection: string | RedisConnection): RedisServer {
  const parts = typeof connection === 'string' ? partsOf(connection) : connection
  const { host = 'localhost', port = 6379, db = 0 } = parts
  return { connection: parts, name: `Redis at ${host}:${port}/${db}` }
}

/** An address that is none is not shown: it may have a password. */
function partsOf(address: string): RedisConnection {
  const url = URL.parse(address)
  const db = url?.pathname.slice(1) ?? ''
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || !/^\d*$/.test(db))
    throw databaseFailed('Redis', 'an address', 'it has to be redis://user:password@host:port/number')
  return {
    host: url.hostname,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(db === '' ? {} : { db: Number(db) }),
    tls: url.protocol === 'rediss:',
  }
}
