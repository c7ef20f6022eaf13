/**
 * What the library says when a store does not do what it was asked: a text of the form
 *
 *   NotFound (permanent) at read, context: { uri: …, response: Parts { status: 404, … }, … } => S3Error { code: "NoSuchKey", message: "…" }
 *
 * Of it only kind, status, code and message are kept: addresses may carry signatures.
 */
import { type ErrorCode, KindlingError } from '../../base/errors.ts'
import type { StoreSettings } from './options.ts'

/** See the file head. */
export interface StoreFailure {
  /** Of the answer, where there was one. */
  readonly status: string | undefined
  /** `NotFound`, `ConditionNotMatch`, `PermissionDenied`, `ConfigInvalid`, `RateLimited`, `Unexpected`, … */
  readonly kind: string
  /** Whether asking again may mend it. */
  readonly mayPass: boolean
  /** Of the store: `NoSuchBucket`. */
  readonly code: string | undefined
  /** For people. */
  readonly reason: string
}

/** Codes of bucket and container in an answer that is 404 for objects too. */
const NO_BUCKET = new Set(['NoSuchBucket', 'ContainerNotFound'])
type StoreErrorCode = Extract<ErrorCode, `OBJECT_STORE_${string}`>

/** Of a store whose disks are full. */
const NO_ROOM = '507'
/** Others write at the same moment: the next attempt will see what they did. */
const CONFLICT = new Set(['ConditionalRequestConflict', 'OperationAborted'])

export function failureOf(error: unknown): StoreFailure {
  const text = error instanceof Error ? error.message : String(error)
  const [, kind = 'Unexpected', passing = ''] = /^(\w+) \((\w+)\)/.exec(text) ?? []
  const status = /response: Parts \{ status: (\d+)/.exec(text)?.[1]
  const said = text.slice(text.lastIndexOf(' => ') + 4)
  const code = /\bcode: "([^"]*)"/.exec(said)?.[1] ?? (/\bcode: (\d+)/.exec(said)?.[1] as string | undefined)
  const message = /\bmessage: "((?:[^"\\]|\\.)*)"/.exec(said)?.[1]
  const detail = message ?? (text.includes(' => ') ? withoutQueries(said).trim() : withoutQueries(text))
  const parts = [status === undefined ? undefined : `status ${status}`, code, detail.split('\n')[0]]
  return {
    status,
    kind,
    mayPass:
      passing === 'temporary' || kind === 'RateLimited' || CONFLICT.has(code ?? '') || status === NO_ROOM,
    code,
    reason: parts.filter(part => part !== undefined && part !== '').join(', ') || kind,
  }
}

/** Whether there is no such object. That there is no such bucket is an error, where it can be told. */
export function isMissing({ kind, code }: StoreFailure): boolean {
  return kind === 'NotFound' && !NO_BUCKET.has(code ?? '')
}

/** Whether a new object could not be written because there is one. */
export function isTaken({ kind, code }: StoreFailure): boolean {
  return (kind === 'ConditionNotMatch' || kind === 'AlreadyExists') && !CONFLICT.has(code ?? '')
}

/** The engine's error for what the library threw. */
export function storeError({ name }: StoreSettings, what: string, error: unknown): KindlingError {
  if (error instanceof KindlingError) return error
  const failure = failureOf(error)
  return new KindlingError(codeOf(failure), { store: name, what, reason: failure.reason })
}

function codeOf({ kind, status, mayPass }: StoreFailure): StoreErrorCode {
  if (kind === 'PermissionDenied' || status === '401') return 'OBJECT_STORE_ACCESS_DENIED'
  if (status === NO_ROOM) return 'OBJECT_STORE_FULL'
  return mayPass ? 'OBJECT_STORE_UNREACHABLE' : 'OBJECT_STORE_FAILED'
}

/** Signatures stand behind the question mark. */
function withoutQueries(text: string): string {
  return text.replace(/(https?:\/\/[^\s?)]*)\?[^\s),]*/g, '$1')
}
