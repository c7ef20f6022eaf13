/** What the engine costs with nothing to do: an empty batch of one and of two stages, and the way to the first result. */
import { spawnSync } from 'node:child_process'
import { SparkContext, StreamingContext } from 'kindling'
import { ManualClock } from 'kindling/testing'

/** Median time of an empty batch in ms, from its plan to the end of its output. */
export async function emptyBatch(stages: 1 | 2, batches: number): Promise<number> {
  const clock = new ManualClock(0)
  const sc = new SparkContext({ clock, master: 'local' })
  const ssc = new StreamingContext(sc, 1000)
  const ms: number[] = []
  let start = 0
  const input = ssc.inputStream<string>({
    name: 'empty',
    start() {},
    stop() {},
    plan() {
      start = performance.now()
      return { rdd: sc.parallelize<string>([], 2), numRecords: 0 }
    },
  })
  const words = input.map(word => [word, 1])
  const stream = stages === 1 ? words : words.reduceByKey((a, b) => a + b)
  stream.foreachRDD(async rdd => {
    await rdd.collect()
    ms.push(performance.now() - start)
  })
  await ssc.start()
  for (let i = 0; i < batches; i++) await clock.advance(1000)
  await ssc.stop({ stopSparkContext: true })
  return median(ms.slice(batches / 2))
}

/** Median time in ms from the start of a process to its first printed word count. */
export function firstResult(rounds: number): number {
  const program = `
    import { SparkContext } from 'kindling'
    const sc = new SparkContext()
    const counts = await sc.parallelize(['a b', 'b']).flatMap(l => l.split(' ')).map(w => [w, 1]).reduceByKey((a, b) => a + b).collect()
    process.stdout.write(JSON.stringify(counts))
    process.exit(0)`
  const ms: number[] = []
  for (let i = 0; i < rounds; i++) {
    const start = performance.now()
    // Without our own condition the built package runs, as it does for users.
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    ms.push(performance.now() - start)
    if (run.stdout !== '[["a",1],["b",2]]') throw new Error(`wrong first result: ${run.stdout}${run.stderr}`)
  }
  return median(ms)
}

/** The middle one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
