/**
 * How many different keys there are, in little memory.
 *
 * A sketch has 2^p registers; a key's hash chooses one by its first p bits and raises it to the place of the first 1 among the
 * others. As long as few keys have come, the first `sp` bits of each are kept instead, and counted nearly exactly.
 *
 * Error: the standard error is 1.04 / √(2^p) (p = 9: 4.6 %, p = 14: 0.8 %), at every size; 95 of 100 estimates lie within twice
 * that. Below 2^sp / 10 keys in the sparse form it is far smaller. Memory: 2^p bytes, or the sparse entries while these are fewer.
 * The estimate is the improved one of Ertl: it needs no table of corrections, unlike that of HyperLogLog++.
 *
 * Sketches are plain data, so that they can be shuffled and stored. Functions here change the sketch they are given, or give
 * another in its place: use what they return.
 *
 * @source Heule, Nunkesser, Hall, HyperLogLog in Practice, 2013; Ertl, New cardinality estimation algorithms, 2017
 */
import { assert } from '../base/assert.ts'
import { type Hash64, hash64 } from './hash64.ts'

/** Bits of precision: `p` of the registers, 4 … 24; `sp` of the sparse form, p … 32, or 0 for none. */
export interface Precision {
  readonly p: number
  readonly sp: number
}

/** Registers, or in the sparse form register → value at precision `sp`. */
export type Sketch = Uint8Array | Map<number, number>

export const MIN_P = 4
export const MAX_P = 24

/** The smallest p whose standard error is at most `relativeSD`, at least 4. */
export function precisionFor(relativeSD: number): number {
  return Math.max(MIN_P, Math.ceil(2 * Math.log2(1.054 / relativeSD)))
}

export function emptySketch({ p, sp }: Precision): Sketch {
  return sp > p ? new Map() : new Uint8Array(2 ** p)
}

const hash: Hash64 = { high: 0, low: 0 }

/** Takes in a key. @throws KEY_NOT_SUPPORTED */
export function addKey(sketch: Sketch, key: unknown, precision: Precision): Sketch {
  hash64(key, hash)
  const { high, low } = hash
  if (sketch instanceof Map) {
    raise(sketch, indexOf(high, precision.sp), rank(high, low, precision.sp))
    return compact(sketch, precision)
  }
  const at = indexOf(high, precision.p)
  const value = rank(high, low, precision.p)
  if (value > sketch[at]!) sketch[at] = value
  return sketch
}

/** Takes `other` into `sketch`; `other` stays as it is. */
export function mergeSketches(sketch: Sketch, other: Sketch, precision: Precision): Sketch {
  if (other instanceof Map && sketch instanceof Map) {
    for (const [at, value] of other) raise(sketch, at, value)
    return compact(sketch, precision)
  }
  const into = dense(sketch, precision)
  const from = dense(other, precision)
  for (let i = 0; i < into.length; i++) if (from[i]! > into[i]!) into[i] = from[i]!
  return into
}

/** About how many different keys were taken in; a whole number. */
export function estimateKeys(sketch: Sketch, { p, sp }: Precision): number {
  if (sketch instanceof Map) {
    const m = 2 ** sp
    return Math.round(-m * Math.log1p(-sketch.size / m))
  }
  return Math.round(ertl(sketch, 64 - p))
}

function indexOf(high: number, bits: number): number {
  return bits === 32 ? high : high >>> (32 - bits)
}

/** The place of the first 1 after the first `bits` bits, from 1; one more than there are when all are 0. */
function rank(high: number, low: number, bits: number): number {
  const rest = bits === 32 ? 0 : (high << bits) >>> 0
  return rest !== 0 ? Math.clz32(rest) + 1 : 33 - bits + Math.clz32(low)
}

function raise(sketch: Map<number, number>, at: number, value: number): void {
  if (value > (sketch.get(at) ?? 0)) sketch.set(at, value)
}

/** An entry of the map takes about as much memory as 16 registers. */
function compact(sketch: Map<number, number>, precision: Precision): Sketch {
  return sketch.size * 16 > 2 ** precision.p ? dense(sketch, precision) : sketch
}

function dense(sketch: Sketch, { p, sp }: Precision): Uint8Array {
  if (!(sketch instanceof Map)) return sketch
  const registers = new Uint8Array(2 ** p)
  const more = sp - p
  for (const [index, value] of sketch) {
    const at = Math.floor(index / 2 ** more)
    const between = index % 2 ** more
    // The bits between the two precisions belong to the rest of the hash.
    const r = between === 0 ? more + value : Math.clz32(between) - (32 - more) + 1
    if (r > registers[at]!) registers[at] = r
  }
  return registers
}

/** @param q bits of the hash that are no index */
function ertl(registers: Uint8Array, q: number): number {
  const m = registers.length
  const counts = new Array<number>(q + 2).fill(0)
  for (const value of registers) counts[value]!++
  assert(counts.length === q + 2, 'no register is above its bits')
  let z = m * tau(1 - counts[q + 1]! / m)
  for (let k = q; k >= 1; k--) z = 0.5 * (z + counts[k]!)
  z += m * sigma(counts[0]! / m)
  return (m * m) / (2 * Math.LN2 * z)
}

function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY
  let y = 1
  let z = x
  for (let before = Number.NaN; z !== before; ) {
    x *= x
    before = z
    z += x * y
    y += y
  }
  return z
}

function tau(x: number): number {
  if (x === 0 || x === 1) return 0
  let y = 1
  let z = 1 - x
  for (let before = Number.NaN; z !== before; ) {
    x = Math.sqrt(x)
    before = z
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}
