import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seconds, Time } from '../../src/base/time.ts'
import { HashPartitioner } from '../../src/rdd/partitioner.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { type State, StateSpec } from '../../src/streaming/state/state-spec.ts'
import { StreamTest, type StreamTestOptions } from '../../src/testing/stream-test.ts'
import { places } from '../support/backends.ts'
import { runs } from '../support/runs.ts'

type Pair = [string, number]
type Batches = readonly (readonly Pair[] | null)[]

const running = StateSpec.function((word: string, n: number | undefined, sum: State<number>) => {
  const total = (sum.getOption() ?? 0) + (n ?? 0)
  sum.update(total)
  return [word, total]
})

/** A program with one mapWithState over scripted batches; `out` has what it emits, `state` the snapshots. */
function program<S, M>(
  batches: Batches,
  spec: (t: StreamTest) => StateSpec<string, number, S, M>,
  options: Partial<StreamTestOptions> = {},
): StreamTest {
  return new StreamTest({
    ...options,
    build: t => {
      const mapped = t.input<Pair>('in', batches, { partitions: 2 }).mapWithState(spec(t))
      t.collect('out', mapped)
      t.collect('state', mapped.stateSnapshots())
    },
  })
}

describe('mapWithState', () => {
  it('is called once for each record, in order, with the state so far; emits what it gives', async () => {
    await using t = program(
      [
        [
          ['a', 1],
          ['b', 2],
          ['a', 3],
        ],
        [],
        [['b', 4]],
      ],
      () => running,
    )
    await t.run(3)
    assert.deepEqual(t.out('out').batches, [
      [
        ['a', 1],
        ['b', 2],
        ['a', 4],
      ],
      [],
      [['b', 6]],
    ])
    assert.deepEqual(t.out('state').batches, [
      [
        ['a', 4],
        ['b', 2],
      ],
      [
        ['a', 4],
        ['b', 2],
      ],
      [
        ['a', 4],
        ['b', 6],
      ],
    ])
  })

  it('a batch without an RDD is one without data', async () => {
    await using t = program([null, [['a', 1]], null], () => running)
    await t.run(3)
    assert.deepEqual(t.out('out').batches, [[], [['a', 1]], []])
    assert.deepEqual(t.out('state').batches, [[], [['a', 1]], [['a', 1]]])
  })

  it('undefined emits nothing; null is a value', async () => {
    const spec = StateSpec.function((_key: string, n: number | undefined, _state: State<number>) =>
      n === 1 ? undefined : null,
    )
    await using t = program(
      [
        [
          ['a', 1],
          ['b', 2],
        ],
      ],
      () => spec,
    )
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [[null]])
  })

  it('tells the batch time, and value and existence of the state', async () => {
    const seen: unknown[] = []
    const spec = StateSpec.function(
      (key: string, n: number | undefined, state: State<number>, time: Time) => {
        seen.push([key, n, state.exists(), state.getOption(), state.isTimingOut(), time.milliseconds])
        if (n === 0) state.remove()
        else state.update(n as number)
      },
    )
    await using t = program([[['a', 1]], [['a', 0]], [['a', 2]]], () => spec)
    await t.run(3)
    assert.deepEqual(seen, [
      ['a', 1, false, undefined, false, 1000],
      ['a', 0, true, 1, false, 2000],
      ['a', 2, false, undefined, false, 3000],
    ])
    assert.deepEqual(t.out('state').batches, [[['a', 1]], [], [['a', 2]]])
  })

  it('starts from an initial state; of equal keys the last counts', async () => {
    const initial: Pair[] = [
      ['a', 10],
      ['a', 20],
      ['z', 5],
    ]
    await using t = program([[['a', 1]], [['z', 1]]], t => running.initialState(t.sc.parallelize(initial)))
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [[['a', 21]], [['z', 6]]])
    assert.deepEqual(t.out('state').batches[0], [
      ['a', 21],
      ['z', 5],
    ])
  })

  it('spreads keys as it is told', async () => {
    for (const spec of [running.numPartitions(3), running.partitioner(new HashPartitioner(3))]) {
      await using t = program(
        [
          [
            ['a', 1],
            ['b', 1],
            ['c', 1],
            ['d', 1],
          ],
        ],
        () => spec,
      )
      await t.run(1)
      // Java's hash: 97 % 3 = 1 and so on.
      assert.deepEqual(t.out('state').partitions[0], [
        [['c', 1]],
        [
          ['a', 1],
          ['d', 1],
        ],
        [['b', 1]],
      ])
    }
  })

  describe('refuses, naming the operator, and the state is as it was', () => {
    type Act = (state: State<number>, n: number | undefined) => unknown
    const acts: { title: string; act: Act; code: string; text: RegExp }[] = [
      { title: 'get without state', act: s => s.get(), code: 'STATE_NOT_SET', text: /getOption/ },
      {
        title: 'update after remove',
        act: s => [s.remove(), s.update(1)],
        code: 'ILLEGAL_STATE',
        text: /removed/,
      },
      {
        title: 'remove after remove',
        act: s => [s.remove(), s.remove()],
        code: 'ILLEGAL_STATE',
        text: /removed/,
      },
      { title: 'get after remove', act: s => [s.remove(), s.get()], code: 'STATE_NOT_SET', text: /no state/ },
      {
        title: 'update to undefined',
        act: s => s.update(undefined as never),
        code: 'INVALID_ARGUMENT',
        text: /remove/,
      },
      {
        title: 'state that is no data',
        act: s => s.update((() => 1) as never),
        code: 'RECORD_NOT_ENCODABLE',
        text: /function/,
      },
      { title: 'a promise', act: () => Promise.resolve(1), code: 'PROMISE_RETURNED', text: /mapWithState/ },
    ]
    for (const { title, act, code, text } of acts)
      it(title, async () => {
        let isBad = true
        const spec = StateSpec.function((key: string, n: number | undefined, state: State<number>) => {
          if (key === 'bad' && isBad) return act(state, n) as number
          state.update((state.getOption() ?? 0) + n!)
          return undefined
        })
        await using t = program(
          [
            [['a', 1]],
            [
              ['a', 1],
              ['bad', 1],
            ],
            [['a', 1]],
          ],
          () => spec,
        )
        await t.run(2, { collectErrors: true })
        assert.ok(t.errors.length > 0)
        const [error] = t.errors as (Error & { code?: string; cause?: { code?: string; message: string } })[]
        assert.ok([error!.code, error!.cause?.code].includes(code), `${error!.code}: ${error!.message}`)
        assert.match(`${error!.message} ${error!.cause?.message}`, text)
        assert.match(error!.message, /mapWithState/)
        // Made again, the batch builds on the version before it: its good record counts once.
        isBad = false
        await t.run(1)
        assert.deepEqual(t.out('state').batches.at(-1), [
          ['a', 3],
          ['bad', 1],
        ])
      })
  })

  it('what a failing batch did is undone; its records come again when the batch is asked for again', async () => {
    let fail = true
    const spec = StateSpec.function(
      (_key: string, n: number | undefined, state: State<{ log: number[] }>) => {
        const value = state.getOption() ?? { log: [] }
        value.log.push(n!)
        state.update(value)
        if (n === 2 && fail) throw new Error('half way')
        return value.log.length
      },
    )
    await using t = program(
      [
        [['a', 1]],
        [
          ['a', 7],
          ['a', 2],
        ],
        [['a', 3]],
      ],
      () => spec,
    )
    await t.run(2, { collectErrors: true })
    assert.match(t.errors[0]!.message, /half way.*mapWithState.*\[ ?'a', 2 ?\]/)
    fail = false
    await t.run(1)
    assert.deepEqual(t.out('state').batches.at(-1), [['a', { log: [1, 7, 2, 3] }]])
    assert.deepEqual(t.out('out').batches.at(-1), [4])
  })

  it('two outputs over the stream and its snapshots apply a batch once', async () => {
    let calls = 0
    await using t = new StreamTest({
      build: t => {
        const mapped = t.input<Pair>('in', [[['a', 1]], [['a', 2]]]).mapWithState(
          StateSpec.function((_k: string, n: number | undefined, s: State<number>) => {
            calls++
            s.update((s.getOption() ?? 0) + n!)
            return s.get()
          }),
        )
        t.collect('one', mapped)
        t.collect(
          'two',
          mapped.map(n => n * 10),
        )
        t.collect('three', mapped.stateSnapshots())
      },
    })
    await t.run(2)
    assert.equal(calls, 2)
    assert.deepEqual(
      [t.out('one').batches, t.out('two').batches],
      [
        [[1], [3]],
        [[10], [30]],
      ],
    )
  })

  it('an output that fails after another succeeded changes nothing for the state', async () => {
    await using t = new StreamTest({
      build: t => {
        const mapped = t.input<Pair>('in', [[['a', 1]], [['a', 2]]]).mapWithState(running)
        t.collect('good', mapped)
        mapped.foreachRDD((_rdd, time) => {
          if (time.milliseconds === 1000) throw new Error('sink is down')
        })
      },
    })
    await t.run(2, { collectErrors: true })
    assert.match(t.errors[0]!.message, /sink is down/)
    assert.deepEqual(t.out('good').batches, [[['a', 1]], [['a', 3]]])
  })

  it('what somebody does to an emitted record or a snapshot changes nothing', async () => {
    const spec = StateSpec.function((_k: string, n: number | undefined, s: State<number[]>) => {
      const all = [...(s.getOption() ?? []), n!]
      s.update(all)
      return { all }
    })
    await using t = new StreamTest({
      build: t => {
        const mapped = t.input<Pair>('in', [[['a', 1]], [['a', 2]]]).mapWithState(spec)
        mapped.foreachRDD(rdd => rdd.foreach(({ all }) => void all.push(666)))
        mapped.stateSnapshots().foreachRDD(rdd => rdd.foreach(pair => void pair[1].push(666)))
        t.collect('out', mapped)
        t.collect('state', mapped.stateSnapshots())
      },
    })
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [[{ all: [1] }], [{ all: [1, 2] }]])
    assert.deepEqual(t.out('state').batches.at(-1), [['a', [1, 2]]])
  })

  it('windows and slices over emitted records and snapshots see each version as it was', async () => {
    let emitted!: DStream<[string, number]>
    let snapshots!: DStream<[string, number]>
    await using t = new StreamTest({
      build: t => {
        t.ssc.remember(seconds(60))
        const mapped = t.input<Pair>('in', [[['a', 1]], [['a', 2]], [['a', 4]]]).mapWithState(running)
        emitted = mapped
        snapshots = mapped.stateSnapshots()
        t.collect('out', mapped.window(seconds(2)))
        t.collect('state', mapped.stateSnapshots().window(seconds(3)))
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
        ['a', 7],
      ],
    ])
    assert.deepEqual(t.out('state').batches.at(-1), [
      ['a', 1],
      ['a', 3],
      ['a', 7],
    ])
    for (const stream of [emitted, snapshots]) {
      const rdds = stream.slice(new Time(1000), new Time(3000))
      assert.deepEqual(await Promise.all(rdds.map(rdd => rdd.collect())), [
        [['a', 1]],
        [['a', 3]],
        [['a', 7]],
      ])
    }
  })

  it('batches without an action are applied later, in order', async () => {
    const snapshots: unknown[] = []
    await using t = new StreamTest({
      build: t => {
        const input = t.input<Pair>('in', [[['a', 1]], [['b', 2]], [['a', 3]]])
        input
          .mapWithState(running)
          .stateSnapshots()
          .foreachRDD(async (rdd, time) => {
            if (time.milliseconds === 3000) snapshots.push(await rdd.collect())
          })
      },
    })
    await t.run(3)
    assert.deepEqual(snapshots, [
      [
        ['a', 4],
        ['b', 2],
      ],
    ])
  })
})

