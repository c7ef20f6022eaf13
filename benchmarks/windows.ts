/**
 * Cost of a slide against the length of the window: 10 k keys, every key in every batch, one batch a slide.
 *
 * `plain` adds up the window anew at each slide, as a loop over Maps would; `panes` is reduceByKeyAndWindow without an inverse,
 * `inverse` with one. The sums of all three are compared.
 */
import { SparkContext, StreamingContext } from 'kindling'
import { ManualClock } from 'kindling/testing'
import { median } from './floors.ts'

const KEYS = 10_000
const BATCHES = 12

/** What a slide costs in ms. */
interface SlideCost {
  readonly median: number
  readonly p99: number
  readonly sum: number
}

type Pair = readonly [string, number]

function batches(): Pair[][] {
  return Array.from({ length: BATCHES }, (_, b) =>
    Array.from({ length: KEYS }, (_, k): Pair => [`key-${k}`, (k * 31 + b) % 97]),
  )
}

function cost(ms: readonly number[], sum: number): SlideCost {
  const sorted = [...ms].sort((a, b) => a - b)
  return { median: median(ms), p99: sorted[Math.floor(sorted.length * 0.99)]!, sum }
}

function plain(slides: number, measured: number): SlideCost {
  const input = batches()
  const window: Map<string, number>[] = []
  const ms: number[] = []
  let sum = 0
  for (let i = 0; i < slides + measured; i++) {
    const pairs = input[i % BATCHES]!
    const start = performance.now()
    window.push(new Map(pairs))
    if (window.length > slides) window.shift()
    if (i < slides) continue
    const sums = new Map<string, number>()
    for (const pane of window) for (const [key, n] of pane) sums.set(key, (sums.get(key) ?? 0) + n)
    sum = 0
    for (const n of sums.values()) sum += n
    ms.push(performance.now() - start)
  }
  return cost(ms, sum)
}

async function engine(slides: number, measured: number, withInverse: boolean): Promise<SlideCost> {
  const clock = new ManualClock(0)
  const sc = new SparkContext({ clock })
  const ssc = new StreamingContext(sc, 1000)
  const input = batches().map(pairs => sc.parallelize(pairs, 1))
  let at = 0
  let start = 0
  let sum = 0
  const ms: number[] = []
  const pairs = ssc.inputStream<Pair>({
    name: 'pairs',
    start() {},
    stop() {},
    plan() {
      start = performance.now()
      return { rdd: input[at++ % BATCHES]!, numRecords: KEYS }
    },
  })
  const add = (a: number, b: number): number => a + b
  const length = slides * 1000
  const windows = withInverse
    ? pairs.reduceByKeyAndWindow(add, (a, b) => a - b, length)
    : pairs.reduceByKeyAndWindow(add, length)
  windows.foreachRDD(async rdd => {
    sum = await rdd.values().fold(0, add)
    if (at > slides) ms.push(performance.now() - start)
  })
  await ssc.start()
  for (let i = 0; i < slides + measured; i++) await clock.advance(1000)
  await ssc.stop({ stopSparkContext: true })
  return cost(ms, sum)
}

/** Prints a line for each window. */
export async function windowCosts(): Promise<void> {
  for (const slides of [10, 60, 600]) {
    const measured = 600
    const panes = await engine(slides, measured, false)
    const inverse = await engine(slides, measured, true)
    // The plain loop is slow for long windows: fewer slides, as many more as the batches repeat.
    const byHand = plain(slides, measured % BATCHES === 0 && slides < 600 ? 60 : 12)
    const equal = panes.sum === inverse.sum
    console.log(
      `window of ${String(slides).padStart(3)} slides  panes ${show(panes)}  inverse ${show(inverse)}  ` +
        `summed anew by hand ${byHand.median.toFixed(1)} ms  ratio ${(byHand.median / panes.median).toFixed(1)} ×` +
        `${equal ? '' : '  RESULTS DIFFER'}`,
    )
    if (!equal) throw new Error('the windows differ')
  }
}

function show({ median, p99 }: SlideCost): string {
  return `${median.toFixed(2)} ms (p99 ${p99.toFixed(1)})`
}
