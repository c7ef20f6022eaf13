import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { captureSite } from '../../src/base/source-location.ts'
import { KeyTable } from '../../src/data/key-table.ts'
import { compiledPipelines } from '../../src/rdd/segment/compile.ts'
import { DONE, FULL, PAUSED, type SegmentControl } from '../../src/rdd/segment/control.ts'
import type { FusedStep, InputKind, Sink } from '../../src/rdd/segment/plan.ts'
import { makeSegment } from '../../src/rdd/segment/segment.ts'
import { runs } from '../support/runs.ts'

const scope = { name: 'test', site: captureSite() }

/** A control that pauses after every `every` looks, so that resuming is exercised. */
function pausing(every: number): SegmentControl {
  let looks = 0
  return {
    budget: 1,
    tick() {
      looks++
      return looks % every === 0 ? 0 : 1
    },
    failed: error => error as Error,
    promiseReturned: () => assert.fail('no promise here'),
    iterate: result => (result as Iterable<unknown>)[Symbol.iterator](),
    notPair: () => assert.fail('no pair'),
  }
}

type Step = FusedStep['step']

function* generated(n: number): Generator<number> {
  for (let i = 0; i < Math.abs(n) % 4; i++) yield n + i
}

/** Steps over numbers, each with its meaning as an array function. */
const numberSteps: readonly { readonly step: Step; readonly oracle: (a: number[]) => number[] }[] = [
  { step: { op: 'map', f: (x: number) => x + 1 }, oracle: a => a.map(x => x + 1) },
  { step: { op: 'map', f: (x: number) => x * 2 }, oracle: a => a.map(x => x * 2) },
  { step: { op: 'filter', f: (x: number) => x % 2 === 0 }, oracle: a => a.filter(x => x % 2 === 0) },
  { step: { op: 'filter', f: (x: number) => x % 3 }, oracle: a => a.filter(x => x % 3) },
  { step: { op: 'flatMap', f: (x: number) => [x, -x] }, oracle: a => a.flatMap(x => [x, -x]) },
  { step: { op: 'flatMap', f: generated }, oracle: a => a.flatMap(x => [...generated(x)]) },
  {
    step: { op: 'flatMap', f: (x: number) => (x % 2 ? [] : new Set([x, x + 1])) },
    oracle: a => a.flatMap(x => (x % 2 ? [] : [...new Set([x, x + 1])])),
  },
]

const chain = fc.array(fc.constantFrom(...numberSteps), { maxLength: 6 })
const rows = fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 30 })

function runAll(
  input: InputKind,
  steps: readonly Step[],
  sink: Sink,
  chunks: readonly unknown[],
  mode: 'compiled' | 'interpreted',
  every: number,
): unknown[] {
  const control = pausing(every)
  const fused = steps.map(step => ({ step, scope }))
  const segment = makeSegment(input, fused, sink, control, mode)
  const out: unknown[] = []
  for (const chunk of chunks) {
    segment.load(chunk as never)
    for (;;) {
      const result = segment.run()
      if (result === DONE) break
      if (result === PAUSED) control.budget = 1
      if (result === FULL && sink.kind === 'rows') out.push(...sink.rows.splice(0))
    }
  }
  if (sink.kind === 'rows') out.push(...sink.rows)
  return out
}

