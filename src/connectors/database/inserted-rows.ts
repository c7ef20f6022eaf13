/** Rows by INSERT, many in one statement or in one transaction. Each of these counts at once. */
import {
  placeholders,
  quotedName,
  type SQLConnection,
  type SQLDialect,
  type StageRows,
  type StageTable,
} from './dialect.ts'
import { plainValue, valuesOf } from './row-values.ts'
import { type Patience, patiently } from './session.ts'

const MAX_VALUES = 999
const MAX_ROWS = 1000
/** Of text and bytes in a statement: far below what servers take (MariaDB: 16 MiB). */
const MAX_CHARS = 1 << 20
/** What a number or a date takes in it. */
const SHORT_CHARS = 16

/** @param patience for a database that is locked; `what` is asked, for people */
export function insertedRows(
  dialect: SQLDialect,
  connection: SQLConnection,
  { name, columns, isWhole, order }: StageTable,
  { what, ...patience }: Patience & { readonly what: string },
): StageRows {
  const quoted = columns.map(column => quotedName(dialect, column.name))
  const names = order === undefined ? quoted : [...quoted, order]
  const into = `INSERT INTO ${name} (${names.join(', ')}) VALUES`
  const perStatement = Math.max(
    1,
    Math.min(MAX_ROWS, Math.floor((dialect.maxValues ?? MAX_VALUES) / names.length)),
  )
  const maxRows = connection.each === undefined ? perStatement : MAX_ROWS
  // Nearly all statements have as many rows as they may.
  const full = connection.each === undefined ? tuples(dialect, names.length, maxRows) : ''
  let rows: (readonly unknown[])[] = []
  let chars = 0
  const insert = (given: readonly (readonly unknown[])[]): Promise<unknown> => {
    if (connection.each !== undefined)
      return connection.each(`${into} ${tuples(dialect, names.length, 1)}`, given)
    const places = given.length === maxRows ? full : tuples(dialect, names.length, given.length)
    return connection.query(`${into} ${places}`, given.flat())
  }
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return
    const given = rows
    rows = []
    chars = 0
    await patiently(dialect, what, patience, () => insert(given))
  }
  return {
    async write(records, first) {
      for (const [i, record] of records.entries()) {
        const row: unknown[] = []
        for (const [at, value] of valuesOf(record, columns, isWhole).entries()) {
          const plain = plainValue(value, columns[at]!, record)
          row.push(plain)
          chars += typeof plain === 'string' || plain instanceof Uint8Array ? plain.length : SHORT_CHARS
        }
        if (order !== undefined) row.push(first + i)
        rows.push(row)
        if (rows.length >= maxRows || chars >= MAX_CHARS) await flush()
      }
    },
    end: flush,
  }
}

/** `(?, ?), (?, ?)` */
function tuples(dialect: SQLDialect, columns: number, rows: number): string {
  return Array.from({ length: rows }, (_, i) => `(${placeholders(dialect, columns, i * columns)})`).join(', ')
}
