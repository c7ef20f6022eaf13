/** Programs for simulations: what the seed picks of operators, sources, sinks, settings, and of changes while the program is down. */
import { Random } from '../../src/base/random.ts'
import type { ExactlyOnceSink } from '../../src/rdd/sink/sink.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import type { Simulation, SimulationOptions } from '../../src/testing/simulation/simulation.ts'
import { SPILLS, spilledBytes } from './backends.ts'
import { verify } from './simulated-check.ts'
import {
  BATCHES,
  type Change,
  NAMES,
  type Pair,
  programs,
  programsFor,
  SLOW,
  words,
} from './simulated-operators.ts'

export type Input = 'script' | 'log' | 'files' | 'receiver'

/** What the seed picks for a program. */
export interface Picked {
  readonly operator: string
  readonly input: Input
  readonly sink: 'disk' | 'storage'
  readonly concurrentJobs: number
  readonly speculation: boolean
  /** What becomes of a batch that fails for good. */
  readonly policy: 'stop' | 'skip' | 'dead-letter'
  /** Records of this number are such that no function takes them. */
  readonly poison: number | undefined
  readonly change: Change
  /** The first life that has it. */
  readonly changedFrom: number
  /** Whether nothing fits into the memory of tasks. */
  readonly spills: boolean
  /** Whether there are as many workers as the load needs. */
  readonly allocates: boolean
}

/** What simulations of many seeds must have met, each at least once. */
export const CIRCUMSTANCES = [
  'a batch was skipped',
  'a batch went to dead letters',
  'a batch could not be given up, since a sink had it',
  'values of state became others',
  'the batch interval changed',
  'the parallelism changed',
  'everything spilled',
  'workers came',
  'workers went',
  'files were read',
] as const
export type Circumstance = (typeof CIRCUMSTANCES)[number]
export type Met = Set<Circumstance>

/** The other interval costs most: there are twice as many batches. */
const CHANGES_OF_SEEDS: readonly Change[] = ['none', 'none', 'interval', 'version', 'version', 'parallelism']

function pick(seed: number | string, inputs: readonly Input[]): Picked {
  const random = new Random(seed).fork('program')
  const of = <T>(values: readonly T[]): T => values[random.int(values.length)]!
  const policy = of(['stop', 'stop', 'skip', 'dead-letter'] as const)
  const change = of(CHANGES_OF_SEEDS)
  const operator = of(programsFor(change))
  const poison = of([1, 2, 4, 5, undefined])
  // What takes in several batches at once may fail by one that was not given up.
  const isPoisonable = policy !== 'stop' && change !== 'interval' && !SLOW.includes(operator)
  return {
    policy,
    change,
    operator,
    input: of(inputs),
    sink: of(['disk', 'storage'] as const),
    // What later batches made of a batch that is given up cannot be undone while they run.
    concurrentJobs: policy === 'stop' ? of([1, 1, 2]) : 1,
    speculation: of([true, false]),
    poison: isPoisonable ? poison : undefined,
    changedFrom: of([1, 1, 2]),
    spills: of([true, false, false]),
    allocates: of([true, false]),
  }
}

/** A program that the seed picks, over one of the inputs, and what must hold of it. @param met gets what came to pass */
export function simulated(
  seed: number | string,
  inputs: readonly Input[],
  met: Met = new Set(),
): Omit<SimulationOptions, 'seed'> {
  const picked = pick(seed, inputs)
  const { change, changedFrom, operator, poison } = picked
  const wrong: string[] = []
  // A program that has not run a batch is not one that goes on.
  const seen = { met, wrong, hasBegun: false }
  let hasChanged = false
  return {
    batches: BATCHES,
    calm: 4,
    conf: confOf(picked),
    life: life => {
      hasChanged = life >= changedFrom && seen.hasBegun
      if (!hasChanged) return {}
      if (change === 'parallelism') met.add('the parallelism changed')
      if (change === 'interval') return { batchDuration: 500 }
      return change === 'parallelism' ? { conf: { 'spark.default.parallelism': 3 } } : {}
    },
    build(s) {
      watch(s, picked, seen)
      const input = inputOf(s, picked)
      s.collect('in', input)
      const sound =
        poison === undefined
          ? input
          : input.map(pair => {
              if (pair[1] === poison) throw new Error('this one is poisoned')
              return pair
            })
      const names = s.sc.filesIn(s.folder('/names', [NAMES], { at: 0 })).known
      const bytes = Buffer.byteLength(`${NAMES.join('\n')}\n`)
      const output = programs[operator]!(sound, {
        names: names.lines([{ path: '/names/0.txt', bytes }], 2),
        migrated:
          change === 'version' && hasChanged
            ? () => void met.add('values of state became others')
            : undefined,
      })
      s.collect('out', output)
      const isExact = picked.input !== 'receiver'
      output
        .map(value => JSON.stringify(value))
        .writeTo(sinkOf(s, picked, 'sums'), {
          id: 'sums',
          require: isExact ? 'exactly-once' : 'at-least-once',
        })
      if (picked.policy === 'dead-letter') {
        const letters = s.fileSink<never>('/out/letters', { format: 'ndjson' })
        s.ssc.deadLetters(letters as never, { id: 'letters' })
      }
    },
    async check(s) {
      if (wrong.length > 0) throw new Error(wrong.join('; '))
      await verify(s, picked, met)
    },
  }
}

