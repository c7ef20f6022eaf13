import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SystemClock } from '../../src/base/clock.ts'

test('a timer of the system clock never comes early', async () => {
  const clock = new SystemClock()
  for (let i = 0; i < 20; i++) {
    const at = clock.now() + 3
    const shown = await new Promise<number>(resolve => clock.schedule(at, () => resolve(clock.now())))
    assert.ok(shown >= at)
  }
})

test('a timer that fires before its time is armed again', t => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1000 })
  const clock = new SystemClock()
  let ran = 0
  clock.schedule(1100, () => ran++)
  t.mock.timers.setTime(1050) // As if the machine's clock were set: the timeout is not due yet.
  assert.equal(ran, 0)
  t.mock.timers.tick(50)
  assert.equal(ran, 1)
})

test('a timer for a time that has passed runs soon, but not at once', async () => {
  const clock = new SystemClock()
  let ran = false
  const done = new Promise<void>(resolve =>
    clock.schedule(clock.now() - 1000, () => {
      ran = true
      resolve()
    }),
  )
  assert.equal(ran, false)
  await done
})

test('a far date does not overflow into a timer that runs at once', t => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 0 })
  const clock = new SystemClock()
  const far = 2 ** 31 + 5000
  let ranAt = -1
  clock.schedule(far, () => {
    ranAt = clock.now()
  })
  t.mock.timers.tick(2 ** 31 - 1)
  assert.equal(ranAt, -1)
  t.mock.timers.tick(5001)
  assert.equal(ranAt, far)
})

test('a cancelled timer does not run, nor one cancelled after it was armed again', t => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 0 })
  const clock = new SystemClock()
  let ran = 0
  clock.schedule(10, () => ran++).cancel()
  const far = clock.schedule(2 ** 31 + 10, () => ran++)
  t.mock.timers.tick(2 ** 31 - 1)
  far.cancel()
  t.mock.timers.tick(1000)
  assert.equal(ran, 0)
})

test('a sleep ends, or rejects with the reason of its signal', async () => {
  const clock = new SystemClock()
  await clock.sleep(2)
  await clock.sleep(0)
  const reason = new Error('enough')
  await assert.rejects(clock.sleep(100_000, AbortSignal.abort(reason)), reason)
  const controller = new AbortController()
  const slept = clock.sleep(100_000, controller.signal)
  controller.abort(reason)
  await assert.rejects(slept, reason)
})
