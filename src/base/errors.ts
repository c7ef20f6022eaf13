/**
 * The one error class of the engine, and its way across thread and process borders.
 *
 * An error posted between threads arrives without its class and own properties, so code never asks `instanceof`:
 * it asks isKindlingError, which looks for a brand. toWire turns any thrown value into plain data and fromWire turns
 * that back into an Error with message, stack, code and cause.
 */
import { inspect, types } from 'node:util'
import {
  type Condition,
  conditions,
  type ErrorCode,
  type ErrorDomain,
  type ErrorRetry,
} from './conditions.ts'

export type { ErrorCode, ErrorDomain, ErrorRetry } from './conditions.ts'

/** Where an error happened. Whoever knows a part fills it in; it is added to the message. */
export interface ErrorContext {
  readonly jobId?: number
  readonly stageId?: number
  /** 0-based. */
  readonly partition?: number
  /** 0-based. */
  readonly attempt?: number
  /** ms since epoch. */
  readonly batchTime?: number
  /** Name of the operator in the user's words: 'map', 'reduceByKey'. */
  readonly operator?: string
  /** Where the operator was called: 'examples/words.ts:12:4'. */
  readonly site?: string
  /** Short rendering of the value at hand, from describeValue. */
  readonly value?: string
}

/** An error as plain data: safe for structured clone and for JSON. */
export interface WireError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  /** Of a KindlingError, or a text code of a foreign error such as 'ENOENT'. */
  readonly code?: string
  /** Only of a KindlingError. */
  readonly context?: ErrorContext
  readonly kindling?: true
  readonly cause?: WireError
  /** Parts of an AggregateError, at most ten. */
  readonly errors?: readonly WireError[]
}

// Checks every row: the table's own declaration keeps the codes and so cannot name the type of its rows.
const table: Readonly<Record<ErrorCode, Condition>> = conditions

// Registered, so that two copies of the package in one process know each other's errors.
const BRAND = Symbol.for('kindling.error')

// Causes deeper than this are cut: they only come from wrapping in a loop, or from a cycle.
const MAX_CAUSES = 8
const MAX_PARTS = 10

/**
 * An error with a code from the table of conditions.
 *
 * The message is the condition's text with the parameters put in, followed by the place from the context.
 *
 * @example
 * const error = new KindlingError('INVALID_ARGUMENT', { what: 'n', value: -1, expected: 'a whole number from 0 up' })
 * error.code // => 'INVALID_ARGUMENT'
 * error.domain // => 'user'
 */
export class KindlingError extends Error {
  /** Which condition: a key of the table in docs/reference/errors.md. */
  readonly code: ErrorCode
  /** Who has to act. */
  readonly domain: ErrorDomain
  /** What the engine may do by itself. */
  readonly retry: ErrorRetry
  /** Where it happened, as far as known. */
  readonly context: ErrorContext

  /**
   * @param code key of the table of conditions
   * @param params values for the places of the message; strings as they are, others by describeValue
   * @param options cause: the original error; context: the place
   */
  constructor(
    code: ErrorCode,
    params: Record<string, unknown> = {},
    options: { readonly cause?: unknown; readonly context?: ErrorContext } = {},
  ) {
    const condition = table[code]
    const context = options.context ?? {}
    const message = fill(condition.message, params) + place(context)
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.domain = condition.domain
    this.retry = condition.retry
    this.context = context
  }
}

// On the prototype, so that V8 writes the name into the stack's first line and inspect lists neither as a property.
Object.defineProperty(KindlingError.prototype, 'name', {
  value: 'KindlingError',
  configurable: true,
  writable: true,
})
Object.defineProperty(KindlingError.prototype, BRAND, { value: true })

/**
 * Whether a caught value is an error of the engine, and if a code is given, that one. Works for errors of another
 * copy of the package and for those that came from another thread by fromWire.
 *
 * @example
 * const failed = await visits.filter(() => false).first().catch(error => error)
 * isKindlingError(failed) // => true
 * isKindlingError(failed, 'EMPTY_COLLECTION') // => true
 * isKindlingError(new Error('no')) // => false
 */
export function isKindlingError(e: unknown, code?: ErrorCode): e is KindlingError {
  if (typeof e !== 'object' || e === null) return false
  try {
    return Reflect.get(e, BRAND) === true && (code === undefined || Reflect.get(e, 'code') === code)
  } catch {
    return false // A revoked proxy was thrown.
  }
}

/**
 * The same error with its place: what is known already stays, the rest is added to context and message. For the border where
 * an operator, partition or batch is first known.
 *
 * @example
 * withContext(new KindlingError('TASK_FAILED', { reason: 'no' }), { partition: 3 }).message // => 'A task failed: no (partition 3)'
 */
export function withContext(error: KindlingError, context: ErrorContext): KindlingError {
  const known = error.context
  const options: { cause?: unknown } = error.cause === undefined ? {} : { cause: error.cause }
  const placed = new KindlingError(error.code, {}, { ...options, context: { ...context, ...known } })
  const bare = place(known)
  const message =
    bare !== '' && error.message.endsWith(bare) ? error.message.slice(0, -bare.length) : error.message
  hidden(placed, 'message', message + place(placed.context))
  if (error.stack !== undefined) hidden(placed, 'stack', error.stack)
  return placed
}

/**
 * What was thrown as an Error: itself when it is one, else UNKNOWN_ERROR with the value in text. Never throws.
 *
 * @example
 * asError('text').message // => "Something that is not an Error was thrown: 'text'."
 */