describe('time-outs of mapWithState', () => {
  const log = (seen: unknown[]) =>
    StateSpec.function((key: string, n: number | undefined, state: State<number>, time: Time) => {
      if (state.isTimingOut()) {
        seen.push([time.milliseconds, key, n, state.get()])
        return `${key} is gone`
      }
      if (n !== 0) state.update(n!)
      return undefined
    })

  it('a key idle for longer than the timeout is told once, emitted and gone; equal is not longer', async () => {
    const seen: unknown[] = []
    await using t = program([[['a', 1]], [['b', 2]]], () => log(seen).timeout(seconds(2)))
    await t.run(6)
    assert.deepEqual(seen, [
      [4000, 'a', undefined, 1],
      [5000, 'b', undefined, 2],
    ])
    assert.deepEqual(t.out('out').batches[3], ['a is gone'])
    assert.deepEqual(t.out('state').batches[3], [['b', 2]])
    assert.deepEqual(t.out('state').batches[4], [])
  })

  it('a record counts as an update even when the function only reads', async () => {
    const seen: unknown[] = []
    await using t = program([[['a', 1]], [['a', 0]], [['a', 0]], [['a', 0]]], () =>
      log(seen).timeout(seconds(2)),
    )
    await t.run(7)
    assert.deepEqual(seen, [[7000, 'a', undefined, 1]])
  })

  it('data of the batch comes first, so that a key with data in it lives on', async () => {
    const seen: unknown[] = []
    await using t = program([[['a', 1]], [], [], [['a', 2]]], () => log(seen).timeout(seconds(2)))
    await t.run(4)
    assert.deepEqual(seen, [])
  })

  it('a state that is timing out can be neither updated nor removed', async () => {
    for (const act of ['update', 'remove'] as const) {
      const spec = StateSpec.function((_k: string, n: number | undefined, s: State<number>) => {
        if (s.isTimingOut() && act === 'remove') s.remove()
        else s.update(n ?? 0)
      }).timeout(seconds(1))
      await using t = program([[['a', 1]]], () => spec)
      await t.run(3, { collectErrors: true })
      assert.match(t.errors[0]!.message, /timing out/)
    }
  })

  it('with the key of Spark only every tenth batch looks for them (D19)', async () => {
    const seen: unknown[] = []
    const conf = { 'spark.streaming.mapWithState.timeoutOnCheckpointOnly': true }
    await using t = program([[['a', 1]]], () => log(seen).timeout(seconds(2)), { conf })
    await t.run(12)
    assert.deepEqual(seen, [[10_000, 'a', undefined, 1]])
  })

  it('after a failure the order of idleness is that of the state', async () => {
    const seen: unknown[] = []
    let fail = true
    const spec = StateSpec.function(
      (key: string, n: number | undefined, state: State<number>, time: Time) => {
        if (n === 9 && fail) throw new Error('once')
        if (state.isTimingOut()) seen.push([time.milliseconds, key])
        else state.update(n!)
      },
    ).timeout(seconds(3))
    await using t = program(
      [
        [
          ['a', 1],
          ['b', 1],
        ],
        [['c', 1]],
        [
          ['a', 2],
          ['b', 9],
        ],
        [],
      ],
      () => spec,
    )
    await t.run(3, { collectErrors: true })
    fail = false
    await t.run(6)
    assert.deepEqual(seen, [
      [6000, 'c'],
      [7000, 'a'],
      [7000, 'b'],
    ])
  })
})

