/** What a task on a worker reads and writes: blocks that came with it, and blocks that go back with its result. */
import type { Node, ShuffleNode } from '../../rdd/nodes.ts'
import type { MapOutput } from '../../shuffle/shuffle-store.ts'
import { type Block, encodedBlock } from '../../storage/block.ts'
import type { TaskStores } from '../legs.ts'
import type { BlockData, KeptData, OutputData, TaskInputs } from './messages.ts'
import type { SharedRegions } from './shared-regions.ts'
import { placeOf } from './task-inputs.ts'

/** Smaller outputs are sent as they are. */
const SHARE_FROM = 16_384

/** See the file head. For one attempt. */
export class SentStores implements TaskStores {
  /** Partitions that were computed, and are to be kept. */
  readonly kept: KeptData[] = []
  /** What the task wrote for its shuffle. */
  output: MapOutput | undefined
  private readonly keptBefore: Map<string, readonly BlockData[]>
  private readonly shuffled: Map<string, readonly BlockData[]>

  constructor(inputs: TaskInputs) {
    this.keptBefore = new Map(inputs.kept)
    this.shuffled = new Map(inputs.shuffled)
  }

  readonly blocks: TaskStores['blocks'] = {
    get: (node: Node, partition: number) => this.keptBefore.get(placeOf(node.id, partition))?.map(blockOf),
    put: async (node: Node, partition: number, blocks: readonly Block[]): Promise<void> => {
      this.kept.push({ node: node.id, partition, blocks: blocks.map(encodedBlock) })
    },
  }

  readonly shuffle: TaskStores['shuffle'] = {
    read: (shuffle: ShuffleNode, input: number, partition: number): Block[] =>
      this.shuffled.get(placeOf(shuffle.id, partition, input))!.map(blockOf),
    put: (_shuffle: ShuffleNode, _input: number, _partition: number, output: MapOutput): void => {
      this.output = output
    },
  }
}

export function blockOf({ bytes, pairs, count }: BlockData): Block {
  return { kind: 'encoded', bytes, pairs, count }
}

/** The blocks one after the other. */
export function outputData(output: MapOutput, regions: SharedRegions): OutputData {
  const blocks = output.map(encodedBlock)
  const offsets = [0]
  for (const { bytes } of blocks) offsets.push(offsets.at(-1)! + bytes.length)
  const length = offsets.at(-1)!
  const region = length < SHARE_FROM ? { id: -1, bytes: new Uint8Array(length) } : regions.take(length)
  for (const [i, { bytes }] of blocks.entries()) region.bytes.set(bytes, offsets[i])
  return {
    region: region.id,
    bytes: region.bytes,
    offsets,
    counts: blocks.map(({ count }) => count),
    pairs: blocks.map(({ pairs }) => pairs),
  }
}
