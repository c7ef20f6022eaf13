/** Whether an error comes of a fault that the simulation made. */
import { isKindlingError } from '../../base/errors.ts'

/** What follows from the death of a worker, and from the end of a program. */
const FOLLOWS: ReadonlySet<string> = new Set([
  'PLANNED_FAULT',
  'TASK_TIMED_OUT',
  'JOB_CANCELLED',
  'CONTEXT_STOPPED',
])
const SIMULATED = /a simulated (fault|death)|Planned fault/

/** Whether it says that another process has taken over. */
export function isOvertaken(error: unknown): boolean {
  return isKindlingError(error) && (error.code === 'FENCED' || error.code === 'SINK_FENCED')
}

/** What an error is, for the log. */
export function codeOf(error: Error): string {
  return isKindlingError(error) ? error.code : error.name
}

export function isSimulated(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++)
    if (SIMULATED.test(at.message) || (isKindlingError(at) && FOLLOWS.has(at.code))) return true
  return false
}
