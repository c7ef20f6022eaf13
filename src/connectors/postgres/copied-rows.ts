/** Rows by COPY, through the package `pg-copy-streams`. */
import { once } from 'node:events'
import type { StageRows, StageTable } from '../database/dialect.ts'
import { loadPackage } from '../database/load-package.ts'
import { copyLine } from './copy-text.ts'
import type { PostgresSQLConnection } from './postgres-dialect.ts'

/** The connection is taken by it until `end`. */
export async function copiedRows(
  { client }: PostgresSQLConnection,
  { name, columns, isWhole, order }: StageTable,
): Promise<StageRows> {
  const { from } = await loadPackage('PostgreSQL', 'pg-copy-streams', () => import('pg-copy-streams'))
  const quoted = columns.map(column => `"${column.name.replaceAll('"', '""')}"`)
  const names = order === undefined ? quoted : [...quoted, order]
  const stream = client.query(from(`COPY ${name} (${names.join(', ')}) FROM STDIN`))
  // The server refuses the rows, or has gone.
  const failed = new Promise<never>((_, reject) => stream.on('error', reject))
  failed.catch(() => {})
  return {
    async write(records, first) {
      let text = ''
      for (const [i, record] of records.entries())
        text += copyLine(record, columns, isWhole, order === undefined ? '' : `\t${first + i}`)
      if (!stream.write(text)) await Promise.race([once(stream, 'drain'), failed])
    },
    async end() {
      stream.end()
      await Promise.race([once(stream, 'finish'), failed])
    },
  }
}
