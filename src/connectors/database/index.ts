/** The public names of `kindling/connectors/database`. */

export {
  type DatabaseRowsOptions,
  databaseRows,
  type QueryRanges,
  type RowRanges,
  type TableRanges,
} from './database-rows.ts'
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
export type { RangeBound, RangeBounds } from './ranges.ts'
export type { TableSinkOptions } from './target.ts'
