/** What the sink writes into PostgreSQL: whole batches, each once. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type ErrorCode, isKindlingError, SparkContext } from 'kindling'
import { postgresSink } from 'kindling/connectors/postgres'
import { sinkConformance, until } from 'kindling/testing'
import pg from 'pg'
import { ownServer, service } from '../../services/service.ts'
import { database, STAGES } from './database.ts'

const server = service('postgres')

for (const upsertOn of [[], ['word']])
  describe(`sinkConformance of PostgreSQL, ${upsertOn.length === 0 ? 'adding' : 'replacing'}`, {
    skip: server.skip,
  }, () => {
    const cases = sinkConformance<[string]>({
      records: ['one', 'two', 'three', 'four', 'five', 'six'].map(word => [word]),
      isReachedFromThreads: true,
      async place() {
        const db = await database('word text PRIMARY KEY')
        let table = 'words'
        return {
          sink: () =>
            postgresSink<[string]>({ connection: db.connection, table: 'words', upsertOn, patience: 200 }),
          async read() {
            return (await db.values(`SELECT word FROM ${table}`)).map(word => [word as string])
          },
          leftovers: async () => (await db.values(STAGES)).map(String),
          async break() {
            table = 'gone'
            await db.client.query('ALTER TABLE words RENAME TO gone')
          },
          dispose: async () => await db[Symbol.asyncDispose](),
        }
      },
    })
    for (const { name, run } of cases) it(name, run)
  })

describe('postgresSink', { skip: server.skip }, () => {
  const sc = new SparkContext({ master: 'local[2]' })
  after(() => sc.stop())

  it('writes values of all kinds as they are', async () => {
    await using db = await database(
      'id int GENERATED ALWAYS AS IDENTITY, t text, n float8, b bytea, d timestamptz, a text[], j jsonb, big bigint, ok bool',
    )
    const rows = [
      {
        ...{ t: 'tab\t\\N\n"\r', n: -0.5, b: Buffer.from([0, 92, 255]), d: new Date(1234), ok: true },
        ...{ a: ['x', null, 'q"\\,{}', ''], j: [{ k: "it's\t\\" }], big: String(2n ** 62n) },
      },
      { t: null, n: Number.POSITIVE_INFINITY, b: null, d: null, a: [], j: null, big: null, ok: null },
    ]
    await sc.parallelize(rows, 2).writeTo(postgresSink({ connection: db.connection, table: 'public.words' }))
    const found = await db.client.query('SELECT t, n, b, d, a, j, big, ok FROM words ORDER BY t')
    assert.deepEqual(found.rows, rows)
  })

  it('keeps the last of the rows with one key', async () => {
    await using db = await database('word text PRIMARY KEY, n int')
    const sink = (): ReturnType<typeof postgresSink> =>
      postgresSink({ connection: db.connection, table: 'words', upsertOn: ['word'] })
    await sc
      .parallelize(
        [
          ['a', 1],
          ['b', 1],
          ['a', 2],
          ['a', 3],
        ],
        2,
      )
      .writeTo(sink())
    await sc
      .parallelize(
        [
          ['b', 5],
          ['c', 6],
        ],
        1,
      )
      .writeTo(sink())
    const found = await db.client.query('SELECT word, n FROM words ORDER BY word')
    assert.deepEqual(found.rows, [
      { word: 'a', n: 3 },
      { word: 'b', n: 5 },
      { word: 'c', n: 6 },
    ])
  })

  const mistakes: [string, object, object, string, RegExp][] = [
    [
      'an unknown table',
      { table: 'nowhere' },
      { word: 'a' },
      'DATABASE_FAILED',
      /127\.0\.0\.1:\d+\/test_\w+ refused table nowhere.*does not exist/,
    ],
    [
      'an unknown column',
      { columns: ['wort'] },
      { word: 'a' },
      'DATABASE_FAILED',
      /table words: it has no column wort, but word/,
    ],
    ['a property without a column', {}, { word: 'a', n: 1 }, 'RECORD_NOT_FITTING', /no column n/],
    ['a value that does not fit', {}, { word: 'abcdef' }, 'DATABASE_FAILED', /value too long/],
  ]
  for (const [name, options, record, code, message] of mistakes)
    it(`says what is wrong: ${name}`, async () => {
      await using db = await database('word varchar(5)')
      const sink = postgresSink({ connection: db.connection, table: 'words', ...options })
      const isRight = (error: unknown): boolean =>
        [error, (error as Error).cause].some(
          e => isKindlingError(e, code as 'DATABASE_FAILED') && message.test(e.message),
        )
      await assert.rejects(sc.parallelize([record], 1).writeTo(sink), isRight)
    })

  it('says who may not, and which server is not there, without passwords', async () => {
    const { host, port } = server.connection
    const rejects = async (connection: string, code: ErrorCode, message: RegExp): Promise<void> => {
      const sink = postgresSink({ connection, table: 'words', patience: 100 })
      const isRight = (error: unknown): boolean =>
        isKindlingError(error, code) && message.test(error.message) && !inspect(error).includes('secret')
      await assert.rejects(sc.parallelize([['a']], 1).writeTo(sink), isRight)
    }
    const nobody = `postgres://nobody:secret@${host}:${port}/postgres`
    await rejects(nobody, 'DATABASE_ACCESS_DENIED', /127\.0\.0\.1:\d+\/postgres does not let.*"nobody"/)
    await rejects(
      `postgres://tester:secret@${host}:9/x`,
      'DATABASE_UNREACHABLE',
      /127\.0\.0\.1:9\/x.*ECONNREFUSED/,
    )
    const isRight = (error: unknown): boolean =>
      isKindlingError(error, 'DATABASE_FAILED') && !inspect(error).includes('secret')
    assert.throws(() => postgresSink({ connection: 'tester:secret@host', table: 'words' }), isRight)
  })

  it('waits for a server that was killed, and goes on', async () => {
    await using own = ownServer('postgres')
    const connection = await own.start()
    const client = new pg.Client(connection)
    client.on('error', () => {})
    await client.connect()
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
    // The children of the killed server hold its memory until they have noticed; before that, a new one is refused.
    await until(
      () =>
        own.start().then(
          () => true,
          () => false,
        ),
      { timeoutMs: 20_000 },
    )
    await committed
    await sink.commit(token, [message])
    await sink.close?.(token)
    const again = new pg.Client(connection)
    await again.connect()
    assert.deepEqual((await again.query('SELECT word FROM words')).rows, [{ word: 'a' }])
    await again.end()
  })
})
