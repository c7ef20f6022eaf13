/** A restart with other partition counts: unfinished batches run as they were cut, later ones as the program says. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import type { Partitioner } from '../../src/rdd/partitioner.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { StateSpec } from '../../src/streaming/state/state-spec.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'

type Pair = [string, number]
type Operator = (pairs: DStream<Pair>, partitions: number | undefined) => DStream<unknown>

const BATCHES = 30
const add = (a: number, b: number): number => a + b
const input: Pair[][] = Array.from({ length: BATCHES }, (_, i) => [
  [`k${i % 7}`, i],
  [`k${(i * i) % 11}`, 1],
  ['all', 1],
])
/** Emits the sum so far; when a key has been idle for too long, its last one. */
const sums = (partitions: number | undefined) => {
  const spec = StateSpec.function<string, number, number, [string, number, boolean]>((key, value, state) => {
    if (state.isTimingOut()) return [key, state.get(), true]
    const sum = (state.getOption() ?? 0) + (value ?? 0)
    state.update(sum)
    return [key, sum, false]
  }).timeout(seconds(4))
  return partitions === undefined ? spec : spec.numPartitions(partitions)
}

const operators: Record<string, Operator> = {
  updateStateByKey: (pairs, partitions) =>
    pairs.updateStateByKey<number>((values, n = 0) => values.reduce(add, n), partitions).uid('op'),
  'mapWithState, emitted': (pairs, partitions) => pairs.mapWithState(sums(partitions)),
  'mapWithState, snapshots': (pairs, partitions) => pairs.mapWithState(sums(partitions)).stateSnapshots(),
  'a window': (pairs, partitions) =>
    pairs.reduceByKeyAndWindow(Math.max, seconds(6), seconds(2), partitions).uid('op'),
  'a window with inverse': (pairs, partitions) =>
    pairs
      .reduceByKeyAndWindow(add, (a, b) => a - b, seconds(6), seconds(1), {
        ...(partitions === undefined ? {} : { partitions }),
        filter: ([, n]) => n !== 0,
      })
      .uid('op'),
  'a window over state': (pairs, partitions) =>
    pairs
      .updateStateByKey<number>((values, n = 0) => values.reduce(add, n), partitions)
      .uid('op')
      .window(seconds(3)),
  'state that is seldom asked for': (pairs, partitions) =>
    pairs
      .updateStateByKey<number>((values, n = 0) => values.reduce(add, n), partitions)
      .uid('op')
      .window(seconds(4), seconds(4)),
  reduceByKey: (pairs, partitions) => pairs.reduceByKey(add, partitions),
  repartition: (pairs, partitions = pairs.host.sc.defaultParallelism) => pairs.repartition(partitions),
  join: (pairs, partitions) => pairs.join(pairs.mapValues(String), partitions),
}

/** An output that is slower than the batches come, so that several have been planned and have not ended. */
const program =
  (operator: Operator, partitions?: number) =>
  (t: StreamTest): void => {
    const pairs = t.input('in', input, { partitions: 2 })
    t.collect('out', operator(pairs, partitions))
    pairs.foreachRDD(async (_, time) => {
      if (time.milliseconds >= 9000 && time.milliseconds <= 12_000) await t.clock.sleep(2500)
    })
  }

const byText = (batch: readonly unknown[]): string[] => batch.map(record => JSON.stringify(record)).toSorted()

/** The batches as a run without a crash has them: in the same partitions up to `border`, and after it with the same records in others. */
function assertAlike(t: StreamTest, expected: StreamTest, border: number, after: number): void {
  const got = t.out('out')
  const whole = expected.out('out')
  assert.deepEqual(got.times, whole.times.slice(0, got.times.length))
  assert.ok(got.times.at(-1)! > border + 5000, `${got.times}`)
  got.times.forEach((time, i) => {
    if (time <= border) assert.deepEqual(got.partitions[i], whole.partitions[i], `at ${time}`)
    else assert.deepEqual(byText(got.batches[i]!), byText(whole.batches[i]!), `at ${time}`)
  })
  const last = got.partitions.at(-1)!.length
  assert.equal(last % after, 0, `${last} partitions`)
  assert.notEqual(last, whole.partitions.at(-1)!.length)
}

/** Runs until the batch of 9 s has ended and is not committed, while later ones wait. @returns the last of them */
async function crashWithBatches(t: StreamTest): Promise<number> {
  t.crashAt('commit-before', { nth: 9 })
  await t.run(20)
  assert.ok(t.crashed)
  const border = Math.floor(t.clock.now() / 1000) * 1000
  assert.ok(border >= 11_000, `batches wait up to ${border}`)
  return border
}

