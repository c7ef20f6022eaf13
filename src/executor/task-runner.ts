/** Runs one task attempt: lowers its partition and drives the records into what the task is for. */
import { failingWithFloats } from '../base/floating.ts'
import { type ChunkSource, chunkRows, joined } from '../data/chunk.ts'
import { isFused, lineageOf, type Node } from '../rdd/nodes.ts'
import type { JobSink } from '../rdd/ports.ts'
import { drain } from '../rdd/segment/drive.ts'
import type { CountSink, FoldSink } from '../rdd/segment/plan.ts'
import { writePartition } from '../rdd/sink/write-batch.ts'
import { StorageLevel } from '../rdd/storage-level.ts'
import type { Task, TaskResult } from '../scheduler/task.ts'
import { writeMapOutput } from '../shuffle/writer.ts'
import { Lowering, type TaskStores } from './legs.ts'
import { dropDamaged } from './lost-outputs.ts'
import { runInTask, TaskScope } from './task-scope.ts'
import { TaskTime, type TaskTimeSettings } from './task-time.ts'

type Attempted = Omit<TaskResult, 'updates'>

/** Runs task attempts over the stores of one thread. */
export class TaskRunner {
  private readonly stores: TaskStores
  private readonly settings: TaskTimeSettings

  constructor(stores: TaskStores, settings: TaskTimeSettings) {
    this.stores = stores
    this.settings = settings
  }

  /** Resolves to what the task gives; a map task's output is there for others once it is committed. */
  async run(task: Task): Promise<TaskResult> {
    const scope = new TaskScope(task)
    const attempt = (failed: AbortSignal | undefined): Promise<Attempted> =>
      runInTask(scope, () =>
        this.attempt(
          failed === undefined ? task : { ...task, signal: AbortSignal.any([task.signal, failed]) },
        ),
      )
    const floated = (error: unknown): Error => new TaskTime(task, this.settings).floated(error, task.scope)
    try {
      const attempted = await task.inContext(() => failingWithFloats(attempt, floated))
      return { ...attempted, updates: scope.end() }
    } finally {
      scope.end()
    }
  }

  private async attempt(task: Task): Promise<Attempted> {
    const time = new TaskTime(task, this.settings)
    time.throwIfCancelled()
    const lowering = new Lowering(this.stores, time)
    try {
      const { work } = task
      if (work.kind === 'result') {
        const value = await runSink(work.sink, task, lowering, time)
        return { value, metrics: time.memory.metrics }
      }
      const { shuffle, input } = work
      const empty = isEmptyPartition(task.node, task.partition)
      const legs = empty ? [] : lowering.legs(task.node, task.partition)
      const output = await writeMapOutput(shuffle, legs, time)
      const commit = (): void => this.stores.shuffle.put(shuffle, input, task.partition, output)
      return { value: undefined, commit, metrics: time.memory.metrics }
    } catch (error) {
      dropDamaged(task, error, this.stores)
      throw time.failed(error, task.scope, undefined)
    } finally {
      time.memory.end()
    }
  }
}

async function runSink(sink: JobSink, task: Task, lowering: Lowering, time: TaskTime): Promise<unknown> {
  const { node, partition } = task
  switch (sink.kind) {
    case 'count': {
      const state: CountSink = { kind: 'count', count: 0 }
      if (!isEmptyPartition(node, partition)) await drain(lowering.legs(node, partition), state, time)
      return state.count
    }
    case 'fold': {
      const { f, zero } = sink
      const state: FoldSink = {
        kind: 'fold',
        f,
        scope: task.scope,
        empty: zero === undefined,
        value: zero?.(),
      }
      if (!isEmptyPartition(node, partition)) await drain(lowering.legs(node, partition), state, time)
      return { empty: state.empty, value: state.value }
    }
    case 'collect':
      return isEmptyPartition(node, partition) ? [] : collect(lowering, task, time)
    case 'chunks':
    case 'write': {
      const records = lowering.pull(node, partition)
      const info = time.info(task.scope)
      try {
        return await (sink.kind === 'write' ? writePartition(sink, records, info) : sink.run(records, info))
      } finally {
        await records.close()
      }
    }
  }
}

/** All records in an array of the caller's own. */
async function collect(lowering: Lowering, task: Task, time: TaskTime): Promise<unknown[]> {
  const rows: unknown[] = []
  const legs = lowering.legs(task.node, task.partition)
  const bare = legs.filter(l => l.steps.length === 0)
  if (bare.length < legs.length) {
    await drain(legs, { kind: 'rows', rows, limit: Number.POSITIVE_INFINITY }, time)
    return rows
  }
  return joined(await chunksOfRows(lowering.pull(task.node, task.partition), time))
}

async function chunksOfRows(source: ChunkSource, time: TaskTime): Promise<(readonly unknown[])[]> {
  const chunks: (readonly unknown[])[] = []
  try {
    for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) {
      chunks.push(chunkRows(chunk))
      const pause = time.breathe()
      if (pause !== undefined) await pause
    }
  } finally {
    await source.close()
  }
  return chunks
}

/** Whether a partition is known to hold nothing, so that nothing need run: only fused steps above an empty source. */
export function isEmptyPartition(node: Node, partition: number): boolean {
  let at = lineageOf(node)
  while (at.kind === 'narrow' && at.storage === StorageLevel.NONE && isFused(at.step))
    at = lineageOf(at.parent)
  if (at.kind !== 'source' || at.isEmpty === undefined) return false
  return at.isEmpty(at.descriptors[partition])
}
