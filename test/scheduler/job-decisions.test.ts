import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KindlingError } from '../../src/base/errors.ts'
import { type JobAction, JobDecisions, type JobEvent } from '../../src/scheduler/job-decisions.ts'
import type { Stage } from '../../src/scheduler/stages.ts'

function stage(id: number, parents: Stage[] = []): Stage {
  return { id, node: undefined as never, output: undefined, parents }
}

/** Actions as short texts: `submit 0: 0,1`. */
function told(actions: JobAction[]): string[] {
  return actions.map(a => {
    if (a.kind === 'submit') return `submit ${a.stage.id}: ${a.partitions.join()}`
    if (a.kind === 'stage-done') return `done ${a.stage.id}`
    return a.kind === 'abort' ? `abort: ${a.error.message}` : a.kind
  })
}

const ok = (stageId: number, partition: number): JobEvent => ({ kind: 'task-succeeded', stageId, partition })
const failed = (stageId: number, partition: number, error: unknown = new Error('boom')): JobEvent => ({
  kind: 'task-failed',
  stageId,
  partition,
  error,
})

describe('job decisions', () => {
  const limits = { maxFailures: 2, maxStageAttempts: 3 }

  it('a stage starts when all its parents are done, and the job ends with the result stage', () => {
    const a = stage(0)
    const b = stage(1)
    const result = stage(2, [a, b])
    const d = new JobDecisions(result, limits, s => (s === result ? [0] : [0, 1]))
    assert.deepEqual(told(d.decide({ kind: 'started' })).sort(), ['submit 0: 0,1', 'submit 1: 0,1'])
    assert.deepEqual(told(d.decide(ok(0, 0))), [])
    assert.deepEqual(told(d.decide(ok(0, 1))), ['done 0'])
    assert.deepEqual(told(d.decide(ok(1, 1))), [])
    assert.deepEqual(told(d.decide(ok(1, 0))), ['done 1', 'submit 2: 0'])
    assert.deepEqual(told(d.decide(ok(2, 0))), ['done 2', 'finish'])
    assert.deepEqual(told(d.decide(ok(2, 0))), [], 'I3: nothing after the end')
  })

  it('an RDD without partitions is done at once', () => {
    const d = new JobDecisions(stage(0), limits, () => [])
    assert.deepEqual(told(d.decide({ kind: 'started' })), ['done 0', 'finish'])
  })

  it('a task is tried again until it has failed maxFailures times; a success resets nothing of the others', () => {
    const d = new JobDecisions(stage(0), limits, () => [0, 1])
    d.decide({ kind: 'started' })
    assert.deepEqual(told(d.decide(failed(0, 0))), ['submit 0: 0'])
    assert.deepEqual(told(d.decide(failed(0, 1))), ['submit 0: 1'])
    assert.deepEqual(told(d.decide(ok(0, 0))), [])
    assert.deepEqual(told(d.decide(failed(0, 1))), ['abort: boom'])
  })

  it('trying again is not tried where it cannot help', () => {
    const d = new JobDecisions(stage(0), limits, () => [0])
    d.decide({ kind: 'started' })
    const error = new KindlingError('RECORD_NOT_ENCODABLE', {})
    assert.equal(d.decide(failed(0, 0, error))[0]?.kind, 'abort')
  })

  it('a late result of a partition that is done changes nothing', () => {
    const d = new JobDecisions(stage(0), limits, () => [0, 1])
    d.decide({ kind: 'started' })
    d.decide(ok(0, 0))
    assert.deepEqual(told(d.decide(failed(0, 0))), [])
    assert.deepEqual(told(d.decide(ok(0, 0))), [])
    assert.deepEqual(told(d.decide(ok(0, 1))), ['done 0', 'finish'])
  })

  it('lost output makes its stage run again for what is missing, then the reader', () => {
    const map = stage(0)
    const result = stage(1, [map])
    let missing = [0, 1]
    const d = new JobDecisions(result, limits, s => (s === map ? missing : [0]))
    d.decide({ kind: 'started' })
    d.decide(ok(0, 0))
    missing = []
    assert.deepEqual(told(d.decide(ok(0, 1))), ['done 0', 'submit 1: 0'])
    missing = [1]
    const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'x' })
    assert.deepEqual(told(d.decide(failed(1, 0, lost))), ['submit 0: 1'])
    missing = []
    assert.deepEqual(told(d.decide(ok(0, 1))), ['done 0', 'submit 1: 0'])
    assert.deepEqual(told(d.decide(ok(1, 0))), ['done 1', 'finish'])
  })

  it('output that is lost again and again ends the job', () => {
    const map = stage(0)
    const result = stage(1, [map])
    let missing: number[] = [0]
    const d = new JobDecisions(result, limits, s => (s === map ? missing : [0]))
    d.decide({ kind: 'started' })
    const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'x' })
    const kinds: string[] = []
    for (let i = 0; i < 3; i++) {
      missing = []
      d.decide(ok(0, 0))
      missing = [0]
      kinds.push(d.decide(failed(1, 0, lost))[0]!.kind)
    }
    assert.deepEqual(kinds, ['submit', 'submit', 'abort'])
  })

  it('after lost output only partitions run again that are neither done nor running', () => {
    const map = stage(0)
    const result = stage(1, [map])
    let missing = [0]
    const d = new JobDecisions(result, limits, s => (s === map ? missing : [0, 1, 2]))
    d.decide({ kind: 'started' })
    missing = []
    assert.deepEqual(told(d.decide(ok(0, 0))), ['done 0', 'submit 1: 0,1,2'])
    assert.deepEqual(told(d.decide(ok(1, 0))), [])
    missing = [0]
    const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'x' })
    assert.deepEqual(told(d.decide(failed(1, 1, lost))), ['submit 0: 0'])
    missing = []
    assert.deepEqual(
      told(d.decide(ok(0, 0))),
      ['done 0', 'submit 1: 1'],
      'not 0, which is done, nor 2, which runs',
    )
    assert.deepEqual(told(d.decide(ok(1, 2))), [])
    assert.deepEqual(told(d.decide(ok(1, 1))), ['done 1', 'finish'])
  })

  it('many tasks that miss the same output are one attempt of their stage', () => {
    const map = stage(0)
    const result = stage(1, [map])
    let missing = [0]
    const d = new JobDecisions(result, limits, s => (s === map ? missing : [0, 1, 2, 3]))
    d.decide({ kind: 'started' })
    missing = []
    d.decide(ok(0, 0))
    missing = [0]
    const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'x' })
    const actions = [0, 1, 2, 3].flatMap(p => told(d.decide(failed(1, p, lost))))
    assert.deepEqual(actions, ['submit 0: 0'])
    missing = []
    assert.deepEqual(told(d.decide(ok(0, 0))), ['done 0', 'submit 1: 0,1,2,3'])
  })

  it('cancelling ends it', () => {
    const d = new JobDecisions(stage(0), limits, () => [0])
    d.decide({ kind: 'started' })
    const error = new KindlingError('JOB_CANCELLED', { reason: 'test' })
    assert.equal(d.decide({ kind: 'cancelled', error })[0]?.kind, 'abort')
    assert.deepEqual(d.decide(ok(0, 0)), [])
  })
})
