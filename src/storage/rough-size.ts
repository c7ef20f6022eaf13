/** How much memory values take, roughly: from a look at some of their parts. Never throws, whatever they are. */
import { types } from 'node:util'

const SAMPLED = 8
const MAX_DEPTH = 4
const SLOT = 8
const OBJECT = 40

/** Bytes. Cost: a few hundred parts at most; O(1) for strings and numbers. */
export function roughBytes(value: unknown, depth: number = 0): number {
  if (typeof value === 'string') return 24 + value.length
  if (typeof value === 'bigint') return 24
  if (typeof value !== 'object' || value === null) return SLOT
  if (ArrayBuffer.isView(value)) return OBJECT + value.byteLength
  if (depth >= MAX_DEPTH || types.isProxy(value)) return OBJECT
  if (Array.isArray(value)) return OBJECT + arrayBytes(value, depth)
  if (value instanceof Map) return OBJECT + sampledBytes(value, value.size, depth)
  if (value instanceof Set) return OBJECT + sampledBytes(value, value.size, depth)
  let bytes = OBJECT
  for (const name of Object.keys(value)) {
    const field = Object.getOwnPropertyDescriptor(value, name)
    bytes += SLOT + (field === undefined || !('value' in field) ? 0 : roughBytes(field.value, depth + 1))
  }
  return bytes
}

function arrayBytes(items: readonly unknown[], depth: number): number {
  const { length } = items
  if (length === 0) return 0
  const step = Math.max(1, Math.floor(length / SAMPLED))
  let bytes = 0
  let seen = 0
  for (let i = 0; i < length && seen < SAMPLED; i += step, seen++) bytes += roughBytes(items[i], depth + 1)
  return length * (SLOT + Math.ceil(bytes / seen))
}

function sampledBytes(items: Iterable<unknown>, size: number, depth: number): number {
  let bytes = 0
  let seen = 0
  for (const item of items) {
    bytes += roughBytes(item, depth + 1)
    if (++seen === SAMPLED) break
  }
  return seen === 0 ? 0 : size * (2 * SLOT + Math.ceil(bytes / seen))
}

/** Columns of pairs: estimated from the first ones, which are often the largest, the last one, and some between. */
export function roughPairBytes(keys: readonly unknown[], values: readonly unknown[]): number {
  const { length } = keys
  if (length === 0) return 0
  const step = Math.max(1, Math.floor(length / 32))
  let bytes = 0
  let seen = 0
  const look = (i: number): void => {
    bytes += 2 * SLOT + roughBytes(keys[i]) + roughBytes(values[i])
    seen++
  }
  for (let i = 0; i < length; i += step) look(i)
  look(length - 1)
  // The first ones are counted as they are: one large value is not that of all.
  let first = 0
  const firsts = Math.min(length, 16)
  for (let i = 0; i < firsts; i++) first += roughBytes(values[i])
  return Math.max(first, Math.ceil((bytes / seen) * length))
}
