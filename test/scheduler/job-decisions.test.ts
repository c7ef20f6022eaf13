import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KindlingError } from '../../src/base/errors.ts'
import {
  type JobAction,
  JobDecisions,
  type JobEvent,
  type JobLimits,
} from '../../src/scheduler/job-decisions.ts'
import type { SpeculationRules } from '../../src/scheduler/speculation.ts'
import type { Stage } from '../../src/scheduler/stages.ts'

function stage(id: number, parents: Stage[] = []): Stage {
  return { id, node: undefined as never, output: undefined, parents }
}

/** A job's decisions, told of the latest attempt of a partition unless another is named; actions as short texts: `submit 0: 0,1`. */
class Told {
  private readonly decisions: JobDecisions
  private readonly latest = new Map<string, number>()

  constructor(...args: ConstructorParameters<typeof JobDecisions>) {
    this.decisions = new JobDecisions(...args)
  }

  start(): string[] {
    return this.happen({ kind: 'started' })
  }

  begins(stageId: number, partition: number, time: number, attempt?: number): string[] {
    return this.happen({ kind: 'task-started', time, ...this.at(stageId, partition, attempt) })
  }

  ok(stageId: number, partition: number, time = 0, attempt?: number): string[] {
    return this.happen({ kind: 'task-succeeded', time, ...this.at(stageId, partition, attempt) })
  }

  fails(
    stageId: number,
    partition: number,
    error: unknown = new Error('boom'),
    attempt?: number,
    time = 0,
  ): string[] {
    return this.happen({ kind: 'task-failed', error, time, ...this.at(stageId, partition, attempt) })
  }

  resumes(stageId: number, partition: number): string[] {
    return this.happen({ kind: 'pause-over', stageId, partition })
  }

  tick(time: number, slots = 4): string[] {
    return this.happen({ kind: 'tick', time, slots })
  }

  happen(event: JobEvent): string[] {
    const actions = this.decisions.decide(event)
    for (const action of actions)
      if (action.kind === 'submit')
        for (const { partition, attempt } of action.attempts)
          this.latest.set(`${action.stage.id}/${partition}`, attempt)
    return actions.map(text)
  }

  private at(stageId: number, partition: number, attempt = this.latest.get(`${stageId}/${partition}`) ?? 0) {
    return { stageId, partition, attempt }
  }
}

function text(action: JobAction): string {
  switch (action.kind) {
    case 'submit': {
      const what = action.speculative ? 'copy' : 'submit'
      return `${what} ${action.stage.id}: ${action.attempts.map(a => a.partition).join()}`
    }
    case 'pause':
      return `pause ${action.stage.id}: ${action.partition} for ${action.ms}`
    case 'abandon':
      return `abandon ${action.stage.id}: ${action.partition} attempt ${action.attempts.join()}`
    case 'stage-done':
      return `done ${action.stage.id}`
    case 'abort':
      return `abort: ${action.error.message}`
    case 'finish':
      return 'finish'
  }
}

