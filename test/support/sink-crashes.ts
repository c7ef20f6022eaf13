/** What sinks of exactly once have in common where programs and servers fail. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  type ExactlyOnceSink,
  isKindlingError,
  type KindlingError,
  SparkContext,
  StreamingContext,
  seconds,
} from 'kindling'
import { StreamTest } from 'kindling/testing'
import { INLINE } from './backends.ts'

/** Where the words of a program go. Dispose of it. */
export interface CrashPlace extends AsyncDisposable {
  sink(): ExactlyOnceSink<[string]>
  /** In alphabetical order. */
  words(): Promise<string[]>
  /** Names of what attempts have left. */
  leftovers(): Promise<string[]>
}

const ID = 'words'
const batches = [['a', 'b', 'c'], [], ['b', 'b']]

function program(make: () => ExactlyOnceSink<[string]>): StreamTest {
  return new StreamTest({
    checkpointDir: true,
    master: 'local[2]',
    conf: INLINE,
    build: t =>
      t
        .input('in', batches, { partitions: 2 })
        .map((word): [string] => [word])
        .writeTo(t.sink(make()), { id: ID, require: 'exactly-once' }),
  })
}

/** A program that dies before and after every step of its sink: the place has each batch once, whole. */
export function sinkCrashes(open: () => Promise<CrashPlace>): void {
  const points = ['open', 'begin', 'writer', 'write', 'prepare', 'commit'] as const
  for (const point of points)
    for (const when of ['before', 'after'] as const)
      it(`survive a crash ${when} ${point}`, async () => {
        for (const nth of point === 'open' ? [1] : [1, 3]) {
          await using place = await open()
          const sinks: ExactlyOnceSink<[string]>[] = []
          const sink = (): ExactlyOnceSink<[string]> => sinks[sinks.push(place.sink()) - 1]!
          await using t = program(sink)
          t.crashAt(`sink-${point}-${when}`, { nth })
          await t.run(batches.length)
          assert.equal(t.crashed, true, `${nth}`)
          await t.crashAndRestart({ downFor: seconds(2) })
          await t.run(Math.max(0, batches.length - Math.floor(t.clock.now() / 1000)))
          assert.deepEqual(t.errors, [])
          assert.deepEqual(await place.leftovers(), [])
          assert.deepEqual(await place.words(), batches.flat().sort())
          // Programs that are dead here are not with their process: their connections are still there.
          for (const { close } of sinks) await close?.({ program: '', operatorId: ID, epoch: 0 })
        }
      })
}

/** A sink whose server is not there waits for it, until nobody waits for the sink any more. */
export async function stopsWaiting(make: (patience: '10 min') => ExactlyOnceSink<[string]>): Promise<void> {
  const token = { program: 'p', operatorId: 'o', epoch: 1, batchTime: 1000 }
  const isCancelled = (error: unknown): boolean => isKindlingError(error, 'JOB_CANCELLED')
  const sink = make('10 min')
  const committed = assert.rejects(Promise.resolve(sink.commit(token, [])), isCancelled)
  const cancel = new AbortController()
  const writer = await sink.writer({ ...token, partition: 0, attempt: 0 }, { signal: cancel.signal })
  const written = assert.rejects(Promise.resolve(writer.write([['a']])), isCancelled)
  cancel.abort()
  await written
  await writer.abort()
  await sink.close?.(token)
  await committed
  await stopsOpening(make('10 min'))
}

/** A program that is stopped while its sink still waits in `open`. */
async function stopsOpening(sink: ExactlyOnceSink<[string]>): Promise<void> {
  const opening = Promise.withResolvers<void>()
  const watched: ExactlyOnceSink<[string]> = {
    ...sink,
    open(session) {
      opening.resolve()
      return sink.open?.(session)
    },
  }
  const ssc = new StreamingContext({ batchDuration: seconds(1) })
  ssc.queueStream<[string]>([]).writeTo(watched)
  const started = ssc.start()
  await opening.promise
  await ssc.stop()
  await started
  assert.equal(ssc.getState(), 'stopped')
}

/** The error that a write ends with. */
export async function failureOf(sink: ExactlyOnceSink<[string]>): Promise<KindlingError> {
  const sc = new SparkContext({ master: 'local[2]' })
  try {
    await sc.parallelize<[string]>([['a']], 1).writeTo(sink)
  } catch (error) {
    assert.ok(isKindlingError(error), String(error))
    return error
  } finally {
    await sc.stop()
  }
  throw new assert.AssertionError({ message: 'the write was expected to fail' })
}
