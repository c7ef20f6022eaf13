// The total order of keys, by type first:
//
//   undefined < null < false < true < numbers and bigints by value, NaN last < strings by UTF-16 units <
//   dates, invalid last < bytes < tuples, item by item < records, as tuples of name and value in order of names
//
// -0 equals 0; the number 1 comes right before the bigint 1n, which is another key. What begins another comes first.
// UTF-16 units are what `<` and Java's String.compareTo compare. The order is that of encodeOrderedKey's bytes.
import { keyNotSupported, MAX_KEY_DEPTH, sortedNames } from './key.ts'
import { objectType } from './value-type.ts'

/**
 * Compares two keys: below 0, 0 when `keyEquals` holds, or above 0. Usable for sorting values of mixed types.
 *
 * Cost: a few ns for numbers and strings; O(size) for composite keys.
 *
 * @throws KEY_NOT_SUPPORTED for values that cannot be keys
 */
export function naturalCompare(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b)
  return compareAt(a, b, 0)
}

/** Places of the types in the order; the tags of ordered keys are made from them. */
export const Rank = {
  undefined: 1,
  null: 2,
  boolean: 3,
  number: 4,
  string: 5,
  date: 6,
  bytes: 7,
  tuple: 8,
  record: 9,
} as const

/** The place of a key's type in the order. @throws KEY_NOT_SUPPORTED */
export function rankOf(key: unknown, depth: number): number {
  switch (typeof key) {
    case 'undefined':
      return Rank.undefined
    case 'boolean':
      return Rank.boolean
    case 'number':
    case 'bigint':
      return Rank.number
    case 'string':
      return Rank.string
    case 'object':
      if (key === null) return Rank.null
      if (depth > MAX_KEY_DEPTH) throw keyNotSupported(key, depth)
      return objectRank(key, depth)
    default:
      throw keyNotSupported(key, depth)
  }
}

function objectRank(key: object, depth: number): number {
  switch (objectType(key)) {
    case 'date':
      return Rank.date
    case 'bytes':
    case 'buffer':
      return Rank.bytes
    case 'array':
      return Rank.tuple
    case 'record':
      return Rank.record
    default:
      throw keyNotSupported(key, depth)
  }
}

function compareAt(a: unknown, b: unknown, depth: number): number {
  const rank = rankOf(a, depth)
  const byRank = rank - rankOf(b, depth)
  if (byRank !== 0) return byRank
  switch (rank) {
    case Rank.boolean:
      return Number(a) - Number(b)
    case Rank.number:
      return compareNumeric(a as number | bigint, b as number | bigint)
    case Rank.string:
      return (a as string) < (b as string) ? -1 : (a as string) > (b as string) ? 1 : 0
    case Rank.date:
      return compareNumbers((a as Date).getTime(), (b as Date).getTime())
    case Rank.bytes:
      return Buffer.compare(a as Uint8Array, b as Uint8Array)
    case Rank.tuple:
      return compareTuples(a as readonly unknown[], b as readonly unknown[], depth + 1)
    case Rank.record:
      return compareRecords(a as Record<string, unknown>, b as Record<string, unknown>, depth + 1)
    default:
      return 0 // undefined and null have one value each.
  }
}

function compareNumbers(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return 0
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
}

function compareNumeric(a: number | bigint, b: number | bigint): number {
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b)
  // Mixed comparisons of numbers and bigints are exact in JavaScript; only NaN is neither below nor above.
  if (Number.isNaN(a)) return 1
  if (Number.isNaN(b) || a < b) return -1
  if (a > b) return 1
  return typeof a === typeof b ? 0 : typeof a === 'number' ? -1 : 1
}

function compareTuples(a: readonly unknown[], b: readonly unknown[], depth: number): number {
  const common = Math.min(a.length, b.length)
  for (let i = 0; i < common; i++) {
    const order = compareAt(a[i], b[i], depth)
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareRecords(a: Record<string, unknown>, b: Record<string, unknown>, depth: number): number {
  const namesOfA = sortedNames(a)
  const namesOfB = sortedNames(b)
  const common = Math.min(namesOfA.length, namesOfB.length)
  for (let i = 0; i < common; i++) {
    const name = namesOfA[i]!
    const other = namesOfB[i]!
    if (name !== other) return name < other ? -1 : 1
    const order = compareAt(a[name], b[name], depth)
    if (order !== 0) return order
  }
  return namesOfA.length - namesOfB.length
}
