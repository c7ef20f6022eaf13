/** What a task on a worker reads and writes: blocks that came with it, and blocks that go back with its result. */
import type { Node, ShuffleNode } from '../../rdd/nodes.ts'
import type { MapOutput } from '../../shuffle/shuffle-store.ts'
import { type Block, encodedBlock } from '../../storage/block.ts'
import type { OutputBlock } from '../../storage/filed-block.ts'
import type { TaskStores } from '../legs.ts'
import type { BlockData, FiledData, KeptData, OutputData, TaskInputs } from './messages.ts'
import type { SharedRegions } from './shared-regions.ts'
import { placeOf } from './task-inputs.ts'

/** Smaller outputs and kept blocks are sent as they are. */
const SHARE_FROM = 16_384

/** See the file head. For one attempt. */
export class SentStores implements TaskStores {
  /** Partitions that were computed, and are to be kept. */
  readonly kept: KeptData[] = []
  /** What the task wrote for its shuffle. */
  output: MapOutput | undefined
  private readonly keptBefore: Map<string, readonly BlockData[]>
  private readonly shuffled: Map<string, readonly (BlockData | FiledData)[]>

  constructor(inputs: TaskInputs) {
    this.keptBefore = new Map(inputs.kept)
    this.shuffled = new Map(inputs.shuffled)
  }

  readonly blocks: TaskStores['blocks'] = {
    get: (node: Node, partition: number) => this.keptBefore.get(placeOf(node.id, partition))?.map(blockOf),
    put: async (node: Node, partition: number, blocks: readonly Block[]): Promise<void> => {
      this.kept.push({ node: node.id, partition, blocks: shared(blocks.map(encodedBlock)) })
    },
  }

  readonly shuffle: TaskStores['shuffle'] = {
    read: (shuffle: ShuffleNode, input: number, partition: number): OutputBlock[] =>
      this.shuffled.get(placeOf(shuffle.id, partition, input))!.map(outputBlockOf),
    put: (_shuffle: ShuffleNode, _input: number, _partition: number, output: MapOutput): void => {
      this.output = output
    },
  }
}

/** In memory that every thread can read: kept blocks are read again and again. It goes once nobody refers to the blocks. */
function shared(blocks: readonly BlockData[]): BlockData[] {
  const { starts, length } = placed(blocks)
  if (length < SHARE_FROM) return blocks.map(({ bytes, pairs, count }) => ({ bytes, pairs, count }))
  const memory = new SharedArrayBuffer(length)
  return blocks.map(({ bytes, pairs, count }, i) => {
    const own = new Uint8Array(memory, starts[i], bytes.length)
    own.set(bytes)
    return { bytes: own, pairs, count }
  })
}

/** Where blocks lie one after the other. Typed arrays over them need no copy at multiples of eight. */
function placed(blocks: readonly BlockData[]): { readonly starts: number[]; readonly length: number } {
  let length = 0
  const starts = blocks.map(({ bytes }) => {
    const start = Math.ceil(length / 8) * 8
    length = start + bytes.length
    return start
  })
  return { starts, length }
}

export function blockOf({ bytes, pairs, count }: BlockData): Block {
  return { kind: 'encoded', bytes, pairs, count }
}

/** Its file is the driver's, or of this thread's folder: it stays as long as the task needs it. */
function outputBlockOf(data: BlockData | FiledData): OutputBlock {
  if (!('path' in data)) return blockOf(data)
  const { path, parts, count } = data
  return { kind: 'filed', file: { path }, parts, count }
}

/** What is in memory, one after the other; of what is in a file, where it is. */
export function outputData(output: MapOutput, regions: SharedRegions): OutputData {
  const filed = output.filter(block => block.kind === 'filed')
  const [first] = filed
  if (first !== undefined)
    return { path: first.file.path, blocks: filed.map(({ parts, count }) => ({ parts, count })) }
  const blocks = output.filter(block => block.kind !== 'filed').map(encodedBlock)
  const { starts, length } = placed(blocks)
  const region = length < SHARE_FROM ? { id: -1, bytes: new Uint8Array(length) } : regions.take(length)
  for (const [i, { bytes }] of blocks.entries()) region.bytes.set(bytes, starts[i])
  return {
    region: region.id,
    bytes: region.bytes,
    starts,
    lengths: blocks.map(({ bytes }) => bytes.length),
    counts: blocks.map(({ count }) => count),
    pairs: blocks.map(({ pairs }) => pairs),
  }
}
