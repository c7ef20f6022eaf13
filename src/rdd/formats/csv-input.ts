/**
 * Files of CSV (RFC 4180) as rows of texts, by the package `csv-parse`; `csv-rows.ts` makes records of them.
 *
 * Rows that are none come too, in their place, so that it can be decided later what becomes of them.
 */

import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { KindlingError } from '../../base/errors.ts'
import { setField } from '../../data/record-shape.ts'
import type { RemoteReader } from '../sources/remote-files.ts'
import type { NamedRange } from './file-records.ts'

/** How the text is cut. */
export interface CsvInputOptions {
  /** Whether the first row of each file names the columns; else their names are given. Default: whether no names are given. */
  readonly header?: boolean
  /** Between fields. Default `,` */
  readonly delimiter?: string
  /** The names of the columns, where files do not have them. */
  readonly names?: readonly string[]
}

/** A row with where it is from. */
export interface CsvRow {
  readonly path: string
  /** Of its end in the file, from 1. */
  readonly line: number
  /** By the names of columns. A field that is empty and not quoted is `undefined`. */
  readonly values: Readonly<Record<string, string | undefined>>
  /** Why it is no row. */
  readonly error?: string
}

/**
 * A field that begins with a quote: it has it in its text, or is one whose quotes do not match and which the library took as it stands.
 * Which of them can be told by reading the row again.
 */
class Quoted {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A field with a quote where there may be none. */
const MISQUOTED = Symbol('misquoted')

type SettledField = string | undefined | typeof MISQUOTED
type Field = SettledField | Quoted

interface Parsed {
  readonly record: readonly Field[]
  readonly raw: string
  readonly info: { readonly lines: number }
}

const ROWS = 256

/** @throws INPUT_NOT_READABLE, PACKAGE_MISSING, FILE_DAMAGED for a file that cannot be unpacked */
export async function* readCsv(
  reader: RemoteReader,
  { path, name }: NamedRange,
  { delimiter = ',', names, header = names === undefined }: CsvInputOptions,
  maxRecordBytes: number,
): AsyncGenerator<readonly CsvRow[], undefined> {
  const { parse, parseStrictly } = await library()
  const matches = (raw: string): boolean => parseStrictly(raw, delimiter)
  const skipped: CsvRow[] = []
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    max_record_size: maxRecordBytes,
    raw: true,
    relax_column_count: true,
    // Without it nothing would be read any more after quotes that do not match: they are found below.
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    cast: (value, { quoting }) => fieldOf(value, quoting) as string,
  })
  parser.on('skip', (error: { message: string; lines?: number }) => {
    skipped.push({ path: name, line: error.lines ?? 0, values: {}, error: error.message })
  })
  const bytes = Readable.from(reader.stream(path, 0))
  const text = path.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes
  bytes.on('error', error => text.destroy(error))
  text.on('error', error => parser.destroy(error))
  text.pipe(parser)
  let columns = header ? undefined : names
  let rows: CsvRow[] = []
  try {
    for await (const parsed of parser as AsyncIterable<Parsed>) {
      const { info } = parsed
      const record = settled(parsed, matches)
      while (skipped.length > 0 && skipped[0]!.line <= info.lines) rows.push(skipped.shift()!)
      if (columns === undefined) columns = columnsOf(record, name)
      else rows.push(rowOf(record, columns, name, info.lines))
      if (rows.length < ROWS) continue
      yield rows
      rows = []
    }
    rows.push(...skipped)
    if (rows.length > 0) yield rows
  } catch (error) {
    if (error instanceof KindlingError) throw error
    throw new KindlingError(
      'FILE_DAMAGED',
      { path: name, reason: (error as Error).message },
      { cause: error },
    )
  } finally {
    parser.destroy()
    text.destroy()
    bytes.destroy()
  }
  return undefined
}

/** @throws FILE_DAMAGED for two columns of one name, or one without */
function columnsOf(record: readonly SettledField[], path: string): readonly string[] {
  const names = record.map(name => (typeof name === 'string' ? name : ''))
  const twice = names.find((name, i) => name === '' || names.indexOf(name) !== i)
  if (twice === undefined) return names
  const reason = `line 1 names its columns ${names.join(', ')}: ${twice === '' ? 'one has no name' : `${twice} is there twice`}`
  throw new KindlingError('FILE_DAMAGED', { path, reason })
}

function rowOf(
  record: readonly SettledField[],
  columns: readonly string[],
  path: string,
  line: number,
): CsvRow {
  const values: Record<string, string | undefined> = {}
  columns.forEach((column, i) => {
    const field = record[i]
    setField(values, column, typeof field === 'symbol' ? undefined : field)
  })
  const at = record.indexOf(MISQUOTED)
  if (at >= 0) return { path, line, values, error: `the quotes of field ${at + 1} do not match` }
  if (record.length === columns.length) return { path, line, values }
  return { path, line, values, error: `it has ${record.length} fields instead of ${columns.length}` }
}

/** @param matches whether the quotes of a row do */
function settled({ record, raw }: Parsed, matches: (raw: string) => boolean): readonly SettledField[] {
  const areRight = !record.some(field => field instanceof Quoted) || matches(raw)
  return record.map(field => (field instanceof Quoted ? (areRight ? field.text : MISQUOTED) : field))
}

function fieldOf(text: string, isQuoted: boolean): Field {
  if (isQuoted) return text.startsWith('"') ? new Quoted(text) : text
  if (text.includes('"')) return MISQUOTED
  return text === '' ? undefined : text
}

async function library() {
  try {
    const [{ parse }, { parse: parseNow }] = await Promise.all([
      import('csv-parse'),
      import('csv-parse/sync'),
    ])
    const parseStrictly = (raw: string, delimiter: string): boolean => {
      try {
        parseNow(raw, { delimiter, relax_column_count: true })
        return true
      } catch {
        return false
      }
    }
    return { parse, parseStrictly }
  } catch (error) {
    throw new KindlingError(
      'PACKAGE_MISSING',
      { feature: 'Reading CSV files', package: 'csv-parse' },
      { cause: error },
    )
  }
}
