/** The public names of `kindling/connectors/postgres`. */

export type { PostgresConnection, PostgresSinkOptions } from './options.ts'
export { type PostgresRowsOptions, postgresRows } from './postgres-rows.ts'
export { postgresSink } from './postgres-sink.ts'
