/**
 * One program for as many batches of virtual time as are asked for: state, time-outs, windows of both kinds, dead letters, a sink of exactly
 * once, and a checkpoint directory. What it holds is measured in between: bytes alive, files, open files, timers.
 *
 *   npm run soak [-- BATCHES]      100,000 unless told otherwise
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ManualClock } from '../../src/base/clock.ts'
import { seconds } from '../../src/base/time.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { ExactlyOnceSink } from '../../src/rdd/sink/sink.ts'
import { LocalStorage } from '../../src/streaming/checkpoint/local-storage.ts'
import type { InputSource } from '../../src/streaming/input-source.ts'
import { type State, StateSpec } from '../../src/streaming/state/state-spec.ts'
import { StreamingContext } from '../../src/streaming/streaming-context.ts'

/** What the process holds at a moment. */
export interface Held {
  readonly batch: number
  readonly heapMiB: number
  readonly files: number
  readonly openFiles: number
  readonly resources: number
}

/** What was seen. */
export interface SoakResult {
  readonly measures: readonly Held[]
  /** Batches that the sink has. */
  readonly committed: number
  readonly letters: number
}

const KEYS = 200

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** @param measured how often it is looked at what the process holds */
export async function soak(batches: number, measured = 10): Promise<SoakResult> {
  const dir = mkdtempSync(join(tmpdir(), 'kindling-soak-'))
  const clock = new ManualClock(0)
  const sc = new SparkContext({ clock, master: 'local' })
  try {
    const ssc = new StreamingContext(sc, seconds(1))
    ssc.checkpoint(new LocalStorage(`${dir}/checkpoint`, { durable: false }))
    const totals = { committed: 0, letters: 0 }
    const bad = ssc.deadLetters(
      counting(n => void (totals.letters += n)),
      { id: 'bad' },
    )
    const pairs = ssc
      .inputStream(numbers(sc))
      .uid('in')
      .map(
        n => {
          if (n % 97 === 0) throw new Error('bad')
          return [`key-${n % KEYS}`, 1] as [string, number]
        },
        { onError: bad },
      )
    const counts = pairs.updateStateByKey<number>((ones, sum = 0) => sum + ones.length).uid('counts')
    counts.writeTo(
      counting(() => void totals.committed++),
      { id: 'counts', require: 'exactly-once' },
    )
    const recent = (_: string, n: number | undefined, state: State<number>): void => {
      if (n !== undefined) state.update(n)
    }
    pairs.mapWithState(StateSpec.function(recent).timeout(seconds(20))).foreachRDD(rdd => rdd.count())
    pairs
      .reduceByKeyAndWindow(
        (a, b) => a + b,
        (a, b) => a - b,
        seconds(10),
      )
      .foreachRDD(rdd => rdd.count())
    pairs
      .reduceByKeyAndWindow((a, b) => Math.max(a, b), seconds(10), seconds(2))
      .foreachRDD(rdd => rdd.count())
    await ssc.start()
    const measures: Held[] = []
    const step = Math.max(1, Math.floor(batches / measured))
    for (let batch = 1; batch <= batches; batch++) {
      await clock.advance(1000)
      if (batch % step === 0) measures.push(held(batch, dir))
    }
    await ssc.stop()
    return { measures, ...totals }
  } finally {
    await sc.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Five numbers a batch, by its time: planned again, they are the same. */
function numbers(sc: SparkContext): InputSource<number> {
  const of = (time: number): number[] => Array.from({ length: 5 }, (_, i) => (time / 1000) * 5 + i)
  return {
    name: 'numbers',
    start() {},
    stop() {},
    plan: ({ milliseconds }) => ({ rdd: sc.parallelize(of(milliseconds), 1), numRecords: 5 }),
    describe: ({ milliseconds }) => milliseconds,
    restore: (_, time) => () => sc.parallelize(of(time as number), 1),
  }
}

/** A sink of exactly once that counts. */
function counting(onCommit: (records: number) => void): ExactlyOnceSink<unknown, number> {
  return {
    name: 'a counter',
    guarantee: 'exactly-once',
    by: 'transaction',
    writer() {
      let n = 0
      return {
        write: records => {
          n += records.length
        },
        prepare: () => n,
        abort() {},
      }
    },
    committed: () => [],
    commit: (_, counts) => onCommit(counts.reduce((a, b) => a + b, 0)),
    abort() {},
  }
}

function held(batch: number, dir: string): Held {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return {
    batch,
    heapMiB: (heapUsed + external) / (1 << 20),
    files: readdirSync(dir, { recursive: true }).length,
    openFiles: openFiles(),
    resources: process.getActiveResourcesInfo().length,
  }
}

/** Where the system tells. */
function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}
