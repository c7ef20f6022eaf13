/** Programs for simulations: every stateful operator, over every kind of source, into every kind of sink. */
import assert from 'node:assert/strict'
import { Random } from '../../src/base/random.ts'
import { seconds } from '../../src/base/time.ts'
import type { ExactlyOnceSink } from '../../src/rdd/sink/sink.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import type { Simulation, SimulationOptions } from '../../src/testing/simulation/simulation.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from './backends.ts'
import { memoryStorage } from './memory-storage.ts'
import { operators } from './recoverable.ts'

type Pair = readonly [string, number]

/** Batches with faults, and in which records are made. */
const BATCHES = 7

/** Records of each batch; some are empty, keys come and go. */
const words: readonly (readonly Pair[])[] = Array.from({ length: BATCHES }, (_, i) =>
  Array.from(
    { length: i % 4 === 3 ? 0 : 2 + ((i * 3) % 5) },
    (_, j) => [`k${(i * 7 + j * 3) % 6}`, i] as const,
  ),
)

const add = (a: number, b: number): number => a + b
const subtract = (a: number, b: number): number => a - b

const programs: Readonly<Record<string, (pairs: DStream<Pair>) => DStream<unknown>>> = {
  ...operators,
  'join of a window and a batch': pairs =>
    pairs.reduceByKeyAndWindow(add, subtract, seconds(3)).checkpoint(seconds(3)).join(pairs.reduceByKey(add)),
  'outer join of two states': pairs => {
    const sums = (values: readonly number[], sum = 0): number => values.reduce(add, sum)
    const even = pairs.filter(([, n]) => n % 2 === 0).updateStateByKey<number>(sums)
    const odd = pairs.filter(([, n]) => n % 2 === 1).updateStateByKey<number>(sums)
    return even.checkpoint(seconds(2)).fullOuterJoin(odd.checkpoint(seconds(3)))
  },
  counts: pairs => pairs.countByWindow(seconds(4), seconds(1)).checkpoint(seconds(3)),
  'counts of values': pairs => pairs.countByValueAndWindow(seconds(4), seconds(2)).checkpoint(seconds(4)),
}

type Input = 'script' | 'log' | 'receiver'

/** What the seed picks for a program. */
interface Picked {
  readonly operator: string
  readonly input: Input
  readonly sink: 'disk' | 'storage'
  readonly concurrentJobs: number
  readonly speculation: boolean
}

function pick(seed: number | string, inputs: readonly Input[]): Picked {
  const random = new Random(seed).fork('program')
  const of = <T>(values: readonly T[]): T => values[random.int(values.length)]!
  return {
    operator: of(Object.keys(programs)),
    input: of(inputs),
    sink: of(['disk', 'storage']),
    concurrentJobs: of([1, 1, 2]),
    speculation: of([true, false]),
  }
}

/** A program that the seed picks, over one of the inputs, and what must hold of it. */
export function simulated(seed: number | string, inputs: readonly Input[]): Omit<SimulationOptions, 'seed'> {
  const picked = pick(seed, inputs)
  return {
    batches: BATCHES,
    calm: 4,
    conf: {
      'spark.streaming.concurrentJobs': picked.concurrentJobs,
      'spark.speculation': picked.speculation,
      'spark.speculation.quantile': 0.5,
      'spark.streaming.receiver.writeAheadLog.enable': true,
      // A tick that is merged into a later one is a batch less.
      'kindling.streaming.maxQueuedBatches': 1000,
    },
    build(s) {
      const input = inputOf(s, picked)
      const output = programs[picked.operator]!(input)
      s.collect('in', input)
      s.collect('out', output)
      const isExact = picked.input !== 'receiver'
      output
        .map(value => JSON.stringify(value))
        .writeTo(sinkOf(s, picked), { id: 'sums', require: isExact ? 'exactly-once' : 'at-least-once' })
    },
    check: s => verify(s, picked),
  }
}

function inputOf(s: Simulation, { input }: Picked): DStream<Pair> {
  if (input === 'script') return s.input<Pair>('words', words, { partitions: 2 })
  return input === 'log' ? s.source<Pair>('words', words) : s.receiver<Pair>('words', words)
}

function sinkOf(s: Simulation, { sink }: Picked): ExactlyOnceSink<string> {
  return sink === 'disk' ? s.fileSink('/out/sums') : s.fileSink('out/sums', { storage: 'bucket' })
}

async function verify(s: Simulation, picked: Picked): Promise<void> {
  for (const name of ['in', 'out']) assertRepeatable(s, name)
  const taken = s.out<Pair>('in')
  assertTaken(taken.batches.flat(), picked)
  const expected = sortedEach(await withoutFaults(taken.batches, taken.times, picked.operator))
  const { times, batches } = s.out('out')
  assert.deepEqual(sortedEach(new Map(times.map((time, i) => [time, batches[i]!]))), expected)
  const written = picked.sink === 'disk' ? s.written('/out/sums') : s.written('out/sums', 'bucket')
  const values = [...written].map(([time, lines]) => [time, lines.map(line => JSON.parse(line))] as const)
  assert.deepEqual(sortedEach(new Map(values)), expected, 'what is written')
}

/** A batch that runs again gives the same. */
function assertRepeatable(s: Simulation, name: string): void {
  const { runs } = s.out(name)
  const first = new Map<number, unknown>()
  for (const { time, values } of runs) {
    if (!first.has(time)) first.set(time, values)
    assert.deepEqual(values, first.get(time), `what ${name} gave again for the batch at ${time}`)
  }
}

/** Every record was taken in; once, but where a receiver may be sent it again. */
function assertTaken(all: readonly Pair[], { input }: Picked): void {
  const texts = all.map(pair => JSON.stringify(pair)).sort()
  const sent = words
    .flat()
    .map(pair => JSON.stringify(pair))
    .sort()
  if (input === 'receiver') assert.deepEqual([...new Set(texts)], [...new Set(sent)], 'what was taken in')
  else assert.deepEqual(texts, sent, 'what was taken in')
}

/** What the operator gives for the same batches in a world without faults, on the program's own thread. */
async function withoutFaults(
  batches: readonly (readonly Pair[])[],
  times: readonly number[],
  operator: string,
): Promise<Map<number, unknown[]>> {
  const start = times[0]!
  assert.deepEqual(
    times,
    times.map((_, i) => start + i * 1000),
    'no batch is missing',
  )
  await using t = new StreamTest({
    master: 'local[2]',
    conf: INLINE,
    build(t) {
      t.ssc.checkpoint(memoryStorage())
      t.collect('out', programs[operator]!(t.input<Pair>('in', batches, { partitions: 2 })))
    },
  })
  await t.run(batches.length)
  const out = t.out('out')
  return new Map(out.times.map((time, i) => [time + start - 1000, out.batches[i]!]))
}

function sortedEach(batches: ReadonlyMap<number, readonly unknown[]>): [number, string[]][] {
  return [...batches]
    .map(([time, values]): [number, string[]] => [time, values.map(value => JSON.stringify(value)).sort()])
    .sort(([a], [b]) => a - b)
}
