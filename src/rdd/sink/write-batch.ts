/**
 * One batch into a sink: the driver's side of the contract in `sink.ts`, and the task's.
 *
 *   guard ─▶ begin ─▶ tasks: write, prepare ─▶ guard ─▶ commit
 *                          └─ failed ─▶ abort      └─ failed ─▶ does the sink hold it? then it is done; else abort
 */
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import { chunkRows } from '../../data/chunk.ts'
import { cancellationOf } from '../cancellation.ts'
import type { TaskInfo, TaskInput, WriteSink } from '../ports.ts'
import type { RDD } from '../rdd.ts'
import { run } from '../run-sink.ts'
import type { OperatorScope } from '../scope.ts'
import { type BatchToken, isSameBatch, type Sink, type SinkWriter } from './sink.ts'

/** What the driver may add to a write. */
export interface WriteOptions {
  /** Called before anything is written and before the commit. @throws FENCED when the driver has been overtaken */
  guard?(): Promise<void>
  /** Leave a batch without records out: nothing is committed. */
  readonly leavesOutEmpty?: boolean
  /** Told `unsure` when the sink is told to commit, and `absent` when that has failed and the sink does not hold the batch. */
  onCommit?(standing: 'unsure' | 'absent'): void
}

/** What a task tells the driver. */
interface Written<M> {
  readonly message: M
  readonly records: number
}

/** Gives the number of records. @throws SINK_FAILED with what the sink threw as cause; SINK_FENCED */
export async function writeBatch<T, M>(
  rdd: RDD<T>,
  sink: Sink<T, M>,
  batch: BatchToken,
  scope: OperatorScope,
  { guard, onCommit, leavesOutEmpty = false }: WriteOptions = {},
): Promise<number> {
  const step = <R>(name: string, call: () => R | Promise<R>): Promise<R> => sinkStep(sink, name, batch, call)
  await guard?.()
  try {
    await step('begin', () => sink.begin?.(batch))
    const { name, writer, guarantee, patienceMs } = sink
    const once = guarantee === 'at-least-once'
    const work: WriteSink = { kind: 'write', sink: name, writer, batch, once, patienceMs }
    const written = await run<Written<M>>(rdd as RDD<unknown>, scope, work)
    const messages = written.map(({ message }) => message)
    const records = written.reduce((sum, part) => sum + part.records, 0)
    if (records === 0 && leavesOutEmpty) {
      await step('abort', () => sink.abort?.(batch))
      return 0
    }
    await guard?.()
    onCommit?.('unsure')
    await step('commit', () => commit(sink, batch, messages, () => onCommit?.('absent')))
    return records
  } catch (error) {
    // Whoever was overtaken touches nothing more, and the failure must not be hidden by that of the cleaning up.
    if (!isFenced(error)) await quietly(() => sink.abort?.(batch))
    throw error
  }
}

async function commit<T, M>(
  sink: Sink<T, M>,
  batch: BatchToken,
  messages: readonly M[],
  onAbsent: () => void,
): Promise<void> {
  try {
    await sink.commit?.(batch, messages)
  } catch (error) {
    if (sink.guarantee !== 'exactly-once' || isFenced(error)) throw error
    // The answer may have been lost on its way, not the commit.
    const held = await quietly(() => sink.committed([batch]))
    if (held?.some(token => isSameBatch(token, batch)) === true) return
    if (held !== undefined) onAbsent()
    throw error
  }
}

/** What `call` gives; `undefined` when it fails. */
async function quietly<R>(call: () => R | Promise<R>): Promise<R | undefined> {
  try {
    return await call()
  } catch {
    // Something else has failed before, and is reported.
    return undefined
  }
}

/** Whether a driver of a later epoch has taken over. */
export function isFenced(error: unknown): boolean {
  return isKindlingError(error, 'FENCED') || isKindlingError(error, 'SINK_FENCED')
}

/** What a step of a sink gives; what it throws, with the sink's name. */
export async function sinkStep<R>(
  sink: Pick<Sink<never>, 'name'>,
  step: string,
  at: { readonly batchTime?: number },
  call: () => R | Promise<R>,
): Promise<R> {
  try {
    return await call()
  } catch (error) {
    throw stepFailed(sink.name, step, at, error)
  }
}

function stepFailed(
  name: string,
  step: string,
  { batchTime }: { batchTime?: number },
  error: unknown,
): Error {
  if (isKindlingError(error)) return error
  const reason = error instanceof Error ? error.message : String(error)
  const context = batchTime === undefined ? {} : { batchTime }
  return new KindlingError('SINK_FAILED', { sink: name, step, reason }, { cause: error, context })
}

/** The work of a task: its records into a writer of its own. */
export async function writePartition(
  { sink, writer: make, batch }: WriteSink,
  records: TaskInput,
  task: TaskInfo,
): Promise<Written<unknown>> {
  const { partition, attempt } = task
  let count = 0
  const token = { ...batch, partition, attempt }
  const call = async <R>(step: string, body: () => R | Promise<R>): Promise<R> => {
    try {
      return await body()
    } catch (error) {
      throw stepFailed(sink, step, {}, error)
    }
  }
  const writer: SinkWriter<unknown, unknown> = await call('writer', () =>
    make(token, { signal: task.signal }),
  )
  let message: unknown
  try {
    for (let chunk = await records.next(); chunk !== undefined; chunk = await records.next()) {
      const rows = chunkRows(chunk)
      count += rows.length
      if (rows.length > 0) await call('write', () => writer.write(rows))
      const pause = task.breathe()
      if (pause !== undefined) await pause
    }
    if (task.signal.aborted) throw cancellationOf(task.signal, 'its job has ended')
    message = await call('prepare', () => writer.prepare())
  } catch (error) {
    // What failed first is what counts.
    await quietly(() => writer.abort())
    await quietly(() => writer.close?.())
    throw error
  }
  await call('close', () => writer.close?.())
  return { message, records: count }
}
