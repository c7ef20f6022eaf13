/** PostgreSQL by the package `pg`, which is loaded when the first connection is made. */
import type { Client } from 'pg'
import { isOfTheWay, saidBy } from '../database/database-errors.ts'
import type { DatabaseProblem, SQLConnection, SQLDialect, SQLRow, TableColumn } from '../database/dialect.ts'
import { loadPackage } from '../database/load-package.ts'
import { onConflict } from '../database/move-rows.ts'
import { copiedRows } from './copied-rows.ts'
import type { PostgresServer } from './options.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** A server whose machine or network has gone says nothing: the system asks whether it is there after so long without a word. */
const KEEP_ALIVE_MS = 30_000
/** Fetched at a time; the next ones are on their way while these are used. */
const FETCH_ROWS = 1000
/** Parameters of the protocol's Bind message: 16 bits. */
const MAX_VALUES = 65_535

/** A connection with the library's client. */
export interface PostgresSQLConnection extends SQLConnection {
  readonly client: Client
}

/** See the file head. */
export function postgresDialect({ connection, name }: PostgresServer): SQLDialect<PostgresSQLConnection> {
  return {
    server: name,
    maxValues: MAX_VALUES,
    placeholder: index => `$${index + 1}`,
    explain: explained,
    columnsOf,
    upsert: rows =>
      `INSERT INTO ${rows.into} (${rows.columns.join(', ')})
         SELECT DISTINCT ON (${rows.keys.join(', ')}) ${rows.columns.join(', ')} FROM ${rows.from}
         ORDER BY ${rows.keys.join(', ')}, ${rows.order} DESC
       ${onConflict(rows)}`,
    stageRows: copiedRows,
    async connect() {
      const { default: pg } = await loadPackage('PostgreSQL', 'pg', () => import('pg'))
      const { connectionString, ...parts } = connection
      const client = new pg.Client({
        ...parts,
        ...(connectionString === undefined ? {} : { connectionString }),
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        keepAlive: true,
        keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
        application_name: 'kindling',
      })
      // The end of a connection is found by who asks something over it.
      client.on('error', () => {})
      try {
        await client.connect()
      } catch (error) {
        await client.end().catch(() => {})
        throw error
      }
      return connectionOf(client)
    },
  }
}

function connectionOf(client: Client): PostgresSQLConnection {
  const query = async (sql: string, values?: readonly unknown[]): Promise<readonly SQLRow[]> => {
    const { rows } = await client.query<Record<string, unknown>>(sql, values?.map(bound))
    return rows
  }
  return {
    client,
    query,
    async *stream(sql, values) {
      await query('BEGIN')
      await query(`DECLARE kindling_rows NO SCROLL CURSOR FOR ${sql}`, values)
      const fetched = (): Promise<readonly SQLRow[]> => {
        const rows = query(`FETCH ${FETCH_ROWS} FROM kindling_rows`)
        // Its failure is met where it is awaited, if anybody still reads then.
        rows.catch(() => {})
        return rows
      }
      for (let next: ReturnType<typeof fetched> | undefined = fetched(); next !== undefined; ) {
        const rows: readonly SQLRow[] = await next
        next = rows.length < FETCH_ROWS ? undefined : fetched()
        if (rows.length > 0) yield rows
      }
      await query('COMMIT')
    },
    close: () => client.end(),
  }
}

/** Dates in UTC: the library writes local time, which a column without a time zone would keep. */
function bound(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : value
}

async function columnsOf({ client }: PostgresSQLConnection, table: string): Promise<readonly TableColumn[]> {
  const { rows } = await client.query<{ name: string; type: string; filled: boolean }>(
    `SELECT a.attname AS name, t.typname AS type, a.atthasdef OR a.attidentity <> '' AS filled
       FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [
      table
        .split('.')
        .map(part => `"${part.replaceAll('"', '""')}"`)
        .join('.'),
    ],
  )
  return rows.map(({ name, type, filled }) => ({ name, type, isFilled: filled }))
}

/** Lock not to be had, deadlock, serialization. */
const BUSY = /^(55P03|40001|40P01)$/
/** Disk full. */
const FULL = /^53100$/
/** Of the server: connection lost, shutting down or starting up, too many connections. */
const GONE = /^(08...|57P0[123]|53...)$/
/** Wrong user or password, or without the right to do it. */
const DENIED = /^(28...|42501)$/
/** What the server calls an error by. What the system calls its own (ECONNREFUSED) is longer, or has other letters. */
const SQLSTATE = /^[0-9A-Z]{5}$/
/** What the library says, without a code, of a connection that has ended or could not be made in time. */
const ENDED =
  /^(Connection terminated|timeout expired|Client was closed|Client has encountered a connection error|write after end)/
/** What it says of passwords that it is not given, or that are of no use. */
const NO_PASSWORD = /^SASL: |password must be a string/

/** What the library throws, which is the server's, the system's or its own. */
export function explained(error: unknown): DatabaseProblem {
  const said = saidBy(error)
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && SQLSTATE.test(code)) {
    const reason = `${said} [${code}]`
    if (BUSY.test(code)) return { fault: 'busy', reason }
    if (FULL.test(code)) return { fault: 'full', reason }
    if (GONE.test(code)) return { fault: 'unreachable', reason }
    return { fault: DENIED.test(code) ? 'denied' : 'failed', reason }
  }
  if (isOfTheWay(error) || ENDED.test(said)) return { fault: 'unreachable', reason: said }
  return { fault: NO_PASSWORD.test(said) ? 'denied' : 'failed', reason: said }
}
