/**
 * State as a Parquet file with the columns `key` and `value`.
 *
 * A column has one type for the whole file, and state may hold values of several: so all of it is looked at before, and a column of
 * mixed values, or of values that are no columns, is JSON as in NDJSON.
 */
import { chunkRows } from '../../data/chunk.ts'
import { type ParquetType, parquetFormat, parquetTypeOf } from '../../rdd/parquet-output.ts'
import { jsonOf } from '../../rdd/text-output.ts'
import type { ExportParts } from './export.ts'

/** Gives the number of keys. @throws PACKAGE_MISSING */
export async function writeParquet({ partitions, put }: ExportParts): Promise<number> {
  const types = { key: new Set<ParquetType | undefined>(), value: new Set<ParquetType | undefined>() }
  let written = 0
  for await (const { keys, values } of partitions()) {
    for (const key of keys) types.key.add(parquetTypeOf(key))
    for (const value of values) types.value.add(parquetTypeOf(value))
    written += keys.length
  }
  const columns = { key: columnOf(types.key), value: columnOf(types.value) }
  const column = (type: ParquetType, cells: readonly unknown[]): readonly unknown[] =>
    type === 'JSON' ? cells.map(jsonValue) : cells
  const file = parquetFormat({ columns }).open(put)
  for await (const { keys, values } of partitions())
    await file.add(
      chunkRows({
        kind: 'pairs',
        keys: column(columns.key, keys),
        values: column(columns.value, values),
      }),
    )
  await file.end()
  return written
}

/** Null has no type of its own: every column may hold it. */
function columnOf(types: Set<ParquetType | undefined>): ParquetType {
  types.delete(undefined)
  const [type] = types
  return types.size === 1 && type !== undefined ? type : 'JSON'
}

/** As the JSON that NDJSON would have: a column of JSON takes only what JSON can hold. */
function jsonValue(value: unknown): unknown {
  return JSON.parse(jsonOf(value ?? null))
}
