/**
 * The tables of a sink beside the one that it writes:
 *
 *   kindling_epochs    the latest epoch of each output, which a commit locks
 *   kindling_batches   the tokens: batches that are in the table
 *   kindling_stages    the names of tables with the rows of attempts
 *   kindling_rows_…    rows of one attempt at a partition, from its beginning to the end of the batch
 *
 * An output is known by a digest, since not every database has keys of any length.
 */
import { createHash } from 'node:crypto'
import type { BatchToken, SinkOutput, WriteToken } from '../../rdd/sink/sink.ts'
import { fenced, outputDigest } from '../../rdd/sink/success-file.ts'
import { quotedName, type SQLConnection, type SQLDialect, type SQLRow, statement } from './dialect.ts'

const TABLES = {
  kindling_epochs: 'output varchar(64) NOT NULL PRIMARY KEY, epoch bigint NOT NULL',
  kindling_batches:
    'output varchar(64) NOT NULL, batch_time bigint NOT NULL, epoch bigint NOT NULL, PRIMARY KEY (output, batch_time)',
  kindling_stages:
    'name varchar(64) NOT NULL PRIMARY KEY, output varchar(64) NOT NULL, epoch bigint NOT NULL, batch_time bigint NOT NULL',
} as const

type BookTable = keyof typeof TABLES

/** See the file head. All methods take the connection on which they ask, in a transaction or not. */
export class Bookkeeping {
  private readonly dialect: SQLDialect
  private readonly schema: string | undefined
  private readonly sink: string

  /** @param sink its name, for messages */
  constructor(dialect: SQLDialect, schema: string | undefined, sink: string) {
    this.dialect = dialect
    this.schema = schema
    this.sink = sink
  }

  /** Makes what is not there, outside of transactions: two programs that begin at once both may. */
  async open(connection: SQLConnection, output: SinkOutput): Promise<void> {
    for (const [name, columns] of Object.entries(TABLES))
      await unlessThere(
        () =>
          this.ask(connection, `SELECT * FROM ${this.name(name)} WHERE 1 = 0`).then(
            () => true,
            () => false,
          ),
        () => connection.query(`CREATE TABLE ${this.name(name)} (${columns})`),
      )
    const first = `INSERT INTO ${this.name('kindling_epochs')} (output, epoch) VALUES (?, ?)`
    await unlessThere(
      async () => (await this.epochOf(connection, output)) !== undefined,
      () => this.ask(connection, first, [keyOf(output), output.epoch]),
    )
  }

  /** Locks the epoch of the output until the end of the transaction. @throws SINK_FENCED when a later one has begun */
  async claim(connection: SQLConnection, output: SinkOutput): Promise<void> {
    const { epoch } = output
    await this.ask(
      connection,
      `UPDATE ${this.name('kindling_epochs')} SET epoch = ? WHERE output = ? AND epoch <= ?`,
      [epoch, keyOf(output), epoch],
    )
    const found = await this.epochOf(connection, output)
    if (found !== epoch)
      throw fenced(this.sink, output, found === undefined ? 'its row is gone' : `epoch ${found} has begun`)
  }

  /** Those whose batches are there. @throws SINK_FENCED when a later epoch has written one of them */
  async held(connection: SQLConnection, tokens: readonly BatchToken[]): Promise<BatchToken[]> {
    const found: BatchToken[] = []
    for (const token of tokens) {
      const epoch = await this.epochOfBatch(connection, token)
      if (epoch === undefined) continue
      if (epoch > token.epoch) throw fenced(this.sink, token, `epoch ${epoch} has written this batch`)
      found.push(token)
    }
    return found
  }

  /** Writes the token of a batch; false when it is there. To be called with the epoch locked. */
  async take(connection: SQLConnection, batch: BatchToken): Promise<boolean> {
    if ((await this.epochOfBatch(connection, batch)) !== undefined) return false
    const into = `INSERT INTO ${this.name('kindling_batches')} (output, batch_time, epoch) VALUES (?, ?, ?)`
    await this.ask(connection, into, [keyOf(batch), batch.batchTime, batch.epoch])
    return true
  }

