/** A database of one test on the shared server, with a table `words`. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { service } from '../../services/service.ts'

const server = service('postgres')

/** Names of what attempts have left. */
export const STAGES = "SELECT tablename FROM pg_tables WHERE starts_with(tablename, 'kindling_rows')"

/** See the file head. Dispose of it. */
export interface Database extends AsyncDisposable {
  readonly client: pg.Client
  readonly connection: { host: string; port: number; user: string; database: string }
  /** The first column of what the statement gives. */
  values(statement: string): Promise<unknown[]>
}

/** @param columns of the table */
export async function database(columns: string): Promise<Database> {
  const admin = await open(server.connection.database)
  const name = `test_${randomBytes(5).toString('hex')}`
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.end()
  const client = await open(name)
  await client.query(`CREATE TABLE words (${columns})`)
  return {
    client,
    connection: { ...server.connection, database: name },
    async values(statement) {
      const { rows } = await client.query({ text: statement, rowMode: 'array' })
      return rows.map(([value]) => value)
    },
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