describe('mapWithState against a brute-force oracle', () => {
  const keys = ['a', 'b', 'c', 'd']
  const record = fc.tuple(fc.constantFrom(...keys), fc.integer({ min: -2, max: 9 }))
  const batches = fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.array(record, { maxLength: 6 }) },
      { weight: 1, arbitrary: fc.constant(null) },
    ),
    { minLength: 1, maxLength: 14 },
  )

  // Threads take long to start: they have fewer runs.
  for (const { title, master, conf, sharesMemory } of places)
    it(`any batches, partitions, removals and time-outs, ${title} (property)`, async () => {
      await fc.assert(
        fc.asyncProperty(
          batches,
          fc.record({
            partitions: fc.integer({ min: 1, max: 4 }),
            timeout: fc.option(fc.integer({ min: 1, max: 4 })),
          }),
          fc.boolean(),
          async (given, { partitions, timeout }, isWide) => {
            // −2 removes, −1 only reads, other numbers are added; states are numbers or nested lists.
            let spec = StateSpec.function(
              (key: string, n: number | undefined, state: State<number | number[][]>) => {
                if (state.isTimingOut()) return [key, 'out', state.get()]
                if (n === -2) {
                  if (state.exists()) state.remove()
                  return [key, 'removed']
                }
                if (n === -1) return state.exists() ? [key, state.get()] : undefined
                const old = state.getOption()
                state.update(isWide ? [...((old as number[][]) ?? []), [n!]] : ((old as number) ?? 0) + n!)
                return [key, state.get()]
              },
            ).numPartitions(partitions)
            if (timeout !== null) spec = spec.timeout(seconds(timeout))
            await using t = program(given, () => spec, { master, conf })
            await t.run(given.length + 5)
            const expected = oracle(given, given.length + 5, timeout, isWide)
            assert.deepEqual(
              t.out('out').batches.map(sorted),
              expected.map(e => sorted(e.emitted)),
            )
            assert.deepEqual(
              t.out('state').batches.map(sorted),
              expected.map(e => sorted(e.state)),
            )
          },
        ),
        { numRuns: Math.ceil(runs / (sharesMemory ? 2 : 25)) },
      )
    })

  function oracle(given: Batches, n: number, timeout: number | null, isWide: boolean) {
    const state = new Map<string, { value: number | number[][]; time: number }>()
    return Array.from({ length: n }, (_, i) => {
      const time = i + 1
      const emitted: unknown[] = []
      for (const [key, v] of given[i] ?? []) {
        const kept = state.get(key)
        if (v === -2) {
          state.delete(key)
          emitted.push([key, 'removed'])
        } else if (v === -1) {
          if (kept === undefined) continue
          kept.time = time
          emitted.push([key, kept.value])
        } else {
          const value = isWide
            ? [...((kept?.value as number[][]) ?? []), [v]]
            : ((kept?.value as number) ?? 0) + v
          state.set(key, { value, time })
          emitted.push([key, value])
        }
      }
      if (timeout !== null)
        for (const [key, { value, time: updated }] of [...state])
          if (updated < time - timeout) {
            state.delete(key)
            emitted.push([key, 'out', value])
          }
      return { emitted, state: [...state].map(([key, { value }]) => [key, value]) }
    })
  }

  function sorted(records: readonly unknown[]): string[] {
    return records.map(r => JSON.stringify(r)).sort()
  }
})
