/** MySQL and MariaDB by the package `mysql2`, which is loaded when the first connection is made. */
import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import type { Connection } from 'mysql2/promise'
import { isOfTheWay, NO_SPACE, saidBy } from '../database/database-errors.ts'
import type {
  DatabaseProblem,
  MovedRows,
  SQLConnection,
  SQLDialect,
  SQLRow,
  TableColumn,
} from '../database/dialect.ts'
import { loadPackage } from '../database/load-package.ts'
import { chunked } from '../database/row-runs.ts'
import type { MySQLServer } from './options.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** A server whose machine or network has gone says nothing: the system asks whether it is there after so long without a word. */
const KEEP_ALIVE_MS = 30_000
/** Placeholders are filled in by the library, so nothing but the size of a statement limits them. */
const MAX_VALUES = 100_000
/**
 * Whatever the server has by default: values that do not fit are refused, text in quotes has escapes by backslash (as the library writes
 * it), tables of attempts take part in transactions, and times are those of UTC.
 */
const SESSION = `SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
  SESSION default_storage_engine = 'InnoDB', SESSION time_zone = '+00:00'`

/** See the file head. */
export function mysqlDialect({ connection, name }: MySQLServer): SQLDialect {
  return {
    server: name,
    begin: 'START TRANSACTION',
    maxValues: MAX_VALUES,
    quote: text => `\`${text.replaceAll('`', '``')}\``,
    explain: explained,
    columnsOf,
    unfit,
    upsert: upserted,
    async connect() {
      const mysql = await loadPackage('MySQL', 'mysql2', () => import('mysql2/promise'))
      const { ssl, ...parts } = connection
      const client = await mysql.createConnection({
        ...parts,
        ...(ssl === undefined || ssl === false ? {} : { ssl: verified(ssl === true ? {} : ssl, parts.host) }),
        charset: 'utf8mb4',
        timezone: 'Z',
        supportBigNumbers: true,
        connectTimeout: CONNECT_TIMEOUT_MS,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      })
      // The end of a connection is found by who asks something over it.
      client.on('error', () => {})
      const made = connectionOf(client)
      await made.query(SESSION)
      return made
    },
  }
}

/**
 * By itself, the library takes the certificate of any server that the authority knows. It can only check names: at an address of numbers, it
 * would look for the name `localhost`.
 */
function verified<S extends object>(ssl: S, host = 'localhost'): S & { readonly verifyIdentity: boolean } {
  return { ...ssl, verifyIdentity: isIP(host) === 0 }
}

function connectionOf(client: Connection): SQLConnection {
  let asked = 0
  return {
    async query(sql, values) {
      asked++
      try {
        const [rows] = await client.query(sql, values?.map(bound))
        return Array.isArray(rows) ? (rows as SQLRow[]) : []
      } finally {
        asked--
      }
    },
    async *stream(sql, values) {
      asked++
      // The promises' face of a connection has no streams; the connection behind it has.
      const { connection } = client as unknown as {
        connection: { query(sql: string, values: unknown[]): Query }
      }
      yield* chunked<SQLRow>(connection.query(sql, (values ?? []).map(bound)).stream())
      asked--
    },
    async close() {
      // Who takes leave has to wait for what is under way.
      if (asked > 0) client.destroy()
      else await client.end()
    },
  }
}

interface Query {
  stream(): Readable
}

function bound(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return value
}

/** In order, a later row replaces an earlier one. */
function upserted({ from, into, columns, keys, order }: MovedRows): string {
  const selected = columns.map(column => `s.${column}`).join(', ')
  const others = columns.filter(column => !keys.includes(column))
  const replaced = (others.length === 0 ? keys : others).map(column => `${column} = s.${column}`).join(', ')
  return `INSERT INTO ${into} (${columns.join(', ')}) SELECT ${selected} FROM ${from} s ORDER BY s.${order}
    ON DUPLICATE KEY UPDATE ${replaced}`
}

/** Its schema and its name, as values. */
function partsOf(table: string): (string | null)[] {
  const [name, schema] = table.split('.').reverse()
  return [schema ?? null, name!]
}

