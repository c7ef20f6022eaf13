/** The nodes that are marked by `persist`, as long as somebody refers to them. */
import { encodeRecords } from '../data/codec.ts'
import type { Node } from '../rdd/nodes.ts'
import type { StorageLevel } from '../rdd/storage-level.ts'
import { type Block, chunkOf, countOf } from '../storage/block.ts'
import type { BlockStore } from '../storage/block-store.ts'

/** What is kept of an RDD. @source Spark RDDInfo */
export interface RDDInfo {
  readonly id: number
  /** What `setName` said, else the operator and its line. */
  readonly name: string
  readonly storageLevel: StorageLevel
  readonly numPartitions: number
  readonly numCachedPartitions: number
  /** Bytes: exact for encoded blocks, else estimated from a sample of the records as if they were encoded. */
  readonly memSize: number
}

/** Marked nodes by id; see the file head. */
export class PersistedNodes {
  private readonly marked = new Map<number, WeakRef<Node>>()
  private readonly gone = new FinalizationRegistry<number>(id => this.marked.delete(id))

  add(node: Node): void {
    if (this.marked.has(node.id)) return
    this.marked.set(node.id, new WeakRef(node))
    this.gone.register(node, node.id, node)
  }

  remove(node: Node): void {
    if (this.marked.delete(node.id)) this.gone.unregister(node)
  }

  nodes(): Node[] {
    return [...this.marked.values()].map(ref => ref.deref()).filter(node => node !== undefined)
  }
}

/** Only RDDs of which some partition is kept. */
export function storageInfo(nodes: readonly Node[], store: BlockStore): RDDInfo[] {
  const infos: RDDInfo[] = []
  for (const node of nodes) {
    const partitions = Array.from({ length: node.numPartitions }, (_, p) => store.get(node, p))
    const kept = partitions.filter(blocks => blocks !== undefined)
    if (kept.length === 0) continue
    infos.push({
      id: node.id,
      name: node.label ?? `${node.scope.name} at ${node.scope.site}`,
      storageLevel: node.storage,
      numPartitions: node.numPartitions,
      numCachedPartitions: kept.length,
      memSize: kept.flat().reduce((sum, block) => sum + sizeOf(block), 0),
    })
  }
  return infos
}

const SAMPLED = 100

function sizeOf(block: Block): number {
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
