/** Where a program stands by its log: what was planned last, and what has not ended. */
import type { TimeGrid } from '../time-grid.ts'
import { before, type LogContent, type LogFile, type LoggedBatch } from './batch-log.ts'
import type { Manifest } from './manifest.ts'

/** See the file head. Times in ms. */
export interface Standing {
  /** The last batch that was planned. */
  readonly last: number
  /** All batches up to this one have ended. */
  readonly ended: number
  /** Planned and not ended, the oldest first. */
  readonly pending: readonly LoggedBatch[]
}

/** Whether a file of the log was not written too late, by a process that had been overtaken. */
export function countsFor({ epoch, takenOver }: Manifest, file: LogFile): boolean {
  return file.epoch >= epoch || takenOver === undefined || file.time <= takenOver
}

export function standingOf(saved: Manifest, log: LogContent, grid: TimeGrid): Standing {
  const last = Math.max(saved.ended, ...log.plans.keys(), ...log.commits)
  const pending = [...log.plans.values()].filter(({ time }) => time > saved.ended && !log.commits.has(time))
  const ended = pending[0] === undefined ? last : before(pending[0], grid)
  return { last, ended, pending }
}
