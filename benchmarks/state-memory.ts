/**
 * What a million keys of state take: bytes alive after a collection, above those of the same program before its first batch.
 *
 * Keys are texts of 16 characters; they come in ten batches of 100 k, and ten more batches touch a tenth of them each.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type DStream, SparkContext, type State, StateSpec, StreamingContext } from 'kindling'
import { ManualClock } from 'kindling/testing'

const KEYS = 1_000_000
const BATCH = 100_000
const MIB = 1 << 20

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function alive(): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

type Pairs = DStream<[string, number]>

/** The programs: state of a number, of a tuple, of a record. */
const programs: Readonly<Record<string, { readonly goal: number; run(pairs: Pairs): void }>> = {
  'mapWithState, number': {
    goal: 200,
    run: pairs =>
      pairs
        .mapWithState(
          StateSpec.function((_key: string, n: number | undefined, sum: State<number>) => {
            sum.update((sum.getOption() ?? 0) + (n ?? 0))
          }),
        )
        .foreachRDD(rdd => rdd.count()),
  },
  'mapWithState, tuple': {
    goal: 200,
    run: pairs =>
      pairs
        .mapWithState(
          StateSpec.function((_key: string, n: number | undefined, all: State<[number, number]>) => {
            const [count, sum] = all.getOption() ?? [0, 0]
            all.update([count + 1, sum + (n ?? 0)])
          }),
        )
        .foreachRDD(rdd => rdd.count()),
  },
  'mapWithState, record': {
    goal: 500,
    run: pairs =>
      pairs
        .mapWithState(
          StateSpec.function((key: string, n: number | undefined, all: State<Visit>) => {
            const { count, sum } = all.getOption() ?? { count: 0, sum: 0 }
            all.update({ count: count + 1, sum: sum + (n ?? 0), last: key.slice(5), isNew: count === 0 })
          }),
        )
        .foreachRDD(rdd => rdd.count()),
  },
  'updateStateByKey, number': {
    goal: 200,
    run: pairs =>
      pairs
        .updateStateByKey<number>((values, sum = 0) => values.reduce((a, b) => a + b, sum))
        .foreachRDD(rdd => rdd.count()),
  },
}

interface Visit {
  readonly count: number
  readonly sum: number
  readonly last: string
  readonly isNew: boolean
}

/** Prints a line for each program. */
export async function stateMemory(): Promise<void> {
  for (const [name, { goal, run }] of Object.entries(programs)) {
    const clock = new ManualClock(0)
    const sc = new SparkContext({ clock })
    const ssc = new StreamingContext(sc, 1000)
    let batch = 0
    const pairs = ssc.inputStream<[string, number]>({
      name: 'keys',
      start() {},
      stop() {},
      plan() {
        const first = (batch++ * BATCH) % KEYS
        const records = Array.from({ length: BATCH }, (_, i): [string, number] => [
          `user-${String((first + i) * 7919).padStart(11, '0')}`,
          1,
        ])
        return { rdd: sc.parallelize(records, 1), numRecords: BATCH }
      },
    }) as Pairs
    run(pairs)
    const before = alive()
    await ssc.start()
    for (let i = 0; i < 20; i++) await clock.advance(1000)
    const used = (alive() - before) / MIB
    await ssc.stop({ stopSparkContext: true })
    console.log(`${name.padEnd(26)} ${used.toFixed(0)} MiB alive with 1 M keys  (goal ${goal})`)
  }
}
