/** Batch jobs on simulated workers that die, hang and are slow. */
import assert from 'node:assert/strict'
import { Random } from '../../src/base/random.ts'
import type { SparkContext } from '../../src/context/spark-context.ts'
import { StorageLevel } from '../../src/rdd/storage-level.ts'
import type { SparkListener } from '../../src/scheduler/events.ts'
import { Incarnation } from '../../src/testing/incarnation.ts'
import type { SimulatedFault } from '../../src/testing/simulation/faults.ts'
import { SimulatedMachine } from '../../src/testing/simulation/machine.ts'
import { SimulatedWorld } from '../../src/testing/simulation/world.ts'

/** What can happen to workers and tasks. */
export const JOB_FAULTS: readonly SimulatedFault[] = [
  'worker-death',
  'worker-hang',
  'slow-worker',
  'task-failure',
]

/** What a job gives, in a form that does not depend on the order in which tasks end. */
type Job = (sc: SparkContext) => Promise<unknown>

const words = Array.from({ length: 60 }, (_, i) => `w${(i * 7) % 11}`)
const one = (word: string): [string, number] => [word, 1]
const add = (a: number, b: number): number => a + b

/** Shuffles, joins, what is kept, accumulators, several jobs at once. */
export const jobs: Readonly<Record<string, Job>> = {
  'a shuffle': sc => sc.parallelize(words, 5).map(one).reduceByKey(add, 3).collect(),
  'shuffles one after the other': async sc => {
    const counts = sc.parallelize(words, 4).map(one).reduceByKey(add, 3)
    const byCount = counts.map(([word, n]): [number, string] => [n, word]).groupByKey(2)
    return byCount
      .mapValues(group => [...group].sort())
      .sortBy(([n]) => n)
      .collect()
  },
  'a join': async sc => {
    const counts = sc.parallelize(words, 4).map(one).reduceByKey(add, 3)
    const lengths = sc
      .parallelize([...new Set(words)], 2)
      .map((word): [string, number] => [word, word.length])
    return counts.join(lengths, 2).collect()
  },
  'what is kept': async sc => {
    const level = StorageLevel.MEMORY_ONLY
    const pairs = sc.parallelize(words, 4).map(one).persist(level)
    const first = await pairs.count()
    const sums = await pairs.reduceByKey(add, 2).collect()
    return [first, sums, await pairs.filter(([word]) => word === 'w1').count()]
  },
  'an accumulator in an action': async sc => {
    const seen = sc.longAccumulator()
    await sc.parallelize(words, 6).foreach(() => seen.add(1), { idempotent: true })
    return seen.value
  },
  'a broadcast': async sc => {
    const names = sc.broadcast(new Map(words.map((word, i) => [word, i])))
    return sc
      .parallelize(words, 4)
      .map(word => names.value.get(word)!)
      .collect()
  },
  'jobs at once': async sc => {
    const counts = sc.parallelize(words, 4).map(one).reduceByKey(add, 3)
    return Promise.all([counts.count(), counts.values().reduce(add), counts.keys().distinct(2).count()])
  },
  'a sort': sc =>
    sc
      .parallelize(words, 4)
      .sortBy(word => word, true, 3)
      .collect(),
  'a cogroup of shuffled and plain input': async sc => {
    const left = sc.parallelize(words, 3).map(one).reduceByKey(add, 3)
    const right = sc.parallelize(words, 2).map((word): [string, string] => [word, word.toUpperCase()])
    const grouped = left.cogroup(right, 3).mapValues(([ns, texts]) => [[...ns], [...texts].length])
    return grouped.collect()
  },
}

/** What came of a job on simulated workers. */
export interface JobRun {
  readonly job: string
  /** What it gave; or the error. */
  readonly outcome: unknown
  readonly log: readonly string[]
  readonly faults: Readonly<Record<SimulatedFault, number>>
  /** Copies of slow tasks that were faster. */
  readonly copiesWon: number
}

/** Runs the job that the seed picks. Fails when something is left behind. */
export async function simulatedJob(
  seed: number,
  faults: readonly SimulatedFault[] = JOB_FAULTS,
): Promise<JobRun> {
  const world = new SimulatedWorld(seed, faults, 8)
  const machine = new SimulatedMachine(world, 'disk')
  const random = new Random(seed).fork('job')
  const names = Object.keys(jobs)
  const job = names[random.int(names.length)]!
  const life = new Incarnation(world.clock, 0)
  const failures = world.random('tasks')
  const sc = life.sparkContext({
    master: `local[${1 + random.int(4)}]`,
    conf: {
      'kindling.task.yieldAfter': '1h',
      'kindling.task.longCallWarning': '1h',
      'kindling.task.timeout': '5s',
      'spark.task.maxFailures': 20,
      'spark.speculation': random.int(2) === 0,
      'spark.speculation.quantile': 0.5,
      'spark.speculation.minTaskRuntime': '20ms',
    },
    taskHook() {
      if (world.strikes('task-failure', failures)) throw new Error('a simulated fault')
    },
    ...machine.context(life),
  })
  let copiesWon = 0
  const listener: Partial<SparkListener> = {
    onTaskEnd({ speculative, error }) {
      if (speculative && error === undefined) copiesWon++
    },
  }
  sc.addSparkListener(listener)
  const through = async <R>(work: Promise<R>): Promise<R> => {
    let settled: { readonly value: R } | { readonly error: unknown } | undefined
    const seen = work.then(
      value => void (settled = { value }),
      (error: unknown) => void (settled = { error }),
    )
    void world.clock.activity.track(seen)
    await world.clock.advance(0)
    if (settled === undefined) throw new Error('the job has not ended')
    if ('error' in settled) throw settled.error
    return settled.value
  }
  const outcome = await through(jobs[job]!(sc)).catch((error: unknown) => error)
  await through(sc.stop())
  assert.deepEqual(machine.leftBehind(), [])
  assert.equal(world.clock.activity.pending, 0)
  world.end()
  const log = world.log.map(({ time, what }) => `${time} ${what}`)
  return { job, outcome, log, faults: world.hits, copiesWon }
}
