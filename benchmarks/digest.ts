/** One number for the results of a batch, whatever the order of its entries. */

function fnv(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

/** A key and its count as one number. */
export function mix(key: string, count: number): number {
  const hash = Math.imul(fnv(key) ^ Math.imul(count, 0x9e3779b1), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}

/** Entries in any order. */
export function digestOf(entries: Iterable<readonly [string, number]>): number {
  let sum = 0
  let n = 0
  for (const [key, count] of entries) {
    sum = (sum + mix(key, count)) | 0
    n++
  }
  return (Math.imul(sum, 31) + n) | 0
}

/** Digests of batches in order. */
export function fold(all: number, batch: number): number {
  return (Math.imul(all, 31) + batch) | 0
}
