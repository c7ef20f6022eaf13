/** Gives the streams and sources of a program what a restart takes over. */
import type { Logger } from '../../base/logger.ts'
import { Time } from '../../base/time.ts'
import type { RestoredBatch } from '../batch/job-generator.ts'
import type { InputDStream } from '../dstream/input.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import type { DStreamGraph } from '../graph.ts'
import type { StreamInputInfo } from '../listener.ts'
import { stateRDD } from '../state/state-rdd.ts'
import { type LoggedBatch, ticksOf } from './batch-log.ts'
import type { OperatorIds } from './operator-ids.ts'
import type { Recovery } from './recovery.ts'
import { spread } from './spread-image.ts'

/** State as it was saved; streams give nothing for batches that nobody needs any more. */
export function resumeStreams(recovery: Recovery, ids: OperatorIds): void {
  const floor = new Time(recovery.floor)
  for (const stream of ids.streams) {
    const start = recovery.start.get(stream)
    const { state } = stream
    if (state === undefined || start === undefined) {
      stream.resume(floor)
      continue
    }
    const time = new Time(start.time)
    if (start.images.length === 0) stream.resume(time)
    else {
      state.kept.versions.restore(start.time, spread(start.images, state.kept.partitioner))
      stream.resume(time, stateRDD(stream, { state, time, previous: undefined, inputs: [] }))
    }
  }
}

/** Plans of batches as they were logged; what a source cannot give again is warned about. */
export function resumeInputs(
  graph: DStreamGraph,
  recovery: Recovery,
  parts: {
    readonly ids: OperatorIds
    readonly logger: Logger
    readonly now: number
  },
): void {
  const { ids, logger, now } = parts
  // Batches up to here are neither run again nor applied to state.
  const needed = Math.min(recovery.ended, ...[...recovery.start.values()].map(({ time }) => time))
  for (const input of graph.inputs) {
    const id = ids.of(input as AnyStream)
    const lost: LoggedBatch[] = []
    let records = 0
    for (const batch of recovery.plans) {
      for (const merged of ticksOf(batch, graph.grid).slice(1)) input.skip(new Time(merged))
      const time = new Time(batch.time)
      const logged = batch.inputs.find(other => other.id === id)
      // Also of a skipped batch: the source learns what it has given already.
      const isRestored = logged !== undefined && input.restore(time, logged.plan)
      const isSkipped = recovery.skipped.has(batch.time)
      if (isRestored && !isSkipped) continue
      input.skip(time)
      if (logged === undefined || isSkipped || batch.time <= needed) continue
      lost.push(batch)
      records += logged.numRecords
    }
    const known = recovery.plans.at(-1)?.inputs.find(other => other.id === id)?.rate
    if (known !== undefined) input.rate?.restore(known, now)
    if (lost.length > 0)
      logger.warn(
        `${input.source.name} (${id}) cannot be read again: what it gave the batches from ${lost[0]!.time} to ` +
          `${lost.at(-1)!.time} ms is lost (${records} records, or as many as it did not count)`,
      )
  }
}

/**
 * Makes the lineage of state from the images up to the last batch that has ended: nothing is computed, but what it is computed from
 * may be forgotten by others now.
 */
export function replayLineage(recovery: Recovery, { streams }: OperatorIds): void {
  for (const stream of streams) {
    const start = recovery.start.get(stream)
    if (start === undefined) continue
    for (const time of stream.timesWithin(new Time(start.time), new Time(recovery.ended)))
      stream.getOrCompute(time)
  }
}

/** The batches that run again, as the generator takes them. */
export function pendingBatches(graph: DStreamGraph, recovery: Recovery, ids: OperatorIds): RestoredBatch[] {
  return recovery.pending.map(({ time, inputs, cuts }) => ({
    cuts,
    time: new Time(time),
    dead: recovery.failed.get(time),
    inputs: new Map(graph.inputs.map(input => [input.streamId, infoOf(input, inputs, ids)])),
  }))
}

function infoOf(
  input: InputDStream<unknown>,
  logged: LoggedBatch['inputs'],
  ids: OperatorIds,
): StreamInputInfo {
  const id = ids.of(input as AnyStream)
  const numRecords = logged.find(other => other.id === id)?.numRecords ?? 0
  return {
    inputStreamId: input.streamId,
    numRecords,
    metadata: { Description: 'planned before the restart' },
  }
}
