/** What the sinks of all databases do alike. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { type ErrorCode, type ExactlyOnceSink, isKindlingError, type RDD, SparkContext } from 'kindling'
import type { RowRanges, SQLRow, TableSinkOptions } from 'kindling/connectors/database'
import { sinkConformance } from 'kindling/testing'
import { type KilledPlace, type KillPoint, serverKills } from '../../support/server-kills.ts'
import { type CrashPlace, sinkCrashes } from '../../support/sink-crashes.ts'

/** A database of one test, with a table `words`. Dispose of it. */
export interface TestDatabase extends AsyncDisposable {
  sink<T extends object>(options?: Partial<TableSinkOptions>): ExactlyOnceSink<T>
  /** Rows as an RDD. */
  read(sc: SparkContext, ranges: RowRanges): RDD<SQLRow>
  /** The rows that a statement gives. */
  rows(statement: string): Promise<Record<string, unknown>[]>
  /** Its tables. */
  tables(): Promise<string[]>
}

/** A database that is tried. */
export interface DatabaseSubject {
  readonly name: string
  readonly skip: string | false
  /** @param columns of the table `words` */
  open(columns: string): Promise<TestDatabase>
  /** What is said of a table that is not there. */
  readonly unknownTable: RegExp
  /** Text for a column of five characters that is too long; left out where the database takes anything. */
  readonly tooLong?: string
  /** Whether columns need not be named. Default true. */
  readonly knowsColumns?: boolean
  /** Makes a schema, and gives its name. Left out where there are none. */
  schema?(database: TestDatabase): Promise<string>
  /** A server of a test's own, with a table `words`. Left out where there is none to kill. */
  killed?(): Promise<KilledPlace>
}

/** Rows into the table of an attempt, by INSERT or as those of COPY; and from there. */
const WRITTEN = /INSERT INTO \S*kindling_rows|d\0\0\0.[f-i]\n/s
const MOVED = /INSERT INTO .words. .* SELECT /

/** When it goes. */
const KILLS: readonly KillPoint[] = [
  { name: 'while tasks write', sent: [WRITTEN], master: 'local' },
  { name: 'before it commits', sent: [MOVED, /COMMIT/] },
  { name: 'when it has committed and nobody knows', sent: [MOVED, /COMMIT/], isAnswerLost: true },
]

const WORDS = 'word varchar(40) NOT NULL PRIMARY KEY'

/** See the file head. */
export function databaseSuite(subject: DatabaseSubject): void {
  for (const upsertOn of [[], ['word']]) conformance(subject, upsertOn)
  describe(`rows of ${subject.name}`, { skip: subject.skip }, () => ranges(subject))
  describe(`a sink for ${subject.name}`, { skip: subject.skip }, () => behaviour(subject))
  const { killed } = subject
  if (killed !== undefined)
    describe(`a program whose ${subject.name} goes`, { skip: subject.skip }, () => serverKills(killed, KILLS))
  if (subject.knowsColumns !== false)
    describe(`batches in ${subject.name}`, { skip: subject.skip }, () =>
      sinkCrashes(async () => placeOf(await subject.open('word varchar(40)'))),
    )
}

async function stagesOf(database: TestDatabase): Promise<string[]> {
  return (await database.tables()).filter(name => name.startsWith('kindling_rows'))
}

async function wordsOf(database: TestDatabase, table = 'words'): Promise<string[]> {
  const rows = await database.rows(`SELECT word FROM ${table} ORDER BY word`)
  return rows.map(({ word }) => String(word))
}

