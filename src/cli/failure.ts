/** An error as a person wants to see it: what happened first, then the place in the user's own code. */
import { isKindlingError, KindlingError } from '../base/errors.ts'

/** Frames that are not the user's: Node's and this package's. */
const FOREIGN = /node:|node_modules|kindling-pipeline-\d+/

/** The message, the code, the original error and the user's own lines of the stack. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return `error: ${String(error)}`
  const lines = [
    isKindlingError(error)
      ? `error ${error.code}: ${error.message}`
      : `error: ${error.name}: ${error.message}`,
  ]
  let cause: unknown = error.cause
  for (let depth = 0; cause instanceof Error && depth < 3; depth++) {
    lines.push(`  caused by ${cause.name}: ${cause.message}`)
    const frame = userFrame(cause)
    if (frame !== undefined) lines.push(`    ${frame}`)
    cause = cause.cause
  }
  if (!(error instanceof KindlingError) || error.cause === undefined) {
    const frame = userFrame(error)
    if (frame !== undefined) lines.push(`    ${frame}`)
  }
  return lines.join('\n')
}

function userFrame(error: Error): string | undefined {
  const own = import.meta.dirname.replace(/[\\/]cli$/, '')
  return error.stack
    ?.split('\n')
    .slice(1)
    .map(line => line.trim())
    .find(line => line.startsWith('at ') && !FOREIGN.test(line) && !line.includes(own))
}
