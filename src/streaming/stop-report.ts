/** What a stop did with the data that the program had taken in, and what it did not. */
import type { Time } from '../base/time.ts'
import type { JobSet } from './batch/job-set.ts'
import type { Program } from './start-up.ts'

/** See the file head. */
export interface StopReport {
  /** Whether everything that was taken in has been processed. */
  readonly isComplete: boolean
  /** Batches that ended while it stopped, and their records. */
  readonly processed: { readonly batches: number; readonly records: number }
  /** Batches that had been made and did not end, and their records; with a checkpoint directory they run again after a restart. */
  readonly dropped: { readonly times: readonly Time[]; readonly records: number }
  /** Sources that hold what no batch has. */
  readonly unplanned: readonly string[]
}

/** That of a context without batches. */
export const NOTHING_TO_STOP: StopReport = {
  isComplete: true,
  processed: { batches: 0, records: 0 },
  dropped: { times: [], records: 0 },
  unplanned: [],
}

/** Begins to look; what it gives is asked when processing has ended, or before what is left is dropped. */
export function stopReporter({ graph, runner }: Program): () => StopReport {
  const { scheduler } = runner
  const before = scheduler.ended
  return () => {
    const { ended, unfinishedSets } = scheduler
    const unplanned = graph.inputs.filter(({ source }) => source.hasUnplanned?.() === true)
    return {
      isComplete: unfinishedSets.length === 0 && unplanned.length === 0,
      processed: { batches: ended.batches - before.batches, records: ended.records - before.records },
      dropped: { times: unfinishedSets.map(({ time }) => time), records: recordsOf(unfinishedSets) },
      unplanned: unplanned.map(({ source }) => source.name),
    }
  }
}

/** @param isSaved whether there is a checkpoint directory */
export function describeStop({ processed, dropped, unplanned }: StopReport, isSaved: boolean): string {
  const parts = [`${counted(processed.batches, processed.records)} processed`]
  const { times, records } = dropped
  if (times.length > 0) {
    const which = times.length === 1 ? `at ${times[0]}` : `from ${times[0]} to ${times.at(-1)}`
    const then = isSaved ? 'run again after a restart' : 'are lost'
    parts.push(`${counted(times.length, records)} (${which}) did not end, and ${then}`)
  }
  if (unplanned.length > 0) parts.push(`no batch has what ${unplanned.join(', ')} had taken in last`)
  return parts.join('; ')
}

function counted(batches: number, records: number): string {
  return `${batches} ${batches === 1 ? 'batch' : 'batches'} with ${records} ${records === 1 ? 'record' : 'records'}`
}

function recordsOf(sets: readonly JobSet[]): number {
  let records = 0
  for (const { inputs } of sets) for (const { numRecords } of inputs.values()) records += numRecords
  return records
}
