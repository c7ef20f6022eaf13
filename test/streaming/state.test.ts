import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seconds, Time } from '../../src/base/time.ts'
import type { RDD } from '../../src/rdd/rdd.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { type State, StateSpec } from '../../src/streaming/state/state-spec.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE, thorough } from '../support/backends.ts'
import { runs } from '../support/runs.ts'

const add = (a: number, b: number): number => a + b
const sum = (values: number[], total = 0): number => values.reduce(add, total)
type Pair = [string, number]

describe('updateStateByKey', () => {
  it('starts from an initial state; of equal keys the first counts; it is used only once', async () => {
    await using t = new StreamTest({
      build: t => {
        const initialState = t.sc.parallelize([
          ['a', 10],
          ['a', 99],
          ['z', 1],
        ] as Pair[])
        const input = t.input<Pair>('in', [null, [['a', 1]], [['b', 2]]])
        t.collect('out', input.updateStateByKey<number>(sum, { initialState }))
      },
    })
    await t.run(3)
    assert.deepEqual(t.out('out').batches, [
      [
        ['a', 11],
        ['z', 1],
      ],
      [
        ['a', 11],
        ['z', 1],
        ['b', 2],
      ],
    ])
  })

  it('gives the key and the batch time', async () => {
    const seen: unknown[] = []
    await using t = new StreamTest({
      build: t => {
        const input = t.input<Pair>('in', [[['a', 1]]])
        t.collect(
          'out',
          input.updateStateByKey<number>((values, state, { key, time }) => {
            seen.push([key, values, state, time.milliseconds])
            return 1
          }),
        )
      },
    })
    await t.run(1)
    assert.deepEqual(seen, [['a', [1], undefined, 1000]])
  })

  it('two outputs over one state apply a batch once', async () => {
    let calls = 0
    await using t = new StreamTest({
      build: t => {
        const state = t
          .input<Pair>('in', [[['a', 1]], [['a', 2]]])
          .updateStateByKey<number>((values, total = 0) => {
            calls++
            return sum(values, total)
          })
        t.collect('one', state)
        t.collect(
          'two',
          state.mapValues(n => n * 10),
        )
      },
    })
    await t.run(2)
    assert.deepEqual(t.out('one').batches, [[['a', 1]], [['a', 3]]])
    assert.deepEqual(t.out('two').batches, [[['a', 10]], [['a', 30]]])
    assert.equal(calls, 2)
  })

  it('batches without an action are applied later, in order', async () => {
    const sums: unknown[] = []
    await using t = new StreamTest({
      build: t => {
        const state = t
          .input<Pair>('in', [[['a', 1]], [['a', 2]], [['a', 3]]])
          .updateStateByKey<number[]>((values, all = []) => [...all, ...values])
        state.foreachRDD(async (rdd, time) => {
          if (time.milliseconds === 3000) sums.push(await rdd.collect())
        })
      },
    })
    await t.run(3)
    assert.deepEqual(sums, [[['a', [1, 2, 3]]]])
  })

  it('a state that no output computes is applied from time to time, so that its inputs can go', async () => {
    const applied: number[] = []
    await using t = new StreamTest({
      build: t => {
        t.input<Pair>(
          'in',
          Array.from({ length: 40 }, (_, i): Pair[] => [['a', i]]),
        )
          .updateStateByKey<number>((values, total, { time }) => {
            applied.push(time.milliseconds / 1000)
            return sum(values, total)
          })
          .foreachRDD(() => {})
      },
    })
    await t.run(40)
    assert.deepEqual(
      applied,
      Array.from({ length: applied.length }, (_, i) => i + 1),
    )
    assert.ok(applied.length >= 30, `${applied.length} of 40 batches were applied`)
  })

  for (const [name, define] of Object.entries({
    updateStateByKey: (pairs: DStream<Pair>) => pairs.updateStateByKey<number>(sum),
    mapWithState: (pairs: DStream<Pair>) =>
      pairs
        .mapWithState(
          StateSpec.function((_key: string, n: number | undefined, state: State<number>) => {
            state.update((state.getOption() ?? 0) + n!)
          }),
        )
        .stateSnapshots(),
    'reduceByKeyAndWindow with an inverse': (pairs: DStream<Pair>) =>
      pairs.reduceByKeyAndWindow(add, (a, b) => a - b, '60s'),
    'reduceByKeyAndWindow without an inverse': (pairs: DStream<Pair>) =>
      pairs.reduceByKeyAndWindow(add, '60s'),
  }))
    it(`batches that run at the same time see each their own version: ${name}`, async () => {
      const n = 12
      await using t = new StreamTest({
        conf: { 'spark.streaming.concurrentJobs': 2 },
        master: 'local[2]',
        build: t => {
          const input = t.input<Pair>(
            'in',
            Array.from({ length: n }, (_, i): Pair[] => [['a', 1 << i]]),
          )
          const state = define(input)
          // Every other batch takes longer than the one after it.
          state.foreachRDD(async (_rdd, time) => {
            if (time.milliseconds % 2000 === 1000) await t.clock.sleep(1500)
          })
          t.collect('out', state)
        },
      })
      await t.run(n)
      assert.deepEqual(
        t.out('out').batches.slice(0, n),
        Array.from({ length: n }, (_, i) => [['a', (2 << i) - 1]]),
      )
    })

  it('a failing output leaves the state as every other output sees it', async () => {
    await using t = new StreamTest({
      build: t => {
        const state = t.input<Pair>('in', [[['a', 1]], [['a', 2]]]).updateStateByKey<number>(sum)
        t.collect('good', state)
        state.foreachRDD((_rdd, time) => {
          if (time.milliseconds === 1000) throw new Error('sink is down')
        })
      },
    })
    await t.run(2, { collectErrors: true })
    assert.deepEqual(t.out('good').batches, [[['a', 1]], [['a', 3]]])
    assert.match(t.errors[0]!.message, /sink is down.*foreachRDD/)
  })

  it('a state changed in place by a function that then throws is as it was', async () => {
    let fail = true
    await using t = new StreamTest({
      build: t => {
        const input = t.input<Pair>('in', [[['a', 1]], [['a', 2]], [['a', 3]]])
        const state = input.updateStateByKey<{ log: number[] }>((values, state = { log: [] }) => {
          state.log.push(...values)
          if (values.includes(2) && fail) throw new Error('half way')
          return state
        })
        t.collect('out', state)
      },
    })
    await t.run(2, { collectErrors: true })
    assert.match(t.errors[0]!.message, /half way.*updateStateByKey.*value 'a'/)
    fail = false
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [[['a', { log: [1] }]], [['a', { log: [1, 2, 3] }]]])
  })

  it('what downstream does to a state changes nothing', async () => {
    await using t = new StreamTest({
      build: t => {
        const input = t.input<Pair>('in', [[['a', 1]], [['a', 2]]])
        const state = input.updateStateByKey<number[]>((values, all = []) => [...all, ...values])
        state.foreachRDD(rdd => rdd.foreach(pair => void pair[1].push(666)))
        t.collect('out', state)
      },
    })
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [[['a', [1]]], [['a', [1, 2]]]])
  })

  it('old versions stay readable while they are remembered', async () => {
    await using t = new StreamTest({
      build: t => {
        t.ssc.remember(seconds(10))
        t.collect(
          'out',
          t
            .input<Pair>('in', [[['a', 1]], [['a', 2]], [['b', 3]]])
            .updateStateByKey<number>(sum)
            .window(2000),
        )
      },
    })
    await t.run(3)
    assert.deepEqual(t.out('out').batches, [
      [['a', 1]],
      [
        ['a', 1],
        ['a', 3],
      ],
      [
        ['a', 3],
        ['a', 3],
        ['b', 3],
      ],
    ])
  })

  it('a version that is forgotten cannot be asked for any more, rather than being empty', async () => {
    const kept: RDD<[string, number]>[] = []
    await using t = new StreamTest({
      build: t => {
        const state = t.input<Pair>('in', [[['a', 1]], [['a', 2]], [['a', 3]]]).updateStateByKey<number>(sum)
        t.collect('out', state)
        state.foreachRDD(rdd => void kept.push(rdd))
      },
    })
    await t.run(3)
    assert.deepEqual(await kept.at(-1)!.collect(), [['a', 6]])
    await assert.rejects(kept[0]!.collect(), { code: 'STATE_VERSION_FORGOTTEN' })
  })

  it('whole partitions at once', async () => {
    await using t = new StreamTest({
      build: t => {
        const input = t.input<Pair>('in', [[['a', 1]], [['b', 2]]])
        const state = input.updateStateByPartition<number>(function* (records) {
          for (const [key, values, state = 0] of records) yield [key, sum(values, state)]
        })
        t.collect('out', state)
      },
    })
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [
      [['a', 1]],
      [
        ['a', 1],
        ['b', 2],
      ],
    ])
  })

  it('tuples, dates and records are keys by value', async () => {
    await using t = new StreamTest({
      build: t => {
        const input = t.input<[unknown, number]>('in', [
          [
            [[1, 'x'], 1],
            [new Date(5), 1],
            [{ a: 1, b: 2 }, 1],
          ],
          [
            [[1, 'x'], 1],
            [new Date(5), 1],
            [{ b: 2, a: 1 }, 1],
          ],
        ])
        t.collect(
          'out',
          input.updateStateByKey<number>(sum).map(pair => pair[1]),
        )
      },
    })
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [
      [1, 1, 1],
      [2, 2, 2],
    ])
  })
})

