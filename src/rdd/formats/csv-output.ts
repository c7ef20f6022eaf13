/** Records as CSV (RFC 4180), by the package `csv-stringify`, which is loaded when it is first needed. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { describeValue, KindlingError } from '../../base/errors.ts'
import type { FileFormat } from '../sink/file-format.ts'
import { textOf } from '../text-output.ts'

/** How files of CSV are written. */
export interface CsvOutputOptions {
  /** Whether each file begins with the names of the columns. Default true. */
  readonly header?: boolean
  /** Between fields. Default `,` */
  readonly delimiter?: string
}

const pack = promisify(gzip)

/**
 * Null and undefined are empty (of a single column `""`), an empty text is `""`. Pairs are the columns `key` and `value`, what is no record is the column `value`.
 *
 * @param columns in order; default: the fields of the first record of each file
 * @throws PACKAGE_MISSING, RECORD_NOT_FITTING for a record with other fields (when something is written)
 */
export function csvFormat(
  columns: readonly string[] | undefined,
  { header = true, delimiter = ',' }: CsvOutputOptions,
  isPacked: boolean,
): FileFormat {
  return {
    suffix: isPacked ? '.csv.gz' : '.csv',
    leavesOutEmpty: columns === undefined,
    open(put) {
      let names = columns
      let isBegun = false
      const write = async (rows: readonly (readonly unknown[])[]): Promise<void> => {
        const all = header && !isBegun ? [names!, ...rows] : rows
        isBegun = true
        if (all.length === 0) return
        const { stringify } = await library()
        const text = stringify(all as unknown[][], {
          delimiter,
          record_delimiter: 'windows',
          cast: { string: text => (text === '' ? { value: text, quoted_empty: true } : text) },
          // Beginnings that a reader would take for something else.
          quoted_match: /^\ufeff|^\s|\s$/,
        })
        await put(isPacked ? await pack(text) : Buffer.from(text))
      }
      return {
        async add(records) {
          const rows: unknown[][] = []
          for (const record of records) {
            const fields = fieldsOf(record)
            names ??= Object.keys(fields)
            rows.push(rowOf(fields, names))
          }
          if (rows.length > 0) await write(rows)
        },
        async end() {
          if (!isBegun && names !== undefined) await write([])
        },
      }
    },
  }
}

function fieldsOf(record: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(record) && record.length === 2) return { key: record[0], value: record[1] }
  const isRecord =
    typeof record === 'object' && record !== null && !Array.isArray(record) && !(record instanceof Date)
  return isRecord ? (record as Record<string, unknown>) : { value: record }
}

function rowOf(fields: Readonly<Record<string, unknown>>, names: readonly string[]): unknown[] {
  const other = Object.keys(fields).find(name => !names.includes(name))
  if (other !== undefined)
    throw new KindlingError('RECORD_NOT_FITTING', {
      value: describeValue(fields),
      reason: `there is no column ${other}`,
    })
  return names.map(name => {
    const value = fields[name]
    if (value !== undefined && value !== null) return textOf(value)
    // A blank line would be no row.
    return names.length === 1 ? '' : undefined
  })
}

async function library() {
  try {
    return await import('csv-stringify/sync')
  } catch (error) {
    throw new KindlingError(
      'PACKAGE_MISSING',
      { feature: 'Writing CSV files', package: 'csv-stringify' },
      { cause: error },
    )
  }
}
