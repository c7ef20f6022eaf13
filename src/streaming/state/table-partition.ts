/** Versions of a partition in a {@link StateTable}: an operator changes the newest one in place. */
import type { ChunkSource } from '../../data/chunk.ts'
import type { StateNode, StateTask } from '../../rdd/nodes.ts'
import { type Block, sourceOfBlocks } from '../../storage/block.ts'
import { StateTable, type VersionEnd } from './state-table.ts'
import type { PartitionState } from './versions.ts'

/** What an operator does to the table in a batch; gives what it emits besides the state. */
export type Advance = (
  table: StateTable,
  inputs: readonly ChunkSource[],
  at: { readonly node: StateNode; readonly partition: number },
  task: StateTask,
) => Promise<readonly Block[] | undefined>

interface Version extends VersionEnd {
  readonly table: StateTable
  readonly output: readonly Block[]
}

/** See the file head. Older versions may lie in a table of their own, from before most of its keys went. */
export class TablePartition implements PartitionState {
  private readonly partition: number
  private readonly advance: Advance
  private readonly versions = new Map<number, Version>()

  constructor(partition: number, advance: Advance) {
    this.partition = partition
    this.advance = advance
  }

  get oldest(): number | undefined {
    return this.versions.keys().next().value
  }

  has(time: number): boolean {
    return this.versions.has(time)
  }

  async make(node: StateNode, inputs: readonly ChunkSource[], task: StateTask): Promise<void> {
    const { previous } = node
    const before = previous === undefined ? undefined : this.versions.get(previous.time)!.table
    let table = before ?? new StateTable()
    if (table.isSparse) table = await table.compacted(() => task.breathe())
    try {
      const output = await this.advance(table, inputs, { node, partition: this.partition }, task)
      const { time } = node
      this.versions.set(time, { ...table.endVersion(time), table, output: output ?? [] })
    } catch (error) {
      table.undo()
      throw error
    }
  }

  read(time: number): ChunkSource {
    const version = this.versions.get(time)!
    return version.table.read(version)
  }

  output(time: number): ChunkSource {
    return sourceOfBlocks(this.versions.get(time)!.output)
  }

  forget(time: number): void {
    const forgotten = this.versions.get(time)
    if (forgotten === undefined) return
    this.versions.delete(time)
    for (const version of this.versions.values()) {
      if (version.table !== forgotten.table) continue
      version.table.forgetBefore(version)
      return
    }
  }
}