describe('segments', () => {
  for (const mode of ['compiled', 'interpreted'] as const) {
    it(`${mode}: any chain over any chunks gives what arrays give, however often it pauses or fills up`, () => {
      fc.assert(
        fc.property(
          chain,
          fc.array(rows, { maxLength: 4 }),
          fc.integer({ min: 2, max: 9 }),
          fc.integer({ min: 1, max: 5 }),
          (steps, chunks, every, limit) => {
            const expected = steps.reduce((a, s) => s.oracle(a), chunks.flat())
            const sink: Sink = { kind: 'rows', rows: [], limit }
            const given = chunks.map(r => ({ kind: 'rows', rows: r }))
            assert.deepEqual(
              runAll(
                'rows',
                steps.map(s => s.step),
                sink,
                given,
                mode,
                every,
              ),
              expected,
            )
          },
        ),
        { numRuns: runs },
      )
    })

    it(`${mode}: count and fold agree with arrays`, () => {
      fc.assert(
        fc.property(chain, rows, fc.integer({ min: 2, max: 9 }), (steps, r, every) => {
          const expected = steps.reduce((a, s) => s.oracle(a), r)
          const plain = steps.map(s => s.step)
          const count: Sink = { kind: 'count', count: 0 }
          runAll('rows', plain, count, [{ kind: 'rows', rows: r }], mode, every)
          assert.equal(count.count, expected.length)
          const fold: Sink = {
            kind: 'fold',
            f: (a: number, b: number) => a - b,
            scope,
            empty: true,
            value: undefined,
          }
          runAll('rows', plain, fold, [{ kind: 'rows', rows: r }], mode, every)
          assert.equal(fold.empty, expected.length === 0)
          if (expected.length > 0)
            assert.equal(
              fold.value,
              expected.reduce((a, b) => a - b),
            )
        }),
        { numRuns: runs },
      )
    })

    it(`${mode}: keyed steps and sinks agree with a Map, for pairs as rows and as columns`, () => {
      const key = fc.oneof(
        fc.constantFrom('a', 'b', 'long enough to be a slice', ''),
        fc.integer({ min: 0, max: 3 }),
        fc.constantFrom(null, undefined, Number.NaN, true),
      )
      const pairs = fc.array(fc.tuple(key, fc.integer({ min: 0, max: 9 })), { maxLength: 40 })
      fc.assert(
        fc.property(
          pairs,
          fc.boolean(),
          fc.boolean(),
          fc.integer({ min: 2, max: 9 }),
          (data, columns, expand, every) => {
            const steps: Step[] = [{ op: 'mapValues', f: (v: number) => v + 1 }]
            if (expand) steps.push({ op: 'flatMapValues', f: (v: number) => [v, v * 10] })
            const table = new KeyTable()
            const sink: Sink = {
              kind: 'combine',
              table,
              create: undefined,
              merge: (a: number, b: number) => a + b,
              scope,
            }
            const chunk = columns
              ? { kind: 'pairs', keys: data.map(p => p[0]), values: data.map(p => p[1]) }
              : { kind: 'rows', rows: data }
            runAll(columns ? 'pairs' : 'rows', steps, sink, [chunk], mode, every)
            const expected = new Map<unknown, number>()
            for (const [k, v] of data)
              for (const x of expand ? [v + 1, (v + 1) * 10] : [v + 1])
                expected.set(k, (expected.get(k) ?? 0) + x)
            assert.deepEqual(new Map(table.keys.map((k, i) => [k, table.values[i]])), expected)
          },
        ),
        { numRuns: runs },
      )
    })

    it(`${mode}: lines of text arrive one by one, empty ones too`, () => {
      const sink: Sink = { kind: 'rows', rows: [], limit: 100 }
      const steps: Step[] = [{ op: 'flatMap', f: (line: string) => line.split(' ') }]
      const chunk = { kind: 'text', text: 'a b\n\nc\n' }
      assert.deepEqual(runAll('text', steps, sink, [chunk], mode, 3), ['a', 'b', '', 'c'])
    })

    it(`${mode}: an open iterator is closed with its segment`, () => {
      let closed = 0
      function* endless(): Generator<number> {
        try {
          for (;;) yield 1
        } finally {
          closed++
        }
      }
      const sink: Sink = { kind: 'rows', rows: [], limit: 3 }
      const segment = makeSegment(
        'rows',
        [{ step: { op: 'flatMap', f: endless }, scope }],
        sink,
        pausing(100),
        mode,
      )
      segment.load({ kind: 'rows', rows: [0] } as never)
      let result = segment.run()
      while (result === PAUSED) result = segment.run()
      assert.equal(result, FULL)
      segment.close()
      assert.equal(closed, 1)
    })
  }

  it('functions made anew at one place share one compiled pipeline', () => {
    const make = (): Step => ({ op: 'map', f: (x: number) => x + 41 })
    const run = (): void => {
      const sink: Sink = { kind: 'count', count: 0 }
      runAll('rows', [make()], sink, [{ kind: 'rows', rows: [1] }], 'compiled', 5)
    }
    run()
    const before = compiledPipelines()
    for (let i = 0; i < 1000; i++) run()
    assert.equal(compiledPipelines(), before)
  })
})
