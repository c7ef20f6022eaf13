/**
 * A block: records of one partition as they are kept between stages and batches.
 *
 * Records that no program can change (strings, numbers, …) are kept as they are, as columns or rows; anything else is encoded, so
 * that whoever reads the block gets records of its own. The meaning is that of the codec either way.
 */
import type { Chunk, ChunkSource } from '../data/chunk.ts'
import { decodePairs, decodeRecords, encodePairs, encodeRecords, isImmutable } from '../data/codec.ts'

/** Immutable; may be read any number of times. */
export type Block =
  | { readonly kind: 'rows'; readonly rows: readonly unknown[] }
  | { readonly kind: 'pairs'; readonly keys: readonly unknown[]; readonly values: readonly unknown[] }
  | {
      readonly kind: 'encoded'
      readonly bytes: Uint8Array
      readonly pairs: boolean
      readonly count: number
      /** Memory that is used again lasts as long as something refers to this. */
      readonly keeper?: object
    }

const EMPTY: Block = { kind: 'rows', rows: [] }

function allImmutable(values: readonly unknown[]): boolean {
  for (let i = 0; i < values.length; i++) if (!isImmutable(values[i])) return false
  return true
}

/** Keeps rows; the array must not be changed by the caller any more. @throws RECORD_NOT_ENCODABLE */
export function blockOfRows(rows: readonly unknown[]): Block {
  if (rows.length === 0) return EMPTY
  if (allImmutable(rows)) return { kind: 'rows', rows }
  return { kind: 'encoded', bytes: encodeRecords(rows), pairs: false, count: rows.length }
}

/** Keeps keys and values; the arrays must not be changed by the caller any more. @throws RECORD_NOT_ENCODABLE */
export function blockOfPairs(keys: readonly unknown[], values: readonly unknown[]): Block {
  if (keys.length === 0) return EMPTY
  if (allImmutable(values) && allImmutable(keys)) return { kind: 'pairs', keys, values }
  return { kind: 'encoded', bytes: encodePairs(keys, values), pairs: true, count: keys.length }
}

/** The same records as bytes. @throws RECORD_NOT_ENCODABLE */
export function encodedBlock(block: Block): Block & { readonly kind: 'encoded' } {
  if (block.kind === 'encoded') return block
  if (block.kind === 'rows')
    return { kind: 'encoded', bytes: encodeRecords(block.rows), pairs: false, count: block.rows.length }
  return {
    kind: 'encoded',
    bytes: encodePairs(block.keys, block.values),
    pairs: true,
    count: block.keys.length,
  }
}

/** The records as a chunk; of encoded blocks a fresh copy at each call. */
export function chunkOf(block: Block): Chunk {
  if (block.kind !== 'encoded') return block
  if (block.pairs) return { kind: 'pairs', ...decodePairs(block.bytes) }
  return { kind: 'rows', rows: decodeRecords(block.bytes) }
}

/** How many records a block has. */
export function countOf(block: Block): number {
  if (block.kind === 'rows') return block.rows.length
  return block.kind === 'pairs' ? block.keys.length : block.count
}

/** Blocks one after the other; empty ones are left out. */
export function sourceOfBlocks(blocks: readonly Block[]): ChunkSource {
  let at = 0
  return {
    next() {
      while (at < blocks.length) {
        const block = blocks[at++]!
        if (countOf(block) > 0) return chunkOf(block)
      }
      return undefined
    },
    close() {
      at = blocks.length
    },
  }
}
