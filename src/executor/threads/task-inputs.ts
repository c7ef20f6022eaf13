/** What a task reads, found on the driver: descriptors of sources, kept blocks, and blocks that crossed a shuffle. */
import { lineageOf, type Node, type SourceNode } from '../../rdd/nodes.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import { type Block, encodedBlock } from '../../storage/block.ts'
import type { TaskStores } from '../legs.ts'
import type { BlockData, TaskInputs } from './messages.ts'

/** The inputs, and the blocks that must stay as they are while the task runs. */
export interface GatheredInputs {
  readonly inputs: TaskInputs
  readonly blocks: readonly Block[]
}

/** Smaller blocks are copied into the message: sharing memory costs more than that. */
const COPY_UP_TO = 4096

/** How a place is written: a node's partition, or a shuffle node's partition and input. */
export function placeOf(nodeId: number, ...at: readonly number[]): string {
  return `${nodeId}/${at.join('/')}`
}

/** @throws BLOCK_NOT_FOUND when a map output is gone */
export async function gatherInputs(
  node: Node,
  partition: number,
  stores: TaskStores,
): Promise<GatheredInputs> {
  const gathering = new Gathering(stores)
  await gathering.add(node, partition)
  return gathering
}

type Places<T> = (readonly [place: string, value: T])[]

class Gathering implements GatheredInputs {
  readonly blocks: Block[] = []
  readonly inputs: {
    readonly sources: [node: number, partition: number, descriptor: unknown][]
    readonly kept: Places<readonly BlockData[]>
    readonly shuffled: Places<readonly BlockData[]>
  } = { sources: [], kept: [], shuffled: [] }
  private readonly stores: TaskStores
  private readonly seen = new Set<string>()

  constructor(stores: TaskStores) {
    this.stores = stores
  }

  async add(root: Node, rootPartition: number): Promise<void> {
    const open: (readonly [Node, number])[] = [[root, rootPartition]]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [node, partition] = next
      const place = placeOf(node.id, partition)
      if (this.seen.has(place)) continue
      this.seen.add(place)
      if (node.storage !== StorageLevel.NONE) {
        const found = this.stores.blocks.get(node, partition)
        const there = found instanceof Promise ? await found : found
        if (there !== undefined) {
          this.inputs.kept.push([place, this.data(there)])
          continue
        }
      }
      const wait = this.follow(lineageOf(node), partition, open)
      if (wait !== undefined) await wait
    }
  }

  private follow(
    node: Node,
    partition: number,
    open: (readonly [Node, number])[],
  ): Promise<void> | undefined {
    switch (node.kind) {
      case 'source':
        return this.source(node, partition)
      case 'narrow':
        open.push([node.parent, partition])
        return undefined
      case 'coalesce':
        for (const p of node.groupOf(partition)) open.push([node.parent, p])
        return undefined
      case 'zip':
        for (const parent of node.parents) open.push([parent, partition])
        return undefined
      case 'cartesian': {
        const width = node.right.numPartitions
        open.push([node.left, Math.floor(partition / width)], [node.right, partition % width])
        return undefined
      }
      case 'union': {
        let offset = partition
        for (const parent of node.parents) {
          if (node.aligned) open.push([parent, partition])
          else if (offset >= 0 && offset < parent.numPartitions) open.push([parent, offset])
          offset -= parent.numPartitions
        }
        return undefined
      }
      case 'shuffle':
        for (const [input, { node: parent, shuffleId }] of node.inputs.entries())
          if (shuffleId === undefined) open.push([parent, partition])
          else {
            const blocks = this.stores.shuffle.read(node, input, partition)
            this.inputs.shuffled.push([placeOf(node.id, partition, input), this.data(blocks)])
          }
        return undefined
      case 'state':
      case 'stateOutput':
        throw new Error('stages with state stay with the driver')
    }
  }

  private source(node: SourceNode, partition: number): Promise<void> | undefined {
    const descriptor = node.descriptors[partition]
    const sent = node.toSend?.(descriptor) ?? descriptor
    const put = (value: unknown): void => {
      this.inputs.sources.push([node.id, partition, value])
    }
    if (sent instanceof Promise) return sent.then(put)
    put(sent)
    return undefined
  }

  private data(blocks: readonly Block[]): BlockData[] {
    return blocks.map(block => {
      this.blocks.push(block)
      const { bytes, pairs, count } = encodedBlock(block)
      return { bytes: bytes.length <= COPY_UP_TO ? bytes.slice() : bytes, pairs, count }
    })
  }
}
