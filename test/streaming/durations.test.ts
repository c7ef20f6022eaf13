import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'

type Pairs = DStream<[string, number]>
const add = (a: number, b: number): number => a + b

/** Every window operator, as a function of window and slide. */
const operators: Record<string, (stream: Pairs, window: number, slide?: number) => unknown> = {
  window: (s, w, d) => s.window(w, d),
  reduceByWindow: (s, w, d) => s.map(([, n]) => n).reduceByWindow(add, w, d),
  'reduceByWindow with inverse': (s, w, d) => s.map(([, n]) => n).reduceByWindow(add, add, w, d),
  countByWindow: (s, w, d) => s.countByWindow(w, d),
  countByValueAndWindow: (s, w, d) => s.countByValueAndWindow(w, d),
  groupByKeyAndWindow: (s, w, d) => s.groupByKeyAndWindow(w, d),
  reduceByKeyAndWindow: (s, w, d) => s.reduceByKeyAndWindow(add, w, d),
  'reduceByKeyAndWindow with inverse': (s, w, d) => s.reduceByKeyAndWindow(add, add, w, d),
}

describe('window and slide durations', () => {
  for (const [name, define] of Object.entries(operators))
    it(`${name}: must be positive multiples of the parent's slide`, async () => {
      await using t = new StreamTest({
        build: t => void t.collect('out', t.input<[string, number]>('in', [])),
      })
      const stream: Pairs = t.input('pairs', [])
      for (const window of [1500, 500, 0])
        assert.throws(() => define(stream, window, 1000), {
          code: 'INVALID_WINDOW',
          message: new RegExp(
            `window duration of the windowed stream is ${window} ms, .*multiple .* 1000 ms`,
          ),
        })
      for (const slide of [1500, 500, 0])
        assert.throws(() => define(stream, 3000, slide), {
          code: 'INVALID_SLIDE',
          message: new RegExp(`slide duration of the windowed stream is ${slide} ms, .*multiple .* 1000 ms`),
        })
      assert.throws(() => define(stream, 3, 1000), {
        code: 'INVALID_DURATION',
        message: /did you mean seconds\(3\)/,
      })
      assert.throws(() => define(stream, -1000), { code: 'INVALID_DURATION' })
    })

  it('a window over a window stands on its slide', async () => {
    await using t = new StreamTest({ build: t => void t.collect('out', t.input('in', [])) })
    const every2 = t.input('more', []).window(seconds(4), seconds(2))
    assert.throws(() => every2.window(seconds(3)), { code: 'INVALID_WINDOW', message: /2000 ms/ })
    assert.throws(() => every2.window(seconds(4), seconds(3)), { code: 'INVALID_SLIDE', message: /2000 ms/ })
    assert.equal(every2.window(seconds(4)).slideDuration.milliseconds, 2000)
  })

  it('a window shorter than its slide is allowed, texts and Durations too', async () => {
    await using t = new StreamTest({ build: t => void t.collect('out', t.input('in', [])) })
    const stream = t.input('more', [])
    assert.equal(stream.window('1s', '5s').slideDuration.milliseconds, 5000)
    assert.equal(stream.window(seconds(2), 4000).slideDuration.milliseconds, 4000)
  })

  it('the slide is the parent’s own unless given', async () => {
    await using t = new StreamTest({ build: t => void t.collect('out', t.input('in', [])) })
    assert.equal(t.input('more', []).window(seconds(3)).slideDuration.milliseconds, 1000)
  })
})
