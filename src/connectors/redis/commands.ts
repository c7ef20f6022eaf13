/** Records as commands of Redis, and commands as bytes. */
import { KindlingError } from '../../base/errors.ts'
import { type DurationLike, toDuration } from '../../base/time.ts'
import { notFitting, plainValue } from '../database/row-values.ts'

/** A command that writes: its name and its arguments. It is run in a script, so it must not be one that waits (`BLPOP`). */
export type RedisCommand = readonly [name: string, ...args: (string | number | bigint | Uint8Array)[]]

/** Most arguments of one command: a script cannot pass on many more. */
const MAX_ARGS = 5000

/**
 * Pairs as keys with a text: `SET key value`. A value of `null` or `undefined` removes the key.
 *
 * @param options `ttl`: how long a key stays after it was written; default: always
 * @example
 * toKeys({ ttl: '1 h' })(['a', { n: 1 }]) // => [['SET', 'a', '{"n":1}', 'PX', 3600000]]
 */
export function toKeys(
  options: { readonly ttl?: DurationLike } = {},
): (pair: readonly [key: string, value: unknown]) => readonly RedisCommand[] {
  const ttlMs =
    options.ttl === undefined ? undefined : toDuration(options.ttl, 'The ttl of keys').milliseconds
  return ([key, value]) => {
    if (value === null || value === undefined) return [['DEL', key]]
    const text = textOf(value, key)
    return [ttlMs === undefined ? ['SET', key, text] : ['SET', key, text, 'PX', ttlMs]]
  }
}

/**
 * Pairs as the fields of one hash: `HSET hash field value`. A value of `null` or `undefined` removes the field.
 *
 * @example
 * toHash('counts')(['a', 2]) // => [['HSET', 'counts', 'a', '2']]
 */
export function toHash(
  hash: string,
): (pair: readonly [field: string, value: unknown]) => readonly RedisCommand[] {
  return ([field, value]) => {
    if (value === null || value === undefined) return [['HDEL', hash, field]]
    return [['HSET', hash, field, textOf(value, field)]]
  }
}

/**
 * Objects as entries of a stream, with a field for each property: `XADD stream * …`. Properties without a value are left out.
 *
 * @param options `maxLength`: about how many entries the stream keeps; default: all
 * @example
 * toStream('clicks')({ page: '/', ms: 12 }) // => [['XADD', 'clicks', '*', 'page', '/', 'ms', '12']]
 */
export function toStream(
  stream: string,
  options: { readonly maxLength?: number } = {},
): (record: object) => readonly RedisCommand[] {
  const { maxLength } = options
  return record => {
    const fields = Object.entries(record)
      .filter(([, value]) => value !== null && value !== undefined)
      .flatMap(([name, value]) => [name, textOf(value, name)])
    if (fields.length === 0) throw notFitting(record, 'an entry of a stream has at least one field')
    if (maxLength === undefined) return [['XADD', stream, '*', ...fields]]
    return [['XADD', stream, 'MAXLEN', '~', maxLength, '*', ...fields]]
  }
}

/**
 * Records as messages for whoever listens to a channel just then: `PUBLISH channel text`.
 *
 * @example
 * toChannel('news')({ a: 1 }) // => [['PUBLISH', 'news', '{"a":1}']]
 */
export function toChannel(channel: string): (record: unknown) => readonly RedisCommand[] {
  return record => [['PUBLISH', channel, textOf(record, channel)]]
}

/** Text as it is, numbers and the like as text, dates in ISO form, bytes as they are, all else as JSON. @throws RECORD_NOT_FITTING */
function textOf(value: unknown, name: string): string | Uint8Array {
  const plain = plainValue(value, { name, type: '' }, value)
  if (plain instanceof Uint8Array) return plain
  if (plain instanceof Date) return plain.toISOString()
  return String(plain)
}

/**
 * A command as bytes: the length of each part in four bytes, and the part.
 *
 * @throws INVALID_ARGUMENT when it is none, or has more parts than a script can pass on
 */
export function packed(command: RedisCommand): Buffer {
  const isRight = Array.isArray(command) && command.length > 0 && command.length <= MAX_ARGS
  if (!isRight)
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'a command of redisSink',
      value: command,
      expected: `a list of a name and its arguments, at most ${MAX_ARGS}`,
    })
  return Buffer.concat(
    command.flatMap(part => {
      const bytes = part instanceof Uint8Array ? part : Buffer.from(String(part))
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
}
