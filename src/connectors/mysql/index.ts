/** The public names of `kindling/connectors/mysql`. */

export { mysqlSink } from './mysql-sink.ts'
export type { MySQLConnection, MySQLSinkOptions } from './options.ts'
