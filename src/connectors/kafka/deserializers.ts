/** How keys and values are made of bytes. */
import { KindlingError } from '../../base/errors.ts'
import type { RecordPlace } from './consumer-record.ts'

/**
 * Makes a key or a value. Called in tasks, once for each record of a range; what it throws fails the task with
 * KAFKA_RECORD_NOT_READABLE.
 *
 * @param bytes `undefined` for null: a record without a key, or a value that says "deleted". They are valid during the call only
 * @param place the rest of the record
 */
export type Deserializer<T> = (bytes: Uint8Array | undefined, place: RecordPlace) => T

/** UTF-8; `undefined` for null. The default. */
export const text: Deserializer<string | undefined> = bytes =>
  bytes === undefined ? undefined : viewOf(bytes).toString('utf8')

/** The bytes, as a copy of their own; `undefined` for null. */
export const bytes: Deserializer<Uint8Array | undefined> = given =>
  given === undefined ? undefined : Uint8Array.from(given)

/** 4 bytes, big-endian, as Kafka's IntegerSerializer writes them; `undefined` for null. */
export const int32: Deserializer<number | undefined> = given =>
  given === undefined ? undefined : sized(given, 4, 'a whole number of 32 bits').readInt32BE()

/**
 * 8 bytes, big-endian, as Kafka's LongSerializer writes them; `undefined` for null. Beyond 2^53 a number is no longer exact: there it is
 * refused.
 */
export const int64: Deserializer<number | undefined> = given => {
  if (given === undefined) return undefined
  const value = Number(sized(given, 8, 'a whole number of 64 bits').readBigInt64BE())
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is beyond 2^53`)
  return value
}

/** 8 bytes, big-endian, as Kafka's DoubleSerializer writes them; `undefined` for null. */
export const float64: Deserializer<number | undefined> = given =>
  given === undefined ? undefined : sized(given, 8, 'a number of 64 bits').readDoubleBE()

/**
 * JSON in UTF-8; `undefined` for null.
 *
 * @typeParam T what the JSON is known to be; it is not checked
 * @example
 * const place: RecordPlace = { topic: 'orders', partition: 0, offset: 5, timestamp: 0, timestampType: 'CreateTime', headers: [] }
 * const orders = json<{ total: number }>()
 * orders(Buffer.from('{"total":3}'), place) // => { total: 3 }
 */
export function json<T>(): Deserializer<T | undefined> {
  return given => (given === undefined ? undefined : (JSON.parse(viewOf(given).toString('utf8')) as T))
}

/**
 * A deserialiser for keys or values that are never null: the type loses its `undefined`, and a null fails the task.
 *
 * @example
 * const place: RecordPlace = { topic: 'orders', partition: 0, offset: 5, timestamp: 0, timestampType: 'CreateTime', headers: [] }
 * const params = { bootstrapServers: 'localhost:9092', valueDeserializer: required(text) }
 * params.valueDeserializer(Buffer.from('paid'), place) // => 'paid'
 */
export function required<T>(deserialize: Deserializer<T>): Deserializer<Exclude<T, undefined>> {
  return (given, place) => {
    const value = given === undefined ? undefined : deserialize(given, place)
    if (value === undefined) throw new TypeError('it is null')
    return value as Exclude<T, undefined>
  }
}

/** What a deserialiser threw, with the record that it threw for. */
export function notReadable(error: unknown, what: 'key' | 'value', place: RecordPlace): KindlingError {
  const reason = error instanceof Error ? error.message : String(error)
  const record = `${place.topic}-${place.partition}@${place.offset}`
  return new KindlingError('KAFKA_RECORD_NOT_READABLE', { what, record, reason }, { cause: error })
}

function viewOf(given: Uint8Array): Buffer {
  return Buffer.isBuffer(given) ? given : Buffer.from(given.buffer, given.byteOffset, given.byteLength)
}

function sized(given: Uint8Array, length: number, what: string): Buffer {
  if (given.byteLength !== length) throw new RangeError(`${given.byteLength} bytes are not ${what}`)
  return viewOf(given)
}
