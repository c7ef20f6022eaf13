/**
 * SQLite: `sqliteSink` beside one prepared INSERT for each row by `node:sqlite`, in one transaction with a token of the batch, and so the
 * same guarantee. The file has a log for writing ahead.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SparkContext } from 'kindling'
import { sqliteSink } from 'kindling/connectors/sqlite'
import type { Benchmark } from './harness.ts'
import { COLUMNS, type Row, rowOf, SUMS, sumsFound, sumsOf } from './rows.ts'

const ROWS = 300_000

/** See the file head. */
export const sqliteWrite: Benchmark = async master => {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-bench-'))
  const file = join(folder, 'rows.db')
  const database = new DatabaseSync(file)
  database.exec(
    `PRAGMA journal_mode = WAL; CREATE TABLE rows (${COLUMNS}); CREATE TABLE tokens (batch int PRIMARY KEY)`,
  )
  const sc = new SparkContext({ master })
  const sink = sqliteSink<Row>({ file, table: 'rows' })
  const prepare = async (): Promise<void> =>
    database.exec('DELETE FROM rows; PRAGMA wal_checkpoint(TRUNCATE)')
  const found = async (): Promise<unknown> =>
    sumsFound(database.prepare(`SELECT ${SUMS} FROM rows`).get() as Record<string, unknown>)
  return {
    work: `${ROWS} rows`,
    expected: sumsOf(ROWS),
    ours: { prepare, found, run: time => sc.range(ROWS).map(rowOf).writeTo(sink, { id: 'rows', time }) },
    bare: {
      prepare,
      found,
      async run(round) {
        database.exec('BEGIN IMMEDIATE')
        database.prepare('INSERT INTO tokens VALUES (?)').run(round)
        const insert = database.prepare('INSERT INTO rows VALUES (?, ?, ?, ?)')
        for (let n = 0; n < ROWS; n++) {
          const { id, word, amount, note } = rowOf(n)
          insert.run(id, word, amount, note)
        }
        database.exec('COMMIT')
      },
    },
    async [Symbol.asyncDispose]() {
      await sc.stop()
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
}
