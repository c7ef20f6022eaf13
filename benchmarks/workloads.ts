/**
 * The work, twice: as a careful hand-written loop on one thread, and as an ordinary program on the engine. Both give a digest for
 * each batch; equal digests are part of the result.
 */
import { readFileSync } from 'node:fs'
import { type DStream, SparkContext, type State, StateSpec, StreamingContext } from 'kindling'
import { ManualClock } from 'kindling/testing'
import { digestOf, fold, mix } from './digest.ts'
import { ads, type Input, NEEDLE, textInput, updateInput, ysbInput } from './generate.ts'

/** The time of each batch in ms, and the digest of all. */
export interface Measured {
  readonly ms: readonly number[]
  readonly digest: number
}

type Counts = Map<string, number>
type Pair = readonly [string, number]

/** A workload: its input and the two programs. `plain` gives a function of a file. */
export interface Workload {
  readonly title: string
  /** Least ratio to the plain loop; 0.9 when left out. */
  readonly goal?: number
  input(): Input
  plain(): (file: string) => number
  /** The plain loop without its table, where the engine's own part is to be told from the rest. */
  bare?(): (file: string) => number
  ours(lines: DStream<string>, done: (digest: number) => void): void
}

function linesOf(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  lines.pop()
  return lines
}

function add(counts: Counts, key: string, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n)
}

function wordCount(file: string): Counts {
  const counts: Counts = new Map()
  for (const line of linesOf(file)) for (const word of line.split(' ')) add(counts, word, 1)
  return counts
}

const byCount = (a: Pair, b: Pair): number => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)
const topDigest = (top: readonly Pair[]): number =>
  top.reduce((h, [k, n], i) => (h + Math.imul(mix(k, n), i + 1)) | 0, 0)

const words = (lines: DStream<string>): DStream<[string, number]> =>
  lines.flatMap(line => line.split(' ')).map(word => [word, 1])

const wordCounts = (input: () => Input, title: string): Workload => ({
  title,
  input,
  plain: () => file => digestOf(wordCount(file)),
  ours: (lines, done) =>
    words(lines)
      .reduceByKey((a, b) => a + b)
      .foreachRDD(async rdd => done(digestOf(await rdd.collect()))),
})

const SIZES = { '10k': 10_000, '100k': 100_000, '1m': 1_000_000 }

const runningCount = StateSpec.function((key: string, n: number | undefined, count: State<number>) => {
  const total = (count.getOption() ?? 0) + (n ?? 0)
  count.update(total)
  return [key, total]
})

/** State of one number a key; 100 k updates a batch. */
function stateWorkloads(): Record<string, Workload> {
  const all: Record<string, Workload> = {}
  for (const [name, keys] of Object.entries(SIZES)) {
    const input = (): Input => updateInput(keys)
    all[`w5a-${name}`] = {
      goal: keys < 1_000_000 ? 0.6 : 1,
      title: `mapWithState, a running count for every record, ${name} keys`,
      input,
      plain: () => {
        const state: Counts = new Map()
        return file => {
          const out: Pair[] = []
          for (const key of linesOf(file)) {
            const n = (state.get(key) ?? 0) + 1
            state.set(key, n)
            out.push([key, n])
          }
          return digestOf(out)
        }
      },
      bare: () => file => digestOf(linesOf(file).map(key => [key, 1] as const)),
      ours: (lines, done) =>
        lines
          .map(key => [key, 1])
          .mapWithState(runningCount)
          .foreachRDD(async rdd => done(digestOf(await rdd.collect()))),
    }
    all[`w5b-${name}`] = {
      goal: 0.5,
      title: `updateStateByKey, the sum over all ${name} keys`,
      input,
      plain: () => {
        const state: Counts = new Map()
        return file => {
          for (const key of linesOf(file)) add(state, key, 1)
          let sum = 0
          for (const n of state.values()) sum = (sum + n) | 0
          return fold(sum, state.size)
        }
      },
      ours: (lines, done) =>
        lines
          .map(key => [key, 1])
          .updateStateByKey<number>((values, count = 0) => {
            let total = count
            for (const n of values) total += n
            return total
          })
          .foreachRDD(async rdd => {
            const [sum, size] = await rdd.aggregate<[number, number]>(
              [0, 0],
              (all, [, n]) => {
                all[0] = (all[0] + n) | 0
                all[1]++
                return all
              },
              (a, b) => [(a[0] + b[0]) | 0, a[1] + b[1]],
            )
            done(fold(sum, size))
          }),
    }
    all[`w5c-${name}`] = {
      goal: keys < 1_000_000 ? 0.6 : 1,
      title: `running counts of the keys that a batch touched, ${name} keys`,
      input,
      plain: () => {
        const state: Counts = new Map()
        return file => {
          const touched = new Set<string>()
          for (const key of linesOf(file)) {
            add(state, key, 1)
            touched.add(key)
          }
          return digestOf([...touched].map(key => [key, state.get(key)!] as const))
        }
      },
      ours: (lines, done) =>
        lines
          .map(key => [key, 1])
          .reduceByKey((a, b) => a + b)
          .mapWithState(runningCount)
          .foreachRDD(async rdd => done(digestOf(await rdd.collect()))),
    }
  }
  return all
}

