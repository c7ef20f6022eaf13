/** A database of one test on the shared server of PostgreSQL. */
import { randomBytes } from 'node:crypto'
import type { TableSinkOptions } from 'kindling/connectors/database'
import { type PostgresConnection, postgresRows, postgresSink } from 'kindling/connectors/postgres'
import pg from 'pg'
import { service } from '../../services/service.ts'
import type { TestDatabase } from './database-suite.ts'

const server = service('postgres')

/** See the file head. */
export interface PostgresDatabase extends TestDatabase {
  readonly connection: Required<Pick<PostgresConnection, 'host' | 'port' | 'user' | 'database'>>
}

/** @param columns of the table `words` */
export async function postgresDatabase(columns: string): Promise<PostgresDatabase> {
  const admin = await open(server.connection.database)
  const name = `test_${randomBytes(5).toString('hex')}`
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.end()
  const client = await open(name)
  await client.query(`CREATE TABLE words (${columns})`)
  const connection = { ...server.connection, database: name }
  const rows = async (statement: string): Promise<Record<string, unknown>[]> =>
    (await client.query<Record<string, unknown>>(statement)).rows
  return {
    connection,
    sink: <T extends object>(options: Partial<TableSinkOptions> = {}) =>
      postgresSink<T>({ connection, table: 'words', ...options }),
    read: (sc, ranges) => postgresRows(sc, { connection, ...ranges }),
    rows,
    tables: async () =>
      (await rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).map(row =>
        String(row['tablename']),
      ),
    async [Symbol.asyncDispose]() {
      await client.end()
      const admin = await open(server.connection.database)
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
      await admin.end()
    },
  }
}

async function open(database: string): Promise<pg.Client> {
  const client = new pg.Client({ ...server.connection, database })
  await client.connect()
  return client
}
