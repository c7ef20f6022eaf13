import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { KindlingError } from '../../src/base/errors.ts'
import { ListenerBus } from '../../src/base/listener-bus.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { literalSource } from '../../src/context/literals.ts'
import type { ShuffleNode } from '../../src/rdd/nodes.ts'
import { makeNode, newShuffleId } from '../../src/rdd/nodes.ts'
import { HashPartitioner } from '../../src/rdd/partitioner.ts'
import { NO_METRICS } from '../../src/rdd/ports.ts'
import { currentScope } from '../../src/rdd/scope.ts'
import { DAGScheduler } from '../../src/scheduler/dag-scheduler.ts'
import type { SparkListener, TaskEnded } from '../../src/scheduler/events.ts'
import { JobHistory } from '../../src/scheduler/job-history.ts'
import type { Task, TaskEvents, TaskUpdate } from '../../src/scheduler/task.ts'

/** A job of a map and a result stage with two partitions each, whose tasks end as the test says. */
async function twoStages() {
  const clock = new ManualClock(0)
  const bus = new ListenerBus<SparkListener>({ capacity: 1000, logger: silentLogger, clock })
  const ended: TaskEnded[] = []
  bus.add({ onTaskEnd: task => void ended.push(task) })
  const parent = literalSource('parallelize', [1, 2], 2)
  const node = makeNode<ShuffleNode>(
    {
      kind: 'shuffle',
      inputs: [{ node: parent, shuffleId: newShuffleId() }],
      numPartitions: 2,
      partitioner: new HashPartitioner(2),
      result: { as: 'records' },
    },
    'partitionBy',
  )
  const written = new Set<number>()
  const submitted: Task[] = []
  let events: TaskEvents | undefined
  const scheduler = new DAGScheduler({
    backend: {
      capacity: 2,
      submit(tasks, told) {
        submitted.push(...tasks)
        events = told
        for (const task of tasks) told.started(task)
      },
      settled: async () => {},
      stop: async () => {},
    },
    available: { isComplete: () => false, missingOutputs: () => [0, 1].filter(p => !written.has(p)) },
    clock,
    bus,
    limits: { maxFailures: 2, maxStageAttempts: 4 },
    history: new JobHistory({ jobs: 10, stages: 10 }),
  })
  const request = { node, sink: { kind: 'count' }, scope: currentScope('count') } as const
  const job = scheduler.runJob<number>(request, { properties: {}, signals: [] })
  await new Promise(resolve => setImmediate(resolve))
  const applied: string[] = []
  /** The task ends well and has added something. */
  const succeed = (task: Task): void => {
    const { partition, work } = task
    const name = `${work.kind} ${partition}`
    const update: TaskUpdate = { id: 0, name, update: 1, value: 2, apply: () => void applied.push(name) }
    const commit = work.kind === 'map' ? () => void written.add(partition) : undefined
    events!.succeeded(task, { value: partition, updates: [update], metrics: NO_METRICS, commit })
  }
  const fail = (task: Task): void => events!.failed(task, new Error('planned'))
  /** The output of a map task is gone when the task wants to read it. */
  const lose = (task: Task, map: number): void => {
    written.delete(map)
    events!.failed(task, new KindlingError('BLOCK_NOT_FOUND', { block: String(map) }))
  }
  return { job, submitted, succeed, fail, lose, applied, ended, scheduler, clock }
}

it('what a result task adds counts once for its partition, what a map task adds each time it runs', async () => {
  const { job, submitted, succeed, lose, applied, ended, clock } = await twoStages()
  const [mapA, mapB] = submitted
  succeed(mapA!)
  succeed(mapB!)
  const [, , resultA, resultB] = submitted
  succeed(resultA!)
  lose(resultB!, 0)
  succeed(submitted[4]!)
  succeed(submitted[5]!)
  assert.deepEqual(await job, [0, 1])
  const expected = ['map 0', 'map 1', 'result 0', 'map 0', 'result 1']
  assert.deepEqual(applied, expected)
  await clock.advance(0)
  assert.deepEqual(
    ended.flatMap(task => task.accumulatorUpdates.map(u => u.name)),
    expected,
  )
  assert.deepEqual(ended[0]!.accumulatorUpdates, [{ id: 0, name: 'map 0', update: 1, value: 2 }])
})

it('failed attempts and what comes after the end of the job do not count', async () => {
  const { job, submitted, succeed, fail, applied, scheduler } = await twoStages()
  const [first, late] = submitted
  fail(first!)
  const second = submitted[2]!
  assert.equal(second.attempt, 1)
  fail(second)
  await assert.rejects(job, /planned/)
  assert.equal(late!.signal.aborted, true)
  succeed(late!)
  assert.deepEqual(applied, [])
  const [record] = scheduler.history.stages.values()
  assert.deepEqual([record!.numActiveTasks, record!.numFailedTasks, record!.status], [0, 2, 'failed'])
})
