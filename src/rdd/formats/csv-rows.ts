/** Rows of CSV as records: types by column, or by a schema of the program. */

import { describeValue, KindlingError } from '../../base/errors.ts'
import { setField } from '../../data/record-shape.ts'
import { capture } from '../functions/explicit.ts'
import type { CsvInputOptions, CsvRow } from './csv-input.ts'

/** What the texts of a column stand for. */
export type CsvType = 'string' | 'number' | 'boolean' | 'bigint' | 'date'

/** How files of CSV are read. */
export interface CsvOptions<T> extends Pick<CsvInputOptions, 'header' | 'delimiter'> {
  /**
   * The columns that records have, and their types; of a file without a header all of its columns, in order. Default: those of the header, as
   * texts.
   */
  readonly columns?: Readonly<Record<string, CsvType>>
  /** A schema by the Standard Schema interface, as Zod, Valibot and ArkType have it; synchronous. Told what `columns` have made. */
  readonly schema?: StandardSchema<T>
}

/** What is used of the Standard Schema interface, version 1. */
export interface StandardSchema<T> {
  readonly '~standard': {
    readonly validate: (value: unknown) => StandardResult<T> | Promise<StandardResult<T>>
  }
}

/** What a schema says of a value. */
export type StandardResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | {
      readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[]
    }

/** What the reader of the text needs of the options. */
export function csvInput({ header, delimiter, columns }: CsvOptions<never>): CsvInputOptions {
  return {
    ...(header === undefined ? {} : { header }),
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(columns !== undefined && header === false ? { names: Object.keys(columns) } : {}),
  }
}

/** Makes records of rows. @throws ROW_NOT_READABLE (the function that is given) */
export function recordMaker<T>({ columns, schema }: CsvOptions<T>): (row: CsvRow) => T & {} {
  return capture({ recordOf, columns, schema }, (row: CsvRow) => recordOf(row, columns, schema) as T & {})
}

/** @throws ROW_NOT_READABLE */
export function recordOf(
  row: CsvRow,
  columns: Readonly<Record<string, CsvType>> | undefined,
  schema: StandardSchema<unknown> | undefined,
): unknown {
  if (row.error !== undefined) throw notReadable(row, row.error)
  const record = columns === undefined ? row.values : typed(row, columns)
  if (schema === undefined) return record
  const result = schema['~standard'].validate(record)
  if (result instanceof Promise) throw notReadable(row, 'its schema is asynchronous')
  if (result.issues === undefined) return result.value
  const issues = result.issues.map(({ message, path = [] }) =>
    path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`,
  )
  throw notReadable(row, issues.join('; '))
}

function typed(row: CsvRow, columns: Readonly<Record<string, CsvType>>): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (const [name, type] of Object.entries(columns)) {
    if (!Object.hasOwn(row.values, name)) throw notReadable(row, `the file has no column ${name}`)
    const text = row.values[name]
    const value = text === undefined ? undefined : typedValue(text, type)
    if (text !== undefined && value === undefined)
      throw notReadable(row, `${describeValue(text)} in column ${name} is no ${type}`)
    setField(record, name, value)
  }
  return record
}

/** `undefined` for a text that stands for no such value. */
function typedValue(text: string, type: CsvType): unknown {
  switch (type) {
    case 'string':
      return text
    case 'number':
      return text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text)
    case 'bigint':
      return /^\s*[+-]?\d+\s*$/.test(text) ? BigInt(text.trim().replace(/^\+/, '')) : undefined
    case 'boolean':
      return { true: true, false: false }[text.trim().toLowerCase()]
    case 'date': {
      const ms = Date.parse(text)
      return Number.isNaN(ms) ? undefined : new Date(ms)
    }
  }
}

function notReadable({ path, line }: CsvRow, reason: string): KindlingError {
  return new KindlingError('ROW_NOT_READABLE', { path, line, reason })
}
