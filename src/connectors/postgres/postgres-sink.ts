/**
 * Batches into a table of PostgreSQL, each once:
 *
 *   tasks    COPY into a table for each attempt ─▶ (its name)
 *   driver   one transaction: epoch locked ─▶ token ─▶ INSERT … SELECT from these tables ─▶ they are dropped
 *
 * A batch whose token is there is not written again; an epoch that is not the latest is refused.
 */
import type { Client } from 'pg'
import type { BatchToken, ExactlyOnceSink, SinkOutput } from '../../rdd/sink/sink.ts'
import { fenced } from '../../rdd/sink/success-file.ts'
import { type PostgresSettings, type PostgresSinkOptions, quoted, quotedName, settingsOf } from './options.ts'
import { postgresWriter, rowsMissing, type Staged } from './postgres-writer.ts'
import { Session } from './session.ts'
import { columnsOf, createTables, dropBatch, dropOlder, ORDER_COLUMN } from './tables.ts'

/**
 * A sink that writes the records of each batch as rows of a table, all in one transaction with a token of the batch: once, also across
 * crashes of the program and of the server. Rows travel by COPY, each partition over a connection of its own. Every row is written twice,
 * first into a table of its attempt.
 *
 * @typeParam T objects with a property for each column, or arrays of values: text, numbers, `bigint`, booleans, dates, bytes, arrays of
 * these; any data for `json` and `jsonb`. Properties that are missing are NULL.
 * @throws DATABASE_FAILED for options that contradict themselves. At the start: DATABASE_UNREACHABLE after the patience,
 * DATABASE_ACCESS_DENIED, DATABASE_FAILED (such as for an unknown table or column), PACKAGE_MISSING without `pg` or `pg-copy-streams`.
 * In batches also: RECORD_NOT_FITTING, SINK_FENCED
 * @example
 * const sink = postgresSink<[word: string, count: number]>({
 *   connection: { host: 'localhost', database: 'words', user: 'etl' },
 *   table: 'counts',
 *   columns: ['word', 'count'],
 *   upsertOn: ['word'],
 * })
 * sink.guarantee // => 'exactly-once'
 */
export function postgresSink<T extends object>(options: PostgresSinkOptions): ExactlyOnceSink<T, Staged> {
  const settings = settingsOf(options)
  const name = `table ${settings.table} of PostgreSQL at ${settings.server}`
  const what = `table ${settings.table}`
  const session = new Session(settings)
  const outputs = new Set<string>()
  return {
    name,
    guarantee: 'exactly-once',
    by: 'transaction',
    writer: token => postgresWriter<T>(settings, token),
    open: async output => {
      outputs.add(output.operatorId)
      await session.transaction(what, async client => {
        await columnsOf(client, settings)
        await createTables(client)
        await claim(client, output, name)
        await dropOlder(client, output)
      })
    },
    committed: tokens => session.transaction('tokens of batches', client => held(client, tokens, name)),
    commit: (batch, messages) =>
      session.transaction(what, async client => {
        await claim(client, batch, name)
        const { program, operatorId, batchTime, epoch } = batch
        const token = await client.query(
          'INSERT INTO kindling_batches VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
          [program, operatorId, batchTime, epoch],
        )
        if (token.rowCount === 1) for (const message of messages) await move(client, settings, message)
        await dropBatch(client, batch)
      }),
    abort: batch => session.transaction('rows of a batch', client => dropBatch(client, batch)),
    forget: ({ program, operatorId }, batchTime) =>
      session.transaction('old tokens', async client => {
        await client.query(
          'DELETE FROM kindling_batches WHERE program = $1 AND output = $2 AND batch_time < $3',
          [...[program, operatorId, batchTime]],
        )
      }),
    close: async ({ operatorId }) => {
      outputs.delete(operatorId)
      if (outputs.size === 0) await session.close()
    },
  }
}

/** Locks the epoch of the output until the end of the transaction. @throws SINK_FENCED when a later one has begun */
async function claim(client: Client, output: SinkOutput, sink: string): Promise<void> {
  const { program, operatorId, epoch } = output
  const { rowCount } = await client.query(
    `INSERT INTO kindling_epochs AS e VALUES ($1, $2, $3)
       ON CONFLICT (program, output) DO UPDATE SET epoch = excluded.epoch WHERE e.epoch <= excluded.epoch`,
    [program, operatorId, epoch],
  )
  if (rowCount === 0) throw fenced(sink, output, 'a later epoch has begun')
}

async function held(client: Client, tokens: readonly BatchToken[], sink: string): Promise<BatchToken[]> {
  const found: BatchToken[] = []
  for (const token of tokens) {
    const { rows } = await client.query<{ epoch: string }>(
      'SELECT epoch FROM kindling_batches WHERE program = $1 AND output = $2 AND batch_time = $3',
      [token.program, token.operatorId, token.batchTime],
    )
    const [row] = rows
    if (row === undefined) continue
    if (Number(row.epoch) > token.epoch)
      throw fenced(sink, token, `epoch ${row.epoch} has written this batch`)
    found.push(token)
  }
  return found
}

/** Rows of an attempt into the table. */
async function move(client: Client, settings: PostgresSettings, staged: Staged): Promise<void> {
  if (staged.stage === undefined) return
  const { upsertOn, table } = settings
  const stage = quotedName(staged.stage)
  const columns = staged.columns.map(quotedName)
  const list = columns.join(', ')
  const counted = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${stage}`)
  const found = Number(counted.rows[0]?.n)
  if (found !== staged.rows) throw rowsMissing(settings, staged, found)
  if (upsertOn.length === 0) {
    await client.query(`INSERT INTO ${quoted(table)} (${list}) SELECT ${list} FROM ${stage}`)
    return
  }
  const keys = upsertOn.map(quotedName).join(', ')
  const others = columns.filter((_, i) => !upsertOn.includes(staged.columns[i]!))
  const replaced = others.map(column => `${column} = excluded.${column}`).join(', ')
  const onConflict = others.length === 0 ? 'DO NOTHING' : `DO UPDATE SET ${replaced}`
  await client.query(
    `INSERT INTO ${quoted(table)} (${list})
       SELECT DISTINCT ON (${keys}) ${list} FROM ${stage} ORDER BY ${keys}, ${ORDER_COLUMN} DESC
       ON CONFLICT (${keys}) ${onConflict}`,
  )
}
