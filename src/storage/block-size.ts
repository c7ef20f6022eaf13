/** How much a block takes: exact for encoded ones, else estimated from some of its records as if they were encoded. */
import { encodeRecords } from '../data/codec.ts'
import { type Block, chunkOf, countOf } from './block.ts'

const SAMPLED = 100

/** Bytes. Cost: encoding a hundred records at most. */
export function sizeOf(block: Block): number {
  if (block.kind === 'encoded') return block.bytes.length
  const count = countOf(block)
  if (count === 0) return 0
  const chunk = chunkOf(block)
  const sample =
    chunk.kind === 'rows'
      ? chunk.rows.slice(0, SAMPLED)
      : chunk.kind === 'pairs'
        ? chunk.keys.slice(0, SAMPLED).map((key, i) => [key, chunk.values[i]])
        : []
  return Math.ceil((encodeRecords(sample).length * count) / Math.max(1, sample.length))
}
