/**
 * Opens the checkpoint directory of a program that starts: the first time, or to go on.
 *
 * 1. find the newest manifest that can be read; it says when batches were, by which the streams are initialised
 * 2. refuse a program that the saved data does not match, before anything is written; values of another version are migrated on trial
 * 3. take over: create the next manifest; whoever went on with the one before stops (`FENCED`)
 * 4. read what is saved and give it to streams and sources
 */
import { KindlingError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { Time } from '../../base/time.ts'
import type { Parallelism } from '../../context/spark-context.ts'
import { describeScope } from '../../rdd/scope.ts'
import type { RestoredBatch } from '../batch/job-generator.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import { TimeGrid } from '../time-grid.ts'
import { LOG_FOLDER } from './batch-log.ts'
import { goingOn, newlyRestarted, restartedWindows } from './changed-interval.ts'
import { Checkpoint, type CheckpointParts } from './checkpoint.ts'
import { findCheckpoint } from './find.ts'
import { createManifest, type Manifest, manifestFile, type SavedOperator, savedTimes } from './manifest.ts'
import { match } from './match.ts'
import { needsMigration } from './migrate-images.ts'
import type { OperatorIds } from './operator-ids.ts'
import { type Recovery, recover } from './recovery.ts'
import { lostCuts, useCuts } from './recut.ts'
import { pendingBatches, replayLineage, resumeInputs, resumeStreams } from './resume.ts'
import { sweep } from './sweep.ts'

/** How a program is opened. */
export interface OpenParts extends CheckpointParts {
  /** The batch interval of the program. */
  readonly batchMs: number
  /** The next tick: the first batch, if the program has not run before. */
  firstTime(): Time
  /** Makes up a name for a program that begins. */
  newName(): string
  /** Give up saved data that the program has no place for. */
  readonly allowDrop: boolean
  /** What is made for a batch is cut as it was then. */
  useParallelism(time: number, parallelism: Parallelism): void
  /** Begin anew when the saved data cannot be used. */
  readonly createOnError: boolean
}

/** A program that can go on. */
export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint
  /** The last batch that was planned before. */
  readonly last: number
  /** To run again, first. */
  readonly pending: readonly RestoredBatch[]
  /** Since when an input is part of the program, in ms. */
  since(stream: AnyStream): number
  /** Gives sources their plans, once they have started. @throws FENCED, CHECKPOINT_NOT_WRITABLE */
  resume(): Promise<void>
}

