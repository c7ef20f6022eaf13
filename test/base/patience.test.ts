import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { patiently } from '../../src/base/patience.ts'

/** Fails so often; notes when it was asked. */
function failing(clock: ManualClock, times: number) {
  const at: number[] = []
  const ask = async (): Promise<string> => {
    at.push(clock.now())
    if (at.length <= times) throw new Error(`failure ${at.length}`)
    return 'done'
  }
  return { at, ask }
}

const PAUSES = { firstPauseMs: 10, maxPauseMs: 50, mayPass: () => true }

describe('patiently', () => {
  it('asks again after pauses that grow up to the longest, and tells of the first failure', async () => {
    const clock = new ManualClock()
    const { at, ask } = failing(clock, 5)
    const told: string[] = []
    const patience = { ...PAUSES, clock, patienceMs: 1000, onTrouble: (e: unknown) => told.push(String(e)) }
    const answer = patiently(patience, ask)
    await clock.advance(1000)
    assert.equal(await answer, 'done')
    assert.deepEqual(at, [0, 10, 30, 70, 120, 170])
    assert.deepEqual(told, ['Error: failure 1'])
  })

  it('ends with the last failure: no pause reaches beyond the patience', async () => {
    const clock = new ManualClock()
    const { at, ask } = failing(clock, 100)
    const failed = assert.rejects(patiently({ ...PAUSES, clock, patienceMs: 100 }, ask), /failure 4/)
    await clock.advance(1000)
    await failed
    assert.deepEqual(at, [0, 10, 30, 70])
  })

  it('ends at once with what does not pass, and without any patience', async () => {
    const clock = new ManualClock()
    for (const patience of [
      { patienceMs: 1000, mayPass: () => false },
      { patienceMs: 0, mayPass: () => true },
    ]) {
      const { at, ask } = failing(clock, 100)
      await assert.rejects(patiently({ ...PAUSES, clock, ...patience }, ask), /failure 1/)
      assert.equal(at.length, 1)
    }
  })

  it('ends with its signal, in a pause and after an attempt', async () => {
    const clock = new ManualClock()
    const cancel = new AbortController()
    const { at, ask } = failing(clock, 100)
    const patience = { ...PAUSES, clock, patienceMs: 1000, signal: cancel.signal }
    const failed = assert.rejects(patiently(patience, ask), /enough/)
    clock.schedule(5, () => cancel.abort(new Error('enough')))
    await clock.advance(1000)
    await failed
    assert.deepEqual(at, [0])
    await assert.rejects(patiently(patience, ask), /failure 2/)
  })
})
