import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Pane, PaneWindow } from '../../src/streaming/state/pane-window.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { runs } from '../support/runs.ts'

const concat = (a: unknown, b: unknown): unknown => (a as string) + (b as string)

function pane(time: number, content: Readonly<Record<number, unknown>>): Pane {
  const slots = Int32Array.from(Object.keys(content), Number)
  return { time, slots, values: Object.values(content) }
}

describe('PaneWindow', () => {
  it('is the reduction, in order of time, of what is in the window (property)', () => {
    const contents = fc.array(fc.dictionary(fc.nat({ max: 5 }).map(String), fc.string({ maxLength: 2 })), {
      maxLength: 40,
    })
    fc.assert(
      fc.property(contents, fc.integer({ min: 1, max: 9 }), (panes, length) => {
        const window = new PaneWindow(concat, length)
        panes.forEach((content, time) => {
          window.insert(pane(time, content))
          if (window.content.length > length) window.evict()
          for (let slot = 0; slot < 6; slot++) {
            const inside = panes
              .slice(Math.max(0, time + 1 - length), time + 1)
              .map(p => p[slot])
              .filter(text => text !== undefined)
            assert.equal(window.has(slot), inside.length > 0)
            if (inside.length > 0) assert.equal(window.result(slot), inside.join(''))
          }
        })
      }),
      { numRuns: runs },
    )
  })

  for (const length of [10, 60, 600])
    it(`calls reduce about three times a value, and at no slide many times more: ${length} slides`, () => {
      const keys = 200
      let calls = 0
      const window = new PaneWindow((a, b) => {
        calls++
        return (a as number) + (b as number)
      }, length)
      const content = Object.fromEntries(Array.from({ length: keys }, (_, slot) => [slot, 1]))
      const perSlide: number[] = []
      for (let time = 0; time < 4 * length; time++) {
        calls = 0
        window.insert(pane(time, content))
        if (window.content.length > length) window.evict()
        for (let slot = 0; slot < keys; slot++) assert.equal(window.result(slot), Math.min(time + 1, length))
        perSlide.push(calls)
      }
      const settled = perSlide.slice(2 * length)
      const mean = settled.reduce((a, b) => a + b) / settled.length
      assert.ok(mean <= 3.2 * keys, `${mean / keys} calls a key and slide`)
      // Without taking turns one slide would cost `length` calls for each key.
      const most = Math.max(...settled)
      assert.ok(most <= 2 * keys + keys * Math.max(4, length / 8), `${most / keys} calls a key in one slide`)
    })

  it('a function that changes its arguments in place harms nothing', () => {
    const window = new PaneWindow((a, b) => {
      ;(a as number[]).push(...(b as number[]))
      return a
    }, 3)
    for (let time = 0; time < 20; time++) {
      window.insert(pane(time, { 0: [time] }))
      if (window.content.length > 3) window.evict()
      const expected = [time - 2, time - 1, time].filter(n => n >= 0)
      assert.deepEqual(window.result(0), expected)
      assert.deepEqual(window.result(0), expected)
    }
  })
})

describe('reduceByKeyAndWindow without an inverse', () => {
  type Pair = [string, string]
  const given: readonly (readonly Pair[] | null)[] = [
    [['a', '1']],
    [
      ['b', '2'],
      ['a', '3'],
    ],
    null,
    [['a', '4']],
    [],
    [['c', '5']],
  ]

  it('a failing reduction leaves the window as it was', async () => {
    let fail = false
    await using t = new StreamTest({
      build: t => {
        const input = t.input<Pair>('in', given)
        t.collect(
          'out',
          input.reduceByKeyAndWindow((a, b) => {
            if (fail) throw new Error('not now')
            return a + b
          }, '4s'),
        )
      },
    })
    await t.run(3)
    fail = true
    await t.run(1, { collectErrors: true })
    assert.match(t.errors[0]!.message, /not now.*reduceByKeyAndWindow/)
    fail = false
    await t.run(2)
    assert.deepEqual(t.out('out').batches.slice(-2), [
      [
        ['a', '34'],
        ['b', '2'],
      ],
      [
        ['a', '4'],
        ['c', '5'],
      ],
    ])
  })

  it('keys that come and go by the thousand leave no trace', async () => {
    const batches = Array.from({ length: 30 }, (_, i) =>
      Array.from({ length: 500 }, (_, k): [number, number] => [i * 500 + k, 1]),
    )
    await using t = new StreamTest({
      build: t =>
        void t.collect(
          'out',
          t.input('in', batches).reduceByKeyAndWindow((a, b) => a + b, '3s', '1s', 2),
        ),
    })
    await t.run(31)
    const sizes = t.out('out').batches.map(batch => batch.length)
    assert.deepEqual(sizes.slice(0, 4), [500, 1000, 1500, 1500])
    assert.deepEqual(sizes.slice(-2), [1500, 1000])
    const last = t
      .out<[number, number]>('out')
      .batches[29]!.map(([key]) => key)
      .sort((a, b) => a - b)
    assert.deepEqual([last[0], last.at(-1)], [13_500, 14_999])
  })
})