/** See the file head. @throws CHECKPOINT_MISMATCH, STATE_MIGRATION_FAILED, CHECKPOINT_NOT_USABLE, FENCED, CHECKPOINT_NOT_WRITABLE */
export async function openCheckpoint(parts: OpenParts): Promise<OpenedCheckpoint> {
  const { storage, graph, ids, batchMs, logger } = parts
  const skipped = (message: string): void => logger.warn(`checkpoint: skipped: ${message}`)
  const found = await findCheckpoint(storage, parts.createOnError, skipped)
  const saved = found.manifests[0]?.manifest
  const grid =
    saved === undefined
      ? TimeGrid.starting(parts.firstTime().milliseconds - batchMs, batchMs)
      : goingOn(saved, batchMs)
  graph.initialize(grid)
  warnOfNamelessState(ids, logger)
  const matched = saved === undefined ? new Map<AnyStream, SavedOperator>() : await matching(parts, saved)

  const recovering = { storage, graph, streams: ids.streams, skipped }
  // What fails for one key must not leave a program that has been taken over and cannot go on.
  if (saved !== undefined && [...matched].some(([stream, operator]) => needsMigration(stream, operator)))
    await recover({ ...recovering, skipped: () => {} }, saved, matched)

  const number = (found.numbers.at(-1) ?? 0) + 1
  const inputs = inputsOf(parts, saved)
  const claim = saved === undefined ? firstManifest(parts, number, grid) : { ...saved, epoch: number, inputs }
  const takenOver = saved === undefined ? -1 : undefined
  const program = saved?.program ?? parts.newName()
  const claimed = { number, manifest: { ...claim, program, inputs, takenOver, writer: storage.writer } }
  if (!(await createManifest(storage, number, claimed.manifest)))
    throw new KindlingError('FENCED', { directory: storage.name, file: manifestFile(number) })

  let recovery = beginning(claim.ended)
  if (saved !== undefined)
    try {
      await storage.settle?.(LOG_FOLDER)
      recovery = await recover(recovering, saved, matched)
    } catch (error) {
      if (!parts.createOnError || (error as KindlingError).code !== 'CHECKPOINT_NOT_USABLE') throw error
      skipped((error as Error).message)
      recovery = beginning(Math.max(saved.ended, parts.firstTime().milliseconds - batchMs))
    }
  grid.begin(recovery.last)
  for (const [stream, time] of restartedWindows(ids, grid)) stream.restartAfter(time)
  const operators = new Map(recovery.operators)
  for (const stream of ids.streams) {
    const { state } = stream
    if (state === undefined || operators.has(stream)) continue
    if (saved !== undefined) logger.warn(`checkpoint: ${ids.of(stream)} is new, and begins without state`)
    operators.set(stream, { id: ids.of(stream), layout: state.layout, since: recovery.ended, images: [] })
  }
  const older = found.manifests.toReversed()
  await sweep(
    storage,
    [...older, claimed],
    inputs.map(({ id }) => id),
  )
  useCuts(ids, recovery.pending[0]?.cuts)
  if (saved !== undefined) resumeStreams(recovery, ids)
  const { last, pending, files } = recovery
  const state = { claimed, operators, last, pending, files, older }
  const checkpoint = new Checkpoint(parts, state)
  const sinceOf = new Map(inputs.map(({ id, since }) => [id, since]))
  return {
    checkpoint,
    last,
    pending: pendingBatches(graph, recovery, ids),
    since: stream => sinceOf.get(ids.of(stream))!,
    async resume() {
      if (saved === undefined) return
      for (const { time, parallelism } of recovery.plans)
        if (parallelism !== undefined) parts.useParallelism(time, parallelism)
      for (const stream of lostCuts(ids, pending[0]?.cuts))
        logger.warn(
          `${describeScope(stream.scope)}: batches that had not ended were cut by another partitioner, which the program has no more. ` +
            'They run again with the one that it has now: pairs are in other partitions, and may come in another order',
        )
      resumeInputs(graph, recovery, { ids, logger, now: parts.clock.now() })
      replayLineage(recovery, ids)
      // From now on what the process before writes late does not count, and operators that are new are known.
      await checkpoint.renew()
    },
  }
}

/** @throws CHECKPOINT_MISMATCH unless what does not match may be dropped */
async function matching(parts: OpenParts, saved: Manifest): Promise<ReadonlyMap<AnyStream, SavedOperator>> {
  const { storage, graph, ids, logger } = parts
  const mismatch = (reason: string): KindlingError =>
    new KindlingError('CHECKPOINT_MISMATCH', { directory: storage.name, reason })
  const restarted = await newlyRestarted(ids, graph.grid, { storage, saved })
  const { operators, unmatched } = match(saved, graph, ids, restarted)
  if (unmatched.length > 0 && !parts.allowDrop)
    throw mismatch(unmatched.map(({ reason }) => reason).join('; '))
  for (const { reason } of unmatched) logger.warn(`checkpoint: dropped, since ${reason}`)
  return operators
}

function inputsOf({ graph, ids, clock }: OpenParts, saved: Manifest | undefined): Manifest['inputs'] {
  return graph.inputs.map(input => {
    const id = ids.of(input as AnyStream)
    return { id, since: saved?.inputs.find(other => other.id === id)?.since ?? clock.now() }
  })
}

function firstManifest({ ids }: OpenParts, epoch: number, grid: TimeGrid): Manifest {
  const zero = grid.zeroTime
  const operators = ids.streams.flatMap(stream =>
    stream.state === undefined
      ? []
      : [{ id: ids.of(stream), layout: stream.state.layout, since: zero, images: [] }],
  )
  const times = { ...savedTimes(grid, zero), ended: zero, logFrom: zero }
  return { epoch, takenOver: undefined, ...times, inputs: [], operators }
}

/** Nothing to take over: the next batch is the first. */
function beginning(time: number): Recovery {
  const nothing = {
    pending: [],
    plans: [],
    skipped: new Set<number>(),
    failed: new Map(),
    files: [],
    operators: new Map(),
    start: new Map(),
  }
  return { last: time, ended: time, floor: time, ...nothing }
}

/** A structural id is lost when what the operator is computed from changes. */
function warnOfNamelessState(ids: OperatorIds, logger: Logger): void {
  for (const stream of ids.streams)
    if (stream.state !== undefined && stream.userId === undefined)
      logger.warn(
        `${describeScope(stream.scope)} has no name: its saved state is found by its place in the program ` +
          `(${ids.of(stream)}). Give it one, .uid('name'), so that the program may change`,
      )
}
