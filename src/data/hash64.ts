// 64 bits for a key, for sketches that count different keys: with 32 bits, a few million keys would already collide often, and
// Java's hash of strings (hash.ts) far more often than chance. Not for partitioning, and never stored across versions.
//
// Two lanes of 32 bits take in the same units by different multipliers and are mixed with each other at the end. Equal keys
// (key.ts) hash equally: composite keys go in by their canonical text, numbers by the bits of their value.
import { canonicalKey, isSimpleKey, keyNotSupported } from './key.ts'

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)

/** The two halves of a hash, each an unsigned 32-bit number. */
export interface Hash64 {
  high: number
  low: number
}

/**
 * Writes the hash of `key` into `into`.
 *
 * @throws KEY_NOT_SUPPORTED for functions, symbols, class instances, maps, … anywhere inside
 * @source cyrb53 (bryc), by its two lanes
 */
export function hash64(key: unknown, into: Hash64): void {
  if (typeof key === 'string') hashText(key, 1, into)
  else if (typeof key === 'number') hashNumber(key, into)
  else if (isSimpleKey(key)) hashText(String(key), TAGS[typeof key] ?? 9, into)
  else if (typeof key === 'object') hashText(canonicalKey(key as object), 8, into)
  else throw keyNotSupported(key, 0)
}

function hashNumber(value: number, into: Hash64): void {
  // -0 equals 0, and every NaN has the same bits.
  float[0] = value === 0 ? 0 : Number.isNaN(value) ? Number.NaN : value
  const [low, high] = [words[0]!, words[1]!]
  finish(lane(lane(2, low, A), high, A), lane(lane(3, low, B), high, B), into)
}

/** Types whose texts may be alike start differently. */
const TAGS: Readonly<Record<string, number>> = { bigint: 4, boolean: 5, undefined: 6, object: 7 }

const A = 2654435761
const B = 1597334677

function lane(hash: number, unit: number, multiplier: number): number {
  return Math.imul(hash ^ unit, multiplier)
}

function hashText(text: string, tag: number, into: Hash64): void {
  let a = 0xdeadbeef ^ tag
  let b = 0x41c6ce57 ^ tag
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = lane(a, unit, A)
    b = lane(b, unit, B)
  }
  finish(a, b, into)
}

function finish(a: number, b: number, into: Hash64): void {
  const x = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  const y = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(x ^ (x >>> 13), 3266489909)
  into.high = mix(y)
  into.low = mix(x)
}

// The finalizer of MurmurHash3: every bit of the input reaches every bit of the output.
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
