/** The rows of an attempt into the table that is written. */
import { type MovedRows, quotedName, quotedTable, type SQLConnection, type SQLDialect } from './dialect.ts'
import { ORDER_COLUMN } from './stage-writer.ts'
import type { TableTarget } from './target.ts'

/** In a transaction. Gives how many rows the attempt's table has. */
export async function moveRows(
  dialect: SQLDialect,
  connection: SQLConnection,
  { table, upsertOn }: TableTarget,
  staged: { readonly from: string; readonly columns: readonly string[] },
): Promise<number> {
  const { from } = staged
  const into = quotedTable(dialect, table)
  const columns = staged.columns.map(name => quotedName(dialect, name))
  const list = columns.join(', ')
  if (upsertOn.length === 0)
    await connection.query(`INSERT INTO ${into} (${list}) SELECT ${list} FROM ${from}`)
  else {
    const keys = upsertOn.map(name => quotedName(dialect, name))
    const rows: MovedRows = { from, into, columns, keys, order: quotedName(dialect, ORDER_COLUMN) }
    const statements = dialect.upsert === undefined ? replacing(rows) : [dialect.upsert(rows)]
    for (const sql of statements) await connection.query(sql)
  }
  const [counted] = await connection.query(`SELECT count(*) AS n FROM ${from}`)
  return Number(counted?.['n'])
}

/** Standard SQL that replaces rows: those with the keys go, and the last of each key comes. */
function replacing({ from, into, columns, keys, order }: MovedRows): string[] {
  const isEqual = keys.map(key => `s.${key} = ${into}.${key}`).join(' AND ')
  const list = columns.join(', ')
  const selected = columns.map(column => `s.${column}`).join(', ')
  return [
    `DELETE FROM ${into} WHERE EXISTS (SELECT 1 FROM ${from} s WHERE ${isEqual})`,
    `INSERT INTO ${into} (${list}) SELECT ${selected} FROM ${from} s
       JOIN (SELECT max(${order}) AS ${order} FROM ${from} GROUP BY ${keys.join(', ')}) l ON l.${order} = s.${order}`,
  ]
}

/** The clause with which PostgreSQL and SQLite replace rows. */
export function onConflict({ columns, keys }: MovedRows): string {
  const replaced = columns
    .filter(column => !keys.includes(column))
    .map(column => `${column} = excluded.${column}`)
  const action = replaced.length === 0 ? 'DO NOTHING' : `DO UPDATE SET ${replaced.join(', ')}`
  return `ON CONFLICT (${keys.join(', ')}) ${action}`
}
