/** The public names of `kindling/connectors/sqlite`. */

export { type SQLiteRowsOptions, sqliteRows } from './sqlite-rows.ts'
export { type SQLiteSinkOptions, sqliteSink } from './sqlite-sink.ts'