function placeOf(database: TestDatabase): CrashPlace {
  return {
    sink: () => database.sink<[string]>(),
    words: () => wordsOf(database),
    leftovers: () => stagesOf(database),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

function conformance(subject: DatabaseSubject, upsertOn: readonly string[]): void {
  const how = upsertOn.length === 0 ? 'adding' : 'replacing'
  describe(`sinkConformance of ${subject.name}, ${how}`, { skip: subject.skip }, () => {
    const cases = sinkConformance<[string]>({
      records: ['one', 'two', 'three', 'four', 'five', 'six'].map(word => [word]),
      isReachedFromThreads: true,
      async place() {
        const database = await subject.open(WORDS)
        let table = 'words'
        return {
          sink: () => database.sink<[string]>({ upsertOn, patience: 200 }),
          read: async () => (await wordsOf(database, table)).map((word): [string] => [word]),
          leftovers: () => stagesOf(database),
          async break() {
            table = 'gone'
            await database.rows('ALTER TABLE words RENAME TO gone')
          },
          dispose: async () => await database[Symbol.asyncDispose](),
        }
      },
    })
    for (const { name, run } of cases) it(name, run)
  })
}

function ranges(subject: DatabaseSubject): void {
  const sc = new SparkContext({ master: 'local[2]' })
  after(() => sc.stop())
  const read = async (rdd: RDD<SQLRow>): Promise<number[][]> => {
    const parts = await rdd
      .map(({ n }) => Number(n))
      .glom()
      .collect()
    return parts.map(part => [...part].sort((a, b) => a - b))
  }
  const bounds = { lowerBound: 1, upperBound: 10, numPartitions: 3 }

  it('are those between the bounds, in ranges, each time as they are then', async () => {
    await using database = await subject.open('n double precision')
    await database.rows('INSERT INTO words VALUES (0), (1), (3), (3.5), (4), (6), (7), (10), (10.5), (NULL)')
    const rdd = database.read(sc, { table: 'words', column: 'n', ...bounds })
    assert.deepEqual(await read(rdd), [
      [1, 3, 3.5],
      [4, 6],
      [7, 10],
    ])
    await database.rows('INSERT INTO words VALUES (5)')
    assert.deepEqual(await read(rdd), [
      [1, 3, 3.5],
      [4, 5, 6],
      [7, 10],
    ])
    const many = database.read(sc, { table: 'words', column: 'n', ...bounds, numPartitions: 20 })
    assert.deepEqual(
      (await read(many)).filter(part => part.length > 0),
      [[1], [3, 3.5], [4], [5], [6], [7], [10]],
    )
  })

  it('come from a query, with whole ranges of both ends, as in Spark', async () => {
    await using database = await subject.open('n int, word varchar(5)')
    await database.rows(
      "INSERT INTO words VALUES (0, 'x'), (1, 'x'), (3, 'y'), (4, 'x'), (6, 'x'), (7, 'x'), (10, 'x')",
    )
    const query = "SELECT n * 2 AS n FROM words WHERE ? <= n AND n <= ? AND word = 'x'"
    assert.deepEqual(await read(database.read(sc, { query, ...bounds })), [[2], [8, 12], [14, 20]])
    const many = database.read(sc, { query, lowerBound: 1, upperBound: 2n, numPartitions: 4 })
    assert.deepEqual(await read(many), [[], [2], [], []])
  })

  it('are many, in runs, and only some of them when no more are taken', async () => {
    await using database = await subject.open('n int')
    const values = Array.from({ length: 2500 }, (_, n) => `(${n})`).join()
    await database.rows(`INSERT INTO words VALUES ${values}`)
    const all = {
      table: 'words',
      column: 'n',
      columns: ['n'],
      lowerBound: 0,
      upperBound: 9999,
      numPartitions: 1,
    }
    const rdd = database.read(sc, all)
    assert.equal(await rdd.count(), 2500)
    assert.equal((await rdd.take(3)).length, 3)
  })

  it('are those of a table that is there', async () => {
    await using database = await subject.open('n int')
    const unknown = database.read(sc, { table: 'nowhere', column: 'n', ...bounds })
    await assert.rejects(unknown.count(), error =>
      [error, (error as Error).cause].some(
        e => isKindlingError(e, 'DATABASE_FAILED') && /refused rows of table nowhere/.test(e.message),
      ),
    )
  })
}

function behaviour(subject: DatabaseSubject): void {
  const sc = new SparkContext({ master: 'local[2]' })
  after(() => sc.stop())

  it('keeps the last of the rows with one key, in each batch and of all batches', async () => {
    await using database = await subject.open(`${WORDS}, n int`)
    const write = (rows: [string, number][], partitions: number): Promise<void> =>
      sc.parallelize(rows, partitions).writeTo(database.sink({ upsertOn: ['word'] }))
    await write(
      [...['a', 'b', 'a', 'a'].entries()].map(([n, word]) => [word, n]),
      2,
    )
    await write(Object.entries({ b: 5, c: 6 }), 1)
    assert.deepEqual(await database.rows('SELECT word, n FROM words ORDER BY word'), [
      { word: 'a', n: 3 },
      { word: 'b', n: 5 },
      { word: 'c', n: 6 },
    ])
  })

  it('replaces rows of which all columns are keys by themselves', async () => {
    await using database = await subject.open(WORDS)
    for (const words of [
      ['a', 'b', 'a'],
      ['b', 'c'],
    ])
      await sc
        .parallelize(words, 1)
        .map(word => [word])
        .writeTo(database.sink({ upsertOn: ['word'] }))
    assert.deepEqual(await wordsOf(database), ['a', 'b', 'c'])
  })

  it('writes many rows, and long ones', async () => {
    await using database = await subject.open(`${WORDS}, line text, n int`)
    const line = 'x'.repeat(3000)
    const rows = sc.range(5000).map(n => ({ word: String(n), line, n }))
    await rows.coalesce(2).writeTo(database.sink())
    const sums = await database.rows('SELECT count(*) AS c, sum(length(line)) AS l, sum(n) AS s FROM words')
    assert.deepEqual(Object.values(sums[0]!).map(Number), [5000, 15_000_000, 12_497_500])
  })

  const { schema: makeSchema } = subject
  if (makeSchema !== undefined)
    it('keeps its own tables in the schema that it is told', async () => {
      await using database = await subject.open(WORDS)
      const schema = await makeSchema(database)
      await sc.parallelize([['a']], 1).writeTo(database.sink({ schema }))
      assert.deepEqual(await wordsOf(database), ['a'])
      assert.deepEqual(await database.tables(), ['words'])
      assert.equal((await database.rows(`SELECT * FROM ${schema}.kindling_batches`)).length, 1)
    })

  const mistakes: [string, Partial<TableSinkOptions>, object, ErrorCode, RegExp][] = [
    ['an unknown table', { table: 'nowhere' }, { word: 'a' }, 'DATABASE_FAILED', subject.unknownTable],
    [
      'an unknown column',
      { columns: ['wort'] },
      { word: 'a' },
      'DATABASE_FAILED',
      /refused table words: .*no.* column:? "?wort/,
    ],
    ['a value that is no data', {}, { word: () => {} }, 'RECORD_NOT_FITTING', /value for word/],
  ]
  if (subject.knowsColumns !== false)
    mistakes.push([
      'a property without a column',
      {},
      { word: 'a', n: 1 },
      'RECORD_NOT_FITTING',
      /no column n/,
    ])
  if (subject.tooLong !== undefined)
    mistakes.push([
      'a value that does not fit',
      {},
      { word: 'abcdef' },
      'DATABASE_FAILED',
      new RegExp(subject.tooLong),
    ])
  for (const [name, options, record, code, message] of mistakes)
    it(`says what is wrong: ${name}`, async () => {
      await using database = await subject.open('word varchar(5)')
      // Records that are no data cannot be given from outside.
      const isData = code !== 'RECORD_NOT_FITTING' || 'n' in record
      const rdd = isData ? sc.parallelize([record], 1) : sc.range(1).map(() => ({ word: Symbol('s') }))
      await assert.rejects(rdd.writeTo(database.sink(options)), error =>
        [error, (error as Error).cause].some(e => isKindlingError(e, code) && message.test(e.message)),
      )
      assert.deepEqual(await stagesOf(database), [])
    })
}
