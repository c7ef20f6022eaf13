/**
 * The tables of a sink beside the one that it writes, in the first schema of the search path:
 *
 *   kindling_epochs    the latest epoch of each output, which a commit locks
 *   kindling_batches   the tokens: batches that are in the table
 *   kindling_rows_…    rows of one attempt at a partition, from its `prepare` to the end of the batch
 */
import type { Client } from 'pg'
import type { BatchToken, SinkOutput, WriteToken } from '../../rdd/sink/sink.ts'
import { outputDigest } from '../../rdd/sink/success-file.ts'
import type { Column } from './copy-text.ts'
import { type PostgresSettings, quoted, quotedName } from './options.ts'
import { postgresFailed } from './postgres-errors.ts'

/** Which of several rows with one key was the last. */
export const ORDER_COLUMN = 'kindling_order'

/** Two programs that begin at once would both create them: a lock lets one go first. */
export async function createTables(client: Client): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [0x6b696e64])
  await client.query(
    `CREATE TABLE IF NOT EXISTS kindling_epochs
       (program text, output text, epoch bigint NOT NULL, PRIMARY KEY (program, output))`,
  )
  await client.query(
    `CREATE TABLE IF NOT EXISTS kindling_batches
       (program text, output text, batch_time bigint, epoch bigint NOT NULL, PRIMARY KEY (program, output, batch_time))`,
  )
}

/** What names of stages of an output begin with, of all epochs. */
function outputPrefix(output: SinkOutput): string {
  return `kindling_rows_${outputDigest(output)}_`
}

/** `kindling_rows_6b86b273ff34_2_1795575694000_0_1`: within the 63 bytes that a name may have. */
export function stageName(token: WriteToken): string {
  return `${batchPrefix(token)}${token.partition}_${token.attempt}`
}

function batchPrefix(batch: BatchToken): string {
  return `${outputPrefix(batch)}${batch.epoch}_${batch.batchTime}_`
}

/** Removes what attempts at the batch left. */
export function dropBatch(client: Client, batch: BatchToken): Promise<void> {
  return drop(client, batchPrefix(batch), () => true)
}

/** Removes what attempts of earlier epochs left. */
export function dropOlder(client: Client, output: SinkOutput): Promise<void> {
  const prefix = outputPrefix(output)
  return drop(client, prefix, name => Number(name.slice(prefix.length).split('_')[0]) < output.epoch)
}

async function drop(client: Client, prefix: string, isDue: (name: string) => boolean): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND starts_with(tablename, $1)',
    [prefix],
  )
  for (const { name } of rows) if (isDue(name)) await client.query(`DROP TABLE IF EXISTS ${quotedName(name)}`)
}

/** The columns that are written, in order. @throws DATABASE_FAILED when the table lacks one, or is not there */
export async function columnsOf(client: Client, settings: PostgresSettings): Promise<readonly Column[]> {
  const { table, columns, server, upsertOn } = settings
  const { rows } = await client.query<Column & { filled: boolean }>(
    `SELECT a.attname AS name, t.typname AS type, a.atthasdef OR a.attidentity <> '' AS filled
       FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [quoted(table)],
  )
  const wanted = columns ?? rows.filter(({ filled }) => !filled).map(({ name }) => name)
  const missing = [...wanted, ...upsertOn].find(name => !rows.some(row => row.name === name))
  if (missing !== undefined)
    throw postgresFailed(
      server,
      `table ${table}`,
      `it has no column ${missing}, but ${rows.map(r => r.name).join(', ')}`,
    )
  const unwritten = upsertOn.find(name => !wanted.includes(name))
  if (unwritten !== undefined)
    throw postgresFailed(
      server,
      `table ${table}`,
      `column ${unwritten} of upsertOn is filled by the server: name the columns`,
    )
  return wanted.map(name => rows.find(row => row.name === name)!)
}
