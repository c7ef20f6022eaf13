/**
 * What a program makes of batches of another interval, when it goes on with its own.
 *
 * Batches that were planned before run as they were; state goes on from the last of them. A window takes in batches of both
 * intervals, unless one of its borders would cut a batch of before in two:
 *
 *   batches of 2 s   |    2    |    4    |    6    |
 *   window of 3 s at 8 s            [5 … 8]           cuts the batch of 6 s
 *
 * Such a window begins anew: it takes in nothing of before the change.
 */
import type { AnyStream } from '../dstream/recipe.ts'
import { TimeGrid } from '../time-grid.ts'
import { readLog } from './batch-log.ts'
import { countsFor, standingOf } from './log-standing.ts'
import { gridOf, type Manifest } from './manifest.ts'
import type { OperatorIds } from './operator-ids.ts'
import type { CheckpointStorage } from './storage.ts'

/** The times of a program with batches of `batchMs` that goes on from what is saved. */
export function goingOn(saved: Manifest, batchMs: number): TimeGrid {
  return saved.batchMs === batchMs ? gridOf(saved) : gridOf(saved).changedTo(batchMs)
}

/** Windows that begin anew, each with the time after which it does. All eras have begun. */
export function restartedWindows({ streams }: OperatorIds, grid: TimeGrid): Map<AnyStream, number> {
  const restarted = new Map<AnyStream, number>()
  for (const stream of streams)
    for (const { after } of grid.eras.slice(1)) if (isCut(stream, grid, after)) restarted.set(stream, after)
  return restarted
}

/** Those among them that begin anew only now, since the interval of the program has changed. */
export async function newlyRestarted(
  ids: OperatorIds,
  grid: TimeGrid,
  { storage, saved }: { readonly storage: CheckpointStorage; readonly saved: Manifest },
): Promise<ReadonlySet<AnyStream>> {
  if (saved.batchMs === grid.newest.batchMs) return new Set()
  const log = await readLog(
    storage,
    file => countsFor(saved, file),
    () => {}, // Whoever reads it to go on tells what is skipped.
  )
  const { last } = standingOf(saved, log, gridOf(saved))
  const begun = new TimeGrid(grid.eras)
  begun.begin(last)
  const restarted = [...restartedWindows(ids, begun)].filter(([, after]) => after === last)
  return new Set(restarted.map(([stream]) => stream))
}

/** Whether a border of a window after `change` cuts a batch of before. */
function isCut(stream: AnyStream, grid: TimeGrid, change: number): boolean {
  const window = stream.windowDuration?.milliseconds
  const [parent] = stream.dependencies
  if (window === undefined || parent === undefined) return false
  for (const time of grid.within(change, change + window, stream.slideIn)) {
    const start = time - window
    if (start < change && start > grid.zeroTime && !grid.isValid(start, parent.slideIn)) return true
  }
  return false
}
