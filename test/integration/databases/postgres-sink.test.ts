/** What the sink writes into PostgreSQL: whole batches, each once. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type ErrorCode, isKindlingError, SparkContext } from 'kindling'
import { postgresSink } from 'kindling/connectors/postgres'
import { until } from 'kindling/testing'
import pg from 'pg'
import { unprivileged } from '../../../scripts/services/control.ts'
import { ownServer, service } from '../../services/service.ts'
import { waitsForRoom } from '../../support/full-server.ts'
import { failureOf, stopsWaiting } from '../../support/sink-crashes.ts'
import { noSmallDisks, SmallDisk } from '../../support/small-disk.ts'
import { databaseSuite } from './database-suite.ts'
import { postgresDatabase } from './postgres-database.ts'

const server = service('postgres')

databaseSuite({
  name: 'PostgreSQL',
  skip: server.skip,
  open: postgresDatabase,
  unknownTable: /127\.0\.0\.1:\d+\/test_\w+ refused table nowhere.*does not exist/,
  tooLong: 'value too long',
  async schema(database) {
    await database.rows('CREATE SCHEMA books')
    return 'books'
  },
  async killed() {
    const own = await ownPostgres()
    return {
      target: own.connection.port,
      sink: port => postgresSink<[string]>({ connection: { ...own.connection, port }, table: 'words' }),
      words: own.words,
      leftovers: own.leftovers,
      kill: () => own.server.end('SIGKILL'),
      start: own.startAgain,
      [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
    }
  },
})

/** A server of one test, with a table `words`. */
async function ownPostgres() {
  const server = ownServer('postgres')
  const connection = await server.start()
  let client = await connected(connection)
  await client.query('CREATE TABLE words (word text)')
  const column = async (statement: string): Promise<string[]> =>
    (await client.query<[string]>({ text: statement, rowMode: 'array' })).rows.flat()
  return {
    ...{ server, connection, column },
    words: () => column('SELECT word FROM words'),
    leftovers: () => column("SELECT tablename FROM pg_tables WHERE tablename LIKE 'kindling_rows%'"),
    async startAgain() {
      await startedAgain(server)
      client = await connected(connection)
    },
    async [Symbol.asyncDispose]() {
      await client.end().catch(() => {})
      await server[Symbol.asyncDispose]()
    },
  }
}

async function connected(connection: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(connection)
  client.on('error', () => {})
  await client.connect()
  return client
}

/** The children of a killed server hold its memory until they have noticed; before that, a new one is refused. */
async function startedAgain(own: { start(): Promise<unknown> }): Promise<void> {
  const start = (): Promise<boolean> =>
    own.start().then(
      () => true,
      () => false,
    )
  await until(start, { timeoutMs: 20_000 })
}

describe('PostgreSQL whose disk is full', { skip: server.skip || noSmallDisks }, () =>
  waitsForRoom(
    async () => {
      const own = await ownPostgres()
      const folder = mkdtempSync(join(tmpdir(), 'kindling-space-'))
      const disk = new SmallDisk(folder, { bytes: 4 << 20, owner: unprivileged() })
      await own.column(`CREATE TABLESPACE small LOCATION '${folder}'`)
      await own.column('ALTER ROLE tester SET default_tablespace = small')
      await own.column('ALTER TABLE words SET TABLESPACE small')
      return {
        sink: () => postgresSink<[string]>({ connection: own.connection, table: 'words' }),
        words: own.words,
        leftovers: own.leftovers,
        fill: () => disk.fill(),
        free: () => disk.free(),
        async [Symbol.asyncDispose]() {
          await own[Symbol.asyncDispose]()
          await disk[Symbol.asyncDispose]()
          rmdirSync(folder)
        },
      }
    },
    {
      code: 'DATABASE_FULL',
      // Servers of their own take a while.
      masters: ['local'],
      message:
        /^PostgreSQL at 127\.0\.0\.1:\d+\/postgres has no room for (rows for )?table words \(.*No space left.*\[53100\]\)/,
    },
  ),
)

