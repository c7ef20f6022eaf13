/** Every operator of streams against brute force: random records, cuts into batches, partitions, windows and slides. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { places, spilledBytes, spills, thorough } from '../support/backends.ts'
import { runs } from '../support/runs.ts'

type Pair = readonly [string, number]
type Batch = readonly Pair[]

interface Operator {
  readonly define: (a: DStream<Pair>, b: DStream<Pair>) => DStream<unknown>
  /** What a batch gives, in any order. */
  readonly expect: (a: Batch, b: Batch) => unknown[]
}

const add = (x: number, y: number): number => x + y
const values = (pairs: Batch, key: string): number[] => pairs.filter(([k]) => k === key).map(([, v]) => v)
const keysOf = (...batches: Batch[]): string[] => [...new Set(batches.flat().map(([k]) => k))]
const grouped = (pairs: Batch): [string, number[]][] => keysOf(pairs).map(k => [k, values(pairs, k)])
const summed = (pairs: Batch): [string, number][] => grouped(pairs).map(([k, vs]) => [k, vs.reduce(add)])
const counted = (pairs: Batch): unknown[] => {
  const texts = pairs.map(p => JSON.stringify(p))
  return [...new Set(texts)].map(text => [JSON.parse(text), texts.filter(t => t === text).length])
}
const cross = (left: readonly unknown[], right: readonly unknown[]): unknown[][] =>
  left.flatMap(x => right.map(y => [x, y]))
const orNone = (list: readonly unknown[], outer: boolean): readonly unknown[] =>
  outer && list.length === 0 ? [undefined] : list
const joined = (a: Batch, b: Batch, left: boolean, right: boolean): unknown[] =>
  keysOf(a, b).flatMap(k =>
    cross(orNone(values(a, k), left), orNone(values(b, k), right)).map(both => [k, both]),
  )

const operators: Readonly<Record<string, Operator>> = {
  map: { define: a => a.map(([k, v]) => `${k}${v}`), expect: a => a.map(([k, v]) => `${k}${v}`) },
  flatMap: {
    define: a => a.flatMap(([k, v]) => Array.from({ length: v }, () => k)),
    expect: a => a.flatMap(([k, v]) => Array.from({ length: v }, () => k)),
  },
  filter: { define: a => a.filter(([, v]) => v % 2 === 0), expect: a => a.filter(([, v]) => v % 2 === 0) },
  glom: { define: a => a.glom().flatMap(part => [...part]), expect: a => [...a] },
  mapPartitions: {
    define: a =>
      a.mapPartitions(function* (pairs) {
        for (const [k] of pairs) yield k
      }),
    expect: a => a.map(([k]) => k),
  },
  mapAsync: { define: a => a.mapAsync(async ([, v]) => v + 1), expect: a => a.map(([, v]) => v + 1) },
  mapPartitionsAsync: {
    define: a =>
      a.mapPartitionsAsync(async function* (pairs) {
        for await (const [k] of pairs) yield k
      }),
    expect: a => a.map(([k]) => k),
  },
  repartition: { define: a => a.repartition(3), expect: a => [...a] },
  union: { define: (a, b) => a.union(b), expect: (a, b) => [...a, ...b] },
  reduce: {
    define: a => a.map(([, v]) => v).reduce(add),
    expect: a => (a.length === 0 ? [] : [a.map(([, v]) => v).reduce(add)]),
  },
  count: { define: a => a.count(), expect: a => [a.length] },
  countByValue: { define: a => a.countByValue(), expect: counted },
  transform: { define: a => a.transform(rdd => rdd.keys().distinct()), expect: a => keysOf(a) },
  transformWith: {
    define: (a, b) => a.transformWith(b, (x, y) => x.subtractByKey(y)),
    expect: (a, b) => a.filter(([k]) => values(b, k).length === 0),
  },
  mapValues: { define: a => a.mapValues(v => -v), expect: a => a.map(([k, v]) => [k, -v]) },
  flatMapValues: {
    define: a => a.flatMapValues(v => [v, v]),
    expect: a =>
      a.flatMap(([k, v]) => [
        [k, v],
        [k, v],
      ]),
  },
  reduceByKey: { define: a => a.reduceByKey(add), expect: summed },
  groupByKey: { define: a => a.groupByKey(2), expect: grouped },
  combineByKey: {
    define: a =>
      a.combineByKey(
        v => [v],
        (all, v) => [...all, v],
        (x, y) => [...x, ...y],
      ),
    expect: grouped,
  },
  cogroup: {
    define: (a, b) => a.cogroup(b),
    expect: (a, b) => keysOf(a, b).map(k => [k, [values(a, k), values(b, k)]]),
  },
  join: { define: (a, b) => a.join(b), expect: (a, b) => joined(a, b, false, false) },
  leftOuterJoin: { define: (a, b) => a.leftOuterJoin(b), expect: (a, b) => joined(a, b, false, true) },
  rightOuterJoin: { define: (a, b) => a.rightOuterJoin(b), expect: (a, b) => joined(a, b, true, false) },
  fullOuterJoin: { define: (a, b) => a.fullOuterJoin(b), expect: (a, b) => joined(a, b, true, true) },
}

