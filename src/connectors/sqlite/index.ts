/** The public names of `kindling/connectors/sqlite`. */

export { type SQLiteSinkOptions, sqliteSink } from './sqlite-sink.ts'
