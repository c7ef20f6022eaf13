/** What a connection to SQLite does beside single statements. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import type { SQLConnection } from '../../../src/connectors/database/dialect.ts'
import { explained, sqliteDialect } from '../../../src/connectors/sqlite/sqlite-dialect.ts'

const folder = mkdtempSync(join(tmpdir(), 'kindling-sqlite-'))
after(() => rmSync(folder, { recursive: true }))

async function opened(name: string): Promise<{ connection: SQLConnection; other: DatabaseSync }> {
  const file = join(folder, name)
  const other = new DatabaseSync(file)
  other.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (word text NOT NULL, n int)')
  return { connection: await sqliteDialect(file).connect(), other }
}

const INSERT = 'INSERT INTO t VALUES (?, ?)'

describe('each', () => {
  it('runs a statement for each list of values', async () => {
    const { connection, other } = await opened('each.db')
    await connection.each?.(INSERT, [])
    await connection.each?.(INSERT, [
      ['a', 1],
      ['b', null],
    ])
    const found = await connection.query('SELECT word, n FROM t')
    assert.deepEqual(found, [
      { word: 'a', n: 1 },
      { word: 'b', n: null },
    ])
    await connection.close()
    other.close()
  })

  it('leaves nothing of lists of which one is refused, and goes on', async () => {
    const { connection, other } = await opened('refused.db')
    const given = [
      ['a', 1],
      [null, 2],
    ]
    await assert.rejects(connection.each!(INSERT, given), /NOT NULL/)
    assert.deepEqual(await connection.query('SELECT * FROM t'), [])
    await connection.each!(INSERT, [['c', 3]])
    assert.deepEqual(await connection.query('SELECT * FROM t'), [{ word: 'c', n: 3 }])
    await connection.close()
    other.close()
  })

  it('says that the database is locked, with nothing done', async () => {
    const { connection, other } = await opened('locked.db')
    other.exec('BEGIN IMMEDIATE')
    const failure = await connection.each!(INSERT, [['a', 1]]).then(
      () => undefined,
      error => error,
    )
    assert.equal(explained(failure).fault, 'busy')
    other.exec('ROLLBACK')
    await connection.each!(INSERT, [['a', 1]])
    assert.deepEqual(await connection.query('SELECT count(*) AS n FROM t'), [{ n: 1 }])
    await connection.close()
    other.close()
  })
})
