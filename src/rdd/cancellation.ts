import { isKindlingError, KindlingError } from '../base/errors.ts'

/** The error for what was stopped by an aborted signal: the signal's reason where that is one of ours, else JOB_CANCELLED. */
export function cancellationOf(signal: AbortSignal, reason?: string): KindlingError {
  const given: unknown = signal.reason
  if (isKindlingError(given)) return given
  const text = reason ?? (given instanceof Error ? given.message : String(given))
  return new KindlingError('JOB_CANCELLED', { reason: text }, { cause: given })
}