describe('job decisions', () => {
  const limits = { maxFailures: 2, maxStageAttempts: 3 }

  it('a stage starts when all its parents are done, and the job ends with the result stage', () => {
    const a = stage(0)
    const b = stage(1)
    const result = stage(2, [a, b])
    const d = new Told(result, limits, s => (s === result ? [0] : [0, 1]))
    assert.deepEqual(d.start().sort(), ['submit 0: 0,1', 'submit 1: 0,1'])
    assert.deepEqual(d.ok(0, 0), [])
    assert.deepEqual(d.ok(0, 1), ['done 0'])
    assert.deepEqual(d.ok(1, 1), [])
    assert.deepEqual(d.ok(1, 0), ['done 1', 'submit 2: 0'])
    assert.deepEqual(d.ok(2, 0), ['done 2', 'finish'])
    assert.deepEqual(d.ok(2, 0), [], 'I3: nothing after the end')
  })

  it('an RDD without partitions is done at once', () => {
    const d = new Told(stage(0), limits, () => [])
    assert.deepEqual(d.start(), ['done 0', 'finish'])
  })

  it('a task is tried again until it has failed maxFailures times; a success resets nothing of the others', () => {
    const d = new Told(stage(0), limits, () => [0, 1])
    d.start()
    assert.deepEqual(d.fails(0, 0), ['submit 0: 0'])
    assert.deepEqual(d.fails(0, 1), ['submit 0: 1'])
    assert.deepEqual(d.ok(0, 0), [])
    assert.deepEqual(d.fails(0, 1), ['abort: boom'])
  })

  it('trying again is not tried where it cannot help', () => {
    const d = new Told(stage(0), limits, () => [0])
    d.start()
    const error = new KindlingError('RECORD_NOT_ENCODABLE', {})
    assert.match(d.fails(0, 0, error)[0]!, /^abort/)
  })

  describe('what passes by itself', () => {
    const away = new KindlingError('DATABASE_UNREACHABLE', {
      server: 's',
      what: 'rows',
      reason: 'it is away',
    })
    const patient = { maxFailures: 1, maxStageAttempts: 3, patienceMs: 1000 }

    it('does not count as long as the patience lasts, with longer and longer pauses', () => {
      const d = new Told(stage(0), patient, () => [0, 1])
      d.start()
      assert.deepEqual(d.fails(0, 0, away, undefined, 5000), ['pause 0: 0 for 100'])
      assert.deepEqual(d.resumes(0, 0), ['submit 0: 0'])
      assert.deepEqual(d.fails(0, 0, away, undefined, 5100), ['pause 0: 0 for 200'])
      assert.deepEqual(d.fails(0, 1, away, undefined, 5200), ['pause 0: 1 for 100'], 'each has its own')
      assert.deepEqual(d.resumes(0, 1), ['submit 0: 1'])
      assert.deepEqual(d.resumes(0, 0), ['submit 0: 0'])
      assert.deepEqual(
        d.fails(0, 0, away, undefined, 5950),
        ['pause 0: 0 for 50'],
        'the last one ends with it',
      )
      d.resumes(0, 0)
      assert.deepEqual(d.ok(0, 1), [])
      assert.match(d.fails(0, 0, away, undefined, 6000)[0]!, /^abort: s does not answer/)
    })

    it('counts as any failure afterwards, and where nobody is patient', () => {
      const d = new Told(stage(0), { ...patient, maxFailures: 2 }, () => [0])
      d.start()
      d.fails(0, 0, away)
      d.resumes(0, 0)
      assert.deepEqual(d.fails(0, 0, away, undefined, 1000), ['submit 0: 0'])
      assert.match(d.fails(0, 0, away, undefined, 1000)[0]!, /^abort/)
      const other = new Told(stage(0), { maxFailures: 1, maxStageAttempts: 3 }, () => [0])
      other.start()
      assert.match(other.fails(0, 0, away)[0]!, /^abort/)
    })

    it('is only what is outside, and in the last stage', () => {
      const d = new Told(stage(0), patient, () => [0])
      d.start()
      assert.deepEqual(d.fails(0, 0), ['abort: boom'])
      const map = stage(0)
      const two = new Told(stage(1, [map]), patient, () => [0])
      two.start()
      assert.match(two.fails(0, 0, away)[0]!, /^abort/)
    })

    it('and a pause that is over changes nothing once the partition is done, runs, or waits for what it reads', () => {
      const map = stage(0)
      const result = stage(1, [map])
      let missing: number[] = []
      const d = new Told(result, patient, s => (s === map ? missing : [0, 1]))
      assert.deepEqual(d.start(), ['done 0', 'submit 1: 0,1'])
      d.fails(1, 0, away)
      missing = [0]
      const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'b' })
      assert.deepEqual(d.fails(1, 1, lost), ['submit 0: 0'])
      assert.deepEqual(d.resumes(1, 0), [], 'it waits')
      missing = []
      assert.deepEqual(d.ok(0, 0), ['done 0', 'submit 1: 0,1'])
      assert.deepEqual(d.resumes(1, 0), [], 'it runs')
      d.ok(1, 0)
      assert.deepEqual(d.resumes(1, 0), [], 'it is done')
    })
  })

  it('a late result of a partition that is done changes nothing', () => {
    const d = new Told(stage(0), limits, () => [0, 1])
    d.start()
    d.ok(0, 0)
    assert.deepEqual(d.fails(0, 0), [])
    assert.deepEqual(d.ok(0, 0), [])
    assert.deepEqual(d.ok(0, 1), ['done 0', 'finish'])
  })

  it('lost output makes its stage run again for what is missing, then the reader', () => {
    const map = stage(0)
    const result = stage(1, [map])
    let missing = [0, 1]
    const d = new Told(result, limits, s => (s === map ? missing : [0]))
    d.start()
    d.ok(0, 0)
    missing = []
    assert.deepEqual(d.ok(0, 1), ['done 0', 'submit 1: 0'])
    missing = [1]
    const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'x' })
    assert.deepEqual(d.fails(1, 0, lost), ['submit 0: 1'])
    missing = []
    assert.deepEqual(d.ok(0, 1), ['done 0', 'submit 1: 0'])
    assert.deepEqual(d.ok(1, 0), ['done 1', 'finish'])
  })

  it('output that was there when the job began, and then is lost, gets a stage of its own', () => {
    const source = stage(5)
    const map = { ...stage(4, [source]), output: { shuffle: {} as never, input: 0 } }
    const result = stage(1)
    let missing = [1]
    const d = new Told(
      result,
      limits,
      s => (s === map ? missing : [0]),
      () => false,
      s => (s === result ? [map] : []),
    )
    assert.deepEqual(d.start(), ['submit 1: 0'])
    const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'x' })
    assert.deepEqual(d.fails(1, 0, lost), ['submit 5: 0'])
    assert.deepEqual(d.ok(5, 0), ['done 5', 'submit 4: 1'])
    missing = []
    assert.deepEqual(d.ok(4, 1), ['done 4', 'submit 1: 0'])
    assert.deepEqual(d.ok(1, 0), ['done 1', 'finish'])
  })

  it('output that is lost again and again ends the job', () => {
    const map = stage(0)
    const result = stage(1, [map])
    let missing: number[] = [0]
    const d = new Told(result, limits, s => (s === map ? missing : [0]))
    d.start()
    const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'x' })
    const kinds: string[] = []
    for (let i = 0; i < 3; i++) {
      missing = []
      d.ok(0, 0)
      missing = [0]
      kinds.push(d.fails(1, 0, lost)[0]!.split(/:? /)[0]!)
    }
    assert.deepEqual(kinds, ['submit', 'submit', 'abort'])
  })

  it('after lost output only partitions run again that are neither done nor running', () => {
    const map = stage(0)
    const result = stage(1, [map])
    let missing = [0]
    const d = new Told(result, limits, s => (s === map ? missing : [0, 1, 2]))
    d.start()
    missing = []
    assert.deepEqual(d.ok(0, 0), ['done 0', 'submit 1: 0,1,2'])
    assert.deepEqual(d.ok(1, 0), [])
    missing = [0]
    const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'x' })
    assert.deepEqual(d.fails(1, 1, lost), ['submit 0: 0'])
    missing = []
    assert.deepEqual(d.ok(0, 0), ['done 0', 'submit 1: 1'], 'not 0, which is done, nor 2, which runs')
    assert.deepEqual(d.ok(1, 2), [])
    assert.deepEqual(d.ok(1, 1), ['done 1', 'finish'])
  })

  it('many tasks that miss the same output are one attempt of their stage', () => {
    const map = stage(0)
    const result = stage(1, [map])
    let missing = [0]
    const d = new Told(result, limits, s => (s === map ? missing : [0, 1, 2, 3]))
    d.start()
    missing = []
    d.ok(0, 0)
    missing = [0]
    const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'x' })
    const actions = [0, 1, 2, 3].flatMap(p => d.fails(1, p, lost))
    assert.deepEqual(actions, ['submit 0: 0'])
    missing = []
    assert.deepEqual(d.ok(0, 0), ['done 0', 'submit 1: 0,1,2,3'])
  })

  it('cancelling ends it', () => {
    const d = new Told(stage(0), limits, () => [0])
    d.start()
    const error = new KindlingError('JOB_CANCELLED', { reason: 'test' })
    assert.match(d.happen({ kind: 'cancelled', error })[0]!, /^abort/)
    assert.deepEqual(d.ok(0, 0), [])
  })

  it('the loss of a worker is no failure, but the fourth ends the job', () => {
    const d = new Told(stage(0), { maxFailures: 1, maxStageAttempts: 3 }, () => [0, 1])
    d.start()
    const lost = new KindlingError('WORKER_LOST', { reason: 'it exited with code 1' })
    for (let i = 0; i < 3; i++) assert.deepEqual(d.fails(0, 0, lost), ['submit 0: 0'])
    assert.deepEqual(d.fails(0, 1, lost), ['submit 0: 1'], 'each partition counts for itself')
    assert.match(d.fails(0, 0, lost)[0]!, /^abort: A worker thread ended/)
  })
})

