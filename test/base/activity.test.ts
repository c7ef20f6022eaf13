import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Activity } from '../../src/base/activity.ts'

test('counts work from begin to the first end', () => {
  const activity = new Activity()
  const end = activity.begin()
  const other = activity.begin()
  assert.equal(activity.pending, 2)
  end()
  end()
  assert.equal(activity.pending, 1)
  other()
  assert.equal(activity.pending, 0)
})

test('a tracked promise keeps its outcome', async () => {
  const activity = new Activity()
  assert.equal(await activity.track(Promise.resolve(7)), 7)
  const error = new Error('x')
  const tracked = activity.track(Promise.reject(error))
  assert.equal(activity.pending, 1)
  await assert.rejects(tracked, error)
  assert.equal(activity.pending, 0)
})

test('idle waits for chains that go through macrotasks', async () => {
  const activity = new Activity()
  const steps: string[] = []
  const step = (name: string) =>
    activity.track(
      new Promise<void>(resolve =>
        setImmediate(() => {
          steps.push(name)
          resolve()
        }),
      ),
    )
  void step('a').then(() => setImmediate(() => void step('b')))
  await activity.idle()
  assert.deepEqual(steps, ['a', 'b'])
  assert.equal(activity.pending, 0)
})

test('held work is pending and held until its end', () => {
  const activity = new Activity()
  const end = activity.hold()
  assert.ok(activity.held)
  assert.equal(activity.pending, 1)
  end()
  end()
  assert.ok(!activity.held)
  assert.equal(activity.pending, 0)
})