for (const [name, operator] of Object.entries(operators))
  describe(`${name}, with another partition count after a restart`, () => {
    for (const master of ['local', 'local[2]'])
      for (const [before, after] of [
        [3, 5],
        [4, 1],
      ] as const)
        it(`from ${before} to ${after}, ${master}: unfinished batches are cut as they were`, async () => {
          await using expected = new StreamTest({ master, build: program(operator, before) })
          await expected.run(24)
          await using t = new StreamTest({ master, checkpointDir: true, build: program(operator, before) })
          const border = await crashWithBatches(t)
          await t.crashAndRestart({ build: program(operator, after) })
          await t.run(10)
          assertAlike(t, expected, border, after)
        })

    it('also when it crashes again, before they have ended and after', async () => {
      await using expected = new StreamTest({ build: program(operator, 3) })
      await expected.run(29)
      await using t = new StreamTest({ checkpointDir: true, build: program(operator, 3) })
      const border = await crashWithBatches(t)
      t.crashAt('commit-before', { nth: 2 })
      await t.crashAndRestart({ build: program(operator, 2) })
      await t.run(10)
      assert.ok(t.crashed)
      // At the end of the first one that is cut otherwise.
      t.crashAt('commit-before', { nth: border / 1000 - 9 + 1 })
      await t.crashAndRestart({ build: program(operator, 5) })
      await t.run(10)
      assert.ok(t.crashed)
      await t.crashAndRestart({ build: program(operator, 5) })
      await t.run(8)
      assertAlike(t, expected, border, 5)
    })

    it('also when the default parallelism changes', async () => {
      const conf = { 'spark.default.parallelism': 3 }
      await using expected = new StreamTest({ conf: { ...conf }, build: program(operator) })
      await expected.run(24)
      await using t = new StreamTest({ conf, checkpointDir: true, build: program(operator) })
      const border = await crashWithBatches(t)
      conf['spark.default.parallelism'] = 2
      await t.crashAndRestart()
      await t.run(10)
      assertAlike(t, expected, border, 2)
    })
  })

describe('cuts of batches that run again', () => {
  const operator: Operator = (pairs, partitions) => operators['updateStateByKey']!(pairs, partitions)

  it('may differ from batch to batch, when one had failed and later ones went on', async () => {
    const build = (partitions: number) => (t: StreamTest) =>
      t.collect('out', operator(t.input('in', input), partitions))
    await using expected = new StreamTest({ build: build(3) })
    await expected.run(16)
    await using t = new StreamTest({ checkpointDir: true, build: build(3) })
    t.failAt('output-done', { nth: 4 })
    await t.run(6, { collectErrors: true })
    t.failAt('output-done')
    await t.crashAndRestart({ build: build(5) })
    await t.run(3, { collectErrors: true })
    assert.equal(t.errors.length, 2)
    t.crashAt('commit-before')
    await t.run(1)
    assert.ok(t.crashed)
    await t.crashAndRestart({ build: build(2) })
    await t.run(3)
    const { runs, partitions, times } = t.out('out')
    const counts = times.map((time, i) => [time, partitions[i]!.length])
    assert.deepEqual(
      runs.filter(({ run }) => run > 0).map(({ time, run }) => [time, run]),
      [
        [4000, 1],
        [4000, 2],
        [10_000, 1],
      ],
    )
    assert.deepEqual(counts.slice(3), [
      [4000, 3],
      ...[5000, 6000].map(time => [time, 3]),
      ...[7000, 8000, 9000, 10_000].map(time => [time, 5]),
      ...[11_000, 12_000, 13_000].map(time => [time, 2]),
    ])
    for (const [i, time] of times.entries())
      assert.deepEqual(byText(partitions[i]!.flat()), byText(expected.out('out').batches[i]!), `at ${time}`)
  })

  it('are those of the program where it has a partitioner of its own: only the program can make it again', async () => {
    const by = (numPartitions: number) => ({
      numPartitions,
      partition: (key: unknown) => String(key).length % numPartitions,
    })
    const build = (n: number) => (t: StreamTest) =>
      t.collect(
        'out',
        t.input('in', input).updateStateByKey<number>((values, n = 0) => values.reduce(add, n), by(n)),
      )
    await using expected = new StreamTest({ build: build(3) })
    await expected.run(9)
    await using t = new StreamTest({ checkpointDir: true, build: build(3) })
    t.crashAt('commit-before', { nth: 6 })
    await t.run(9)
    assert.ok(t.crashed)
    await t.crashAndRestart({ build: build(2) })
    await t.run(3)
    assert.deepEqual(
      t.out('out').partitions.map(parts => parts.length),
      [3, 3, 3, 3, 3, 2, 2, 2, 2],
    )
    assert.deepEqual(t.out('out').batches.map(byText), expected.out('out').batches.map(byText))
  })
})

