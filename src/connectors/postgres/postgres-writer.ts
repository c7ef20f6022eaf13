/** The task's side: the rows of an attempt by COPY into a table of its own, which is there from `prepare` on. */
import { once } from 'node:events'
import type { Client } from 'pg'
import type { CopyStreamQuery } from 'pg-copy-streams'
import type { KindlingError } from '../../base/errors.ts'
import type { SinkWriter, WriteToken } from '../../rdd/sink/sink.ts'
import { type Column, copyLine } from './copy-text.ts'
import { type PostgresSettings, quoted, quotedName } from './options.ts'
import { postgresError, postgresFailed } from './postgres-errors.ts'
import { connect, disconnect, load, patiently } from './session.ts'
import { columnsOf, ORDER_COLUMN, stageName } from './tables.ts'

/** What an attempt tells the driver: without a table when it had no rows. */
export interface Staged {
  readonly stage?: string
  readonly columns: readonly string[]
  readonly rows: number
}

interface Copying {
  readonly client: Client
  readonly stream: CopyStreamQuery
  readonly columns: readonly Column[]
  /** Rejects when the server refuses the rows, or has gone. */
  readonly failed: Promise<never>
}

/** See the file head. */
export function postgresWriter<T>(settings: PostgresSettings, token: WriteToken): SinkWriter<T, Staged> {
  const stage = stageName(token)
  const what = `rows for table ${settings.table}`
  const isUpsert = settings.upsertOn.length > 0
  let copying: Copying | undefined
  let rows = 0
  const step = async <R>(body: () => Promise<R>): Promise<R> => {
    try {
      return await body()
    } catch (error) {
      throw postgresError(settings.server, what, error)
    }
  }
  const end = async (): Promise<void> => {
    const ended = copying
    copying = undefined
    if (ended !== undefined) await disconnect(ended.client)
  }
  return {
    write: records =>
      step(async () => {
        copying ??= await patiently(settings.patienceMs, () => step(() => begin(settings, stage)))
        const { stream, columns, failed } = copying
        let text = ''
        for (const record of records)
          text += copyLine(record, columns, settings.columns === undefined, isUpsert ? `\t${rows++}` : '')
        if (!isUpsert) rows += records.length
        if (!stream.write(text)) await Promise.race([once(stream, 'drain'), failed])
      }),
    prepare: () =>
      step(async () => {
        if (copying === undefined) return { columns: [], rows: 0 }
        const { client, stream, columns, failed } = copying
        stream.end()
        await Promise.race([once(stream, 'finish'), failed])
        await client.query('COMMIT')
        await end()
        return { stage, columns: columns.map(({ name }) => name), rows }
      }),
    abort: end,
    close: end,
  }
}

async function begin(settings: PostgresSettings, stage: string): Promise<Copying> {
  const { from } = await load('pg-copy-streams', () => import('pg-copy-streams'))
  const client = await connect(settings)
  try {
    await client.query('BEGIN')
    const columns = await columnsOf(client, settings)
    const names = columns.map(({ name }) => quotedName(name))
    const isUpsert = settings.upsertOn.length > 0
    const order = isUpsert ? `, 0::bigint AS ${ORDER_COLUMN}` : ''
    const target = quoted(settings.table)
    await client.query(
      `CREATE TABLE ${quotedName(stage)} AS SELECT ${names.join(', ')}${order} FROM ${target} WITH NO DATA`,
    )
    const copied = isUpsert ? [...names, ORDER_COLUMN] : names
    const stream = client.query(from(`COPY ${quotedName(stage)} (${copied.join(', ')}) FROM STDIN`))
    const failed = new Promise<never>((_, reject) => stream.on('error', reject))
    failed.catch(() => {})
    return { client, stream, columns, failed }
  } catch (error) {
    await disconnect(client)
    throw error
  }
}

/** Fewer rows than the task wrote: the server has lost some of them. */
export function rowsMissing(
  { server, table }: PostgresSettings,
  { stage, rows }: Staged,
  found: number,
): KindlingError {
  return postgresFailed(server, `table ${table}`, `${stage} has ${found} of ${rows} rows`)
}