function confOf({
  concurrentJobs,
  speculation,
  policy,
  spills,
  allocates,
}: Picked): NonNullable<SimulationOptions['conf']> {
  return {
    'spark.streaming.concurrentJobs': concurrentJobs,
    'spark.speculation': speculation,
    'spark.speculation.quantile': 0.5,
    'spark.streaming.receiver.writeAheadLog.enable': true,
    // A tick that is merged into a later one is a batch less.
    'kindling.streaming.maxQueuedBatches': 1000,
    'kindling.streaming.failurePolicy': policy,
    ...(spills ? SPILLS : {}),
    ...(allocates ? ALLOCATION : {}),
  }
}

/** Such that delays of messages decide. */
const ALLOCATION = {
  'spark.streaming.dynamicAllocation.enabled': true,
  'spark.streaming.dynamicAllocation.scalingInterval': '1s',
  'spark.streaming.dynamicAllocation.scalingUpRatio': 0.3,
  'spark.streaming.dynamicAllocation.scalingDownRatio': 0.2,
  'spark.streaming.dynamicAllocation.maxExecutors': 4,
}

/** Sees what comes to pass in a life of the program. */
function watch(
  s: Simulation,
  { spills }: Picked,
  seen: { readonly met: Met; readonly wrong: string[]; hasBegun: boolean },
): void {
  const { met, wrong } = seen
  const spilled = spills ? spilledBytes(s.sc) : () => 0
  const { workers } = s.sc
  let capacity = workers?.capacity ?? 0
  /** Batches whose first output has run in this life. */
  const hasRun = new Set<number>()
  s.input('ticks', []).foreachRDD((_, time) => {
    if (spilled() > 0) met.add('everything spilled')
    const now = workers?.capacity ?? 0
    if (now !== capacity) met.add(now > capacity ? 'workers came' : 'workers went')
    capacity = now
    hasRun.add(time.milliseconds)
    seen.hasBegun = true
  })
  s.ssc.addStreamingListener({
    onBatchSkipped: ({ batchInfo: { batchTime }, outputsThatRan, deadLetters }) => {
      met.add(deadLetters === undefined ? 'a batch was skipped' : 'a batch went to dead letters')
      const isNamed = outputsThatRan.some(({ id }) => id === 0)
      if (isNamed !== hasRun.has(batchTime.milliseconds))
        wrong.push(
          `of the batch at ${batchTime} that was given up, the first output ${isNamed ? 'had not' : 'had'} run`,
        )
    },
  })
}

function inputOf(s: Simulation, { input }: Picked): DStream<Pair> {
  switch (input) {
    case 'script':
      return s.input<Pair>('words', words, { partitions: 2 })
    case 'log':
      return s.source<Pair>('words', words)
    case 'receiver':
      return s.receiver<Pair>('words', words)
    case 'files': {
      const files = s.ssc.filesIn(
        s.folder(
          '/in',
          words.map(batch => batch.map(pair => JSON.stringify(pair))),
        ),
      )
      return files.textFileStream('/in', { newFilesOnly: false }).map(line => JSON.parse(line) as Pair)
    }
  }
}

function sinkOf(s: Simulation, { sink }: Picked, name: string): ExactlyOnceSink<string> {
  return sink === 'disk' ? s.fileSink(`/out/${name}`) : s.fileSink(`out/${name}`, { storage: 'bucket' })
}
