/**
 * SQLite by `node:sqlite`. Its calls are synchronous: each holds the thread as long as it takes. So nothing waits for a lock in it; who
 * finds the database locked asks again later, and a transaction that others wait for is not held by tasks.
 */

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { setField } from '../../data/record-shape.ts'
import { saidBy } from '../database/database-errors.ts'
import type { DatabaseProblem, SQLConnection, SQLDialect, SQLRow, TableColumn } from '../database/dialect.ts'
import { onConflict } from '../database/move-rows.ts'
import { chunked } from '../database/row-runs.ts'

/** SQLITE_MAX_VARIABLE_NUMBER. */
const MAX_VALUES = 32_766

/** @param file its path, or an address `file:…` with SQLite's parameters */
export function sqliteDialect(file: string): SQLDialect {
  return {
    server: `SQLite at ${file}`,
    begin: 'BEGIN IMMEDIATE',
    maxValues: MAX_VALUES,
    explain: explained,
    columnsOf,
    upsert: rows => {
      const list = rows.columns.join(', ')
      // Without a WHERE, ON would be taken for that of a join.
      return `INSERT INTO ${rows.into} (${list}) SELECT ${list} FROM ${rows.from} WHERE true ORDER BY ${rows.order}
        ${onConflict(rows)}`
    },
    async connect() {
      const { DatabaseSync } = await import('node:sqlite')
      return connectionOf(new DatabaseSync(addressOf(file), { timeout: 0 }))
    },
  }
}

/** A file that is not there is not made: its path would be wrong. */
function addressOf(file: string): string {
  return file.startsWith('file:') ? file : `${pathToFileURL(file).href}?mode=rw`
}

function connectionOf(database: DatabaseSync): SQLConnection {
  const prepared = (sql: string): StatementSync => {
    const statement = database.prepare(sql)
    statement.setReadBigInts(true)
    return statement
  }
  return {
    async query(sql, values = []) {
      const statement = prepared(sql)
      return statement.all(...values.map(bound)).map(row => read(row))
    },
    async *stream(sql, values = []) {
      for await (const rows of chunked(prepared(sql).iterate(...values.map(bound))))
        yield rows.map(row => read(row))
    },
    async each(sql, rows) {
      const statement = prepared(sql)
      database.exec('BEGIN IMMEDIATE')
      try {
        for (const values of rows) statement.run(...values.map(bound))
        database.exec('COMMIT')
      } catch (error) {
        // Some errors have rolled it back.
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    },
    async close() {
      database.close()
    },
  }
}

/** Numbers are bound as floating point, which a column of text would keep as `3.0`: whole ones go as integers. */
function bound(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (value instanceof Date) return value.toISOString()
  // Nothing else is left of what a statement may be given.
  return value as SQLInputValue
}

/** Integers are numbers where they can be. */
function read(row: Readonly<Record<string, unknown>>): SQLRow {
  const plain: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(row))
    setField(
      plain,
      name,
      typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value,
    )
  return plain
}

async function columnsOf(connection: SQLConnection, table: string): Promise<readonly TableColumn[]> {
  const [name, schema] = table.split('.').reverse()
  const rows = await connection.query(
    `SELECT name, type, dflt_value IS NOT NULL OR hidden > 0
        OR (pk = 1 AND upper(type) = 'INTEGER' AND (SELECT max(pk) FROM pragma_table_xinfo(?1, ?2)) = 1) AS filled
       FROM pragma_table_xinfo(?1, ?2) ORDER BY cid`,
    [name, schema ?? null],
  )
  return rows.map(row => ({
    name: String(row['name']),
    type: String(row['type']),
    isFilled: row['filled'] === 1,
  }))
}

/** SQLITE_BUSY, SQLITE_LOCKED. */
const BUSY = new Set([5, 6])
/** SQLITE_FULL. */
const FULL = 13
/** SQLITE_IOERR. */
const GONE = 10
/** SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH. */
const DENIED = new Set([3, 8, 23])

/** What `node:sqlite` throws. */
export function explained(error: unknown): DatabaseProblem {
  const { errcode } = error as { errcode?: unknown }
  if (typeof errcode !== 'number') return { fault: 'failed', reason: saidBy(error) }
  const reason = `${saidBy(error)} [${errcode}]`
  // The rest is detail.
  const kind = errcode & 0xff
  if (BUSY.has(kind)) return { fault: 'busy', reason }
  if (kind === FULL) return { fault: 'full', reason }
  if (kind === GONE) return { fault: 'unreachable', reason }
  return { fault: DENIED.has(kind) ? 'denied' : 'failed', reason }
}
