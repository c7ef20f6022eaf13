import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { missingNames, parityPage, tables } from '../../scripts/parity/page.ts'
import { pending } from '../../scripts/parity/pending.ts'

it('the page says what the tables say (npm run docs brings it up to date)', () => {
  const committed = readFileSync(new URL('../../docs/parity.md', import.meta.url), 'utf8')
  assert.equal(committed, parityPage())
})

it('every name of ours in the tables exists, but for those that are pending', () => {
  assert.deepEqual(
    missingNames().filter(name => !pending.includes(name)),
    [],
  )
})

it('no pending name is missing any more: empty scripts/parity/pending.ts', {
  todo: pending.length > 0,
}, () => {
  const missing = missingNames()
  const left = pending.filter(name => missing.includes(name))
  assert.ok(left.length === 0, `missing: ${left.join(', ')}`)
})

it('no row puts anything off, and none stands twice', () => {
  assert.doesNotMatch(parityPage(), /\blater\b|not yet|\bplanned\b|\btodo\b/i)
  for (const { spark, rows } of tables) {
    const operations = rows.map(([operation]) => operation)
    assert.equal(new Set(operations).size, operations.length, spark)
  }
})

it('the tables are whole: as many rows as were written down', () => {
  const sizes = Object.fromEntries(tables.map(({ spark, rows }) => [spark, rows.length]))
  assert.ok(
    sizes['RDD']! >= 70 && sizes['SparkContext']! >= 50 && sizes['DStream']! >= 28,
    JSON.stringify(sizes),
  )
})
