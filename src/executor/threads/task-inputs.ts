/** What a task reads, found on the driver: descriptors of sources, kept blocks, and blocks that crossed a shuffle. */
import { lineageOf, type Node, type SourceNode, type StateNode } from '../../rdd/nodes.ts'
import type { AwayState } from '../../rdd/state-port.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import { type Block, encodedBlock } from '../../storage/block.ts'
import type { OutputBlock } from '../../storage/filed-block.ts'
import type { TaskStores } from '../legs.ts'
import type { BlockData, FiledData, StateLease, TaskInputs } from './messages.ts'

/** The inputs, and the blocks that must stay as they are while the task runs. */
export interface GatheredInputs {
  readonly inputs: TaskInputs
  readonly blocks: readonly OutputBlock[]
}

/** Smaller blocks are copied into the message: sharing memory costs more than that. */
const COPY_UP_TO = 4096

/** How a place is written: a node's partition, or a shuffle node's partition and input. */
export function placeOf(nodeId: number, ...at: readonly number[]): string {
  return `${nodeId}/${at.join('/')}`
}

/**
 * @param holds whether the worker has this version of a partition of state
 * @throws BLOCK_NOT_FOUND when a map output is gone
 */
export async function gatherInputs(
  node: Node,
  partition: number,
  stores: TaskStores,
  holds: (place: string, time: number) => boolean,
): Promise<GatheredInputs> {
  const gathering = new Gathering(stores, holds)
  await gathering.add(node, partition)
  return gathering
}

type Places<T> = (readonly [place: string, value: T])[]

class Gathering implements GatheredInputs {
  readonly blocks: OutputBlock[] = []
  readonly inputs: {
    readonly sources: [node: number, partition: number, descriptor: unknown][]
    readonly kept: Places<readonly BlockData[]>
    readonly shuffled: Places<readonly (BlockData | FiledData)[]>
    readonly states: StateLease[]
    readonly outputs: Places<readonly BlockData[]>
  } = { sources: [], kept: [], shuffled: [], states: [], outputs: [] }
  private readonly stores: TaskStores
  private readonly holds: (place: string, time: number) => boolean
  private readonly seen = new Set<string>()
  private readonly versions: {
    readonly node: StateNode
    readonly partition: number
    readonly isThere: boolean
  }[] = []

  constructor(stores: TaskStores, holds: (place: string, time: number) => boolean) {
    this.stores = stores
    this.holds = holds
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
    this.lease()
  }

  private follow(
    node: Node,
    partition: number,
    open: (readonly [Node, number])[],
  ): Promise<void> | undefined {
    if (node.kind === 'source') return this.source(node, partition)
    if (node.kind === 'shuffle')
      for (const [input, { shuffleId }] of node.inputs.entries()) {
        if (shuffleId === undefined) continue
        const blocks = this.stores.shuffle.read(node, input, partition)
        this.inputs.shuffled.push([placeOf(node.id, partition, input), blocks.map(b => this.outputData(b))])
      }
    if (node.kind === 'state')
      this.versions.push({ node, partition, isThere: node.versions.has(node.time, partition) })
    if (node.kind === 'stateOutput') this.stateOutput(node.parent, partition)
    open.push(...partitionsWithin(node, partition))
    return undefined
  }

  /** The newest version of each partition of state, once: the task begins with it. Older ones are read from layers of their own. */
  private lease(): void {
    const leased = new Set<string>()
    for (const { node, partition, isThere } of this.versions) {
      const away = node.versions.away!
      const place = placeOf(away.id, partition)
      const newest = away.newest(partition)
      const base = { state: away.id, partition, wantsWhole: away.wantsWhole(partition) }
      if (isThere && newest !== node.time) {
        const { time } = node
        this.inputs.states.push({ ...base, time, isOld: true, layers: away.layersOf(partition, time) })
        continue
      }
      if (leased.has(place)) continue
      leased.add(place)
      const isHeld = newest === undefined || this.holds(place, newest)
      const layers = isHeld ? undefined : away.layersOf(partition, newest)
      this.inputs.states.push({ ...base, time: newest, isOld: false, layers })
    }
  }

  /** Its output, where the version is made already. */
  private stateOutput({ versions, time }: StateNode, partition: number): void {
    if (!versions.has(time, partition)) return
    const away = versions.away!
    this.inputs.outputs.push([placeOf(away.id, partition, time), away.outputOf(partition, time)])
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

  private outputData(block: OutputBlock): BlockData | FiledData {
    if (block.kind !== 'filed') return this.data([block])[0]!
    this.blocks.push(block)
    const { file, parts, count } = block
    return { path: file.path, parts, count }
  }

  private data(blocks: readonly Block[]): BlockData[] {
    return blocks.map(block => {
      this.blocks.push(block)
      const { bytes, pairs, count } = encodedBlock(block)
      // Bytes in shared memory are not copied.
      return { bytes: bytes.length <= COPY_UP_TO ? bytes.slice() : bytes, pairs, count }
    })
  }
}

/** The partitions that one is computed from in the same task. Of state that is there already, none. */
export function partitionsWithin(node: Node, partition: number): (readonly [Node, number])[] {
  switch (node.kind) {
    case 'source':
      return []
    case 'narrow':
      return [[node.parent, partition]]
    case 'coalesce':
      return node.groupOf(partition).map(p => [node.parent, p])
    case 'zip':
      return node.parents.map(parent => [parent, partition])
    case 'cartesian': {
      const width = node.right.numPartitions
      return [
        [node.left, Math.floor(partition / width)],
        [node.right, partition % width],
      ]
    }
    case 'union': {
      if (node.aligned) return node.parents.map(parent => [parent, partition])
      let offset = partition
      for (const parent of node.parents) {
        if (offset < parent.numPartitions) return [[parent, offset]]
        offset -= parent.numPartitions
      }
      return []
    }
    case 'shuffle':
      return node.inputs.filter(i => i.shuffleId === undefined).map(i => [i.node, partition])
    case 'state': {
      const { versions, previous, inputs, time } = node
      if (versions.has(time, partition)) return []
      const parents = inputs.map(input => [input, partition] as const)
      // The version that is there is what the task begins with.
      if (previous === undefined || versions.has(previous.time, partition)) return parents
      return [...parents, [previous, partition]]
    }
    case 'stateOutput':
      return node.parent.versions.has(node.parent.time, partition) ? [] : [[node.parent, partition]]
  }
}

/** The partitions of state that a task reads or moves on. */
export function statesOf(node: Node, partition: number): { away: AwayState; partition: number }[] {
  const states = new Map<string, { away: AwayState; partition: number }>()
  const seen = new Set<string>()
  const open: (readonly [Node, number])[] = [[node, partition]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const at = lineageOf(next[0])
    const p = next[1]
    if (seen.has(placeOf(at.id, p))) continue
    seen.add(placeOf(at.id, p))
    if (at.kind === 'state') {
      const away = at.versions.away!
      states.set(placeOf(away.id, p), { away, partition: p })
    }
    open.push(...partitionsWithin(at, p))
  }
  return [...states.values()]
}
