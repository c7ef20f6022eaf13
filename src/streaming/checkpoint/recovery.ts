/**
 * What a restart takes over: images of the state, plans of batches, and which batches have not ended.
 *
 * 1. read the log; batches that were planned and not committed run again first
 * 2. choose an image for each stateful stream (`reach.ts`); one that cannot be read is skipped, and the choice made again
 * 3. see that the log reaches back far enough
 *
 * Nothing of the program is changed until all of it has been read.
 */
import { KindlingError } from '../../base/errors.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import type { DStreamGraph } from '../graph.ts'
import { FIRST_VERSION, notMigratable } from '../state/state-schema.ts'
import { everyBatch } from '../time-grid.ts'
import { type LogContent, type LogFile, type LoggedBatch, readLog, ticksOf } from './batch-log.ts'
import type { Damage } from './damage.ts'
import type { LoadedImage } from './image-file.ts'
import { countsFor, standingOf } from './log-standing.ts'
import type { Manifest, SavedImage, SavedOperator } from './manifest.ts'
import { migratedImage, versionOf } from './migrate-images.ts'
import { type Reach, reach } from './reach.ts'
import { readImage } from './read-image.ts'
import type { CheckpointStorage } from './storage.ts'

/** See the file head. */
export interface Recovery {
  /** The last batch that was planned. */
  readonly last: number
  /** All batches up to this one have ended. */
  readonly ended: number
  /** Planned and not ended, the oldest first. */
  readonly pending: readonly LoggedBatch[]
  /** All plans there are without a gap up to the last one, the oldest first. */
  readonly plans: readonly LoggedBatch[]
  /** Batches that failed and were skipped: they have no records. */
  readonly skipped: ReadonlySet<number>
  /** Batches that have failed for good: of those that have not ended, the input goes to dead letters. */
  readonly failed: LogContent['failed']
  /** There are no batches up to this time any more. */
  readonly floor: number
  /** What is saved of each stateful stream, without what cannot be read. */
  readonly operators: ReadonlyMap<AnyStream, SavedOperator>
  /** The version that each stateful stream starts from; its partitions, unless it is empty. */
  readonly start: ReadonlyMap<AnyStream, { readonly time: number; readonly images: readonly LoadedImage[] }>
  readonly files: readonly LogFile[]
}

/** What recovery reads from, and for. */
export interface RecoveryParts {
  readonly storage: CheckpointStorage
  readonly graph: DStreamGraph
  /** Each after those that it is computed from. */
  readonly streams: readonly AnyStream[]
  readonly skipped: Damage
}

/** @throws CHECKPOINT_NOT_USABLE when what is left does not suffice; STATE_MIGRATION_FAILED */
export async function recover(
  parts: RecoveryParts,
  saved: Manifest,
  matched: ReadonlyMap<AnyStream, SavedOperator>,
): Promise<Recovery> {
  const { storage, graph, skipped } = parts
  const { grid } = graph
  const log = await readLog(storage, file => countsFor(saved, file), skipped)
  const { last, pending, ended } = standingOf(saved, log, grid)

  const covered = new Set([...log.plans.values()].flatMap(batch => ticksOf(batch, grid)))
  let floor = last
  while (floor > grid.zeroTime && covered.has(floor)) floor = grid.before(floor, everyBatch)

  const operators = new Map(matched)
  for (;;) {
    const chosen = choose(parts, { operators, ended, floor })
    const start = await load(parts, operators, chosen)
    if (start === undefined) continue
    if (chosen.logFrom < floor && floor > saved.logFrom) throw incomplete(storage, floor)
    if (chosen.logFrom < floor)
      skipped(
        `batches up to ${floor} ms are not kept any more; windows that look further back begin with less.`,
      )
    const plans = [...log.plans.values()].filter(({ time }) => time > floor)
    const { skipped: isSkipped, failed, files } = log
    return { last, ended, pending, plans, skipped: isSkipped, failed, floor, operators, start, files }
  }
}

function choose(
  { storage, graph, streams }: RecoveryParts,
  at: {
    readonly operators: ReadonlyMap<AnyStream, SavedOperator>
    readonly ended: number
    readonly floor: number
  },
): Reach {
  const { operators, ended, floor } = at
  return reach({ graph, streams }, ended, stream => {
    const operator = operators.get(stream)
    if (operator === undefined) return [ended]
    // State is made again from the batches after an image: all of them have to be there.
    const images = operator.images.map(({ time }) => time).filter(time => time >= floor)
    // From its beginning a state can be made only if all batches since then are in the log.
    if (operator.since >= floor) return [operator.since, ...images]
    if (images.length === 0) throw incomplete(storage, floor)
    return images
  })
}

function incomplete(storage: CheckpointStorage, floor: number): KindlingError {
  return new KindlingError('CHECKPOINT_NOT_USABLE', {
    directory: storage.name,
    reason: `the plan of the batch at ${floor} ms is missing from the log, and no image after it can be read`,
  })
}

/** The chosen images; `undefined` when one of them could not be read, which is left out of `operators` from now on. */
async function load(
  parts: RecoveryParts,
  operators: Map<AnyStream, SavedOperator>,
  { start }: Reach,
): Promise<Recovery['start'] | undefined> {
  const loaded = new Map<AnyStream, { readonly time: number; readonly images: readonly LoadedImage[] }>()
  for (const [stream, time] of start) {
    const operator = operators.get(stream)
    const image = operator?.images.find(saved => saved.time === time)
    const images: LoadedImage[] = []
    const refused = image === undefined ? undefined : notMigratable(stream.state?.schema, versionOf(image))
    if (refused !== undefined) parts.skipped(`the image of ${operator!.id} at ${time} ms: ${refused}.`)
    for (const partition of image?.files.keys() ?? []) {
      const read = refused === undefined ? await readImage(parts, operator!, image!, partition) : undefined
      if (read === undefined) {
        operators.set(stream, without(operator!, image!))
        return undefined
      }
      images.push(asTheProgramHasIt(read, stream, operator!, image!))
    }
    loaded.set(stream, { time, images })
  }
  return loaded
}

/** @throws STATE_MIGRATION_FAILED */
function asTheProgramHasIt(
  read: LoadedImage,
  { state }: AnyStream,
  { id }: SavedOperator,
  image: SavedImage,
): LoadedImage {
  const { schema } = state!
  const version = versionOf(image)
  if (version === (schema?.version ?? FIRST_VERSION)) return read
  return migratedImage(read, schema!, { operator: id, version })
}

function without(operator: SavedOperator, image: SavedImage): SavedOperator {
  return { ...operator, images: operator.images.filter(other => other !== image) }
}
