/**
 * What a restart would make of saved data with a program that may have changed: the steps of `open.ts`, without writing anything and
 * without starting anything. The program's streams are initialised, so it cannot start afterwards.
 */
import { isKindlingError } from '../../base/errors.ts'
import { Time } from '../../base/time.ts'
import { HashPartitioner } from '../../rdd/partitioner.ts'
import type { InputDStream } from '../dstream/input.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import type { DStreamGraph } from '../graph.ts'
import { FIRST_VERSION } from '../state/state-schema.ts'
import { goingOn, newlyRestarted } from './changed-interval.ts'
import { findCheckpoint } from './find.ts'
import { checkIntervals } from './intervals.ts'
import type { Manifest, SavedOperator } from './manifest.ts'
import { match, type Unmatched } from './match.ts'
import { versionOf } from './migrate-images.ts'
import { type OperatorIds, operatorIds } from './operator-ids.ts'
import { recordsOf } from './read-image.ts'
import { type Recovery, recover } from './recovery.ts'
import type { CheckpointStorage } from './storage.ts'

/** See the file head. Times in ms. */
export interface RestartPlan {
  readonly directory: string
  readonly operators: readonly OperatorPlan[]
  readonly inputs: readonly InputPlan[]
  /** Where the batch interval changes: that of before, and of the program. */
  readonly interval?: { readonly savedMs: number; readonly nowMs: number }
  /** All batches up to this one have ended. */
  readonly ended: number
  /** Batches that were planned and have not ended: they run again. */
  readonly pending: readonly number[]
  /** Why the program does not start, whatever may be dropped. */
  readonly refused: readonly string[]
  /** Files that cannot be read and are done without. */
  readonly skipped: readonly string[]
}

/** What becomes of the state of an operator. */
export interface OperatorPlan {
  readonly id: string
  readonly kind: string
  /** `restarted`: a window that begins without the batches of before. */
  readonly fate: 'kept' | 'spread' | 'migrated' | 'new' | 'dropped' | 'restarted'
  /** The image that it goes on from; state later than it is computed again. */
  readonly from?: number
  readonly keys?: number
  /** Partitions as saved and now, where they are spread anew. */
  readonly partitions?: { readonly saved: number; readonly now: number }
  /** The version of its values as saved and now, where they are migrated. */
  readonly versions?: { readonly saved: number; readonly now: number }
  /** Why it is dropped or restarted. */
  readonly reason?: string
  /** It has no uid, and is found by its place in the program. */
  readonly isNameless: boolean
}

/** What becomes of an input. */
export interface InputPlan {
  readonly id: string
  readonly source?: string
  readonly fate: 'kept' | 'new' | 'dropped'
  /** What batches that run again do not get, since the source cannot be read again. */
  readonly lost?: { readonly batches: number; readonly records: number }
}

/** What the plan is made of. */
export interface PlanParts {
  readonly storage: CheckpointStorage
  readonly graph: DStreamGraph
  readonly batchMs: number
}

/** @throws NO_OUTPUT_OPERATIONS, INVALID_CHECKPOINT_INTERVAL, INVALID_ARGUMENT, CLASS_NOT_REGISTERED: the program is not right */
export async function planRestart({ storage, graph, batchMs }: PlanParts): Promise<RestartPlan> {
  graph.validate()
  const ids = operatorIds(graph)
  checkIntervals(ids.streams, true)
  const skipped: string[] = []
  const refused: string[] = []
  const skip = (message: string): void => void skipped.push(message)
  const nothing = { directory: storage.name, operators: [], inputs: [], ended: 0, pending: [], skipped }
  let saved: Manifest | undefined
  try {
    const found = await findCheckpoint(storage, false, skip)
    saved = found.manifests[0]?.manifest
  } catch (error) {
    return { ...nothing, refused: [notUsable(error)] }
  }
  if (saved === undefined) return { ...nothing, refused }
  graph.initialize(goingOn(saved, batchMs))
  const restarted = await newlyRestarted(ids, graph.grid, { storage, saved })
  const { operators: matched, unmatched } = match(saved, graph, ids, restarted)
  let recovery: Recovery | undefined
  if (refused.length === 0)
    try {
      recovery = await recover({ storage, graph, streams: ids.streams, skipped: skip }, saved, matched)
    } catch (error) {
      refused.push(notUsable(error))
    }
  if (recovery !== undefined) refused.push(...refusingSources(graph, recovery))
  const operators = [
    ...ids.streams.flatMap(stream => {
      if (restarted.has(stream)) return [restartedPlan(stream, ids, unmatched)]
      return stream.state === undefined ? [] : [operatorPlan(stream, ids, matched, recovery)]
    }),
    ...unmatched.flatMap(({ what, id, reason }): OperatorPlan[] =>
      what === 'operator'
        ? [{ id, kind: kindOf(saved.operators, id), fate: 'dropped', reason, isNameless: false }]
        : [],
    ),
  ]
  const inputs = [
    ...graph.inputs.map(input => inputPlan(input, ids, saved, recovery)),
    ...unmatched.flatMap(({ what, id }): InputPlan[] => (what === 'input' ? [{ id, fate: 'dropped' }] : [])),
  ]
  return {
    ...{ directory: storage.name, operators, inputs, refused, skipped },
    ...(saved.batchMs === batchMs ? {} : { interval: { savedMs: saved.batchMs, nowMs: batchMs } }),
    ended: recovery?.ended ?? saved.ended,
    pending: recovery?.pending.map(({ time }) => time) ?? [],
  }
}

