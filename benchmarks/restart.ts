/**
 * What checkpoints cost, and what they give: `npm run bench -- restart`.
 *
 *   restart   a million keys of mapWithState state (texts of 16 characters, a number each), saved in one image; then a new context over
 *             the same directory, from its making to the end of its first batch, whose result is checked
 *   cost      a batch of 100 k records over 100 k keys with and without a checkpoint directory, from the tick to its end; files are brought to the disk,
 *             and every tenth batch begins an image in the background
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DStream, SparkContext, type State, StateSpec, StreamingContext, seconds } from 'kindling'
import { ManualClock } from 'kindling/testing'
import { median } from './floors.ts'

const KEYS = 1_000_000
const BATCH = 100_000
const FILLED = KEYS / BATCH

/** Prints the figures; `rounds` restarts. */
export async function restartCosts(rounds: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'kindling-restart-'))
  try {
    const directory = join(dir, 'checkpoint')
    await filled(directory)
    const bytes = sizeOf(directory)
    const starts: number[] = []
    const firsts: number[] = []
    for (let round = 0; round < rounds; round++) {
      const { startMs, firstMs } = await restarted(directory, FILLED + 1 + round)
      starts.push(startMs)
      firsts.push(startMs + firstMs)
    }
    console.log(
      `restart, 1 M keys        ${median(firsts).toFixed(0)} ms to the end of the first batch, ${median(starts).toFixed(0)} of them start()  (goal 500)`,
    )
    console.log(
      `size of 1 M keys         ${(bytes / (1 << 20)).toFixed(1)} MiB, ${(bytes / KEYS).toFixed(1)} bytes a key`,
    )
    await costOfBatches(dir, rounds)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

type Pairs = DStream<[string, number]>

const keyOf = (i: number): string => `user-${String(((i % KEYS) * 7919) % 99_999_999_977).padStart(11, '0')}`

/** A program whose batch at n seconds has `size` records from key `first(n)` on; counts its keys if `counts` is there. */
function program(
  clock: ManualClock | undefined,
  directory: string | undefined,
  input: { readonly size: number; first(n: number): number },
  counts?: number[],
): { ssc: StreamingContext; sc: SparkContext } {
  const sc = new SparkContext(clock === undefined ? {} : { clock })
  const ssc = new StreamingContext(sc, clock === undefined ? INTERVAL_MS : seconds(1))
  if (directory !== undefined) ssc.checkpoint(directory)
  const records = (n: number): [string, number][] =>
    Array.from({ length: input.size }, (_, i): [string, number] => [keyOf(input.first(n) + i), 1])
  const stream = ssc.inputStream<[string, number]>({
    name: 'keys',
    start() {},
    stop() {},
    plan: ({ milliseconds }) => ({
      rdd: sc.parallelize(records(milliseconds / 1000), 1),
      numRecords: input.size,
    }),
    describe: ({ milliseconds }) => milliseconds,
    restore: (_, time) => () => sc.parallelize(records((time as number) / 1000), 1),
  }) as Pairs
  const mapped = stream.uid('in').mapWithState(
    StateSpec.function((_key: string, n: number | undefined, sum: State<number>) => {
      const total = (sum.getOption() ?? 0) + (n ?? 0)
      sum.update(total)
      return total
    }),
  )
  const states = mapped.stateSnapshots().uid('sums')
  if (counts === undefined) mapped.foreachRDD(async rdd => void (await rdd.count()))
  else
    mapped.foreachRDD(async rdd => {
      counts.push(await rdd.reduce((a, b) => a + b))
    })
  if (directory !== undefined) states.checkpoint(clock === undefined ? 10 * INTERVAL_MS : seconds(10))
  return { ssc, sc }
}

async function filled(directory: string): Promise<void> {
  const clock = new ManualClock(0)
  const { ssc } = program(clock, directory, { size: BATCH, first: n => (n - 1) * BATCH })
  await ssc.start()
  for (let i = 0; i < FILLED; i++) await clock.advance(1000)
  await ssc.stop({ stopSparkContext: true })
}

/** From a context that is made to the end of its first batch, at `n` seconds, which touches 1,000 keys again. */
async function restarted(directory: string, n: number): Promise<{ startMs: number; firstMs: number }> {
  const clock = new ManualClock((n - 1) * 1000)
  const counts: number[] = []
  const begin = performance.now()
  // Keys that no earlier round has touched.
  const { ssc } = program(clock, directory, { size: 1000, first: second => second * 1000 }, counts)
  await ssc.start()
  const started = performance.now()
  await clock.advance(1000)
  const ended = performance.now()
  await ssc.stop({ stopSparkContext: true })
  // Each key had one record before.
  if (counts.at(-1) !== 2000) throw new Error(`the first batch after the restart gave ${counts}, not 2000`)
  return { startMs: started - begin, firstMs: ended - started }
}

async function costOfBatches(dir: string, rounds: number): Promise<void> {
  const costs: number[] = []
  const shares: number[] = []
  for (let round = 0; round < rounds; round++) {
    const without = await batchMs(undefined)
    const saved = await batchMs(join(dir, `cost-${round}`))
    costs.push(saved - without)
    shares.push((saved - without) / without)
  }
  const all = shares.map(share => (share * 100).toFixed(1)).join(', ')
  console.log(
    `checkpoint cost          ${median(costs).toFixed(1)} ms a batch of 100 k records, ${(median(shares) * 100).toFixed(1)} % of its time (${all})  (goal 5 %)`,
  )
}

const INTERVAL_MS = 300

/**
 * From the tick to the end of the last output, on the machine's own clock, so that images are made in the background as they are in
 * programs: the mean of thirty batches, after ten.
 */
async function batchMs(directory: string | undefined): Promise<number> {
  const input = { size: BATCH, first: () => 0 }
  const { ssc } = program(undefined, directory, input)
  const times: number[] = []
  const enough = Promise.withResolvers<void>()
  ssc.addStreamingListener({
    onBatchCompleted({ batchInfo: { batchTime, processingEndTime } }) {
      times.push(processingEndTime! - batchTime.milliseconds)
      if (times.length === 40) enough.resolve()
    },
  })
  await ssc.start()
  await enough.promise
  await ssc.stop({ stopSparkContext: true })
  return times.slice(10).reduce((a, b) => a + b, 0) / 30
}

function sizeOf(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  return bytes
}
