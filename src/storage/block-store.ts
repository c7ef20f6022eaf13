/**
 * Keeps the partitions of persisted nodes, in memory up to a bound, and in files where their level allows.
 *
 * A partition that does not fit makes room: those used longest ago go, to a file where their level has one, else they are computed
 * again when somebody asks. None of the same node goes for it, or the partitions of one node would push out each other. What fits
 * nowhere is not kept.
 *
 * Blocks go when their node is unpersisted, or by themselves once nothing refers to the node any more.
 *
 * I1  A partition is there whole or not at all.
 * I2  `used` is the sum of the bytes of all partitions in memory.
 * Source: Spark MemoryStore, BlockManager; semantics of StorageLevel.
 */
import type { Logger } from '../base/logger.ts'
import type { Node } from '../rdd/nodes.ts'
import { StorageLevel } from '../rdd/storage-level.ts'
import { type Block, encodedBlock } from './block.ts'
import type { BlockFiles } from './block-files.ts'
import { sizeOf } from './block-size.ts'

/** What is kept of one node. */
export interface KeptSize {
  readonly partitions: number
  readonly memoryBytes: number
  readonly diskBytes: number
}

/** One kept partition. Its blocks are in memory, in a file, or both. */
interface Entry {
  readonly nodeId: number
  readonly level: StorageLevel
  readonly bytes: number
  blocks: readonly Block[] | undefined
  path: string | undefined
  /** Takes the entry out of its node. */
  forget(): void
}

/** What must be given back when a node is collected: files, and the bytes counted for it. */
interface Held {
  bytes: number
  path: string | undefined
}

/** Blocks by node and partition; see the file head. */
export class BlockStore {
  private readonly kept = new WeakMap<Node, Map<number, Entry>>()
  private readonly held = new Map<string, Held>()
  /** Partitions in memory, the one used longest ago first. They live as long as their node. */
  private readonly order = new Map<string, WeakRef<Entry>>()
  private readonly collected = new FinalizationRegistry<readonly [id: number, partitions: number]>(
    ([id, partitions]) => {
      for (let p = 0; p < partitions; p++) this.release(`${id}/${p}`)
    },
  )
  private readonly maxBytes: number
  private readonly files: BlockFiles
  private readonly logger: Logger
  private used = 0

  constructor(maxBytes: number, files: BlockFiles, logger: Logger) {
    this.maxBytes = maxBytes
    this.files = files
    this.logger = logger
  }

  /** Bytes of all partitions in memory. */
  get usedBytes(): number {
    return this.used
  }

  /** Whether a partition is here. */
  has(node: Node, partition: number): boolean {
    return this.kept.get(node)?.has(partition) === true
  }

  /** The blocks of a partition; `undefined` when it is not here, also when its file was lost. */
  get(node: Node, partition: number): readonly Block[] | undefined | Promise<readonly Block[] | undefined> {
    const entry = this.kept.get(node)?.get(partition)
    if (entry === undefined) return undefined
    if (entry.blocks === undefined) return this.fromFile(entry)
    const key = `${node.id}/${partition}`
    const ref = this.order.get(key)
    if (ref !== undefined) {
      // Put last again: what goes first was not used for longest.
      this.order.delete(key)
      this.order.set(key, ref)
    }
    return entry.blocks
  }

  private async fromFile(entry: Entry): Promise<readonly Block[] | undefined> {
    try {
      return await this.files.read(entry.path!)
    } catch (error) {
      this.logger.warn(`a kept partition was lost and is computed again: ${(error as Error).message}`)
      entry.forget()
      return undefined
    }
  }