/** What would be given up. */
export function droppedBy({ operators, inputs }: RestartPlan): readonly (OperatorPlan | InputPlan)[] {
  return [...operators, ...inputs].filter(({ fate }) => fate === 'dropped' || fate === 'restarted')
}

function notUsable(error: unknown): string {
  if (isKindlingError(error, 'CHECKPOINT_NOT_USABLE') || isKindlingError(error, 'STATE_MIGRATION_FAILED'))
    return error.message
  throw error
}

function kindOf(operators: readonly SavedOperator[], id: string): string {
  return String(operators.find(operator => operator.id === id)?.layout['operator'])
}

function restartedPlan(stream: AnyStream, ids: OperatorIds, unmatched: readonly Unmatched[]): OperatorPlan {
  const id = ids.of(stream)
  const { reason } = unmatched.find(other => other.what === 'window' && other.id === id)!
  const kind = String(stream.state?.layout['operator'] ?? stream.scope.name)
  return { id, kind, fate: 'restarted', reason, isNameless: stream.userId === undefined }
}

function operatorPlan(
  stream: AnyStream,
  ids: OperatorIds,
  matched: ReadonlyMap<AnyStream, SavedOperator>,
  recovery: Recovery | undefined,
): OperatorPlan {
  const { kept, layout } = stream.state!
  const { partitioner } = kept
  const about = {
    id: ids.of(stream),
    kind: String(layout['operator']),
    isNameless: stream.userId === undefined,
  }
  if (!matched.has(stream)) return { ...about, fate: 'new' }
  const start = recovery?.start.get(stream)
  if (start === undefined) return { ...about, fate: 'kept' }
  const { time: from, images } = start
  const keys = images.reduce((sum, image) => sum + recordsOf(image).keys.length, 0)
  const saved = images.length
  const now = partitioner.numPartitions
  const isSame =
    saved === now && partitioner instanceof HashPartitioner && images.every(({ head }) => head.byHash)
  const partitions = saved === 0 || isSame ? {} : { partitions: { saved, now } }
  const image = matched.get(stream)!.images.find(({ time }) => time === from)
  const before = image === undefined ? undefined : versionOf(image)
  const version = stream.state!.schema?.version ?? FIRST_VERSION
  if (before !== undefined && before !== version)
    return {
      ...about,
      fate: 'migrated',
      from,
      keys,
      ...partitions,
      versions: { saved: before, now: version },
    }
  return {
    ...about,
    fate: partitions.partitions === undefined ? 'kept' : 'spread',
    from,
    keys,
    ...partitions,
  }
}

function inputPlan(
  input: InputDStream<unknown>,
  ids: OperatorIds,
  saved: Manifest,
  recovery: Recovery | undefined,
): InputPlan {
  const id = ids.of(input as AnyStream)
  const about = { id, source: input.source.name }
  if (!saved.inputs.some(other => other.id === id)) return { ...about, fate: 'new' }
  if (input.isReplayable || recovery === undefined) return { ...about, fate: 'kept' }
  // As in resume.ts: batches up to here are neither run again nor applied to state.
  const needed = Math.min(recovery.ended, ...[...recovery.start.values()].map(({ time }) => time))
  const lost = recovery.plans.flatMap(({ time, inputs }) =>
    time <= needed ? [] : inputs.filter(other => other.id === id),
  )
  if (lost.length === 0) return { ...about, fate: 'kept' }
  const records = lost.reduce((sum, { numRecords }) => sum + numRecords, 0)
  return { ...about, fate: 'kept', lost: { batches: lost.length, records } }
}

/** A queue refuses every restart, and says so when it is given a plan; it needs no start for that. */
function refusingSources({ inputs }: DStreamGraph, { plans }: Recovery): string[] {
  const refused = new Set<string>()
  for (const { source } of inputs) {
    if (source.name !== 'queue' || plans[0] === undefined) continue
    try {
      source.restore?.(new Time(plans[0].time), undefined)
    } catch (error) {
      refused.add((error as Error).message)
    }
  }
  return [...refused]
}
