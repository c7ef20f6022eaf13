import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE, THREADS_IF_TIME } from '../support/backends.ts'

type Row = readonly [
  title: string,
  input: readonly (readonly unknown[] | null)[],
  define: (s: DStream<never>) => DStream<unknown>,
  expected: readonly (readonly unknown[])[],
]

const add = (a: number, b: number): number => a + b
const words = [['a', 'a', 'b'], [], ['b', 'c']]
const pairs = [
  [
    ['a', 1],
    ['a', 2],
    ['b', 3],
  ],
  [],
  [['b', 4]],
]

type Words = DStream<string>
type Pairs = DStream<readonly [string, number]>

const table: readonly Row[] = [
  ['map', [[1, 2], [3]], s => (s as DStream<number>).map(x => x * 10), [[10, 20], [30]]],
  ['flatMap', [['a b'], ['c']], s => (s as Words).flatMap(l => l.split(' ')), [['a', 'b'], ['c']]],
  ['filter', [[1, 2, 3], [4]], s => (s as DStream<number>).filter(x => x % 2 === 0), [[2], [4]]],
  [
    'glom',
    [[1, 2, 3, 4]],
    s => s.glom(),
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ],
  [
    'mapPartitions',
    [[1, 2, 3, 4]],
    s => (s as DStream<number>).mapPartitions(it => [[...it].reduce(add, 0)]),
    [[3, 7]],
  ],
  [
    'reduce: nothing for an empty batch',
    [[1, 2], [], [5]],
    s => (s as DStream<number>).reduce(add),
    [[3], [], [5]],
  ],
  ['count: 0 for an empty batch', [[1, 2], [], [5]], s => s.count(), [[2], [0], [1]]],
  [
    'countByValue',
    words,
    s => (s as Words).countByValue(),
    [
      [
        ['a', 2],
        ['b', 1],
      ],
      [],
      [
        ['b', 1],
        ['c', 1],
      ],
    ],
  ],
  [
    'reduceByKey',
    pairs,
    s => (s as Pairs).reduceByKey(add),
    [
      [
        ['a', 3],
        ['b', 3],
      ],
      [],
      [['b', 4]],
    ],
  ],
  [
    'groupByKey',
    pairs,
    s => (s as Pairs).groupByKey(),
    [
      [
        ['a', [1, 2]],
        ['b', [3]],
      ],
      [],
      [['b', [4]]],
    ],
  ],
  [
    'combineByKey',
    pairs,
    s =>
      (s as Pairs).combineByKey(
        v => [v],
        (c, v) => [...c, v],
        (a, b) => [...a, ...b],
      ),
    [
      [
        ['a', [1, 2]],
        ['b', [3]],
      ],
      [],
      [['b', [4]]],
    ],
  ],
  [
    'mapValues',
    pairs,
    s => (s as Pairs).mapValues(v => v + 1),
    [
      [
        ['a', 2],
        ['a', 3],
        ['b', 4],
      ],
      [],
      [['b', 5]],
    ],
  ],
  [
    'flatMapValues',
    pairs,
    s => (s as Pairs).flatMapValues(v => [v, v]),
    [
      [
        ['a', 1],
        ['a', 1],
        ['a', 2],
        ['a', 2],
        ['b', 3],
        ['b', 3],
      ],
      [],
      [
        ['b', 4],
        ['b', 4],
      ],
    ],
  ],
  ['repartition keeps the records', [[1, 2, 3]], s => s.repartition(3), [[1, 2, 3]]],
  ['transform', [[3, 1, 2]], s => (s as DStream<number>).transform(rdd => rdd.sortBy(x => x)), [[1, 2, 3]]],
  [
    'union with itself',
    [[1], [2]],
    s => s.union(s),
    [
      [1, 1],
      [2, 2],
    ],
  ],
  [
    'no RDD passes through element-wise operators',
    [[1], null, [3]],
    s => (s as DStream<number>).map(x => x),
    [[1], [3]],
  ],
  ['window', [[1], [2], [3], [4]], s => s.window(2000), [[1], [1, 2], [2, 3], [3, 4]]],
  [
    'window with a slide',
    [[1], [2], [3], [4]],
    s => s.window(3000, 2000),
    [
      [1, 2],
      [2, 3, 4],
    ],
  ],
  [
    'tumbling window',
    [[1], [2], [3], [4]],
    s => s.window(2000, 2000),
    [
      [1, 2],
      [3, 4],
    ],
  ],
  [
    'reduceByWindow',
    [[1], [2], [3], []],
    s => (s as DStream<number>).reduceByWindow(add, 2000),
    [[1], [3], [5], [3]],
  ],
  [
    'reduceByWindow with inverse',
    [[1], [2], [3]],
    s => (s as DStream<number>).reduceByWindow(add, (a, b) => a - b, 2000),
    [[1], [3], [5]],
  ],
  [
    'countByWindow: 0 once the window is empty again',
    [[1, 1], [], [], [1]],
    s => s.countByWindow(2000),
    [[2], [2], [0], [1]],
  ],
  [
    'countByValueAndWindow drops zero counts',
    [['a', 'b'], ['a'], [], []],
    s => (s as Words).countByValueAndWindow(2000),
    [
      [
        ['a', 1],
        ['b', 1],
      ],
      [
        ['a', 2],
        ['b', 1],
      ],
      [['a', 1]],
      [],
    ],
  ],
  [
    'groupByKeyAndWindow',
    [
      [['a', 1]],
      [
        ['a', 2],
        ['b', 3],
      ],
      [],
    ],
    s => (s as Pairs).groupByKeyAndWindow(2000),
    [
      [['a', [1]]],
      [
        ['a', [1, 2]],
        ['b', [3]],
      ],
      [
        ['a', [2]],
        ['b', [3]],
      ],
    ],
  ],
  [
    'reduceByKeyAndWindow: keys vanish',
    [[['a', 1]], [['b', 2]], [], []],
    s => (s as Pairs).reduceByKeyAndWindow(add, 2000),
    [
      [['a', 1]],
      [
        ['a', 1],
        ['b', 2],
      ],
      [['b', 2]],
      [],
    ],
  ],
  [
    'reduceByKeyAndWindow with inverse: keys stay',
    [[['a', 1]], [['b', 2]], [], []],
    s => (s as Pairs).reduceByKeyAndWindow(add, (x, y) => x - y, 2000),
    [
      [['a', 1]],
      [
        ['a', 1],
        ['b', 2],
      ],
      [
        ['a', 0],
        ['b', 2],
      ],
      [
        ['a', 0],
        ['b', 0],
      ],
    ],
  ],
  [
    'reduceByKeyAndWindow with inverse and filter',
    [[['a', 1]], [['b', 2]], [], [], [['a', 5]]],
    s => (s as Pairs).reduceByKeyAndWindow(add, (x, y) => x - y, 2000, 1000, { filter: ([, n]) => n !== 0 }),
    [
      [['a', 1]],
      [
        ['a', 1],
        ['b', 2],
      ],
      [['b', 2]],
      [],
      [['a', 5]],
    ],
  ],
  [
    'updateStateByKey: every key, every batch',
    [[['a', 1]], [['b', 2]], []],
    s => (s as Pairs).updateStateByKey<number>((vs, sum = 0) => vs.reduce(add, sum)),
    [
      [['a', 1]],
      [
        ['a', 1],
        ['b', 2],
      ],
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
  ],
  [
    'updateStateByKey: undefined drops the key',
    [[['a', 1]], [['b', 2]], [['a', 7]]],
    s =>
      (s as Pairs).updateStateByKey<number>((vs, sum = 0) =>
        vs.length === 0 ? undefined : vs.reduce(add, sum),
      ),
    [[['a', 1]], [['b', 2]], [['a', 7]]],
  ],
  [
    'updateStateByKey: no RDD is no new data',
    [null, [['a', 1]], null],
    s => (s as Pairs).updateStateByKey<number>((vs, sum = 0) => vs.reduce(add, sum)),
    [[['a', 1]], [['a', 1]]],
  ],
]

/** Keyed results come in no order; others keep theirs. */
function canonical(batches: readonly (readonly unknown[])[], ordered: boolean): unknown[] {
  if (ordered) return batches.map(b => [...b])
  return batches.map(b => [...b].sort((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1)))
}

const settings: readonly (readonly [title: string, master: string, conf: Record<string, string | number>])[] =
  [
    ['compiled, local', 'local', { 'kindling.task.segments': 'compiled' }],
    ['compiled, local[2]', 'local[2]', { ...THREADS_IF_TIME, 'kindling.task.segments': 'compiled' }],
    ['interpreted, local', 'local', { 'kindling.task.segments': 'interpreted' }],
    ['interpreted, local[2]', 'local[2]', { ...INLINE, 'kindling.task.segments': 'interpreted' }],
    ['no room to keep anything, local[2]', 'local[2]', { ...INLINE, 'kindling.storage.maxBytes': 0 }],
  ]

for (const [setting, master, conf] of settings)
  describe(`DStream operations, ${setting}`, () => {
    for (const [title, input, define, expected] of table)
      it(title, async () => {
        await using t = new StreamTest({
          master,
          conf,
          build: t => void t.collect('out', define(t.input('in', input as never[][], { partitions: 2 }))),
        })
        await t.run(input.length)
        const fresh = !/Key|Value|State|repartition|window/i.test(title)
        assert.deepEqual(canonical(t.out('out').batches, fresh), canonical(expected, fresh))
      })
  })
