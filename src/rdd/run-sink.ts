/** How actions run a job: what is done with each partition, and the records of one as a loop. */
import { KindlingError } from '../base/errors.ts'
import type { JobSink, TaskInfo, TaskInput } from './ports.ts'
import type { RDD } from './rdd.ts'
import type { OperatorScope } from './scope.ts'
import { recordsOf } from './segment/interpret.ts'

/** Runs one job and gives the result of each partition, in the order of `partitions`. */
export function run<R>(
  rdd: RDD<never> | RDD<unknown>,
  scope: OperatorScope,
  sink: JobSink,
  partitions?: readonly number[],
): Promise<R[]> {
  const { node, context } = rdd as RDD<unknown>
  return context.runRequest<R>(
    partitions === undefined ? { node, sink, scope } : { node, sink, scope, partitions },
  )
}

/** Refuses a promise where a function that is called synchronously must give a value. @throws PROMISE_RETURNED */
export function noPromise<T>(value: T, operation: string): T {
  if (value instanceof Promise)
    throw new KindlingError('PROMISE_RETURNED', {
      operation,
      instead: 'mapAsync before it',
    })
  return value
}

/** Calls `take` for each record; what it throws is reported with the record and the action's line. */
export async function eachRecord(
  records: TaskInput,
  task: TaskInfo,
  take: (record: unknown) => void,
): Promise<void> {
  for (let chunk = await records.next(); chunk !== undefined; chunk = await records.next()) {
    for (const record of recordsOf(chunk)) {
      try {
        take(record)
      } catch (error) {
        throw task.failed(error, record)
      }
    }
    const pause = task.breathe()
    if (pause !== undefined) await pause
  }
}

/** Calls `take` for the key of each pair. */
export async function eachKey(
  records: TaskInput,
  task: TaskInfo,
  take: (key: unknown) => void,
): Promise<void> {
  for (let chunk = await records.next(); chunk !== undefined; chunk = await records.next()) {
    if (chunk.kind === 'pairs') for (const key of chunk.keys) take(key)
    else for (const record of recordsOf(chunk)) take((record as readonly unknown[])[0])
    const pause = task.breathe()
    if (pause !== undefined) await pause
  }
}
