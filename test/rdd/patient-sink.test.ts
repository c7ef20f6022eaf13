/** Writers that fail by what passes by itself. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ExactlyOnceSink, KindlingError, SparkContext } from 'kindling'
import { ManualClock } from 'kindling/testing'
import { rejected } from '../support/rejected.ts'

/** What a sink has seen. */
interface Seen {
  /** When a writer was made, in ms. */
  readonly times: number[]
  committed: readonly unknown[]
}

/** A sink whose server is away until the clock shows so many ms. */
function sinkOver(clock: ManualClock, backAt: number, patienceMs?: number) {
  const seen: Seen = { times: [], committed: [] }
  const sink: ExactlyOnceSink<number, number[]> = {
    name: 'a server',
    guarantee: 'exactly-once',
    by: 'transaction',
    ...(patienceMs === undefined ? {} : { patienceMs }),
    writer() {
      seen.times.push(clock.now())
      const rows: number[] = []
      return {
        write(records) {
          if (clock.now() < backAt)
            throw new KindlingError('DATABASE_UNREACHABLE', { server: 's', what: 'rows', reason: 'away' })
          rows.push(...records)
        },
        prepare: () => rows,
        abort() {},
      }
    },
    committed: () => [],
    commit(_, messages) {
      seen.committed = messages.flat()
    },
    abort() {},
  }
  return { sink, seen }
}

describe('a sink that is patient', () => {
  it('has its tasks tried again, with pauses, until its server is back', async () => {
    const clock = new ManualClock()
    await using sc = new SparkContext({ master: 'local', clock })
    const { sink, seen } = sinkOver(clock, 1000, 60_000)
    const written = sc.parallelize([1, 2, 3], 1).writeTo(sink)
    await clock.advance(2000)
    await written
    assert.deepEqual(seen, { times: [0, 100, 300, 700, 1500], committed: [1, 2, 3] })
  })

  it('fails once it is no more, and at once where it never was', async () => {
    const clock = new ManualClock()
    await using sc = new SparkContext({ master: 'local', clock })
    for (const [patienceMs, times] of [
      [500, [0, 100, 300, 500]],
      [undefined, [0]],
    ] as const) {
      const began = clock.now()
      const { sink, seen } = sinkOver(clock, Number.POSITIVE_INFINITY, patienceMs)
      const failed = rejected('DATABASE_UNREACHABLE', () => sc.parallelize([1], 1).writeTo(sink))
      await clock.advance(2000)
      await failed
      assert.deepEqual(
        seen.times.map(time => time - began),
        times,
      )
    }
  })

  it('has nothing tried again when its job is cancelled', async () => {
    const clock = new ManualClock()
    await using sc = new SparkContext({ master: 'local', clock })
    const { sink, seen } = sinkOver(clock, Number.POSITIVE_INFINITY, 60_000)
    const failed = rejected('JOB_CANCELLED', () => sc.parallelize([1], 1).writeTo(sink))
    clock.schedule(150, () => sc.cancelAllJobs())
    await clock.advance(60_000)
    await failed
    assert.deepEqual(seen.times, [0, 100])
  })
})
