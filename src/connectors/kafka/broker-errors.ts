/**
 * What the client library throws, as errors of the engine.
 *
 * The library wraps errors in each other (`errors`, `cause`) and hangs requests, answers and its own objects on them, among them
 * options with secrets. What becomes the cause is a plain copy of names, messages and codes.
 */
import { fromWire, KindlingError, toWire } from '../../base/errors.ts'

/** Where Kafka's error codes and Node's are: on an error of the library, or one in it. */
interface LibraryError {
  readonly apiId?: unknown
  readonly code?: unknown
  readonly message?: unknown
  readonly canRetry?: unknown
  readonly errors?: unknown
  readonly cause?: unknown
}

const REFUSED = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
])
/** Of Node, for certificates that are not trusted or do not fit, and for a server that does not speak TLS. */
const TLS = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$|HOSTNAME_MISMATCH$)/
const NO_TOPIC = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', 'INCONSISTENT_TOPIC_ID'])

/** All codes in an error and those in it: Kafka's, Node's and the library's. */
export function codesOf(error: unknown): ReadonlySet<string> {
  const codes = new Set<string>()
  for (const { apiId, code } of parts(error))
    for (const one of [apiId, code]) if (typeof one === 'string') codes.add(one)
  return codes
}

/** Whether it says that there is no such topic. */
export function saysNoTopic(error: unknown): boolean {
  for (const { apiId, code, message } of parts(error)) {
    if (NO_TOPIC.has(String(apiId))) return true
    // The library keeps no more than the name of what the broker said.
    if (code === 'PLT_KFK_USER' && /^Unknown (topic|partition)\b/.test(String(message))) return true
  }
  return false
}

/** @param what was asked: `offsets of clicks` @param servers at which */
export function brokerError(error: unknown, what: string, servers: readonly string[]): KindlingError {
  const codes = [...codesOf(error)]
  const cause = fromWire(toWire(error))
  const at = servers.join(', ')
  const refusal =
    codes.find(code => REFUSED.has(code) || TLS.test(code)) ??
    codes.find(code => code === 'PLT_KFK_AUTHENTICATION')
  if (refusal !== undefined)
    return new KindlingError('KAFKA_ACCESS_DENIED', { servers: at, what, reason: refusal }, { cause })
  const said = codes.filter(code => !code.startsWith('PLT_KFK_'))
  const reason = said.length > 0 ? said.join(', ') : cause.message
  const code = mayRetry(error) ? 'KAFKA_UNREACHABLE' : 'KAFKA_REQUEST_FAILED'
  return new KindlingError(code, { servers: at, what, reason }, { cause })
}

/** Connections, time-outs, and what a broker says that has just started or lost a partition. Never when the library rules it out. */
function mayRetry(error: unknown): boolean {
  const all = [...parts(error)]
  const isOurs = all.some(({ code }) => code === 'PLT_KFK_USER' || code === 'PLT_KFK_UNSUPPORTED_API')
  return !isOurs && all.some(({ canRetry, code }) => canRetry === true || isOfNetwork(code))
}

function isOfNetwork(code: unknown): boolean {
  return code === 'PLT_KFK_NETWORK' || code === 'PLT_KFK_TIMEOUT' || /^E[A-Z]+$/.test(String(code))
}

/** An error and all that are in it, each once. */
function* parts(error: unknown, seen: Set<unknown> = new Set()): Generator<LibraryError> {
  if (typeof error !== 'object' || error === null || seen.has(error)) return
  seen.add(error)
  const part = error as LibraryError
  yield part
  if (Array.isArray(part.errors)) for (const one of part.errors) yield* parts(one, seen)
  yield* parts(part.cause, seen)
}