  /** Keeps a partition where its level and the room allow. Does nothing when the node was unpersisted in the meantime. */
  async put(node: Node, partition: number, blocks: readonly Block[]): Promise<void> {
    const level = node.storage
    if (level === StorageLevel.NONE) return
    const own = level.deserialized ? blocks : blocks.map(encodedBlock)
    const bytes = own.reduce((sum, block) => sum + sizeOf(block), 0)
    const inMemory = level.useMemory && (await this.makeRoom(bytes, node.id))
    const path = inMemory || !level.useDisk ? undefined : await this.write(own)
    if (!inMemory && path === undefined) return
    // The node may have been unpersisted, or the partition put by another task, while room was made.
    if (node.storage === StorageLevel.NONE || this.kept.get(node)?.has(partition)) {
      if (inMemory) this.used -= bytes
      if (path !== undefined) await this.files.remove(path)
      return
    }
    const partitions = this.partitionsOf(node)
    const key = `${node.id}/${partition}`
    const entry: Entry = {
      nodeId: node.id,
      level,
      bytes,
      blocks: inMemory ? own : undefined,
      path,
      forget: () => {
        partitions.delete(partition)
        this.release(key)
      },
    }
    partitions.set(partition, entry)
    this.held.set(key, { bytes: inMemory ? bytes : 0, path })
    if (inMemory) this.order.set(key, new WeakRef(entry))
  }

  private partitionsOf(node: Node): Map<number, Entry> {
    let partitions = this.kept.get(node)
    if (partitions === undefined) {
      partitions = new Map()
      this.kept.set(node, partitions)
      this.collected.register(node, [node.id, node.numPartitions], node)
    }
    return partitions
  }

  /** Reserves room in memory, at the cost of other nodes. False when there is none to be had. */
  private async makeRoom(bytes: number, nodeId: number): Promise<boolean> {
    if (bytes > this.maxBytes) return false
    this.used += bytes
    for (const [key, ref] of this.order) {
      if (this.used <= this.maxBytes) return true
      const entry = ref.deref()
      if (entry === undefined || entry.nodeId === nodeId || !this.order.has(key)) continue
      await this.evict(key, entry)
    }
    if (this.used <= this.maxBytes) return true
    this.used -= bytes
    return false
  }

  private async evict(key: string, entry: Entry): Promise<void> {
    this.order.delete(key)
    if (!entry.level.useDisk) {
      entry.forget()
      return
    }
    const held = this.held.get(key)!
    const path = await this.write(entry.blocks!)
    if (this.held.get(key) !== held) {
      // Dropped while it was written.
      if (path !== undefined) await this.files.remove(path)
      return
    }
    if (path === undefined) {
      entry.forget()
      return
    }
    entry.path = path
    held.path = path
    this.used -= held.bytes
    held.bytes = 0
    entry.blocks = undefined
  }

  /** A file with the blocks; `undefined` when there is no room for it, since what is not kept can be computed again. */
  private async write(blocks: readonly Block[]): Promise<string | undefined> {
    try {
      return await this.files.write(blocks)
    } catch (error) {
      this.logger.warn(`a partition is not kept: ${(error as Error).message}`)
      return undefined
    }
  }

  private release(key: string): void {
    const held = this.held.get(key)
    if (held === undefined) return
    this.held.delete(key)
    this.order.delete(key)
    this.used -= held.bytes
    if (held.path !== undefined) void this.files.remove(held.path)
  }

  /** Whether every partition of the node is here. */
  isComplete(node: Node): boolean {
    return node.storage !== StorageLevel.NONE && this.kept.get(node)?.size === node.numPartitions
  }

  /** How much is kept of a node. */
  sizeOf(node: Node): KeptSize {
    let memoryBytes = 0
    let diskBytes = 0
    const entries = this.kept.get(node)
    for (const entry of entries?.values() ?? []) {
      if (entry.blocks === undefined) diskBytes += entry.bytes
      else memoryBytes += entry.bytes
    }
    return { partitions: entries?.size ?? 0, memoryBytes, diskBytes }
  }

  /** Drops all partitions of a node, or one: it is computed again when needed. */
  drop(node: Node, partition?: number): void {
    const entries = this.kept.get(node)
    if (entries === undefined) return
    if (partition !== undefined) {
      entries.get(partition)?.forget()
      return
    }
    for (const entry of [...entries.values()]) entry.forget()
    this.kept.delete(node)
    this.collected.unregister(node)
  }

  /** Removes the files. */
  close(): Promise<void> {
    return this.files.close()
  }
}
