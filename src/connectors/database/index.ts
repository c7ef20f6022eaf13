/** The public names of `kindling/connectors/database`. */

export { type DatabaseSinkOptions, databaseSink } from './database-sink.ts'
export type {
  DatabaseFault,
  DatabaseProblem,
  MovedRows,
  SQLConnection,
  SQLDialect,
  SQLRow,
  StageRows,
  StageTable,
  TableColumn,
} from './dialect.ts'
export type { TableSinkOptions } from './target.ts'
