/** The task's side: the rows of an attempt into a table of its own, which is whole from `prepare` on. */
import type { AsyncCall } from '../../rdd/async-map.ts'
import type { SinkWriter, WriteToken } from '../../rdd/sink/sink.ts'
import { Bookkeeping, stageName } from './bookkeeping.ts'
import { databaseError } from './database-errors.ts'
import { quotedName, quotedTable, type SQLConnection, type SQLDialect, type StageRows } from './dialect.ts'
import { insertedRows } from './inserted-rows.ts'
import { connected, type Patience, patiently, quietlyClosed } from './session.ts'
import { columnsOf, type TableTarget } from './target.ts'

/** The number of a row: which of several with one key was the last. */
export const ORDER_COLUMN = 'kindling_order'

/** Stands in a query for a column of whole numbers of 8 bytes, which no CAST gives in all databases. */
const LARGEST_ORDER = Number.MAX_SAFE_INTEGER

/** What an attempt tells the driver: without a table when it had no rows. */
export interface Staged {
  readonly stage?: string
  readonly columns: readonly string[]
  readonly rows: number
}

interface Staging {
  readonly connection: SQLConnection
  readonly rows: StageRows
  readonly columns: readonly string[]
}

/** See the file head. */
export function stageWriter<T>(
  dialect: SQLDialect,
  target: TableTarget,
  token: WriteToken,
  call?: AsyncCall,
): SinkWriter<T, Staged> {
  const stage = stageName(token)
  const what = `rows for table ${target.table}`
  const books = new Bookkeeping(dialect, target.schema, what)
  // Where there is no room, it is the engine that waits: a table that is begun again does not show that there is some.
  const patience: Patience = {
    patienceMs: target.patienceMs,
    signal: call?.signal,
    faults: ['busy', 'unreachable'],
  }
  let staging: Staging | undefined
  let rows = 0
  const step = async <R>(body: () => Promise<R>): Promise<R> => {
    try {
      return await body()
    } catch (error) {
      throw databaseError(dialect, what, error)
    }
  }
  const end = async (): Promise<void> => {
    const ended = staging
    staging = undefined
    await quietlyClosed(ended?.connection)
  }
  return {
    write: records =>
      step(async () => {
        staging ??= await begin(dialect, target, { books, token, patience, what })
        await staging.rows.write(records, rows)
        rows += records.length
      }),
    prepare: () =>
      step(async () => {
        if (staging === undefined) return { columns: [], rows: 0 }
        await staging.rows.end()
        if (dialect.stageRows !== undefined) await staging.connection.query('COMMIT')
        const { columns } = staging
        await end()
        return { stage, columns, rows }
      }),
    async abort() {
      // An open transaction takes its table with it.
      if (staging !== undefined && dialect.stageRows === undefined)
        await books.drop(staging.connection, stage).catch(() => {})
      await end()
    },
    close: end,
  }
}

interface Beginning {
  readonly books: Bookkeeping
  readonly token: WriteToken
  readonly patience: Patience
  readonly what: string
}

/** With a connection of its own, each time it is tried. */
function begin(
  dialect: SQLDialect,
  target: TableTarget,
  { token, books, patience, what }: Beginning,
): Promise<Staging> {
  let tries = 0
  return patiently(dialect, what, patience, async () => {
    const connection = await connected(dialect, patience.signal)
    try {
      // What the last try has done may have counted.
      if (tries++ > 0) await books.drop(connection, stageName(token))
      return await staged(dialect, target, { token, books, patience, what, connection })
    } catch (error) {
      await quietlyClosed(connection)
      throw error
    }
  })
}

async function staged(
  dialect: SQLDialect,
  target: TableTarget,
  { token, books, patience, what, connection }: Beginning & { readonly connection: SQLConnection },
): Promise<Staging> {
  if (dialect.stageRows !== undefined) await connection.query(dialect.begin ?? 'BEGIN')
  const columns = await columnsOf(dialect, connection, target)
  const names = columns.map(({ name }) => quotedName(dialect, name))
  const order = target.upsertOn.length === 0 ? undefined : quotedName(dialect, ORDER_COLUMN)
  const selected = order === undefined ? names : [...names, `${LARGEST_ORDER} AS ${order}`]
  const select = `SELECT ${selected.join(', ')} FROM ${quotedTable(dialect, target.table)} WHERE 1 = 0`
  const name = books.name(stageName(token))
  await books.note(connection, token)
  await connection.query(dialect.createStage?.(name, select) ?? `CREATE TABLE ${name} AS ${select}`)
  const table = { name, columns, isWhole: target.columns === undefined, order }
  const rows =
    (await dialect.stageRows?.(connection, table)) ??
    insertedRows(dialect, connection, table, { ...patience, what, faults: ['busy'] })
  return { connection, rows, columns: columns.map(column => column.name) }
}
