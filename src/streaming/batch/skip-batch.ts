/**
 * Takes back a batch that failed for good, with failure policies `skip` and `dead-letter`: from now on it is a batch without records.
 *
 * 1. its inputs give nothing, and versions of state that it made are undone in all partitions
 * 2. batches that wait were made of it, so their jobs are made anew
 * 3. states that take in batches before it, too, are made without its records: when they fail all the same, it cannot be given up
 * 4. the logger and the listeners are told; first, so that a crash in between makes them told twice and not never
 * 5. it is logged as skipped: after a restart it does not run again, and state that is made again has nothing of it
 *
 * What its outputs had done before is done: they are named.
 */
import type { ListenerBus } from '../../base/listener-bus.ts'
import type { Logger } from '../../base/logger.ts'
import type { Time } from '../../base/time.ts'
import { describeScope } from '../../rdd/scope.ts'
import type { DStreamGraph } from '../graph.ts'
import type { OutputOperationInfo, StreamingListener } from '../listener.ts'
import type { JobScheduler } from './job-scheduler.ts'
import type { JobSet, OutputJob } from './job-set.ts'

/** What skipping stands on. */
export interface SkipParts {
  readonly graph: DStreamGraph
  readonly scheduler: JobScheduler
  readonly bus: ListenerBus<StreamingListener>
  readonly logger: Logger
  /** Makes the states of a batch that take in more than that batch. @throws BATCH_TAKES_IN_EARLIER */
  makeLongStates(time: Time): Promise<void>
  /** Makes the jobs of a batch anew. What it throws fails that batch. */
  remake(set: JobSet): void
  /** Logs that a batch has ended, and how. Never rejects. */
  logSkipped(time: Time): Promise<void>
  onError(error: unknown, time: Time): void
  /** The sink that has its input. */
  readonly deadLetters: string | undefined
  /** Prepares the input of a batch for dead letters, before it is taken back; what it gives writes them. */
  letters(set: JobSet, error: unknown): () => Promise<void>
}

/**
 * @throws STATE_VERSION_FORGOTTEN when state cannot be undone, and nothing has been changed then; BATCH_TAKES_IN_EARLIER; what fails when letters of a batch that
 * cannot be made anew are written
 */
export async function skipBatch(parts: SkipParts, set: JobSet, reason: string): Promise<void> {
  const skipped = [{ set, reason, write: async (): Promise<void> => {} }]
  await parts.graph.endVersions(set.time)
  parts.graph.undo(set.time)
  parts.scheduler.remake(later => {
    try {
      parts.remake(later)
      return true
    } catch (error) {
      parts.onError(error, later.time)
      const write = parts.letters(later, error)
      parts.graph.undo(later.time)
      skipped.push({ set: later, reason: error instanceof Error ? error.message : String(error), write })
      return false
    }
  })
  for (const { set, reason, write } of skipped) {
    await write()
    await parts.makeLongStates(set.time)
    tell(parts, set, reason)
    await parts.logSkipped(set.time)
  }
}

function tell({ graph, bus, logger, deadLetters }: SkipParts, set: JobSet, failureReason: string): void {
  const ran = set.jobs.filter(job => job.endTime !== undefined && job.error === undefined)
  const inputs = [...set.inputs.values()].map(({ inputStreamId, numRecords, metadata }) => {
    const described = metadata['Description'] === undefined ? '' : `, ${metadata['Description']}`
    return `stream ${inputStreamId} (${graph.inputs[inputStreamId]?.source.name}${described}): ${numRecords} records`
  })
  const failed = set.failure
  const outputs: readonly OutputOperationInfo[] = ran.map(job => job.info())
  const partly =
    failed?.output.sink === undefined || failed.output.sink.standing(set.time) === 'absent'
      ? ''
      : `. ${failed.output.sink.name} may hold a part of it`
  const at = failed === undefined ? 'while its jobs were made' : `in ${describeScope(failed.output.scope)}`
  const done =
    ran.length === 0
      ? 'No output of it has run'
      : `Outputs that have run, and are not undone: ${ran.map(job => nameOf(job.output)).join(', ')}`
  logger.warn(
    `the batch at ${set.time} failed ${at} and is skipped: its input is in ` +
      `${deadLetters === undefined ? 'no result' : `${deadLetters} and in no result`} (${inputs.join('; ')}), ` +
      `and state is as if it had none. ${done}${partly}`,
  )
  bus.post('onBatchSkipped', {
    batchInfo: set.info(),
    failedOutput: failed?.info(),
    failureReason,
    outputsThatRan: outputs,
    deadLetters,
  })
}

/** The operation, and the sink that it writes to. */
function nameOf({ scope, sink }: OutputJob['output']): string {
  return sink === undefined ? describeScope(scope) : `${describeScope(scope)} → ${sink.name}`
}
