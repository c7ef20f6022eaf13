/** The public names of `kindling/connectors/postgres`. */

export type { PostgresConnection, PostgresSinkOptions } from './options.ts'
export { postgresSink } from './postgres-sink.ts'
