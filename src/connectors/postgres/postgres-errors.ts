/** What PostgreSQL answers when it does not do what it was asked. */
import { isKindlingError, KindlingError } from '../../base/errors.ts'

/** Of the server: connection lost, shutting down or starting up, too many connections, deadlock, serialization. */
const PASSING = /^(08...|57P0[123]|53...|40001|40P01)$/
/** Wrong user or password, or without the right to do it. */
const DENIED = /^(28...|42501)$/
/** What the server calls an error by. What the system calls its own (ECONNREFUSED) is longer, or has other letters. */
const SQLSTATE = /^[0-9A-Z]{5}$/

/** @param what what was asked, for people */
export function postgresError(server: string, what: string, error: unknown): KindlingError {
  if (isKindlingError(error)) return error
  const { message, code } = error as { message: string; code?: string }
  const isAnswer = code !== undefined && SQLSTATE.test(code)
  const kind = !isAnswer || PASSING.test(code) ? 'unreachable' : DENIED.test(code) ? 'denied' : 'failed'
  const reason = isAnswer ? `${message} [${code}]` : message || (code ?? 'the connection was lost')
  // The cause of the library is left out: rows and the connection hang on it.
  const said = { server: `PostgreSQL at ${server}`, what, reason }
  if (kind === 'unreachable') return new KindlingError('DATABASE_UNREACHABLE', said)
  return new KindlingError(kind === 'denied' ? 'DATABASE_ACCESS_DENIED' : 'DATABASE_FAILED', said)
}

/** What asking again does not mend. */
export function postgresFailed(server: string, what: string, reason: string): KindlingError {
  return new KindlingError('DATABASE_FAILED', { server: `PostgreSQL at ${server}`, what, reason })
}
