/**
 * The block codec against v8.serialize and JSON, in ns per record.
 *
 * Workload: 100 000 records of each kind, keys of 3 to 9 characters. Warm-up: 5 rounds; then 11 rounds of which the
 * median and the quartiles are printed. One thread, nothing else running. Every result is compared with the input.
 * Run: node --conditions=source benchmarks/data-codec.ts [records]
 */
import assert from 'node:assert/strict'
import { cpus } from 'node:os'
import { deserialize, serialize } from 'node:v8'
import { Random } from '../src/base/random.ts'
import { copyValue, decodePairs, decodeRecords, encodePairs, encodeRecords } from '../src/data/codec.ts'

const WARM_UP = 5
const ROUNDS = 11
const count = Number(process.argv[2] ?? 100_000)
const random = new Random(7)

const unique = Array.from({ length: count }, (_, i) => `key${i}`)
const vocabulary = Array.from({ length: 1000 }, (_, i) => `word${i}`)
const repeated = unique.map(() => vocabulary[random.int(vocabulary.length)]!)
const sentences = unique.map((key, i) => `${key} says something longer, number ${i}`)
const counts = unique.map(() => random.int(1000))
const measures = unique.map(() => random.next() * 1000)

console.log(
  `Node ${process.version}, ${cpus()[0]?.model}, ${count} records; ns per record: median (quartiles)\n`,
)
console.log('records'.padEnd(34) + 'encode'.padStart(18) + 'decode'.padStart(18) + 'bytes'.padStart(9))

pairs('pairs: unique string, int', unique, counts)
pairs('pairs: unique string, float', unique, measures)
pairs('pairs: repeated string, int', repeated, counts)
pairs('pairs: long string, int', sentences, counts)
pairs(
  'pairs: non-ASCII string, int',
  unique.map(k => `ключ ${k}`),
  counts,
)
pairs('pairs: int, float', counts, measures)

records(
  'tuples of 2',
  unique.map((key, i) => [key, counts[i]]),
)
records(
  'tuples of 4',
  unique.map((key, i) => [key, counts[i], measures[i], i % 2 === 0]),
)
records(
  'records of one shape',
  unique.map((user, i) => ({ user, page: repeated[i], count: counts[i], at: measures[i] })),
)
records(
  'nested records',
  unique.map((id, i) => ({ id, place: { x: measures[i], y: i }, tags: ['a', repeated[i]] })),
)
records(
  'records of three shapes',
  unique.map((user, i) =>
    i % 3 === 0 ? { user } : i % 3 === 1 ? { user, n: i } : { n: i, page: repeated[i] },
  ),
)
records(
  'lists of 0 to 7 numbers',
  unique.map((_, i) => counts.slice(i, i + (i % 8))),
)
records(
  'maps',
  unique.map((key, i) => new Map([[key, i]])),
  false,
)

const tuples = unique.map((key, i) => [key, counts[i]])
const objects = unique.map((key, i) => ({ key, count: counts[i], at: measures[i] }))
console.log('')
row('copyValue of [string, int]', median(() => copyAll(tuples)).text, '', '')
row('copyValue of a record', median(() => copyAll(objects)).text, '', '')

/** Drops each copy at once, as a loop over state does: kept ones would measure the garbage collector. */
function copyAll(values: readonly unknown[]): unknown {
  let last: unknown
  for (const value of values) last = copyValue(value)
  return last
}

function pairs(name: string, keys: readonly unknown[], values: readonly unknown[]): void {
  const bytes = encodePairs(keys, values)
  assert.deepEqual(decodePairs(bytes), { keys, values })
  row(name, median(() => encodePairs(keys, values)).text, median(() => decodePairs(bytes)).text, bytes.length)
}

function records(name: string, rows: readonly unknown[], json = true): void {
  const bytes = encodeRecords(rows)
  assert.deepEqual(decodeRecords(bytes), rows)
  row(name, median(() => encodeRecords(rows)).text, median(() => decodeRecords(bytes)).text, bytes.length)
  const cloned = serialize(rows)
  row(
    '  v8.serialize',
    median(() => serialize(rows)).text,
    median(() => deserialize(cloned)).text,
    cloned.length,
  )
  if (!json) return
  const text = JSON.stringify(rows)
  row('  JSON', median(() => JSON.stringify(rows)).text, median(() => JSON.parse(text)).text, text.length)
}

function row(name: string, encode: string, decode: string, bytes: number | ''): void {
  const size = bytes === '' ? '' : (bytes / count).toFixed(1)
  console.log(name.padEnd(34) + encode.padStart(18) + decode.padStart(18) + size.padStart(9))
}

function median(run: () => unknown): { readonly text: string } {
  const times: number[] = []
  for (let i = 0; i < WARM_UP + ROUNDS; i++) {
    const start = performance.now()
    run()
    if (i >= WARM_UP) times.push(((performance.now() - start) * 1e6) / count)
  }
  times.sort((a, b) => a - b)
  const at = (part: number): string => times[Math.floor((times.length - 1) * part)]!.toFixed(0)
  return { text: `${at(0.5)} (${at(0.25)}-${at(0.75)})` }
}
