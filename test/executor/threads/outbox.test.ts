import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TaskData, ToWorker } from '../../../src/executor/threads/messages.ts'
import { Outbox } from '../../../src/executor/threads/outbox.ts'

const forget: ToWorker = { type: 'forget', stages: [1], values: [] }
const free: ToWorker = { type: 'free', regions: [2] }
const task: ToWorker = { type: 'task', task: { id: 3 } as TaskData }
const stop: ToWorker = { type: 'stop' }

/** What was posted, by types; posting what has `bad` in it throws. */
function outbox(bad?: ToWorker) {
  const posted: string[][] = []
  const box = new Outbox(messages => {
    if (bad !== undefined && messages.includes(bad)) throw new Error('could not be cloned')
    posted.push(messages.map(({ type }) => type))
  })
  return { box, posted }
}

describe('messages to a thread', () => {
  it('go together with the task that they are for', () => {
    const { box, posted } = outbox()
    for (const message of [forget, free, task, task, free, stop]) box.add(message)
    assert.deepEqual(posted, [['forget', 'free', 'task'], ['task'], ['free', 'stop']])
  })

  it('go at the end of the turn when there is no task', async () => {
    const { box, posted } = outbox()
    box.add(free)
    box.add(forget)
    assert.deepEqual(posted, [])
    await Promise.resolve()
    assert.deepEqual(posted, [['free', 'forget']])
    box.add(task)
    await Promise.resolve()
    assert.deepEqual(posted, [['free', 'forget'], ['task']])
  })

  it('that cannot be copied fail their task; the others are sent all the same', () => {
    const { box, posted } = outbox(task)
    box.add(forget)
    assert.throws(() => box.add(task), /could not be cloned/)
    assert.deepEqual(posted, [['forget']])
    box.add(stop)
    assert.deepEqual(posted, [['forget'], ['stop']])
  })
})