interface WindowOperator {
  readonly define: (a: DStream<Pair>, window: number, slide: number) => DStream<unknown>
  /** What the records of a window give, in any order. */
  readonly expect: (window: Batch) => unknown[]
  /** Gives a neutral value for a window without records, once there were some. */
  readonly keepsZero?: boolean
}

const windowOperators: Readonly<Record<string, WindowOperator>> = {
  window: { define: (a, w, s) => a.window(w, s), expect: pairs => [...pairs] },
  reduceByWindow: {
    define: (a, w, s) => a.map(([, v]) => v).reduceByWindow(add, w, s),
    expect: pairs => (pairs.length === 0 ? [] : [pairs.map(([, v]) => v).reduce(add)]),
  },
  'reduceByWindow with an inverse': {
    define: (a, w, s) => a.map(([, v]) => v).reduceByWindow(add, (x, y) => x - y, w, s),
    expect: pairs => [pairs.map(([, v]) => v).reduce(add, 0)],
    keepsZero: true,
  },
  countByWindow: { define: (a, w, s) => a.countByWindow(w, s), expect: pairs => [pairs.length] },
  countByValueAndWindow: { define: (a, w, s) => a.countByValueAndWindow(w, s), expect: counted },
  groupByKeyAndWindow: { define: (a, w, s) => a.groupByKeyAndWindow(w, s, 2), expect: grouped },
  reduceByKeyAndWindow: { define: (a, w, s) => a.reduceByKeyAndWindow(add, w, s, 2), expect: summed },
  'reduceByKeyAndWindow with an inverse': {
    define: (a, w, s) => a.reduceByKeyAndWindow(add, (x, y) => x - y, w, s, { filter: ([, v]) => v !== 0 }),
    expect: pairs => summed(pairs).filter(([, v]) => v !== 0),
  },
}

const pair = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat({ max: 5 }))
const batch = fc.array(pair, { maxLength: 6 })
const partitions = fc.integer({ min: 1, max: 4 })

/** Records in any order; the order of values within a group is left to the operator too. */
function canonical(records: readonly unknown[]): string[] {
  const inner = (value: unknown): unknown => {
    if (value === undefined) return 'none'
    if (!Array.isArray(value)) return value
    const items = value.map(inner)
    return items.every(item => typeof item === 'number') ? items.sort() : items
  }
  return records.map(record => JSON.stringify(inner(record))).sort()
}

// Threads take long to start: they have fewer runs.
for (const { title, master, conf, sharesMemory } of places) {
  if (!sharesMemory && !thorough) continue
  const numRuns = Math.ceil(runs / (sharesMemory ? 4 : 50))
  describe(`operators of streams against brute force, ${title}`, () => {
    let spilled = 0
    after(() => {
      if (spills(conf)) assert.ok(spilled > 0, 'nothing was spilled')
      else assert.equal(spilled, 0)
    })
    for (const [name, { define, expect }] of Object.entries(operators))
      it(`${name} (property)`, async () => {
        const given = fc.array(fc.tuple(batch, batch), { minLength: 1, maxLength: 4 })
        await fc.assert(
          fc.asyncProperty(given, partitions, partitions, async (batches, p, q) => {
            await using t = new StreamTest({
              master,
              conf,
              build: t => {
                const a = t.input<Pair>(
                  'a',
                  batches.map(([a]) => a),
                  { partitions: p },
                )
                const b = t.input<Pair>(
                  'b',
                  batches.map(([, b]) => b),
                  { partitions: q },
                )
                t.collect('out', define(a, b))
              },
            })
            const spilledHere = spilledBytes(t.sc)
            await t.run(batches.length)
            assert.deepEqual(
              t.out('out').batches.map(canonical),
              batches.map(([a, b]) => canonical(expect(a, b))),
            )
            spilled += spilledHere()
          }),
          { numRuns },
        )
      })

    for (const [name, { define, expect, keepsZero = false }] of Object.entries(windowOperators))
      it(`${name} (property)`, async () => {
        const given = fc.array(batch, { minLength: 1, maxLength: 10 })
        const length = fc.integer({ min: 1, max: 5 })
        await fc.assert(
          fc.asyncProperty(given, partitions, length, length, async (batches, p, window, slide) => {
            await using t = new StreamTest({
              master,
              conf,
              build: t => {
                const a = t.input<Pair>('a', batches, { partitions: p })
                t.collect('out', define(a, window * 1000, slide * 1000))
              },
            })
            await t.run(batches.length)
            const expected: string[][] = []
            let seen = false
            for (let at = slide; at <= batches.length; at += slide) {
              const inside = batches.slice(Math.max(0, at - window), at).flat()
              seen ||= inside.length > 0
              expected.push(keepsZero && !seen ? [] : canonical(expect(inside)))
            }
            assert.deepEqual(t.out('out').batches.map(canonical), expected)
          }),
          { numRuns },
        )
      })
  })
}
