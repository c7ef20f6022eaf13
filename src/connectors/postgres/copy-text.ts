/** Rows in the text form of COPY: a line for each, values between tabs. */
import type { TableColumn } from '../database/dialect.ts'
import { notFitting, valuesOf } from '../database/row-values.ts'

/** A column, with PostgreSQL's own name of its type: `int4`, `jsonb`, `_text`. */
export type Column = Pick<TableColumn, 'name' | 'type'>

/**
 * A record as a line.
 *
 * @param isWhole every property has to have a column
 * @throws RECORD_NOT_FITTING
 */
export function copyLine(record: unknown, columns: readonly Column[], isWhole: boolean, end = ''): string {
  const values = valuesOf(record, columns, isWhole)
  return `${columns.map((column, i) => field(values[i], column, record)).join('\t')}${end}\n`
}

function field(value: unknown, { name, type }: Column, record: unknown): string {
  if (value === null || value === undefined) return '\\N'
  if (type === 'json' || type === 'jsonb') return escaped(JSON.stringify(value))
  if (Array.isArray(value)) return escaped(arrayText(value, name, record))
  return escaped(scalarText(value, name, record))
}

function scalarText(value: unknown, name: string, record: unknown): string {
  if (typeof value === 'string') {
    if (value.includes('\0'))
      throw notFitting(record, `the text for ${name} has a zero, which PostgreSQL cannot store`)
    return value
  }
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value)
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  throw notFitting(record, `the value for ${name} is no text, number, boolean, date, bytes or array of these`)
}

function arrayText(values: readonly unknown[], name: string, record: unknown): string {
  const items = values.map(value => {
    if (value === null || value === undefined) return 'NULL'
    if (Array.isArray(value)) return arrayText(value, name, record)
    return `"${scalarText(value, name, record).replace(/["\\]/g, '\\$&')}"`
  })
  return `{${items.join(',')}}`
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function escaped(text: string): string {
  return text.replace(/[\\\t\n\r]/g, found => ESCAPES[found]!)
}
