/** What threads cost and what happens to them, in figures: `npm run bench -- thread-figures`. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { threadId, Worker } from 'node:worker_threads'
import { SparkContext, type State, StateSpec, StreamingContext } from 'kindling'
import { ManualClock } from 'kindling/testing'
import { decodePairs, encodePairs } from '../src/data/codec.ts'
import { median } from './floors.ts'
import { runOurs, workloads } from './workloads.ts'

const THREADS = { 'kindling.executor': 'threads' }

function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
}

/** Batches of two stages over so many records: their times, and what is in memory after a fifth of them and at the end. */
async function smallBatches(
  batches: number,
  records: readonly string[],
): Promise<{
  readonly ms: readonly number[]
  readonly heapMb: readonly number[]
  readonly rssMb: readonly number[]
}> {
  const clock = new ManualClock(0)
  const sc = new SparkContext({ clock, master: 'local[2]', conf: THREADS })
  const ssc = new StreamingContext(sc, 1000)
  const ms: number[] = []
  let start = 0
  const input = ssc.inputStream<string>({
    name: 'small',
    start() {},
    stop() {},
    plan() {
      start = performance.now()
      return { rdd: sc.parallelize(records, 2), numRecords: records.length }
    },
  })
  input
    .map(word => [word, 1])
    .reduceByKey((a, b) => a + b, 2)
    .foreachRDD(async rdd => {
      await rdd.collect()
      ms.push(performance.now() - start)
    })
  await ssc.start()
  const heapMb: number[] = []
  const rssMb: number[] = []
  for (let i = 1; i <= batches; i++) {
    await clock.advance(1000)
    if (i % Math.floor(batches / 5) !== 0) continue
    collectGarbage()
    const { heapUsed, external, rss } = process.memoryUsage()
    heapMb.push((heapUsed + external) / 2 ** 20)
    rssMb.push(rss / 2 ** 20)
  }
  await ssc.stop({ stopSparkContext: true })
  return { ms: ms.slice(batches / 5), heapMb, rssMb }
}