describe('copies of slow tasks', () => {
  const speculation: SpeculationRules = {
    intervalMs: 100,
    multiplier: 3,
    quantile: 0.75,
    minTaskRuntimeMs: 100,
    durationThresholdMs: undefined,
  }
  const limits: JobLimits = { maxFailures: 2, maxStageAttempts: 3, speculation }

  /** A job of one stage whose tasks have all begun at time 0. */
  function begun(tasks: number, changed: Partial<JobLimits> = {}, mayCopy = true): Told {
    const partitions = Array.from({ length: tasks }, (_, p) => p)
    const d = new Told(
      stage(0),
      { ...limits, ...changed },
      () => partitions,
      () => mayCopy,
    )
    d.start()
    for (const p of partitions) d.begins(0, p, 0)
    return d
  }

  it('a task is copied once it has run for longer than the multiple of the median', () => {
    const d = begun(4)
    for (const [p, ms] of [50, 60, 70].entries()) d.ok(0, p, ms)
    assert.deepEqual(d.tick(180), [])
    assert.deepEqual(d.tick(181), ['copy 0: 3'])
    assert.deepEqual(d.tick(1000), [], 'one copy at most')
    d.begins(0, 3, 190)
    assert.deepEqual(d.ok(0, 3, 220), ['abandon 0: 3 attempt 0', 'done 0', 'finish'])
  })

  it('the first attempt may still win', () => {
    const d = begun(2, { speculation: { ...speculation, quantile: 0.5 } })
    d.ok(0, 0, 10)
    assert.deepEqual(d.tick(101), ['copy 0: 1'])
    assert.deepEqual(d.ok(0, 1, 110, 0), ['abandon 0: 1 attempt 1', 'done 0', 'finish'])
  })

  const tables: readonly (readonly [string, () => Told, readonly number[], number, readonly string[]])[] = [
    ['not before the quantile has ended', () => begun(8), [10, 10, 10, 10, 10], 9999, []],
    ['from the quantile on', () => begun(8), [10, 10, 10, 10, 10, 10], 101, ['copy 0: 6,7']],
    ['not before minTaskRuntime', () => begun(4), [1, 1, 1], 100, []],
    ['never where two attempts must not run at once', () => begun(4, {}, false), [1, 1, 1], 9999, []],
    ['never without the setting', () => begun(4, { speculation: undefined }), [1, 1, 1], 9999, []],
    ['never the only task of a stage', () => begun(1), [], 9999, []],
    [
      'the only task, with a fixed limit',
      () => begun(1, { speculation: { ...speculation, durationThresholdMs: 500 } }),
      [],
      501,
      ['copy 0: 0'],
    ],
    [
      'a fixed limit holds only for stages that fit into the slots',
      () => begun(5, { speculation: { ...speculation, durationThresholdMs: 500 } }),
      [],
      501,
      [],
    ],
    [
      'a fixed limit is not shorter than minTaskRuntime',
      () => begun(2, { speculation: { ...speculation, durationThresholdMs: 50 } }),
      [],
      100,
      [],
    ],
  ]
  for (const [title, make, ended, at, expected] of tables)
    it(title, () => {
      const d = make()
      for (const [p, ms] of ended.entries()) d.ok(0, p, ms)
      assert.deepEqual(d.tick(at), expected)
    })

  it('never on a single slot', () => {
    const d = begun(4)
    for (const p of [0, 1, 2]) d.ok(0, p, 1)
    assert.deepEqual(d.tick(9999, 1), [])
    assert.deepEqual(d.tick(9999, 2), ['copy 0: 3'])
  })

  it('a task that waits for a slot is not slow', () => {
    const d = new Told(
      stage(0),
      limits,
      () => [0, 1, 2, 3],
      () => true,
    )
    d.start()
    for (const p of [0, 1, 2]) d.begins(0, p, 0)
    for (const p of [0, 1, 2]) d.ok(0, p, 1)
    assert.deepEqual(d.tick(500), [])
    d.begins(0, 3, 500)
    assert.deepEqual(d.tick(600), [])
    assert.deepEqual(d.tick(601), ['copy 0: 3'])
  })

  it('a failed attempt counts, and is made again only when no other is left', () => {
    const d = begun(4)
    for (const p of [0, 1, 2]) d.ok(0, p, 1)
    assert.deepEqual(d.tick(200), ['copy 0: 3'])
    assert.deepEqual(d.fails(0, 3, new Error('boom'), 0), [], 'the copy is still there')
    assert.deepEqual(d.fails(0, 3, new Error('boom'), 1), ['abort: boom'])
  })

  it('what becomes of an abandoned attempt changes nothing, even when its partition runs again', () => {
    const map = stage(0)
    const result = stage(1, [map])
    let missing = [0, 1, 2, 3]
    const d = new Told(
      result,
      limits,
      s => (s === map ? missing : [0]),
      () => true,
    )
    d.start()
    for (const p of missing) d.begins(0, p, 0)
    for (const p of [0, 1, 2]) d.ok(0, p, 1)
    d.tick(200)
    missing = []
    assert.deepEqual(d.ok(0, 3, 210), ['abandon 0: 3 attempt 0', 'done 0', 'submit 1: 0'])
    missing = [3]
    const lost = new KindlingError('BLOCK_NOT_FOUND', { block: 'x' })
    assert.deepEqual(d.fails(1, 0, lost), ['submit 0: 3'])
    const cancelled = new KindlingError('JOB_CANCELLED', { reason: 'another attempt was faster' })
    assert.deepEqual(d.fails(0, 3, cancelled, 0), [])
    assert.deepEqual(d.ok(0, 3, 300, 0), [])
    missing = []
    assert.deepEqual(d.ok(0, 3), ['done 0', 'submit 1: 0'])
  })
})