describe('postgresSink', { skip: server.skip }, () => {
  const sc = new SparkContext({ master: 'local[2]' })
  after(() => sc.stop())

  it('writes values of all kinds as they are', async () => {
    await using db = await postgresDatabase(
      'id int GENERATED ALWAYS AS IDENTITY, t text, n float8, b bytea, d timestamptz, a text[], j jsonb, big bigint, ok bool',
    )
    const rows = [
      {
        ...{ t: 'tab\t\\N\n"\r', n: -0.5, b: Buffer.from([0, 92, 255]), d: new Date(1234), ok: true },
        ...{ a: ['x', null, 'q"\\,{}', ''], j: [{ k: "it's\t\\" }], big: String(2n ** 62n) },
      },
      { t: null, n: Number.POSITIVE_INFINITY, b: null, d: null, a: [], j: null, big: null, ok: null },
    ]
    await sc.parallelize(rows, 2).writeTo(db.sink({ table: 'public.words' }))
    assert.deepEqual(await db.rows('SELECT t, n, b, d, a, j, big, ok FROM words ORDER BY t'), rows)
  })

  it('reads ranges of dates, of time zones and in UTC', async () => {
    for (const type of ['timestamp', 'timestamptz']) {
      await using db = await postgresDatabase(`d ${type}, n int`)
      await db.rows(
        "SET TIME ZONE 'UTC'; INSERT INTO words VALUES ('2026-01-01 00:00:00', 1), ('2026-01-01 23:59:59.999999', 2), ('2026-01-02', 3), ('2026-01-03', 4)",
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
    }
  })

  it('says who may not, and which server is not there, without passwords', async () => {
    const { host, port } = server.connection
    const admin = new pg.Client(server.connection)
    await admin.connect()
    // The server asks this one for the password.
    await admin.query("DROP ROLE IF EXISTS locked; CREATE ROLE locked LOGIN PASSWORD 'right-one'")
    const rejects = async (connection: string, code: ErrorCode, message: RegExp): Promise<void> => {
      const error = await failureOf(postgresSink({ connection, table: 'words', patience: 100 }))
      assert.ok(isKindlingError(error, code), error.message)
      assert.match(error.message, message)
      assert.ok(!inspect(error, { depth: 9 }).includes('secret'))
    }
    const at = `${host}:${port}/postgres`
    await rejects(
      `postgres://nobody:secret@${at}`,
      'DATABASE_ACCESS_DENIED',
      /127\.0\.0\.1:\d+\/postgres does not let.*"nobody"/,
    )
    await rejects(
      `postgres://locked:secret@${at}`,
      'DATABASE_ACCESS_DENIED',
      /password authentication failed for user "locked"/,
    )
    await rejects(`postgres://locked@${at}`, 'DATABASE_ACCESS_DENIED', /password must be a string/)
    await rejects(`postgres://locked:right-one@${at}`, 'DATABASE_FAILED', /"words" does not exist/)
    await rejects(`postgres://tester@${host}:${port}/nowhere`, 'DATABASE_FAILED', /"nowhere" does not exist/)
    await rejects(`postgres://tester:secret@${at}?sslmode=verify-full`, 'DATABASE_FAILED', /not support SSL/)
    await rejects(
      `postgres://tester:secret@${host}:9/x`,
      'DATABASE_UNREACHABLE',
      /127\.0\.0\.1:9\/x.*ECONNREFUSED/,
    )
    await admin.end()
    const isRight = (error: unknown): boolean =>
      isKindlingError(error, 'DATABASE_FAILED') && !inspect(error).includes('secret')
    assert.throws(() => postgresSink({ connection: 'tester:secret@host', table: 'words' }), isRight)
  })

  it('waits for a server that was killed, and goes on', async () => {
    await using own = ownServer('postgres')
    const connection = await own.start()
    const client = await connected(connection)
    await client.query('CREATE TABLE words (word text)')
    const sink = postgresSink<[string]>({ connection, table: 'words' })
    const token = { program: 'p', operatorId: 'o', epoch: 1, batchTime: 1000 }
    await sink.open?.({ ...token, logger: undefined as never })
    const writer = await sink.writer({ ...token, partition: 0, attempt: 0 })
    await writer.write([['a']])
    const message = await writer.prepare()
    const interrupted = await sink.writer({ ...token, partition: 1, attempt: 0 })
    await interrupted.write([['b']])
    // Its end, of which it also tells as an error.
    const noticed = new Promise<void>(resolve => client.once('end', () => resolve()))
    await own.end('SIGKILL')
    await noticed
    // The process behind this connection may end a moment later than the others; the attempt does not count either way.
    const lost = await Promise.resolve(interrupted.prepare()).then(
      () => undefined,
      (error: unknown) => error,
    )
    assert.ok(lost === undefined || isKindlingError(lost, 'DATABASE_UNREACHABLE'), String(lost))
    await interrupted.abort()
    const committed = sink.commit(token, [message])
    await startedAgain(own)
    await committed
    await sink.commit(token, [message])
    await sink.close?.(token)
    const again = await connected(connection)
    assert.deepEqual((await again.query('SELECT word FROM words')).rows, [{ word: 'a' }])
    await again.end()
  })

  it('stops waiting for a server when its attempt is cancelled, and when it is closed', async () => {
    const connection = { host: '127.0.0.1', port: 9, user: 'tester', database: 'x' }
    await stopsWaiting(patience => postgresSink<[string]>({ connection, table: 'words', patience }))
  })
})