describe('state and windows against a brute-force oracle', () => {
  const batch = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 9 })), {
    maxLength: 6,
  })
  const batches = fc.array(batch, { minLength: 1, maxLength: 12 })

  const sorted = (pairs: readonly (readonly [string, number])[]): unknown[] =>
    [...pairs].sort((x, y) => (x[0] < y[0] ? -1 : 1))
  const summed = (pairs: readonly (readonly [string, number])[]): Map<string, number> => {
    const sums = new Map<string, number>()
    for (const [k, v] of pairs) sums.set(k, (sums.get(k) ?? 0) + v)
    return sums
  }

  // Threads take long to start, for each program anew.
  const places = [
    { title: 'inline', conf: INLINE, numRuns: Math.min(runs, 100) },
    { title: 'on threads', conf: { 'kindling.executor': 'threads' }, numRuns: thorough ? 10 : 2 },
  ]

  for (const { title, conf, numRuns } of places)
    it(`windows with and without inverse hold the sums of their batches, ${title}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          batches,
          fc.integer({ min: 1, max: 5 }),
          fc.integer({ min: 1, max: 3 }),
          async (given, window, slide) => {
            await using t = new StreamTest({
              master: 'local[2]',
              conf,
              build: t => {
                const pairs = t.input('in', given, { partitions: 2 })
                const opts = { filter: ([, n]: readonly [string, number]) => n !== 0 }
                t.collect('plain', pairs.reduceByKeyAndWindow(add, window * 1000, slide * 1000))
                t.collect(
                  'inverse',
                  pairs.reduceByKeyAndWindow(add, (a, b) => a - b, window * 1000, slide * 1000, opts),
                )
              },
            })
            await t.run(given.length)
            const times: number[] = []
            for (let at = slide; at <= given.length; at += slide) times.push(at)
            assert.deepEqual(
              t.out('plain').times,
              times.map(at => at * 1000),
            )
            times.forEach((at, i) => {
              const sums = summed(given.slice(Math.max(0, at - window), at).flat())
              assert.deepEqual(sorted(t.out<Pair>('plain').batches[i]!), sorted([...sums]))
              assert.deepEqual(
                sorted(t.out<Pair>('inverse').batches[i]!),
                sorted([...sums].filter(([, n]) => n !== 0)),
              )
            })
          },
        ),
        { numRuns },
      )
    })

  for (const { title, conf, numRuns } of places)
    it(`updateStateByKey holds running sums, keys dropped and coming back, ${title}`, async () => {
      await fc.assert(
        fc.asyncProperty(batches, async given => {
          await using t = new StreamTest({
            master: 'local[3]',
            conf,
            build: t => {
              const pairs = t.input('in', given, { partitions: 2 })
              // A key is dropped in the first batch that has nothing for it.
              t.collect(
                'out',
                pairs.updateStateByKey<number>((values, total) =>
                  values.length === 0 ? undefined : sum(values, total),
                ),
              )
            },
          })
          await t.run(given.length)
          let state = new Map<string, number>()
          given.forEach((pairs, i) => {
            const next = new Map<string, number>()
            for (const [k, v] of summed(pairs)) next.set(k, (state.get(k) ?? 0) + v)
            state = next
            assert.deepEqual(sorted(t.out<Pair>('out').batches[i]!), sorted([...state]))
          })
        }),
        { numRuns },
      )
    })
})

describe('slice', () => {
  it('gives the RDDs of a span, both ends included, and makes those that are missing', async () => {
    await using t = new StreamTest({
      build: t => {
        t.ssc.remember(seconds(60))
        t.collect('out', t.input('in', [[1], [2], [3], [4]]))
      },
    })
    await t.run(4)
    const stream = [...t.ssc['graph'].inputs][0]!
    const rdds = stream.slice(new Time(2000), new Time(3500))
    assert.deepEqual(await Promise.all(rdds.map(r => r.collect())), [[2], [3]])
  })

  it('is refused before the start', async () => {
    await using t = new StreamTest({ build: t => void t.collect('out', t.input('in', [[1]])) })
    const stream = [...t.ssc['graph'].inputs][0]!
    assert.throws(() => stream.slice(new Time(0), new Time(1)), { code: 'STREAM_NOT_INITIALIZED' })
  })
})
