/** An RDD into a sink, outside the batches of a stream. */
import { randomUUID } from 'node:crypto'
import { silentLogger } from '../../base/logger.ts'
import type { Time } from '../../base/time.ts'
import type { RDD } from '../rdd.ts'
import { currentScope } from '../scope.ts'
import type { BatchToken, Sink } from './sink.ts'
import { sinkStep, writeBatch } from './write-batch.ts'

/** What a write of an RDD is called. */
export interface WriteRDDOptions {
  /** Two writes of one id and time are the same batch: a sink that commits exactly once takes the first. Default: an id of its own. */
  readonly id?: string
  /** The token's batch time: file sinks put it into names. Default 0. */
  readonly time?: number | Time
}

export async function writeRDD<T, M>(
  rdd: RDD<T>,
  sink: Sink<T, M>,
  { id = randomUUID(), time = 0 }: WriteRDDOptions,
): Promise<void> {
  const scope = currentScope('writeTo')
  // Asked for its refusal where jobs are not to run: a sink must not be opened then.
  rdd.context.mayOverwriteOutput()
  const output = { program: '', operatorId: id, epoch: 0 }
  const batch: BatchToken = { ...output, batchTime: typeof time === 'number' ? time : time.milliseconds }
  await sinkStep(sink, 'open', batch, () => sink.open?.({ ...output, logger: silentLogger }))
  try {
    const held =
      sink.guarantee !== 'exactly-once'
        ? []
        : await sinkStep(sink, 'committed', batch, () => sink.committed([batch]))
    if (held.length === 0) await writeBatch(rdd, sink, batch, scope)
  } finally {
    await sinkStep(sink, 'close', batch, () => sink.close?.(output))
  }
}
