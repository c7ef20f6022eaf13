/** Whether an error comes of a fault that the simulation made. */
import { isKindlingError } from '../../base/errors.ts'

/** What follows from the death of a worker, and from the end of a program. */
const FOLLOWS: ReadonlySet<string> = new Set([
  'PLANNED_FAULT',
  'TASK_TIMED_OUT',
  'JOB_CANCELLED',
  'CONTEXT_STOPPED',
  'BATCH_NOT_SKIPPABLE',
])
const SIMULATED = /a simulated (fault|death)|Planned fault/

/** Whether it says that another process has taken over. */
export function isOvertaken(error: unknown): boolean {
  return isKindlingError(error) && (error.code === 'FENCED' || error.code === 'SINK_FENCED')
}

/** Whether a function of the program threw it. */
export function isOfUser(error: unknown): boolean {
  return causesOf(error).some(at => isKindlingError(at) && at.code === 'USER_CODE_FAILED')
}

/** What an error is, for the log. */
export function codeOf(error: Error): string {
  return isKindlingError(error) ? error.code : error.name
}

export function isSimulated(error: unknown): boolean {
  return causesOf(error).some(
    at => SIMULATED.test(at.message) || (isKindlingError(at) && FOLLOWS.has(at.code)),
  )
}

/** An error, and those that led to it. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = []
  for (let at = error; at instanceof Error && causes.length < 10; at = at.cause) causes.push(at)
  return causes
}