describe('functions of the program that name no count', () => {
  /** What they cut by the default: in `transform`, below state, and in an output. */
  const build = (t: StreamTest): void => {
    const { sc } = t
    const pairs = t.input('in', input, { partitions: 2 })
    t.collect(
      'shuffled',
      pairs.transform(rdd => rdd.groupByKey().mapValues(group => [...group])),
    )
    t.collect(
      'made',
      pairs.transform(rdd => rdd.union(sc.parallelize<Pair>([...input[0]!, ...input[1]!]))),
    )
    const state = pairs
      .transform(rdd => rdd.reduceByKey(add))
      .updateStateByKey<number[]>((values, all = []) => [...all, ...values], 2)
      .uid('state')
    t.collect('state', state)
    const output = new Map<number, number>()
    outputs.set(t, [...(outputs.get(t) ?? []), output])
    pairs.foreachRDD(async (rdd, time) => {
      output.set(
        time.milliseconds,
        await rdd
          .distinct()
          .map(() => 0)
          .mapPartitions(() => [1])
          .count(),
      )
    })
    pairs.foreachRDD(async (_, time) => {
      if (time.milliseconds >= 9000 && time.milliseconds <= 12_000) await t.clock.sleep(2500)
    })
  }
  /** Partitions that an output cut each batch into, in each life. */
  const outputs = new WeakMap<StreamTest, Map<number, number>[]>()

  for (const [name, before, after] of [
    ['spark.default.parallelism', { 'spark.default.parallelism': 3 }, { 'spark.default.parallelism': 5 }],
    ['whether it is set', { 'spark.default.parallelism': 3 }, {}],
    ['whether it is set now', {}, { 'spark.default.parallelism': 5 }],
  ] as const)
    it(`cut batches that run again as they were: ${name}`, async () => {
      const conf: Record<string, string | number> = { ...INLINE, ...before }
      await using expected = new StreamTest({ conf: { ...conf }, master: 'local[4]', build })
      await expected.run(24)
      await using t = new StreamTest({ conf, master: 'local[4]', checkpointDir: true, build })
      const border = await crashWithBatches(t)
      delete conf['spark.default.parallelism']
      Object.assign(conf, after)
      await t.crashAndRestart()
      await t.run(8)
      for (const out of ['shuffled', 'made', 'state']) {
        const got = t.out(out)
        const whole = expected.out(out)
        got.times.forEach((time, i) => {
          if (time <= border) assert.deepEqual(got.partitions[i], whole.partitions[i], `${out} at ${time}`)
          else assert.deepEqual(byText(got.batches[i]!), byText(whole.batches[i]!), `${out} at ${time}`)
        })
        assert.ok(got.times.at(-1)! > border + 5000)
        if (out !== 'state')
          assert.notEqual(got.partitions.at(-1)!.length, whole.partitions.at(-1)!.length, out)
      }
      const [, again] = outputs.get(t)!
      const [first] = outputs.get(expected)!
      for (const [time, parts] of again!)
        if (time <= border) assert.equal(parts, first!.get(time), `the output at ${time}`)
      assert.ok(again!.has(border))
    })
})

describe('a partitioner of the program', () => {
  const by = (numPartitions: number): Partitioner => ({
    numPartitions,
    partition: key => String(key).length % numPartitions,
  })
  const reduced = (partitions: Partitioner | number) => (t: StreamTest) =>
    void t.collect('out', t.input('in', input).reduceByKey(add, partitions))

  for (const [name, before, after, isLost] of [
    ['with another count', by(3), by(2), true],
    ['where there was none', 3, by(3), true],
    ['that is gone', by(3), 3, true],
    ['as before', by(3), by(3), false],
  ] as const)
    it(`${name}: ${isLost ? 'is warned about, since only the program could make it again' : 'is not warned about'}`, async () => {
      await using expected = new StreamTest({ build: reduced(before) })
      await expected.run(9)
      await using t = new StreamTest({ checkpointDir: true, build: reduced(before) })
      t.crashAt('commit-before', { nth: 6 })
      await t.run(9)
      assert.ok(t.crashed)
      await t.crashAndRestart({ build: reduced(after) })
      await t.run(3)
      assert.deepEqual(t.out('out').batches.map(byText), expected.out('out').batches.map(byText))
      const warnings = t.warnings.filter(warning => warning.includes('another partitioner'))
      assert.equal(warnings.length, isLost ? 1 : 0, t.warnings.join('; '))
      if (isLost) assert.match(warnings[0]!, /^reduceByKey at .*recut\.test\.ts/)
    })
})
