/** Spark's rows of databases without SQL. */
import { no, type ParityTable } from './table.ts'

/** In the order of the page. */
export const databaseTables: readonly ParityTable[] = [
  {
    spark: 'JdbcRDD',
    rows: [
      [
        'new JdbcRDD(sc, getConnection, sql, lowerBound, upperBound, numPartitions, mapRow)',
        'postgresRows, mysqlRows, sqliteRows, databaseRows',
        'rows are objects, `map` is for `mapRow`; also by table and column (D181)',
      ],
      [
        'JdbcRDD.create(sc, connectionFactory, sql, lowerBound, upperBound, numPartitions, mapRow)',
        no('one-form'),
      ],
      ['JdbcRDD.resultSetToObjectArray(resultSet)', no('jvm')],
    ],
  },
]
