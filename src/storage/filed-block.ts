/** A block of a map output in a file: pairs in parts, which are read one at a time. */
import type { ChunkSource } from '../data/chunk.ts'
import { decodePairs } from '../data/codec.ts'
import { type Block, chunkOf, countOf } from './block.ts'
import { type FilePart, SpillReader } from './spill-file.ts'
import type { KeptFile } from './spill-folder.ts'

/** See the file head. */
export interface FiledBlock {
  readonly kind: 'filed'
  /** Lasts as long as something refers to it. */
  readonly file: KeptFile
  readonly parts: readonly FilePart[]
  readonly count: number
}

/** What a map task wrote for one reduce partition: in memory, or in a file. */
export type OutputBlock = Block | FiledBlock

/** How many records an output has for a reduce partition. */
export function outputCount(block: OutputBlock): number {
  return block.kind === 'filed' ? block.count : countOf(block)
}

/** Blocks one after the other; empty ones are left out. @throws BLOCK_DAMAGED when what is in a file is not as it was written */
export function sourceOfOutput(blocks: readonly OutputBlock[]): ChunkSource {
  let at = 0
  let part = 0
  let reader: SpillReader | undefined
  const closeFile = (): void => {
    reader?.close()
    reader = undefined
    part = 0
  }
  return {
    next() {
      for (; at < blocks.length; at++) {
        const block = blocks[at]!
        if (block.kind !== 'filed') {
          if (countOf(block) === 0) continue
          at++
          return chunkOf(block)
        }
        const next = block.parts[part]
        if (next !== undefined) {
          reader ??= new SpillReader(block.file.path)
          part++
          return { kind: 'pairs', ...decodePairs(reader.read(next)) }
        }
        closeFile()
      }
      return undefined
    },
    close() {
      at = blocks.length
      closeFile()
    },
  }
}

/** Whether every part that is in a file is as it was written. Cost: reads all of them. */
export function isUndamaged(block: OutputBlock): boolean {
  if (block.kind !== 'filed') return true
  const reader = new SpillReader(block.file.path)
  try {
    for (const part of block.parts) reader.read(part)
    return true
  } catch {
    return false
  } finally {
    reader.close()
  }
}
