/** The public names of `kindling/connectors/mysql`. */

export { type MySQLRowsOptions, mysqlRows } from './mysql-rows.ts'
export { mysqlSink } from './mysql-sink.ts'
export type { MySQLConnection, MySQLSinkOptions } from './options.ts'
