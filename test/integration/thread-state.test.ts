/** State whose tables lie with worker threads: threads that die, hang and fail while they move it on, and programs that start again. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { threadId } from 'node:worker_threads'
import { type DStream, type State, StateSpec, seconds } from 'kindling'
import { StreamTest, type StreamTestOptions } from 'kindling/testing'
import { freshPaths, isFirst } from '../support/once.ts'
import { rejected } from '../support/rejected.ts'

const freshPath = freshPaths()
const ON_TWO = { master: 'local[2]', conf: { 'kindling.executor': 'threads' } } as const

type Pair = [key: string, n: number]

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']

/** Batch `b` has every key whose position and `b` have a common remainder, with numbers of their own. */
const batches: readonly Pair[][] = Array.from({ length: 8 }, (_, b) =>
  KEYS.flatMap((key, i) => ((i + b) % 3 === 0 ? [[key, 10 * b + i] as Pair, [key, 1] as Pair] : [])),
)

/** What happens to the thread that comes to this key, once. */
type Fault = 'exit' | 'loop' | 'throw'

function befall(path: string, how: Fault, isDue: boolean): void {
  if (!isDue || !isFirst(path)) return
  if (how === 'exit') process.exit(7)
  if (how === 'throw') throw new Error('of the test')
  for (;;);
}

/** Stateful streams of a program; `before` is called for each key. */
const streams: Record<
  string,
  (pairs: DStream<Pair>, before: (key: string, n: number) => void) => DStream<unknown>
> = {
  updateStateByKey: (pairs, before) =>
    pairs.updateStateByKey<number>((values, sum = 0, { key }) => {
      for (const n of values) before(key, n)
      return values.reduce((a, b) => a + b, sum)
    }),
  mapWithState: (pairs, before) =>
    pairs.mapWithState(
      StateSpec.function((key: string, n: number | undefined, sum: State<number>) => {
        before(key, n ?? 0)
        const total = (sum.getOption() ?? 0) + (n ?? 0)
        if (!sum.isTimingOut()) sum.update(total)
        return [key, total, sum.isTimingOut()]
      }).timeout(seconds(2)),
    ),
  'reduceByKeyAndWindow with inverse': (pairs, before) =>
    pairs
      .map(([key, n]) => [key, { key, n }])
      .reduceByKeyAndWindow(
        (a, b) => {
          before(a.key, b.n)
          return { key: a.key, n: a.n + b.n }
        },
        (a, b) => ({ key: a.key, n: a.n - b.n }),
        seconds(3),
      ),
  'reduceByKeyAndWindow without inverse': (pairs, before) =>
    pairs
      .map(([key, n]) => [key, { key, n }])
      .reduceByKeyAndWindow((a, b) => {
        before(a.key, b.n)
        return { key: a.key, n: a.n + b.n }
      }, seconds(3)),
}

async function run(
  operator: string,
  options: Omit<StreamTestOptions, 'build'>,
  before: (key: string, n: number) => void,
): Promise<{ readonly out: unknown; readonly partitions: unknown }> {
  await using t = new StreamTest({
    ...options,
    build: t => {
      const pairs = t.input<Pair>('in', batches, { partitions: 3 })
      t.collect('out', streams[operator]!(pairs, before))
    },
  })
  await t.run(12)
  const { batches: out, partitions } = t.out('out')
  return { out, partitions }
}

const nothing = (): void => {}

