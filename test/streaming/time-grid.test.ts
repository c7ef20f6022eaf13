/** Times of batches, also of programs whose batch interval has changed. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Era, everyBatch, TimeGrid } from '../../src/streaming/time-grid.ts'
import { runs } from '../support/runs.ts'

/** Of 1 s up to 7 s, then of 2 s. */
function changed(): TimeGrid {
  const grid = TimeGrid.starting(0, 1000).changedTo(2000)
  grid.begin(7000)
  return grid
}

describe('TimeGrid', () => {
  it('has the times of each interval', () => {
    assert.deepEqual(changed().within(4000, 12_000, everyBatch), [5000, 6000, 7000, 8000, 10_000, 12_000])
    assert.deepEqual(
      changed().within(0, 13_000, () => 4000),
      [4000, 8000, 12_000],
    )
    assert.equal(changed().before(8000, everyBatch), 7000)
    assert.equal(changed().before(1000, everyBatch), 0)
    assert.equal(changed().isValid(9000, everyBatch), false)
  })

  it('has those of before until the other interval begins', () => {
    const grid = TimeGrid.starting(0, 1000).changedTo(2000)
    assert.deepEqual(grid.within(0, 3000, everyBatch), [1000, 2000, 3000])
    assert.deepEqual(grid.newest.batchMs, 2000)
    grid.begin(2000)
    assert.deepEqual(grid.within(0, 5000, everyBatch), [1000, 2000, 4000])
    grid.begin(4000)
    assert.deepEqual(grid.within(0, 5000, everyBatch), [1000, 2000, 4000], 'it begins once')
  })

  it('has batches at multiples of their interval, and slides where they were as far as that goes', () => {
    const even = TimeGrid.starting(6000, 1000).changedTo(2000)
    even.begin(9000)
    assert.deepEqual(
      even.within(6000, 20_000, () => 4000),
      [10_000, 14_000, 18_000],
    )
    const odd = TimeGrid.starting(7000, 1000).changedTo(2000)
    odd.begin(9000)
    assert.deepEqual(odd.within(9000, 14_000, everyBatch), [10_000, 12_000, 14_000])
  })

  it('forgets an interval of which there was no batch, and those that are over', () => {
    const grid = TimeGrid.starting(0, 1000).changedTo(2000)
    grid.begin(7000)
    const back = new TimeGrid(grid.eras).changedTo(1000)
    back.begin(7000)
    assert.deepEqual(
      back.eras.map(({ batchMs }) => batchMs),
      [1000, 1000],
    )
    assert.deepEqual(
      grid.since(6999).map(({ batchMs }) => batchMs),
      [1000, 2000],
    )
    assert.deepEqual(
      grid.since(7000).map(({ batchMs }) => batchMs),
      [2000],
    )
  })

  it('counts as one does by hand', () => {
    const interval = fc.integer({ min: 1, max: 5 })
    const change = fc.record({ batchMs: interval, batches: fc.integer({ min: 0, max: 6 }) })
    const program = fc.record({
      zero: fc.integer({ min: 0, max: 9 }),
      first: interval,
      changes: fc.array(change, { maxLength: 4 }),
    })
    fc.assert(
      fc.property(program, fc.integer({ min: 1, max: 3 }), ({ zero, first, changes }, factor) => {
        let grid = TimeGrid.starting(zero * first, first)
        // Every batch time, as a program would come to it, with the era that it is of.
        const times: { readonly time: number; readonly era: Era }[] = []
        let last = zero * first
        for (const { batchMs, batches } of [{ batchMs: first, batches: 3 }, ...changes]) {
          if (batchMs !== grid.newest.batchMs) {
            grid = grid.changedTo(batchMs)
            grid.begin(last)
          }
          for (let i = 0; i < batches; i++) {
            last = Math.floor(last / batchMs) * batchMs + batchMs
            times.push({ time: last, era: grid.newest })
          }
        }
        const slideIn = ({ batchMs }: Era): number => batchMs * factor
        const slides = times.filter(({ time, era }) => (time - era.zeroTime) % slideIn(era) === 0)
        const from = zero * first
        assert.deepEqual(
          grid.within(from, last, slideIn),
          slides.map(({ time }) => time),
        )
        for (let time = from + 1; time <= last; time++) {
          const isValid = slides.some(other => other.time === time)
          assert.equal(grid.isValid(time, slideIn), isValid)
          const before = slides.findLast(other => other.time < time)
          if (before !== undefined) assert.equal(grid.before(time, slideIn), before.time)
        }
      }),
      { numRuns: runs },
    )
  })
})
