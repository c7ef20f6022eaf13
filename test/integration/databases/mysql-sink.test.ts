/** What the sink writes into MariaDB: whole batches, each once. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type ErrorCode, type ExactlyOnceSink, isKindlingError, SparkContext } from 'kindling'
import type { TableSinkOptions } from 'kindling/connectors/database'
import { type MySQLConnection, mysqlRows, mysqlSink } from 'kindling/connectors/mysql'
import mysql from 'mysql2/promise'
import { ownServer, service } from '../../services/service.ts'
import { KeyFiles, noKeyFiles } from '../../support/certificate.ts'
import { waitsForRoom } from '../../support/full-server.ts'
import { failureOf, stopsWaiting } from '../../support/sink-crashes.ts'
import { noSmallDisks, SmallDisk } from '../../support/small-disk.ts'
import { databaseSuite, type TestDatabase } from './database-suite.ts'

const server = service('mariadb')

async function open(columns: string): Promise<TestDatabase> {
  const database = `test_${randomBytes(5).toString('hex')}`
  const connection = { ...server.connection, database }
  const client = await mysql.createConnection({ ...server.connection, timezone: 'Z' })
  await client.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`)
  await client.query(`USE ${database}`)
  await client.query("SET time_zone = '+00:00'")
  await client.query(`CREATE TABLE words (${columns})`)
  const rows = async (statement: string): Promise<Record<string, unknown>[]> => {
    const [found] = await client.query(statement)
    return Array.isArray(found) ? found.map(row => ({ ...row })) : []
  }
  return {
    sink: <T extends object>(options: Partial<TableSinkOptions> = {}) =>
      mysqlSink<T>({ connection, table: 'words', ...options }),
    read: (sc, ranges) => mysqlRows(sc, { connection, ...ranges }),
    rows,
    tables: async () => (await rows('SHOW TABLES')).map(row => String(Object.values(row)[0])),
    async [Symbol.asyncDispose]() {
      await client.query(`DROP DATABASE ${database}`)
      await client.query(`DROP DATABASE IF EXISTS ${database}_books`)
      await client.end()
    },
  }
}

databaseSuite({
  name: 'MariaDB',
  skip: server.skip,
  open,
  unknownTable: /MySQL at 127\.0\.0\.1:\d+\/test_\w+ refused table nowhere.*doesn't exist \[1146\]/,
  tooLong: 'Data too long',
  async schema(database) {
    const [row] = await database.rows("SELECT concat(database(), '_books') AS name")
    await database.rows(`CREATE DATABASE ${row!['name']}`)
    return String(row!['name'])
  },
  async killed() {
    const own = await ownMariaDB()
    return {
      target: own.connection.port,
      sink: port => mysqlSink<[string]>({ connection: { ...own.connection, port }, table: 'words' }),
      words: own.words,
      leftovers: own.leftovers,
      kill: () => own.server.end('SIGKILL'),
      start: own.startAgain,
      [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
    }
  },
})

/** A server of one test, with a table `words`. */
async function ownMariaDB() {
  const server = ownServer('mariadb')
  const connection = await server.start()
  let client = await connected(connection)
  await client.query('CREATE TABLE words (word text)')
  const column = async (statement: string): Promise<string[]> => {
    const [rows] = await client.query({ sql: statement, rowsAsArray: true })
    return Array.isArray(rows) ? (rows as unknown as string[][]).flat() : []
  }
  return {
    ...{ server, connection, column },
    words: () => column('SELECT word FROM words'),
    leftovers: () => column("SHOW TABLES LIKE 'kindling_rows%'"),
    async startAgain() {
      await server.start()
      client = await connected(connection)
    },
    async [Symbol.asyncDispose]() {
      client.destroy()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function connected(connection: mysql.ConnectionOptions): Promise<mysql.Connection> {
  const client = await mysql.createConnection(connection)
  client.on('error', () => {})
  return client
}

describe('MariaDB whose disk is full', { skip: server.skip || noSmallDisks }, () =>
  waitsForRoom(
    async () => {
      const own = await ownMariaDB()
      // Files of tables are in a folder of their database.
      await own.column('DROP TABLE words')
      const [folder] = await own.column("SELECT concat(@@datadir, database(), '/')")
      const disk = new SmallDisk(folder!, { bytes: 4 << 20 })
      await own.column('CREATE TABLE words (word text)')
      return {
        sink: () => mysqlSink<[string]>({ connection: own.connection, table: 'words' }),
        words: own.words,
        leftovers: own.leftovers,
        fill: () => disk.fill(),
        free: () => disk.free(),
        async [Symbol.asyncDispose]() {
          await own.server.end()
          await disk[Symbol.asyncDispose]()
          await own[Symbol.asyncDispose]()
        },
      }
    },
    {
      code: 'DATABASE_FULL',
      // Servers of their own take a while.
      masters: ['local'],
      message: /^MySQL at 127\.0\.0\.1:\d+\/test has no room for (rows for )?table words \(/,
      secret: server.skip === false ? server.connection.password : '',
    },
  ),
)

describe('mysqlSink', { skip: server.skip }, () => {
  const sc = new SparkContext({ master: 'local[2]' })
  after(() => sc.stop())

  it('writes values of all kinds as they are', async () => {
    await using db = await open(
      'id int AUTO_INCREMENT PRIMARY KEY, t text, n double, b blob, d datetime(3), s timestamp(3) NULL, a text, j json, big bigint, ok bool',
    )
    const at = new Date(1_700_000_000_123)
    const rows = [
      {
        ...{ t: `tab\t\\N\n"'\0\u{1F600}`, n: -0.5, b: new Uint8Array([0, 92, 255]), d: at, s: at, ok: true },
        ...{ a: ['x', null], j: "it's", big: 2n ** 62n },
      },
      { t: null, n: 1e300, b: null, d: null, s: null, a: {}, j: null, big: -7, ok: false },
    ]
    await sc.parallelize(rows, 2).writeTo(db.sink())
    // The client reads JSON, of which this text is one, back as a value.
    const found = await db.rows(
      'SELECT t, n, b, d, s, a, j, cast(big AS char) AS big, ok FROM words ORDER BY ok DESC',
    )
    assert.deepEqual(found, [
      {
        ...{
          ...rows[0],
          b: Buffer.from([0, 92, 255]),
          a: '["x",null]',
          big: String(2n ** 62n),
          ok: 1,
        },
      },
      { ...rows[1], a: '{}', big: '-7', ok: 0 },
    ])
  })

  const unfit: [string, string, Partial<TableSinkOptions>, RegExp][] = [
    [
      'without a unique index',
      'word varchar(5), KEY (word)',
      { upsertOn: ['word'] },
      /no unique index of word/,
    ],
    ['without transactions', 'word varchar(5)) ENGINE=MyISAM COMMENT=(', {}, /MyISAM has no transactions/],
  ]
  for (const [name, columns, options, message] of unfit)
    it(`refuses a table ${name}`, async () => {
      await using db = await open(columns.replace(' COMMENT=(', " COMMENT='x' -- "))
      const error = await failureOf(db.sink(options))
      assert.ok(isKindlingError(error, 'DATABASE_FAILED'))
      assert.match(error.message, message)
    })

  it('reads ranges of dates in UTC', async () => {
    await using db = await open('d datetime(6), n int')
    await db.rows(
      "INSERT INTO words VALUES ('2026-01-01 00:00:00', 1), ('2026-01-01 23:59:59.999999', 2), ('2026-01-02', 3), ('2026-01-03', 4)",
    )
    const days = { lowerBound: new Date('2026-01-01Z'), upperBound: new Date('2026-01-02T23:59:59.999Z') }
    const rows = db.read(sc, { table: 'words', column: 'd', ...days, numPartitions: 2 })
    assert.deepEqual(
      await rows
        .map(({ n }) => n)
        .glom()
        .collect(),
      [[1, 2], [3]],
    )
  })

  it('refuses numbers that the database does not have', async () => {
    await using db = await open('word double')
    await assert.rejects(sc.parallelize([[Number.NaN]], 1).writeTo(db.sink()), error =>
      isKindlingError(error, 'RECORD_NOT_FITTING'),
    )
  })

  it('says who may not, and which server is not there, without passwords', async () => {
    const { host, port, user } = server.connection
    const rejects = async (connection: string, code: ErrorCode, message: RegExp): Promise<void> => {
      const error = await failureOf(mysqlSink({ connection, table: 'words', patience: 100 }))
      assert.ok(isKindlingError(error, code), error.message)
      assert.match(error.message, message)
      assert.ok(!inspect(error, { depth: 9 }).includes('wrong-one'))
    }
    await rejects(
      `mysql://${user}:wrong-one@${host}:${port}/test`,
      'DATABASE_ACCESS_DENIED',
      /does not let.*tester.*1045/,
    )
    await rejects(`mysql://nobody@${host}:${port}/test`, 'DATABASE_ACCESS_DENIED', /does not let.*nobody/)
    await rejects(
      `mysql://tester:wrong-one@${host}:9/x`,
      'DATABASE_UNREACHABLE',
      /127\.0\.0\.1:9\/x.*ECONNREFUSED/,
    )
    const isRight = (error: unknown): boolean =>
      isKindlingError(error, 'DATABASE_FAILED') && !inspect(error).includes('secret')
    assert.throws(() => mysqlSink({ connection: 'tester:secret@host', table: 'words' }), isRight)
  })

  it('goes by TLS, to a server whose certificate is right', { skip: noKeyFiles }, async () => {
    using keys = new KeyFiles()
    using others = new KeyFiles()
    await using own = ownServer('mariadb', [
      ...[`--ssl-cert=${keys.cert}`, `--ssl-key=${keys.key}`, '--require-secure-transport=ON'],
    ])
    const connection = await own.start()
    const client = await connected({ ...connection, ssl: { ca: keys.ca } })
    await client.query('CREATE TABLE words (word text)')
    const sinkBy = (ssl: MySQLConnection['ssl'] = false, host = connection.host): ExactlyOnceSink<[string]> =>
      mysqlSink<[string]>({ connection: { ...connection, host, ssl }, table: 'words' })
    for (const [ssl, message, host] of [
      [{ ca: others.ca }, /MySQL at 127\.0\.0\.1:\d+\/test refused table words: .*self-signed certificate/],
      [true, /refused table words: .*self-signed certificate/],
      [false, /does not let this program in/],
      [{ ca: keys.ca }, /MySQL at localhost:\d+\/test refused .*altnames/, 'localhost'],
    ] as const) {
      const error = await failureOf(sinkBy(ssl, host))
      assert.ok(error.code === 'DATABASE_FAILED' || error.code === 'DATABASE_ACCESS_DENIED', error.code)
      assert.match(error.message, message)
      assert.ok(!inspect(error, { depth: 9 }).includes(connection.password))
    }
    await sc.parallelize<[string]>([['a']], 1).writeTo(sinkBy({ ca: keys.ca }))
    assert.deepEqual((await client.query('SELECT word FROM words'))[0], [{ word: 'a' }])
    await client.end()
  })

  it('waits for a server that was killed, and goes on', async () => {
    await using own = ownServer('mariadb')
    const connection = await own.start()
    const client = await connected(connection)
    await client.query('CREATE TABLE words (word text)')
    const sink = mysqlSink<[string]>({ connection, table: 'words' })
    const token = { program: 'p', operatorId: 'o', epoch: 1, batchTime: 1000 }
    await sink.open?.({ ...token, logger: undefined as never })
    const writer = await sink.writer({ ...token, partition: 0, attempt: 0 })
    await writer.write([['a']])
    const message = await writer.prepare()
    const interrupted = await sink.writer({ ...token, partition: 1, attempt: 0 })
    await interrupted.write([['b']])
    await own.end('SIGKILL')
    await assert.rejects(Promise.resolve(interrupted.prepare()), error =>
      isKindlingError(error, 'DATABASE_UNREACHABLE'),
    )
    await interrupted.abort()
    const committed = sink.commit(token, [message])
    await own.start()
    await committed
    await sink.commit(token, [message])
    await sink.close?.(token)
    const again = await mysql.createConnection(connection)
    const [words] = await again.query('SELECT word FROM words')
    const [tables] = await again.query("SHOW TABLES LIKE 'kindling_rows%'")
    assert.deepEqual([words, tables], [[{ word: 'a' }], []])
    await again.end()
  })

  it('stops waiting for a server when its attempt is cancelled, and when it is closed', async () => {
    const connection = { host: '127.0.0.1', port: 9, user: 'tester', database: 'x' }
    await stopsWaiting(patience => mysqlSink<[string]>({ connection, table: 'words', patience }))
  })
})
