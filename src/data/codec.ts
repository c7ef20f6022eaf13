// Records → one block of bytes → records. A block is columnar (column-encoder.ts); docs/reference/block-format.md has
// the layout. What crosses a thread, a disk or a network is such a block, and what is shuffled, persisted or kept as
// state behaves as if it had been one.
//
// What comes back
//   as it was   primitives (NaN, -0, bigint and undefined included), Date (also invalid), Map, Set, RegExp, ArrayBuffer,
//               DataView, typed arrays and Buffer (only the part that is viewed), instances of registered classes
//   changed     holes in arrays → undefined; objects without prototype → plain objects; errors → name, message, stack,
//               cause, errors and own primitive fields such as `code`, in the built-in class of that name or Error;
//               what is referred to twice → two copies; fields with symbols as names, named properties of arrays, and
//               property attributes (frozen, hidden) → left out
//   refused     functions, symbols, promises, getters, other class instances, shared memory, cycles, nesting over 500
//               levels: RECORD_NOT_ENCODABLE with the path. Getters are searched for in a sample of the records; one
//               that few records have may instead be read once, like a value.
import { assert } from '../base/assert.ts'
import { KindlingError } from '../base/errors.ts'
import { ByteReader, blockDamaged } from './byte-reader.ts'
import { type ByteWriter, withWriter } from './byte-writer.ts'
import { ColumnDecoder } from './column-decoder.ts'
import { ColumnEncoder, Kind } from './column-encoder.ts'
import { NOT_ENCODABLE } from './generic-encoder.ts'
import { changedMeanwhile, findNotEncodable } from './not-encodable.ts'

export { copyValue, isImmutable } from './copy-value.ts'
export { type ClassCodec, registerClass } from './registered-class.ts'

/** The format's version, in the third byte of each block. */
export const BLOCK_VERSION: number = 1

const MAGIC = 0x4b // 'K'
/** Records of one block, at most. */
const MAX_ROWS = 2 ** 27
const NO_PAIRS = 'their records are no pairs'
const LITTLE_ENDIAN = 1
const BIG_ENDIAN = 2
const BYTE_ORDER = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? LITTLE_ENDIAN : BIG_ENDIAN

/** The two columns of a block of pairs. */
export interface Pairs {
  readonly keys: unknown[]
  readonly values: unknown[]
}

/**
 * The records as a block, in an ArrayBuffer of its own.
 *
 * Cost: 10 to 90 ns per pair of numbers and short strings, 200 ns per small record, 300 ns where shapes change
 * (benchmarks/data-codec.ts).
 *
 * @throws RECORD_NOT_ENCODABLE with the path of the culprit, such as `record[3].user.socket`
 * @throws BLOCK_TOO_LARGE above 1 GiB or 2^27 records
 */
export function encodeRecords(records: readonly unknown[]): Uint8Array<ArrayBuffer> {
  return encodeBlock(
    records.length,
    encoder => encoder.column(records, 0),
    i => records[i],
  )
}

/** The same block as `encodeRecords` gives for `[keys[i], values[i]]`, without making the pairs. */
export function encodePairs(keys: readonly unknown[], values: readonly unknown[]): Uint8Array<ArrayBuffer> {
  assert(keys.length === values.length, 'pairs have as many keys as values')
  return encodeBlock(
    keys.length,
    encoder => {
      encoder.tupleHead(2)
      encoder.column(keys, 1)
      encoder.column(values, 1)
    },
    i => [keys[i], values[i]],
  )
}

/**
 * The records of a block, in an array of their own. `bytes` may be a view on a larger buffer, shared or not, is not
 * changed, and may be reused afterwards.
 *
 * @throws BLOCK_DAMAGED @throws CLASS_NOT_REGISTERED
 */
export function decodeRecords(bytes: Uint8Array): unknown[] {
  const reader = new ByteReader(bytes)
  const count = readHead(reader)
  const records = new ColumnDecoder(reader).column(count, 0)
  readEnd(reader)
  return records
}

/** The columns of a block whose records are pairs. @throws BLOCK_DAMAGED @throws CLASS_NOT_REGISTERED */
export function decodePairs(bytes: Uint8Array): Pairs {
  const reader = new ByteReader(bytes)
  const count = readHead(reader)
  if (bytes[reader.at] !== Kind.tuple) return splitPairs(decodeRecords(bytes))
  reader.at++
  const [keys, values, ...others] = new ColumnDecoder(reader).tupleColumns(count, 0)
  readEnd(reader)
  if (keys === undefined || values === undefined || others.length > 0) throw blockDamaged(NO_PAIRS)
  return { keys, values }
}

/** The number of records in a block. Cost: O(1). @throws BLOCK_DAMAGED */
export function recordCount(bytes: Uint8Array): number {
  return readHead(new ByteReader(bytes))
}

function encodeBlock(
  count: number,
  write: (encoder: ColumnEncoder) => void,
  recordAt: (i: number) => unknown,
): Uint8Array<ArrayBuffer> {
  if (count > MAX_ROWS) throw new KindlingError('BLOCK_TOO_LARGE', { limit: `${MAX_ROWS} records` })
  return withWriter(writer => {
    writeHead(writer, count)
    try {
      write(new ColumnEncoder(writer))
    } catch (e) {
      throw e === NOT_ENCODABLE ? refusal(count, recordAt) : e
    }
    return writer.result()
  })
}

function refusal(count: number, recordAt: (i: number) => unknown): KindlingError {
  for (let i = 0; i < count; i++) {
    const error = findNotEncodable(recordAt(i), `record[${i}]`)
    if (error !== undefined) return error
  }
  return changedMeanwhile('a record')
}

function writeHead(writer: ByteWriter, count: number): void {
  writer.byte(MAGIC)
  writer.byte(BYTE_ORDER)
  writer.byte(BLOCK_VERSION)
  writer.varint(count)
}

function readHead(reader: ByteReader): number {
  if (reader.byte() !== MAGIC) throw blockDamaged('they do not start as a block does')
  const byteOrder = reader.byte()
  if (byteOrder !== BYTE_ORDER) throw blockDamaged('they come from a machine of other byte order')
  const version = reader.byte()
  if (version !== BLOCK_VERSION) throw blockDamaged(`version ${version}, this program reads ${BLOCK_VERSION}`)
  const count = reader.varint()
  if (count > MAX_ROWS) throw blockDamaged(`${count} records`)
  return count
}

function readEnd(reader: ByteReader): void {
  const left = reader.bytes.length - reader.at
  if (left > 0) throw blockDamaged(`${left} bytes after the last column`)
}

function splitPairs(records: readonly unknown[]): Pairs {
  const keys: unknown[] = []
  const values: unknown[] = []
  for (const record of records) {
    if (!Array.isArray(record) || record.length !== 2) throw blockDamaged(NO_PAIRS)
    keys.push(record[0])
    values.push(record[1])
  }
  return { keys, values }
}
