/** docs/parity.md: each operation of Spark's with ours, or the number of the reason why there is none. */
import { publicDeclarations } from '../docs/reference.ts'
import { databaseTables } from './database.ts'
import { kafkaTables } from './kafka.ts'
import { rddTables } from './rdd.ts'
import { reasons } from './reasons.ts'
import { contextTables } from './spark-context.ts'
import { streamingTables } from './streaming.ts'
import type { ParityTable, ReasonName, Row } from './table.ts'

/** All tables, in the order of the page. */
export const tables: readonly ParityTable[] = [
  ...rddTables,
  ...contextTables,
  ...streamingTables,
  ...kafkaTables,
  ...databaseTables,
]

const numbers = new Map(Object.keys(reasons).map((name, i) => [name as ReasonName, i + 1]))

/** The text of the page. */
export function parityPage(): string {
  const rows = tables.flatMap(table => table.rows)
  const absent = rows.filter(([, ours]) => typeof ours !== 'string').length
  const head = [
    '# Parity with Spark',
    '',
    'Made from `scripts/parity/` by `npm run docs`. Each operation of Spark 4.2 with its overloads, and ours; or the number of the',
    `reason why there is none. ${rows.length - absent} of ${rows.length} rows have a counterpart. D numbers are those of`,
    '[decisions.md](decisions.md).',
    '',
    '## Reasons',
    '',
    ...Object.entries(reasons).map(([name, text]) => `${numbers.get(name as ReasonName)}. ${text}`),
    '',
  ]
  return [...head, ...tables.flatMap(section)].join('\n')
}

function section({ spark, rows }: ParityTable): string[] {
  const lines = rows.map(
    ([operation, ours, remark = '']) => `| \`${operation}\` | ${cell(ours)} | ${remark} |`,
  )
  return [`## ${spark}`, '', '| Spark | here | remark |', '| --- | --- | --- |', ...lines, '']
}

function cell(ours: Row[1]): string {
  if (typeof ours !== 'string') return `reason ${numbers.get(ours.because)}`
  return namesOf(ours)
    .map(name => `\`${name}\``)
    .join(', ')
}

/** The names in a row's second column. */
function namesOf(ours: string): string[] {
  return ours.split(',').map(name => name.trim())
}

/** Names in the tables that the public lists do not have. */
export function missingNames(): string[] {
  const known = new Set<string>()
  for (const { name, members, inherited } of publicDeclarations()) {
    known.add(name)
    for (const member of [...members, ...inherited]) known.add(`${name}.${member.name}`)
  }
  const used = tables.flatMap(({ rows }) =>
    rows.flatMap(([, ours]) => (typeof ours === 'string' ? namesOf(ours) : [])),
  )
  return [...new Set(used)].filter(name => !known.has(name)).sort()
}