  async forget(connection: SQLConnection, output: SinkOutput, batchTime: number): Promise<void> {
    const old = `DELETE FROM ${this.name('kindling_batches')} WHERE output = ? AND batch_time < ?`
    await this.ask(connection, old, [keyOf(output), batchTime])
  }

  /** Notes the table of an attempt, before it is made. */
  async note(connection: SQLConnection, token: WriteToken): Promise<void> {
    const into = `INSERT INTO ${this.name('kindling_stages')} (name, output, epoch, batch_time) VALUES (?, ?, ?, ?)`
    await this.ask(connection, into, [stageName(token), keyOf(token), token.epoch, token.batchTime])
  }

  /** Drops the table of an attempt. */
  async drop(connection: SQLConnection, stage: string): Promise<void> {
    await connection.query(`DROP TABLE IF EXISTS ${this.name(stage)}`)
    await this.ask(connection, `DELETE FROM ${this.name('kindling_stages')} WHERE name = ?`, [stage])
  }

  /** Removes what attempts at the batch left. */
  async dropBatch(connection: SQLConnection, batch: BatchToken): Promise<void> {
    const stages = `SELECT name FROM ${this.name('kindling_stages')} WHERE output = ? AND epoch = ? AND batch_time = ?`
    await this.dropAll(
      connection,
      await this.ask(connection, stages, [keyOf(batch), batch.epoch, batch.batchTime]),
    )
  }

  /** Removes what attempts of earlier epochs left. */
  async dropOlder(connection: SQLConnection, output: SinkOutput): Promise<void> {
    const stages = `SELECT name FROM ${this.name('kindling_stages')} WHERE output = ? AND epoch < ?`
    await this.dropAll(connection, await this.ask(connection, stages, [keyOf(output), output.epoch]))
  }

  /** The name of one of these tables, quoted. */
  name(table: BookTable | (string & {})): string {
    const name = quotedName(this.dialect, table)
    return this.schema === undefined ? name : `${quotedName(this.dialect, this.schema)}.${name}`
  }

  private async dropAll(connection: SQLConnection, rows: readonly SQLRow[]): Promise<void> {
    for (const { name } of rows) await this.drop(connection, String(name))
  }

  private async epochOf(connection: SQLConnection, output: SinkOutput): Promise<number | undefined> {
    const sql = `SELECT epoch FROM ${this.name('kindling_epochs')} WHERE output = ?`
    const [row] = await this.ask(connection, sql, [keyOf(output)])
    return row === undefined ? undefined : Number(row['epoch'])
  }

  private async epochOfBatch(connection: SQLConnection, batch: BatchToken): Promise<number | undefined> {
    const sql = `SELECT epoch FROM ${this.name('kindling_batches')} WHERE output = ? AND batch_time = ?`
    const [row] = await this.ask(connection, sql, [keyOf(batch), batch.batchTime])
    return row === undefined ? undefined : Number(row['epoch'])
  }

  private ask(
    connection: SQLConnection,
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<readonly SQLRow[]> {
    return connection.query(statement(this.dialect, sql), values)
  }
}

/** `kindling_rows_6b86b273ff34_2_1795575694000_0_1`: within the 63 bytes that PostgreSQL gives a name. */
export function stageName(token: WriteToken): string {
  const { epoch, batchTime, partition, attempt } = token
  return `kindling_rows_${outputDigest(token)}_${epoch}_${batchTime}_${partition}_${attempt}`
}

/** An output by 64 digits. */
function keyOf({ program, operatorId }: SinkOutput): string {
  return createHash('sha256')
    .update(JSON.stringify([program, operatorId]))
    .digest('hex')
}

/** Makes what is not there. What making it throws is forgiven when somebody else has made it meanwhile. */
async function unlessThere(isThere: () => Promise<boolean>, make: () => Promise<unknown>): Promise<void> {
  if (await isThere()) return
  try {
    await make()
  } catch (error) {
    if (!(await isThere())) throw error
  }
}