/** Records from thread to thread: as objects by `postMessage`, and as a block in shared memory, ms for each. */
async function shuffleAndMessages(
  rounds: number,
): Promise<{ readonly objects: number; readonly blocks: number }> {
  const keys = Array.from({ length: 100_000 }, (_, i) => `user-${(i * 7919) % 100_003}`)
  const values = keys.map((_, i) => i)
  const pairs = keys.map((key, i) => [key, values[i]])
  const codec = new URL('../src/data/codec.ts', import.meta.url).href
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
    import(${JSON.stringify(codec)}).then(({ decodePairs }) => {
      parentPort.on('message', m => {
        const { keys, values } = m instanceof Uint8Array ? decodePairs(m) : { keys: m.map(p => p[0]), values: m.map(p => p[1]) }
        let sum = 0
        for (let i = 0; i < keys.length; i++) sum += keys[i].length + values[i]
        parentPort.postMessage(sum)
      })
      parentPort.postMessage('ready')
    })`,
    { eval: true },
  )
  const answer = (): Promise<unknown> => new Promise(resolve => worker.once('message', resolve))
  await answer()
  const timed = async (send: () => void): Promise<number> => {
    const start = performance.now()
    const answered = answer()
    send()
    await answered
    return performance.now() - start
  }
  const objects: number[] = []
  const blocks: number[] = []
  for (let i = 0; i < rounds; i++) {
    objects.push(await timed(() => worker.postMessage(pairs)))
    blocks.push(
      await timed(() => {
        const bytes = encodePairs(keys, values)
        const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
        shared.set(bytes)
        worker.postMessage(shared)
      }),
    )
  }
  if (decodePairs(encodePairs(keys, values)).keys.length !== keys.length)
    throw new Error('the codec lost keys')
  await worker.terminate()
  return { objects: median(objects.slice(3)), blocks: median(blocks.slice(3)) }
}

/** A stage of 24 tasks on four threads, one of which sleeps four times as long as each task works; ms. */
async function stragglers(slow: boolean, speculation: boolean): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-bench-'))
  const conf = { ...THREADS, 'spark.speculation': speculation, 'spark.speculation.minTaskRuntime': '10ms' }
  const sc = new SparkContext({ master: 'local[4]', conf })
  const path = join(folder, 'slow')
  const work = (slowPath: string | undefined) => (n: number) => {
    const start = performance.now()
    let sum = 0
    for (let i = 0; i < 25_000_000; i++) sum = (sum + i * n) | 0
    if (slowPath !== undefined) {
      let isSlow = false
      try {
        mkdirSync(slowPath)
        mkdirSync(`${slowPath}/${threadId}`)
        isSlow = true
      } catch {
        try {
          mkdirSync(`${slowPath}/${threadId}/again`, { recursive: false })
          rmSync(`${slowPath}/${threadId}/again`, { recursive: true })
          isSlow = true
        } catch {}
      }
      if (isSlow)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4 * (performance.now() - start))
    }
    return sum
  }
  await sc.range(0, 24, 1, 24).map(work(undefined)).collect()
  const start = performance.now()
  await sc
    .range(0, 24, 1, 24)
    .map(work(slow ? path : undefined))
    .collect()
  const ms = performance.now() - start
  await sc.stop()
  rmSync(folder, { recursive: true, force: true })
  return ms
}

/** Batches over a million keys of state; in one of them a thread ends in the middle. Ms of a usual batch, of that one and the next. */
async function lostWorker(): Promise<{
  readonly usual: number
  readonly lost: number
  readonly next: number
}> {
  const clock = new ManualClock(0)
  const sc = new SparkContext({
    clock,
    master: 'local[2]',
    conf: { ...THREADS, 'spark.default.parallelism': 4 },
  })
  const ssc = new StreamingContext(sc, 1000)
  const folder = mkdtempSync(join(tmpdir(), 'kindling-bench-'))
  const path = join(folder, 'died')
  const keys = 1_000_000
  const lossAt = 12
  let batch = 0
  let start = 0
  const ms: number[] = []
  const sizes: number[] = []
  const input = ssc.inputStream<number>({
    name: 'keys',
    start() {},
    stop() {},
    plan() {
      batch++
      start = performance.now()
      // Ten batches have all keys between them, later ones a hundred thousand each.
      const from = ((batch - 1) % 10) * (keys / 10)
      return { rdd: sc.range(from, from + keys / 10, 1, 4), numRecords: keys / 10 }
    },
  })
  const dies = `${path}`
  const counts = input
    .map(n => [`user-${n}`, 1])
    .mapWithState(
      StateSpec.function((key: string, n: number | undefined, count: State<number>) => {
        const total = (count.getOption() ?? 0) + (n ?? 0)
        count.update(total)
        if (total === 2 && key === 'user-150000') {
          try {
            mkdirSync(dies)
          } catch {
            return total
          }
          process.exit(7)
        }
        return total
      }),
    )
  counts.foreachRDD(async rdd => {
    sizes.push(await rdd.count())
    ms.push(performance.now() - start)
  })
  await ssc.start()
  for (let i = 0; i < 20; i++) await clock.advance(1000)
  await ssc.stop({ stopSparkContext: true })
  rmSync(folder, { recursive: true, force: true })
  if (sizes.some(size => size !== keys / 10)) throw new Error(`a batch lost records: ${sizes}`)
  const usual = [...ms.slice(10, lossAt - 1), ...ms.slice(lossAt + 1)]
  return { usual: median(usual), lost: ms[lossAt - 1]!, next: ms[lossAt]! }
}

/** Prints all of them. */
export async function threadFigures(): Promise<void> {
  const empty = await smallBatches(4000, [])
  console.log(
    `empty batch of two stages  median ${median(empty.ms).toFixed(2)} ms (goal 1.5), p99 ${percentile(empty.ms, 0.99).toFixed(2)} ms (goal 5)`,
  )
  const small = await smallBatches(10_000, ['a', 'b', 'a', 'c'])
  const list = (mb: readonly number[]): string => mb.map(n => n.toFixed(0)).join(', ')
  console.log(`10,000 small batches       median ${median(small.ms).toFixed(2)} ms; after each fifth`)
  console.log(`  heap and buffers ${list(small.heapMb)} MB; resident ${list(small.rssMb)} MB`)
  const { objects, blocks } = await shuffleAndMessages(20)
  console.log(
    `100 k pairs to a thread    objects ${objects.toFixed(1)} ms, block ${blocks.toFixed(1)} ms: ${(objects / blocks).toFixed(2)} × (goal 3)`,
  )
  for (const name of ['w2-352k', 'w6']) {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    await runOurs(workloads[name]!, 3, 2)
    delay.disable()
    console.log(
      `driver's event loop, ${name.padEnd(7)} delay p50 ${(delay.percentile(50) / 1e6).toFixed(1)} ms, p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms (goal 20), longest ${(delay.max / 1e6).toFixed(0)} ms`,
    )
  }
  const normal = await stragglers(false, true)
  const without = await stragglers(true, false)
  const withSpeculation = await stragglers(true, true)
  console.log(
    `one of four slowed 5 ×     ${(withSpeculation / normal).toFixed(2)} × the usual time with speculation (goal 1.5), ${(without / normal).toFixed(2)} × without`,
  )
  const { usual, lost, next } = await lostWorker()
  console.log(
    `a thread lost, 1 M keys    batch ${lost.toFixed(0)} ms, next ${next.toFixed(0)} ms, usual ${usual.toFixed(0)} ms`,
  )
}
