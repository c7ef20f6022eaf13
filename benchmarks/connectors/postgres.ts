/**
 * PostgreSQL.
 *
 * write   `postgresSink` beside COPY by `pg-copy-streams` over one connection: one transaction that writes the rows and a token of the
 *         batch, and so the same guarantee with one writer. Its text columns are escaped by one regular expression; nothing else is checked.
 * read    `postgresRows` beside one SELECT by `pg`, which holds all rows at once.
 */
import { once } from 'node:events'
import { SparkContext } from 'kindling'
import { postgresRows, postgresSink } from 'kindling/connectors/postgres'
import pg from 'pg'
import { from } from 'pg-copy-streams'
import { service } from '../../test/services/service.ts'
import type { Benchmark } from './harness.ts'
import { COLUMNS, type Row, rowOf, SUMS, sumsFound, sumsOf } from './rows.ts'

const WRITTEN = 300_000
const READ = 300_000
const CHUNK_ROWS = 1000

/** See the file head. */
export const postgresWrite: Benchmark = async master => {
  const { connection } = service('postgres')
  const client = await connected()
  const table = `bench_${process.pid}`
  await client.query(`CREATE TABLE ${table} (${COLUMNS})`)
  await client.query(`CREATE TABLE ${table}_tokens (batch int PRIMARY KEY)`)
  const sc = new SparkContext({ master })
  const sink = postgresSink<Row>({ connection, table })
  const prepare = async (): Promise<void> => void (await client.query(`TRUNCATE ${table}`))
  const found = async (): Promise<unknown> =>
    sumsFound((await client.query(`SELECT ${SUMS} FROM ${table}`)).rows[0])
  return {
    work: `${WRITTEN} rows`,
    expected: sumsOf(WRITTEN),
    ours: {
      prepare,
      found,
      run: time => sc.range(WRITTEN).map(rowOf).writeTo(sink, { id: table, time }),
    },
    bare: { prepare, found, run: round => copied(client, table, round) },
    async [Symbol.asyncDispose]() {
      await client.query(`DROP TABLE ${table}, ${table}_tokens`)
      await client.end()
      await sc.stop()
    },
  }
}

async function copied(client: pg.Client, table: string, round: number): Promise<void> {
  await client.query('BEGIN')
  await client.query(`INSERT INTO ${table}_tokens VALUES ($1)`, [round])
  const stream = client.query(from(`COPY ${table} FROM STDIN`))
  for (let first = 0; first < WRITTEN; first += CHUNK_ROWS) {
    let text = ''
    for (let n = first; n < first + CHUNK_ROWS; n++) {
      const { id, word, amount, note } = rowOf(n)
      text += `${id}\t${escaped(word)}\t${amount}\t${escaped(note)}\n`
    }
    if (!stream.write(text)) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'finish')
  await client.query('COMMIT')
}

function escaped(text: string): string {
  return text.replace(/[\\\t\n\r]/g, found => `\\${found}`)
}

/** See the file head. */
export const postgresRead: Benchmark = async master => {
  const { connection } = service('postgres')
  const client = await connected()
  const table = `bench_${process.pid}`
  await client.query(`CREATE TABLE ${table} (${COLUMNS})`)
  await client.query(
    `INSERT INTO ${table} SELECT i, 'word ' || i % 1000, i / 4.0, 'what is said of ' || i || ' is of no use to anybody here'
       FROM generate_series(0, ${READ - 1}) i`,
  )
  await client.query(`ALTER TABLE ${table} ADD PRIMARY KEY (id)`)
  await client.query(`ANALYZE ${table}`)
  const sc = new SparkContext({ master })
  const bounds = { lowerBound: 0, upperBound: READ - 1, numPartitions: sc.defaultParallelism }
  let expected = 0
  for (let id = 0; id < READ; id++) expected += lengthOf(rowOf(id))
  return {
    work: `${READ} rows`,
    expected,
    ours: {
      run: () =>
        postgresRows(sc, { connection, table, column: 'id', ...bounds })
          .map(row => lengthOf(row as unknown as Row))
          .fold(0, (a, b) => a + b),
    },
    bare: {
      async run() {
        const { rows } = await client.query<Row>(`SELECT * FROM ${table} WHERE id BETWEEN $1 AND $2`, [
          0,
          READ - 1,
        ])
        return rows.reduce((sum, row) => sum + lengthOf(row), 0)
      },
    },
    async [Symbol.asyncDispose]() {
      await client.query(`DROP TABLE ${table}`)
      await client.end()
      await sc.stop()
    },
  }
}

function lengthOf({ id, word, amount, note }: Row): number {
  return id + word.length + amount + note.length
}

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({ ...service('postgres').connection })
  await client.connect()
  return client
}
