/** What a database answers when it does not do what it was asked. */
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import type { AskedServer } from './session.ts'

/** @param what what was asked, for people */
export function databaseError({ server, explain }: AskedServer, what: string, error: unknown): KindlingError {
  if (isKindlingError(error)) return error
  const { fault, reason } = explain(error)
  // The cause of the library is left out: rows, passwords and the connection hang on it.
  switch (fault) {
    case 'busy':
    case 'unreachable':
      return new KindlingError('DATABASE_UNREACHABLE', { server, what, reason })
    case 'full':
      return new KindlingError('DATABASE_FULL', { server, what, reason })
    case 'denied':
      return new KindlingError('DATABASE_ACCESS_DENIED', { server, what, reason })
    case 'failed':
      return databaseFailed(server, what, reason)
  }
}

/** What asking again does not mend. */
export function databaseFailed(server: string, what: string, reason: string): KindlingError {
  return new KindlingError('DATABASE_FAILED', { server, what, reason })
}

/** What the system says when a server is not there, or has gone. */
const SYSTEM = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'ENOENT'],
])

/** What a system says of a disk that is full, by whatever server. */
export const NO_SPACE: RegExp = /no space left on device|disk quota exceeded/i

/** Whether an error is one of the system's about the way to a server. Of several addresses the errors are in `errors`. */
export function isOfTheWay(error: unknown): boolean {
  const { code, errors } = error as { code?: unknown; errors?: readonly unknown[] }
  if (typeof code === 'string' && SYSTEM.has(code)) return true
  return Array.isArray(errors) && errors.length > 0 && errors.every(isOfTheWay)
}

/** Its message; where that is empty, as with several addresses, that of the first of them, or its code. */
export function saidBy(error: unknown): string {
  const { message, code, errors } = error as { message?: string; code?: unknown; errors?: readonly unknown[] }
  if (message) return message
  const [first] = errors ?? []
  return first === undefined ? String(code ?? error) : saidBy(first)
}
