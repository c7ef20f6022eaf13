/** Records as the values of rows. */
import { KindlingError } from '../../base/errors.ts'
import type { TableColumn } from './dialect.ts'

/**
 * The values of a record, one for each column.
 *
 * @param isWhole every property has to have a column
 * @throws RECORD_NOT_FITTING
 */
export function valuesOf(
  record: unknown,
  columns: readonly Pick<TableColumn, 'name'>[],
  isWhole: boolean,
): readonly unknown[] {
  if (Array.isArray(record)) {
    if (record.length === columns.length) return record
    throw notFitting(record, `it has ${record.length} values, and there are ${columns.length} columns`)
  }
  if (typeof record !== 'object' || record === null) throw notFitting(record, 'it is no object and no array')
  if (isWhole) {
    const stray = Object.keys(record).find(key => !columns.some(({ name }) => name === key))
    if (stray !== undefined) throw notFitting(record, `the table has no column ${stray} to be written`)
  }
  return columns.map(({ name }) => (record as Record<string, unknown>)[name])
}

/**
 * A value for a placeholder: NULL for what is missing, JSON for objects and arrays, and for all in a column of JSON.
 *
 * @throws RECORD_NOT_FITTING
 */
export function plainValue(value: unknown, { name, type }: TableColumn, record: unknown): unknown {
  if (value === null || value === undefined) return null
  if (/^jsonb?$/i.test(type)) return json(value, name, record)
  switch (typeof value) {
    case 'string':
    case 'bigint':
    case 'boolean':
      return value
    case 'number':
      if (Number.isFinite(value)) return value
      throw notFitting(record, `the number for ${name} is ${value}, which the database cannot store`)
    case 'object':
      if (value instanceof Uint8Array) return value
      if (value instanceof Date && !Number.isNaN(value.getTime())) return value
      if (Array.isArray(value) || isPlain(value)) return json(value, name, record)
  }
  throw notFitting(record, `the value for ${name} is no text, number, boolean, date, bytes or plain data`)
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function json(value: unknown, name: string, record: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    throw notFitting(record, `the value for ${name} cannot be JSON: ${(error as Error).message}`)
  }
}

export function notFitting(record: unknown, reason: string): KindlingError {
  return new KindlingError('RECORD_NOT_FITTING', { value: record, reason })
}