export function asError(thrown: unknown): Error {
  if (types.isNativeError(thrown)) return thrown
  return new KindlingError('UNKNOWN_ERROR', { value: describeValue(thrown) }, { cause: thrown })
}

/** Any thrown value as plain data. Never throws; a value that is no Error becomes UNKNOWN_ERROR. */
export function toWire(e: unknown): WireError {
  return wire(e, 0)
}

const BUILT_IN = new Map<string, ErrorConstructor>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(E => [E.name, E]),
)

/**
 * The error that toWire was given, as near as plain data allows: a KindlingError with its code, or an Error.
 *
 * @example
 * fromWire(toWire(new KindlingError('TASK_FAILED', { reason: 'no' }))).message // => 'A task failed: no'
 */
export function fromWire(w: WireError): Error {
  const options: { cause?: unknown } = w.cause === undefined ? {} : { cause: fromWire(w.cause) }
  let error: Error
  if (w.kindling === true && w.code !== undefined && Object.hasOwn(conditions, w.code)) {
    error = new KindlingError(w.code as ErrorCode, {}, { ...options, context: w.context ?? {} })
    hidden(error, 'message', w.message)
  } else {
    const BuiltIn = BUILT_IN.get(w.name) ?? Error
    error =
      w.errors === undefined
        ? new BuiltIn(w.message, options)
        : new AggregateError(w.errors.map(fromWire), w.message, options)
    if (w.name !== error.name) hidden(error, 'name', w.name)
    if (w.code !== undefined) Object.assign(error, { code: w.code })
  }
  if (w.stack !== undefined) hidden(error, 'stack', w.stack)
  return error
}

/**
 * Short, one-line rendering of any value for messages. Never throws, and calls no toString or inspector of it.
 *
 * @example
 * describeValue(new Map([['a', [1, 2]]])) // => "Map(1) { 'a' => [ 1, 2 ] }"
 */
export function describeValue(v: unknown, maxChars = 200): string {
  let text: string
  try {
    // Getters and proxy traps stay untouched too.
    text = inspect(v, {
      depth: 2,
      maxArrayLength: 20,
      maxStringLength: maxChars,
      breakLength: Number.POSITIVE_INFINITY,
      compact: true,
      customInspect: false,
    })
  } catch {
    text = `a value of type ${typeof v}`
  }
  if (types.isNativeError(v)) text = String(text.split('\n', 1)[0])
  return cut(text.replaceAll('\n', ' '), maxChars)
}

function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const end = Math.max(1, maxChars - 1)
  // Never between the halves of a surrogate pair.
  const code = text.charCodeAt(end - 1)
  return `${text.slice(0, code >= 0xd800 && code <= 0xdbff ? end - 1 : end)}…`
}

function fill(template: string, params: Record<string, unknown>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined && !Object.hasOwn(params, name)) return `(no ${name})`
    return typeof value === 'string' ? value : describeValue(value)
  })
}

function place(c: ErrorContext): string {
  const parts: string[] = []
  if (c.operator !== undefined) parts.push(`operator ${c.operator}`)
  if (c.site !== undefined) parts.push(`at ${c.site}`)
  if (c.batchTime !== undefined) parts.push(`batch ${c.batchTime} ms`)
  if (c.jobId !== undefined) parts.push(`job ${c.jobId}`)
  if (c.stageId !== undefined) parts.push(`stage ${c.stageId}`)
  if (c.partition !== undefined) parts.push(`partition ${c.partition}`)
  if (c.attempt !== undefined) parts.push(`attempt ${c.attempt}`)
  if (c.value !== undefined) parts.push(`value ${c.value}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

function wire(e: unknown, depth: number): WireError {
  if (!isErrorLike(e)) {
    const unknown = new KindlingError('UNKNOWN_ERROR', { value: describeValue(e) })
    return { name: unknown.name, message: unknown.message, code: unknown.code, context: {}, kindling: true }
  }
  const code = text(e, 'code')
  const stack = text(e, 'stack')
  const ours = isKindlingError(e)
  const deeper = depth + 1 < MAX_CAUSES
  const cause = deeper ? read(e, 'cause') : undefined
  const errors = deeper ? read(e, 'errors') : undefined
  return {
    name: text(e, 'name') ?? 'Error',
    message: text(e, 'message') ?? '',
    ...(stack === undefined ? {} : { stack }),
    ...(code === undefined ? {} : { code }),
    ...(ours ? { kindling: true as const, context: { ...e.context } } : {}),
    ...(cause === undefined ? {} : { cause: wire(cause, depth + 1) }),
    ...(Array.isArray(errors)
      ? { errors: errors.slice(0, MAX_PARTS).map(part => wire(part, depth + 1)) }
      : {}),
  }
}

// Errors of another realm (vm, worker) are no instances of our Error; `instanceof` would throw on a revoked proxy.
function isErrorLike(e: unknown): e is object {
  return (
    typeof e === 'object' && e !== null && (types.isNativeError(e) || typeof read(e, 'message') === 'string')
  )
}

function read(from: object, name: string): unknown {
  try {
    return Reflect.get(from, name)
  } catch {
    return undefined // A getter of the user's error class threw; the rest of the error is still worth sending.
  }
}

function text(from: object, name: string): string | undefined {
  const value = read(from, name)
  return typeof value === 'string' ? value : undefined
}

function hidden(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, enumerable: false, writable: true })
}
