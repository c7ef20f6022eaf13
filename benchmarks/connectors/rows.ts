/** The rows that go into databases: of about 80 bytes, the same at every place. */

/** A row of the table that {@link COLUMNS} describe. */
export interface Row {
  readonly id: number
  readonly word: string
  readonly amount: number
  readonly note: string
}

/** For CREATE TABLE, in all databases. */
export const COLUMNS = 'id int, word varchar(40), amount double precision, note varchar(80)'

/** Row `id`. */
export function rowOf(id: number): Row {
  return {
    id,
    word: `word ${id % 1000}`,
    amount: id / 4,
    note: `what is said of ${id} is of no use to anybody here`,
  }
}

/** What tables with rows 0 to `count` - 1 give for {@link SUMS}. */
export function sumsOf(count: number): {
  readonly n: number
  readonly ids: number
  readonly amounts: number
} {
  const ids = (count * (count - 1)) / 2
  return { n: count, ids, amounts: ids / 4 }
}

/** Asks a table what it has. */
export const SUMS = 'count(*) AS n, sum(id) AS ids, sum(amount) AS amounts'

/** As numbers, whatever the client makes of sums. */
export function sumsFound(row: Readonly<Record<string, unknown>> | undefined): ReturnType<typeof sumsOf> {
  return { n: Number(row?.['n']), ids: Number(row?.['ids']), amounts: Number(row?.['amounts']) }
}