async function columnsOf(connection: SQLConnection, table: string): Promise<readonly TableColumn[]> {
  const parts = partsOf(table)
  const rows = await connection.query(
    `SELECT COLUMN_NAME AS name, DATA_TYPE AS type,
        (COLUMN_DEFAULT IS NOT NULL AND COLUMN_DEFAULT <> 'NULL') OR EXTRA LIKE '%auto_increment%'
          OR COALESCE(GENERATION_EXPRESSION, '') <> '' AS filled
       FROM information_schema.COLUMNS
      WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    parts,
  )
  const json = await jsonColumns(connection, parts)
  return rows.map(({ name, type, filled }) => ({
    name: String(name),
    type: json.has(String(name)) ? 'json' : String(type),
    isFilled: Number(filled) === 1,
  }))
}

/** In MariaDB a column of JSON is one of text, with a check. */
async function jsonColumns(connection: SQLConnection, parts: readonly unknown[]): Promise<Set<string>> {
  const [server] = await connection.query('SELECT VERSION() AS version')
  if (!String(server?.['version']).includes('MariaDB')) return new Set()
  const checks = await connection.query(
    `SELECT CHECK_CLAUSE AS clause FROM information_schema.CHECK_CONSTRAINTS
      WHERE CONSTRAINT_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?`,
    parts,
  )
  return new Set(checks.flatMap(({ clause }) => /^json_valid\(`(.+)`\)$/.exec(String(clause))?.[1] ?? []))
}

/** Without a unique index, rows would be added, not replaced; without transactions, a batch would be there in part. */
async function unfit(
  connection: SQLConnection,
  table: string,
  keys: readonly string[],
): Promise<string | undefined> {
  const [engine] = await connection.query(
    `SELECT t.ENGINE AS name, e.TRANSACTIONS AS transactions FROM information_schema.TABLES t
       JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
      WHERE t.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND t.TABLE_NAME = ?`,
    partsOf(table),
  )
  if (engine !== undefined && engine['transactions'] !== 'YES')
    return `its storage engine ${String(engine['name'])} has no transactions`
  if (keys.length === 0) return undefined
  const rows = await connection.query(
    `SELECT INDEX_NAME AS name, COLUMN_NAME AS col, SUB_PART AS part FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND NON_UNIQUE = 0`,
    partsOf(table),
  )
  const indexes = Map.groupBy(rows, ({ name }) => String(name))
  const isOfKeys = (parts: readonly SQLRow[]): boolean =>
    parts.length === keys.length &&
    parts.every(({ col, part }) => part === null && keys.includes(String(col)))
  if ([...indexes.values()].some(isOfKeys)) return undefined
  return `it has no unique index of ${keys.join(', ')} (upsertOn)`
}

/** Deadlock, lock not to be had, changed meanwhile, interrupted. */
const BUSY = new Set([1020, 1205, 1213, 1317, 1412, 3572])
/** Disk full; the table is full, also where its disk is. */
const FULL = new Set([1021, 1114])
/** Error 28 of the system stands in others. */
const OUT_OF_SPACE = /\b(errcode|errno|error):? 28\b/i
/** Shutting down, too many connections, connection killed or lost. */
const GONE = new Set([1040, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1927, 4031])
/** Wrong user or password, or without the right to do it. */
const DENIED = new Set([1044, 1045, 1142, 1143, 1227, 1370, 1410, 1698])
/** What the library says of a connection that has ended, without a code. */
const ENDED = /closed state|Connection lost|connection was destroyed/i

/** What the library throws, which is the server's, the system's or its own. */
export function explained(error: unknown): DatabaseProblem {
  const said = saidBy(error)
  const { code, errno } = error as { code?: unknown; errno?: unknown }
  if (FULL.has(Number(errno)) || OUT_OF_SPACE.test(said) || NO_SPACE.test(said))
    return { fault: 'full', reason: `${said} [${errno}]` }
  if (typeof errno === 'number' && errno >= 1000) {
    const reason = `${said} [${errno}]`
    if (BUSY.has(errno)) return { fault: 'busy', reason }
    if (GONE.has(errno)) return { fault: 'unreachable', reason }
    return { fault: DENIED.has(errno) ? 'denied' : 'failed', reason }
  }
  const isGone = isOfTheWay(error) || code === 'PROTOCOL_CONNECTION_LOST' || ENDED.test(said)
  return { fault: isGone ? 'unreachable' : 'failed', reason: said }
}
