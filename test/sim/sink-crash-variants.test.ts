/**
 * The crash matrix of sinks where more than a crash happens: tasks on worker threads, and another number of partitions after the
 * restart. Each batch is there once and whole, with the same records.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import type { ExactlyOnceSink, Sink } from '../../src/rdd/sink/sink.ts'
import { LocalStorage } from '../../src/streaming/checkpoint/local-storage.ts'
import type { FaultPoint } from '../../src/testing/faults.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'

const batches = [['a', 'b', 'c'], [], ['b', 'b', 'd']]
const expected = new Map([
  [1000, ['a 1', 'b 1', 'c 1']],
  [2000, ['a 1', 'b 1', 'c 1']],
  [3000, ['a 1', 'b 3', 'c 1', 'd 1']],
])

type Records = string
const SINKS: Readonly<Record<string, (t: StreamTest) => Sink<Records>>> = {
  'the local file system': t => fileSink(`${t.dir}/out/sums`),
  'a storage without rename': t =>
    fileSink('sums', { storage: new LocalStorage(`${t.dir}/out`, { durable: false }) }),
}

/** Places before and after what a sink does on the driver: the rest travels to other threads, where no test can be. */
function onDriver(t: StreamTest, sink: Sink<Records>): Sink<Records> {
  const arrive = t.places()
  const once = sink as ExactlyOnceSink<Records>
  const step = async <R>(point: 'begin' | 'commit' | 'open', call: () => R | Promise<R>): Promise<R> => {
    await arrive(`sink-${point}-before`, sink.name)
    const result = await call()
    await arrive(`sink-${point}-after`, sink.name)
    return result
  }
  const watched: ExactlyOnceSink<Records> = {
    ...once,
    open: session => step('open', () => once.open?.(session)),
    begin: batch => step('begin', () => once.begin?.(batch)),
    commit: (batch, messages) => step('commit', () => once.commit(batch, messages)),
  }
  return watched
}

function build(make: (t: StreamTest) => Sink<Records>, partitions: number) {
  return (t: StreamTest): void => {
    t.input('in', batches, { partitions: 2 })
      .uid('in')
      .map(word => [word, 1])
      .updateStateByKey<number>((ones, n = 0) => n + ones.length, { partitions })
      .uid('sums')
      .checkpoint(seconds(2))
      .map(([word, n]) => `${word} ${n}`)
      .writeTo(onDriver(t, make(t)), { id: 'sums', require: 'exactly-once' })
  }
}

function visible(t: StreamTest): Map<number, string[]> {
  const folder = `${t.dir}/out`
  const seen = new Map<number, string[]>()
  for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
    const success = `${folder}/${name}/_SUCCESS`
    if (name.startsWith('.') || !existsSync(success)) continue
    const { files, batchTime } = JSON.parse(readFileSync(success, 'utf8')) as {
      readonly files: readonly string[]
      readonly batchTime: number
    }
    assert.deepEqual(readdirSync(`${folder}/${name}`).sort(), ['_SUCCESS', ...files].sort())
    const lines = files.flatMap(file => readFileSync(`${folder}/${name}/${file}`, 'utf8').split('\n'))
    seen.set(batchTime, lines.filter(line => line !== '').sort())
  }
  return seen
}

const POINTS: readonly (readonly [FaultPoint, readonly number[]])[] = [
  ['sink-open-before', [1]],
  ['sink-open-after', [1]],
  ['sink-begin-before', [1, 3]],
  ['sink-begin-after', [1, 3]],
  ['task', [2, 5, 8]],
  ['sink-commit-before', [1, 2, 3]],
  ['sink-commit-after', [1, 2, 3]],
  ['commit-before', [1, 3]],
  ['commit-after', [1, 3]],
  ['image-half', [1]],
]

const VARIANTS = [
  { title: 'on threads', conf: { 'kindling.executor': 'threads' }, after: 2 },
  { title: 'with more partitions after the restart', conf: INLINE, after: 3 },
  { title: 'with fewer partitions after the restart', conf: INLINE, after: 1 },
  {
    title: 'on threads, with more partitions after the restart',
    conf: { 'kindling.executor': 'threads' },
    after: 3,
  },
]

for (const { title, conf, after } of VARIANTS)
  for (const [kind, make] of Object.entries(SINKS)) {
    const onThreads = conf !== INLINE
    // Threads take long to start: each variant on one kind of storage, and the last arrival at each place.
    if (onThreads && (after === 2) !== (kind === 'the local file system')) continue
    describe(`output into ${kind} ${title}`, () => {
      for (const [point, numbers] of POINTS)
        for (const nth of onThreads ? numbers.slice(-1) : numbers)
          it(`survives a crash at ${point}, ${nth}`, async () => {
            await using t = new StreamTest({
              checkpointDir: true,
              master: 'local[2]',
              conf: { ...conf, 'kindling.streaming.failurePolicy': 'stop' },
              build: build(make, 2),
            })
            t.crashAt(point, { nth })
            await t.run(batches.length)
            assert.equal(t.crashed, true)
            for (const [time, lines] of visible(t)) assert.deepEqual(lines, expected.get(time))
            await t.crashAndRestart({ downFor: seconds(2), build: build(make, after) })
            await t.run(Math.max(0, batches.length - Math.floor(t.clock.now() / 1000)))
            assert.deepEqual(t.errors, [])
            assert.deepEqual(new Map([...visible(t)].filter(([time]) => expected.has(time))), expected)
          })
    })
  }
