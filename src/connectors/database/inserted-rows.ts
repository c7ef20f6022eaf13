/** Rows by INSERT, many in one statement. Each statement counts at once. */
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
  const maxRows = Math.max(
    1,
    Math.min(MAX_ROWS, Math.floor((dialect.maxValues ?? MAX_VALUES) / names.length)),
  )
  let values: unknown[] = []
  let rows = 0
  let chars = 0
  const flush = async (): Promise<void> => {
    if (rows === 0) return
    const tuples = Array.from(
      { length: rows },
      (_, i) => `(${placeholders(dialect, names.length, i * names.length)})`,
    )
    const sql = `INSERT INTO ${name} (${names.join(', ')}) VALUES ${tuples.join(', ')}`
    const given = values
    values = []
    rows = 0
    chars = 0
    await patiently(dialect, what, patience, () => connection.query(sql, given))
  }
  return {
    async write(records, first) {
      for (const [i, record] of records.entries()) {
        for (const [at, value] of valuesOf(record, columns, isWhole).entries()) {
          const plain = plainValue(value, columns[at]!, record)
          values.push(plain)
          chars += typeof plain === 'string' || plain instanceof Uint8Array ? plain.length : SHORT_CHARS
        }
        if (order !== undefined) values.push(first + i)
        if (++rows >= maxRows || chars >= MAX_CHARS) await flush()
      }
    },
    end: flush,
  }
}
