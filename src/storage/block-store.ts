/**
 * Keeps the partitions of persisted nodes.
 *
 * Blocks go when their node is unpersisted, or by themselves once nothing refers to the node any more.
 *
 * I1  A partition is there whole or not at all.
 */
import type { Node } from '../rdd/nodes.ts'
import { StorageLevel } from '../rdd/storage-level.ts'
import type { Block } from './block.ts'

/** Blocks by node and partition. */
export class BlockStore {
  private readonly kept = new WeakMap<Node, Map<number, readonly Block[]>>()

  get(node: Node, partition: number): readonly Block[] | undefined {
    return this.kept.get(node)?.get(partition)
  }

  /** Does nothing when the node was unpersisted in the meantime. */
  put(node: Node, partition: number, blocks: readonly Block[]): void {
    if (node.storage === StorageLevel.NONE) return
    let partitions = this.kept.get(node)
    if (partitions === undefined) {
      partitions = new Map()
      this.kept.set(node, partitions)
    }
    partitions.set(partition, blocks)
  }

  /** Whether every partition of the node is here. */
  isComplete(node: Node): boolean {
    return node.storage !== StorageLevel.NONE && this.kept.get(node)?.size === node.numPartitions
  }

  /** Drops all partitions of a node, or one: it is computed again when needed. */
  drop(node: Node, partition?: number): void {
    if (partition === undefined) this.kept.delete(node)
    else this.kept.get(node)?.delete(partition)
  }
}
