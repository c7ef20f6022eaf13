import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'

/** A batch a second with the numbers 1, 2, 3 …; the first batch keeps the only job slot until `until`. */
function slowStart(until: number, n: number, define: (t: StreamTest) => void): StreamTest {
  return new StreamTest({
    conf: { 'kindling.streaming.maxQueuedBatches': 2 },
    build: t => {
      define(t)
      t.input(
        'gate',
        Array.from({ length: n }, () => []),
      ).foreachRDD(async (_rdd, time) => {
        if (time.milliseconds === 1000) await t.clock.sleep(until - 1000)
      })
    },
  })
}

const numbers = (n: number): number[][] => Array.from({ length: n }, (_, i) => [i + 1])

describe('batches that pile up behind a slow one', () => {
  it('at most so many wait; the next one takes the input of the ticks that passed', async () => {
    await using t = slowStart(7500, 10, t => void t.collect('out', t.input('in', numbers(10))))
    await t.run(10) // Time goes on while the first batch waits for it, so further, empty batches follow.
    // 1 runs until 7.5 s, 2 and 3 wait; 4 to 7 come as one.
    assert.deepEqual(t.out('out').times.slice(0, 7), [1000, 2000, 3000, 7000, 8000, 9000, 10_000])
    assert.deepEqual(t.out('out').batches.slice(0, 7), [[1], [2], [3], [4, 5, 6, 7], [8], [9], [10]])
  })

  it('for windows and state, merged ticks are batches without records', async () => {
    await using t = slowStart(6500, 9, t => {
      const ones = t.input('in', numbers(9)).map(n => ['sum', n])
      t.collect('window', ones.transform(rdd => rdd).window(seconds(3)))
      t.collect(
        'state',
        ones.updateStateByKey<string[]>((values, seen = [], { time }) => [...seen, `${time}:${values}`]),
      )
    })
    await t.run(9)
    assert.deepEqual(t.out('window').times.slice(0, 7), [1000, 2000, 3000, 6000, 7000, 8000, 9000])
    assert.deepEqual(
      t
        .out<[string, number]>('window')
        .batches.slice(0, 7)
        .map(batch => batch.map(([, n]) => n)),
      [[1], [1, 2], [1, 2, 3], [4, 5, 6], [4, 5, 6, 7], [4, 5, 6, 7, 8], [7, 8, 9]],
    )
    const [, seen] = t.out<[string, string[]]>('state').batches.at(-1)![0]!
    assert.deepEqual(seen.slice(0, 9), [
      '1000 ms:1',
      '2000 ms:2',
      '3000 ms:3',
      '4000 ms:',
      '5000 ms:',
      '6000 ms:4,5,6',
      '7000 ms:7',
      '8000 ms:8',
      '9000 ms:9',
    ])
  })

  it('a tick at which a longer slide is due is not merged away', async () => {
    await using t = slowStart(9500, 10, t => {
      t.collect('window', t.input('in', numbers(10)).window(seconds(2), seconds(2)))
    })
    await t.run(12)
    assert.deepEqual(t.out('window').batches.slice(0, 6), [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], []])
  })

  it('a graceful stop processes what the merged ticks hold', async () => {
    await using t = slowStart(6500, 6, t => void t.collect('out', t.input('in', numbers(6))))
    await t.run(6)
    await t.ssc.stop({ graceful: true })
    assert.deepEqual(t.out('out').batches.flat(), [1, 2, 3, 4, 5, 6])
  })
})