describe('state on threads', () => {
  for (const operator of Object.keys(streams)) {
    it(`${operator}: the same partitions in the same order as on one thread`, async () => {
      const conf = { 'kindling.executor': 'inline' }
      assert.deepEqual(
        await run(operator, ON_TWO, nothing),
        await run(operator, { master: 'local[2]', conf }, nothing),
      )
    })

    for (const how of ['exit', 'loop', 'throw'] as const)
      it(`${operator}: a thread that meets "${how}" in the middle of a version`, async () => {
        const expected = await run(operator, ON_TWO, nothing)
        const path = freshPath()
        const conf = { ...ON_TWO.conf, 'kindling.task.timeout': '1s', 'kindling.task.killAfter': 100 }
        const options = { ...ON_TWO, conf: how === 'loop' ? conf : ON_TWO.conf }
        // Not the first key of its batch, so that others were changed before.
        const found = await run(operator, options, (key, n) => befall(path, how, key === 'h' && n !== 1))
        assert.equal(isFirst(path), false, 'the fault was met')
        assert.deepEqual(found, expected)
      })
  }

  it('functions run on the threads, and a partition stays with one', async () => {
    await using t = new StreamTest({
      ...ON_TWO,
      build: t => {
        const pairs = t.input<Pair>('in', batches, { partitions: 2 })
        t.collect(
          'threads',
          pairs.updateStateByKey<number[]>((_, threads = []) => [...threads, threadId], 4),
        )
      },
    })
    await t.run(6)
    const last = t.out<[string, number[]]>('threads').batches.at(-1)!
    assert.ok(last.every(([, threads]) => !threads.includes(0)))
    // A table is handed over only when it would be there sooner than its thread is free.
    const moves = last.map(([, threads]) => new Set(threads).size)
    assert.ok(moves.filter(n => n === 1).length >= last.length / 2, String(moves))
  })

  it('a user error names the operator and the key, and the state is as it was', async () => {
    const path = freshPath()
    await using t = new StreamTest({
      ...ON_TWO,
      master: 'local[2,1]',
      conf: { ...ON_TWO.conf, 'kindling.streaming.failurePolicy': 'skip' },
      build: t => {
        const pairs = t.input<Pair>('in', [
          [['a', 1]],
          [
            ['a', 5],
            ['b', 2],
          ],
          [['a', 1]],
        ])
        t.collect(
          'out',
          pairs.updateStateByKey<number>((values, sum = 0) => {
            if (values.includes(5)) befall(path, 'throw', true)
            return values.reduce((a, b) => a + b, sum)
          }),
        )
      },
    })
    await t.run(3, { collectErrors: true })
    assert.match(String(t.errors[0]), /updateStateByKey[\s\S]*'a'|'a'[\s\S]*updateStateByKey/)
    assert.deepEqual(t.out('out').batches, [[['a', 1]], [['a', 2]]])
  })

  it('two outputs over one state apply a batch once', async () => {
    await using t = new StreamTest({
      ...ON_TWO,
      build: t => {
        const pairs = t.input<Pair>('in', batches, { partitions: 2 })
        const mapped = pairs.mapWithState(
          StateSpec.function((key: string, _: number | undefined, calls: State<number>) => {
            const n = (calls.getOption() ?? 0) + 1
            calls.update(n)
            return [key, n]
          }),
        )
        t.collect('first', mapped)
        t.collect('second', mapped)
        t.collect('states', mapped.stateSnapshots())
        t.collect('window', mapped.stateSnapshots().window(seconds(3)))
      },
    })
    await t.run(8)
    const [first, second, states, window] = ['first', 'second', 'states', 'window'].map(
      name => t.out(name).batches,
    )
    assert.deepEqual(first, second)
    const expected = new Map<string, number>()
    for (const [key] of batches.flat()) expected.set(key, (expected.get(key) ?? 0) + 1)
    assert.deepEqual(new Map(states!.at(-1) as Pair[]), expected)
    const sorted = (pairs: unknown[]): string[] => pairs.map(pair => JSON.stringify(pair)).sort()
    assert.deepEqual(sorted(window!.at(-1)!), sorted(states!.slice(-3).flat()))
  })

  it('goes on after a restart, from checkpoints of the layers', async () => {
    const build = (t: StreamTest): void => {
      const pairs = t.input<Pair>('in', batches, { partitions: 3 })
      for (const [name, of] of Object.entries(streams))
        t.collect(name, of(pairs, nothing).checkpoint(seconds(2)))
    }
    const conf = { 'kindling.executor': 'inline' }
    await using whole = new StreamTest({ master: 'local[2]', conf, checkpointDir: freshPath(), build })
    await whole.run(12)
    const checkpointDir = freshPath()
    await using t = new StreamTest({ ...ON_TWO, checkpointDir, build })
    await t.run(5)
    await t.crashAndRestart()
    await t.run(3)
    await t.crashAndRestart()
    await t.run(4)
    for (const name of Object.keys(streams))
      assert.deepEqual(t.out(name).batches.slice(-3), whole.out(name).batches.slice(-3), name)
  })

  it('state that a thread could not have is refused where the operator is defined', async () => {
    await rejected('CLOSURE_NOT_TRANSFERABLE', async () => {
      const socket = new WeakMap()
      await using t = new StreamTest({
        ...ON_TWO,
        build: t =>
          t.collect(
            'out',
            t
              .input<Pair>('in', batches)
              .updateStateByKey<number>(values => (socket === undefined ? 0 : values.length)),
          ),
      })
      await t.run(1)
    })
  })
})