/** By name. */
export const workloads: Readonly<Record<string, Workload>> = {
  w1: {
    title: 'grep: lines with a word that 1 % have',
    input: () => textInput('text10k', 10, 100_000),
    plain: () => file => {
      const found: Pair[] = []
      for (const line of linesOf(file)) if (line.includes(NEEDLE)) found.push([line, 1])
      return digestOf(found)
    },
    ours: (lines, done) =>
      lines
        .filter(line => line.includes(NEEDLE))
        .foreachRDD(async rdd => done(digestOf((await rdd.collect()).map(line => [line, 1] as const)))),
  },
  'w2-10k': wordCounts(
    () => textInput('text10k', 10, 100_000),
    'word count of each batch, 10 k different words',
  ),
  'w2-352k': wordCounts(
    () => textInput('text352k', 10, 100_000),
    'word count of each batch, 352 k different words in all',
  ),
  w3: {
    title: 'ten most frequent words of a window of 30 batches, with inverse',
    input: () => textInput('text10k', 60, 25_000),
    plain: () => {
      const window: Counts = new Map()
      const slides: Counts[] = []
      return file => {
        const counts = wordCount(file)
        slides.push(counts)
        for (const [word, n] of counts) add(window, word, n)
        if (slides.length > 30)
          for (const [word, n] of slides.shift()!) {
            const left = window.get(word)! - n
            if (left > 0) window.set(word, left)
            else window.delete(word)
          }
        return topDigest([...window].sort(byCount).slice(0, 10))
      }
    },
    ours: (lines, done) =>
      words(lines)
        .reduceByKeyAndWindow(
          (a, b) => a + b,
          (a, b) => a - b,
          30_000,
          1000,
          { filter: ([, n]) => n > 0 },
        )
        .foreachRDD(async rdd => done(topDigest((await rdd.collect()).sort(byCount).slice(0, 10)))),
  },
  ...stateWorkloads(),
  w6: {
    title: 'Yahoo benchmark: views by campaign and 10 s of record time, JSON.parse',
    input: () => ysbInput(10, 50_000),
    plain: () => {
      const campaignOf = ads()
      return file => {
        const counts: Counts = new Map()
        for (const line of linesOf(file)) {
          const event = JSON.parse(line) as Event
          if (event.event_type === 'view') add(counts, windowKey(campaignOf, event), 1)
        }
        return digestOf(counts)
      }
    },
    ours: (lines, done) => {
      const campaignOf = ads()
      lines
        .map(line => JSON.parse(line) as Event)
        .filter(event => event.event_type === 'view')
        .map(event => [windowKey(campaignOf, event), 1])
        .reduceByKey((a, b) => a + b)
        .foreachRDD(async rdd => done(digestOf(await rdd.collect())))
    },
  },
}

/** What threads are measured by, besides some of the above. */
export const threadWorkloads: Record<string, Workload> = {
  w8: {
    title: 'shuffle of records of 1 kB, grouped by key',
    input: () => ysbInput(10, 50_000),
    plain: () => file => digestOf(sizes(linesOf(file))),
    ours: (lines, done) =>
      lines
        .map(line => [line.slice(10, 14), line.padEnd(1000, '.')])
        .groupByKey()
        .mapValues(group => group.reduce((sum, text) => sum + text.length, 0))
        .foreachRDD(async rdd => done(digestOf(await rdd.collect()))),
  },
}

function sizes(lines: readonly string[]): Counts {
  const counts: Counts = new Map()
  for (const line of lines) add(counts, line.slice(10, 14), line.padEnd(1000, '.').length)
  return counts
}

interface Event {
  readonly ad_id: string
  readonly event_type: string
  readonly event_time: string
}

function windowKey(campaignOf: ReadonlyMap<string, string>, event: Event): string {
  return `${campaignOf.get(event.ad_id)}@${Math.floor(+event.event_time / 10_000)}`
}

/** The hand-written loop, with its table or without. */
export function runPlain(workload: Workload, passes: number, loop: 'plain' | 'bare' = 'plain'): Measured {
  const batch = loop === 'bare' ? workload.bare!() : workload.plain()
  const ms: number[] = []
  let digest = 0
  for (const file of repeated(workload, passes)) {
    const start = performance.now()
    digest = fold(digest, batch(file))
    ms.push(performance.now() - start)
  }
  return { ms, digest }
}

/**
 * The engine: one file a batch, timed from the batch's plan to the end of its output.
 *
 * @param workers threads; 0: the program's own
 */
export async function runOurs(workload: Workload, passes: number, workers = 0): Promise<Measured> {
  const clock = new ManualClock(0)
  const onThreads = { 'kindling.executor': 'threads', 'spark.default.parallelism': 2 }
  const sc = new SparkContext(
    workers === 0 ? { clock } : { clock, master: `local[${workers}]`, conf: onThreads },
  )
  // The same tasks for any number of threads: small ones, so that nobody waits long for the last.
  const partitions = workers === 0 ? undefined : 6
  const ssc = new StreamingContext(sc, 1000)
  const files = repeated(workload, passes)
  const ms: number[] = []
  let digest = 0
  let start = 0
  let at = 0
  const lines = ssc.inputStream<string>({
    name: 'files',
    start() {},
    stop() {},
    plan() {
      start = performance.now()
      return { rdd: sc.textFile(files[at++]!, partitions), numRecords: 0 }
    },
  })
  workload.ours(lines, batch => {
    ms.push(performance.now() - start)
    digest = fold(digest, batch)
  })
  await ssc.start()
  for (let i = 0; i < files.length; i++) await clock.advance(1000)
  await ssc.stop({ stopSparkContext: true })
  return { ms, digest }
}

function repeated(workload: Workload, passes: number): string[] {
  const { files } = workload.input()
  return Array.from({ length: passes }, () => files).flat()
}
