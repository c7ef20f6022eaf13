/**
 * MariaDB: `mysqlSink` beside INSERTs of a thousand rows by `mysql2`, in one transaction with a token of the batch, and so the same
 * guarantee with one writer.
 */
import { SparkContext } from 'kindling'
import { mysqlSink } from 'kindling/connectors/mysql'
import mysql from 'mysql2/promise'
import { service } from '../../test/services/service.ts'
import type { Benchmark } from './harness.ts'
import { COLUMNS, type Row, rowOf, SUMS, sumsFound, sumsOf } from './rows.ts'

const ROWS = 100_000
const CHUNK_ROWS = 1000

/** See the file head. */
export const mariadbWrite: Benchmark = async master => {
  const { connection } = service('mariadb')
  const client = await mysql.createConnection({ ...connection })
  const table = `bench_${process.pid}`
  await client.query(`CREATE TABLE ${table} (${COLUMNS}) ENGINE = InnoDB`)
  await client.query(`CREATE TABLE ${table}_tokens (batch int PRIMARY KEY) ENGINE = InnoDB`)
  const sc = new SparkContext({ master })
  const sink = mysqlSink<Row>({ connection, table })
  const prepare = async (): Promise<void> => void (await client.query(`TRUNCATE ${table}`))
  const found = async (): Promise<unknown> => {
    const [rows] = await client.query<mysql.RowDataPacket[]>(`SELECT ${SUMS} FROM ${table}`)
    return sumsFound(rows[0])
  }
  return {
    work: `${ROWS} rows`,
    expected: sumsOf(ROWS),
    ours: { prepare, found, run: time => sc.range(ROWS).map(rowOf).writeTo(sink, { id: table, time }) },
    bare: {
      prepare,
      found,
      async run(round) {
        await client.beginTransaction()
        await client.query(`INSERT INTO ${table}_tokens VALUES (?)`, [round])
        for (let first = 0; first < ROWS; first += CHUNK_ROWS) {
          const rows = Array.from({ length: CHUNK_ROWS }, (_, i) => {
            const { id, word, amount, note } = rowOf(first + i)
            return [id, word, amount, note]
          })
          await client.query(`INSERT INTO ${table} VALUES ?`, [rows])
        }
        await client.commit()
      },
    },
    async [Symbol.asyncDispose]() {
      await client.query(`DROP TABLE ${table}, ${table}_tokens`)
      await client.end()
      await sc.stop()
    },
  }
}
