/** What the sink writes into a file of SQLite: whole batches, each once. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { isKindlingError, SparkContext } from 'kindling'
import { databaseSink, type SQLDialect, type TableSinkOptions } from 'kindling/connectors/database'
import { sqliteRows, sqliteSink } from 'kindling/connectors/sqlite'
import { sqliteDialect } from '../../../src/connectors/sqlite/sqlite-dialect.ts'
import { INLINE } from '../../support/backends.ts'
import { waitsForRoom } from '../../support/full-server.ts'
import { failureOf, stopsWaiting } from '../../support/sink-crashes.ts'
import { databaseSuite, type TestDatabase } from './database-suite.ts'

interface SQLiteDatabase extends TestDatabase {
  readonly file: string
  readonly database: DatabaseSync
}

async function open(columns: string): Promise<SQLiteDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-sqlite-'))
  const file = join(folder, 'test.db')
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA synchronous = OFF; CREATE TABLE words (${columns})`)
  const rows = async (statement: string): Promise<Record<string, unknown>[]> =>
    database
      .prepare(statement)
      .all()
      .map(row => ({ ...row }))
  return {
    file,
    database,
    sink: <T extends object>(options: Partial<TableSinkOptions> = {}) =>
      sqliteSink<T>({ file, table: 'words', ...options }),
    read: (sc, ranges) => sqliteRows(sc, { file, ...ranges }),
    rows,
    tables: async () =>
      (await rows("SELECT name FROM sqlite_schema WHERE type = 'table'")).map(row => String(row['name'])),
    async [Symbol.asyncDispose]() {
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
}

databaseSuite({
  name: 'SQLite',
  skip: false,
  open,
  unknownTable: /SQLite at .*test\.db refused table nowhere: no such table: nowhere \[1\]/,
})

describe('SQLite without room', () => {
  /** Most pages that the sink's connections make the file have. */
  let maxPages = 0
  const limited = (file: string): SQLDialect => {
    const dialect = sqliteDialect(file)
    return {
      ...dialect,
      async connect() {
        const connection = await dialect.connect()
        await connection.query(`PRAGMA max_page_count = ${maxPages}`)
        return connection
      },
    }
  }
  waitsForRoom(
    async () => {
      const db = await open('word text')
      maxPages = 1000
      await db.rows('PRAGMA journal_mode = WAL')
      return {
        sink: () => databaseSink<[string]>({ dialect: () => limited(db.file), table: 'words' }),
        words: async () => (await db.rows('SELECT word FROM words')).map(({ word }) => String(word)),
        leftovers: async () => (await db.tables()).filter(name => name.startsWith('kindling_rows')),
        async fill() {
          const [{ free } = {}] = await db.rows('SELECT freelist_count AS free FROM pragma_freelist_count')
          db.database.exec('CREATE TABLE IF NOT EXISTS ballast (bytes blob)')
          // A page each, and those that are there and empty first.
          for (let page = 0; page <= Number(free); page++)
            db.database.exec('INSERT INTO ballast VALUES (zeroblob(4000))')
          maxPages = 1
        },
        free() {
          maxPages = 1000
        },
        [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
      }
    },
    {
      code: 'DATABASE_FULL',
      message:
        /^SQLite at .*test\.db has no room for (rows for )?table words \(database or disk is full \[13\]\)/,
      conf: INLINE,
    },
  )
})

describe('sqliteSink', () => {
  const sc = new SparkContext({ master: 'local[2]' })
  after(() => sc.stop())

  it('writes values of all kinds as they are', async () => {
    await using db = await open(
      'id INTEGER PRIMARY KEY, t text, n real, b blob, d text, a text, big integer, ok integer, x',
    )
    const rows = [
      {
        t: 3,
        n: -0.5,
        b: new Uint8Array([0, 255]),
        d: new Date(1234),
        a: ['x', null],
        big: 2n ** 53n,
        ok: true,
        x: 7,
      },
      { t: '\0"\'', n: 1e300, b: null, d: null, a: { k: 1 }, big: -7, ok: false, x: 0.5 },
    ]
    await sc.parallelize(rows, 2).writeTo(db.sink())
    assert.deepEqual(
      await db.rows('SELECT t, n, b, d, a, cast(big AS text) AS big, ok, x FROM words ORDER BY ok DESC'),
      [
        { ...rows[0], t: '3', d: '1970-01-01T00:00:01.234Z', a: '["x",null]', big: String(2n ** 53n), ok: 1 },
        { ...rows[1], a: '{"k":1}', big: '-7', ok: 0 },
      ],
    )
  })

  it('waits while others have the file locked, and goes on', async () => {
    await using db = await open('word text')
    const token = { program: 'p', operatorId: 'o', epoch: 1, batchTime: 1000 }
    const sink = db.sink<[string]>()
    await sink.open?.({ ...token, logger: undefined as never })
    const writer = await sink.writer({ ...token, partition: 0, attempt: 0 })
    db.database.exec('BEGIN IMMEDIATE')
    const written = Promise.resolve(writer.write([['a']]))
    db.database.exec("INSERT INTO words VALUES ('mine'); COMMIT; BEGIN IMMEDIATE")
    const prepared = written.then(() => writer.prepare())
    db.database.exec('COMMIT')
    const message = await prepared
    await writer.close?.()
    db.database.exec('BEGIN IMMEDIATE')
    const committed = sink.commit(token, [message])
    const patient = failureOf(db.sink({ patience: 30 }))
    const error = await patient
    assert.ok(isKindlingError(error, 'DATABASE_UNREACHABLE'), error.message)
    assert.match(error.message, /database is locked/)
    db.database.exec('COMMIT')
    await committed
    await sink.close?.(token)
    assert.deepEqual(await db.rows('SELECT word FROM words ORDER BY word'), [{ word: 'a' }, { word: 'mine' }])
  })

  const files: [string, string, RegExp][] = [
    ['that is not there', join('nowhere', 'x.db'), /nowhere.x\.db refused .*unable to open database file/],
    ['that is no database', import.meta.filename, /file is not a database/],
  ]
  for (const [name, file, message] of files)
    it(`refuses a file ${name}`, async () => {
      const error = await failureOf(sqliteSink({ file, table: 'words' }))
      assert.ok(isKindlingError(error, 'DATABASE_FAILED'), error.message)
      assert.match(error.message, message)
    })

  it('stops waiting for a lock when its attempt is cancelled, and when it is closed', async () => {
    await using db = await open('word text')
    db.database.exec('BEGIN EXCLUSIVE')
    await stopsWaiting(patience => db.sink({ patience }))
  })
})
