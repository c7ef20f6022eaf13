/** The nodes that are marked by `persist`, as long as somebody refers to them. */
import type { Node } from '../rdd/nodes.ts'
import type { StorageLevel } from '../rdd/storage-level.ts'
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
  /** Bytes in files. */
  readonly diskSize: number
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
    const { partitions, memoryBytes, diskBytes } = store.sizeOf(node)
    if (partitions === 0) continue
    infos.push({
      id: node.id,
      name: node.label ?? `${node.scope.name} at ${node.scope.site}`,
      storageLevel: node.storage,
      numPartitions: node.numPartitions,
      numCachedPartitions: partitions,
      memSize: memoryBytes,
      diskSize: diskBytes,
    })
  }
  return infos
}
