// One portable hash for each type of key: the same on every backend and in every process, so that a key always finds
// its partition. Values that are equal as keys (src/data/key.ts) hash equally; the reverse is not promised.
//
//   undefined, null  0                                  string   as Java's String.hashCode, over UTF-16 units
//   true, false      1231, 1237                         number   an int32 is itself (so is -0: 0); else Double.hashCode
//   bigint           int64: as Long.hashCode; beyond: folded over its 32-bit words, times its sign
//   Date             as Long.hashCode of its ms         bytes    as Arrays.hashCode(byte[])
//   tuple            as Arrays.hashCode(Object[])       record   sum over fields of mix(mix(hash(name)) + hash(value))
import { keyNotSupported, MAX_KEY_DEPTH } from './key.ts'
import { objectType } from './value-type.ts'

const float = new Float64Array(1)
const words = new Int32Array(float.buffer)
const NAN_HASH = 0x7ff80000

/**
 * The hash of a key, an int32.
 *
 * Cost: about 1 ns per character of a string, a few ns for numbers; O(size) for composite keys.
 *
 * @throws KEY_NOT_SUPPORTED for functions, symbols, class instances, maps, … anywhere inside
 * @source java.lang.String, Double, Long, java.util.Arrays; Spark core Partitioner.scala
 */
export function hashKey(key: unknown): number {
  if (typeof key === 'string') return hashString(key)
  if (typeof key === 'number') return hashNumber(key)
  return hashOther(key, 0)
}

/**
 * `hash mod n` in 0 … n-1, also for negative hashes: the partition of a key.
 * @source Spark core Utils.nonNegativeMod
 */
export function nonNegativeMod(hash: number, n: number): number {
  const rest = hash % n
  return rest < 0 ? rest + n : rest + 0 // + 0: turns the -0 of (-n % n) into 0
}

/** The hash of a string: Java's String.hashCode over UTF-16 units. */
export function hashString(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

/** The hash of a number: an int32 is itself, others by Java's Double.hashCode. */
export function hashNumber(value: number): number {
  const int = value | 0
  if (int === value) return int
  if (Number.isNaN(value)) return NAN_HASH
  float[0] = value
  return words[0]! ^ words[1]!
}

function hashAny(value: unknown, depth: number): number {
  if (typeof value === 'string') return hashString(value)
  if (typeof value === 'number') return hashNumber(value)
  return hashOther(value, depth)
}

function hashOther(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'undefined':
      return 0
    case 'boolean':
      return value ? 1231 : 1237
    case 'bigint':
      return hashBigint(value)
    case 'object':
      return value === null ? 0 : hashObject(value, depth)
    default:
      throw keyNotSupported(value, depth)
  }
}

function hashBigint(value: bigint): number {
  if (BigInt.asIntN(64, value) === value) {
    const low = Number(BigInt.asIntN(32, value))
    return low ^ Number(value >> 32n)
  }
  let hash = 0
  // Hexadecimal digits are linear to get; shifting the bigint word by word would be quadratic.
  const digits = (value < 0n ? -value : value).toString(16)
  for (let end = digits.length % 8, start = 0; start < digits.length; start = end, end += 8) {
    if (end === 0) end = 8
    hash = (Math.imul(hash, 31) + Number.parseInt(digits.slice(start, end), 16)) | 0
  }
  return value < 0n ? -hash | 0 : hash
}

function hashObject(value: object, depth: number): number {
  if (depth > MAX_KEY_DEPTH) throw keyNotSupported(value, depth)
  switch (objectType(value)) {
    case 'array': {
      const items = value as readonly unknown[]
      let hash = 1
      for (let i = 0; i < items.length; i++) hash = (Math.imul(hash, 31) + hashAny(items[i], depth + 1)) | 0
      return hash
    }
    case 'record': {
      const record = value as Readonly<Record<string, unknown>>
      let hash = 0
      for (const name of Object.keys(record)) {
        hash = (hash + mix((mix(hashString(name)) + hashAny(record[name], depth + 1)) | 0)) | 0
      }
      return hash
    }
    case 'date':
      return hashMs((value as Date).getTime())
    case 'bytes':
    case 'buffer': {
      const bytes = value as Uint8Array
      let hash = 1
      for (let i = 0; i < bytes.length; i++) hash = (Math.imul(hash, 31) + ((bytes[i]! << 24) >> 24)) | 0
      return hash
    }
    default:
      throw keyNotSupported(value, depth)
  }
}

function hashMs(ms: number): number {
  if (Number.isNaN(ms)) return NAN_HASH // an invalid date
  return (ms | 0) ^ Math.floor(ms / 0x1_0000_0000)
}

// The finalizer of MurmurHash3: spreads the bits, since a plain sum of small numbers collides all the time.
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) | 0
}
