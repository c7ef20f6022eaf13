/** A database by a dialect of a program's own, of which nothing is known but how to connect: standard SQL has to do. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import {
  databaseRows,
  databaseSink,
  type SQLDialect,
  type TableSinkOptions,
} from 'kindling/connectors/database'
import { databaseSuite, type TestDatabase } from './database-suite.ts'

function dialect(file: string): SQLDialect {
  return {
    server: `my database at ${file}`,
    begin: 'BEGIN IMMEDIATE',
    async connect() {
      const database = new DatabaseSync(file, { timeout: 0 })
      return {
        query: async (sql, values = []) => database.prepare(sql).all(...(values as SQLInputValue[])),
        close: async () => database.close(),
      }
    },
    explain: error => {
      const { message, errcode } = error as { message: string; errcode?: number }
      return { fault: errcode === 5 ? 'busy' : 'failed', reason: message }
    },
  }
}

async function open(columns: string): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-own-'))
  const file = join(folder, 'test.db')
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA synchronous = OFF; CREATE TABLE words (${columns})`)
  const names = [...columns.matchAll(/(\w+) (varchar|text|int)/g)].map(([, name]) => name!)
  const rows = async (statement: string): Promise<Record<string, unknown>[]> =>
    database
      .prepare(statement)
      .all()
      .map(row => ({ ...row }))
  return {
    sink: <T extends object>(options: Partial<TableSinkOptions> = {}) =>
      databaseSink<T>({ dialect: () => dialect(file), table: 'words', columns: names, ...options }),
    read: (sc, ranges) => databaseRows(sc, { dialect: () => dialect(file), ...ranges }),
    rows,
    tables: async () => (await rows('SELECT name FROM sqlite_schema')).map(row => String(row['name'])),
    async [Symbol.asyncDispose]() {
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
}

databaseSuite({
  name: 'a database of one’s own',
  skip: false,
  open,
  unknownTable: /my database at .* refused table nowhere: no such table: nowhere/,
  knowsColumns: false,
})
