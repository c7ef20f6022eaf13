/**
 * The tables of state that this worker has, and what its task may see of them.
 *
 * A task brings the versions that it begins with: those that the worker has already, and layers of the others. A version that it makes
 * is told to the driver at once.
 */
import { assert } from '../../base/assert.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import type { StateNode, StateTask, StateVersions } from '../../rdd/nodes.ts'
import type { LeasedPartition, MadeVersion, PartitionMaker } from '../../rdd/state-port.ts'
import { sourceOfBlocks } from '../../storage/block.ts'
import type { BlockData, StateLease, TaskInputs } from './messages.ts'
import { placeOf } from './task-inputs.ts'
import { blockOf } from './task-stores.ts'

/** Called for each version that the task makes. */
export type TellVersion = (state: number, partition: number, made: MadeVersion) => void

/** See the file head. One task at a time. */
export class WorkerStates {
  private readonly partitions = new Map<string, LeasedPartition>()
  /** Those that the task moves on. */
  private readonly moved = new Set<LeasedPartition>()
  private leases = new Map<string, StateLease>()
  /** Older versions that the task reads. */
  private old = new Map<string, LeasedPartition>()
  private outputs = new Map<string, readonly BlockData[]>()
  private tell: TellVersion = () => {}

  /** Before a task. */
  begin({ states, outputs }: TaskInputs, tell: TellVersion): void {
    for (const table of this.moved) table.settle()
    this.moved.clear()
    this.leases = new Map(states.map(lease => [leasePlace(lease), lease]))
    this.old = new Map()
    this.outputs = new Map(outputs)
    this.tell = tell
    for (const lease of states) {
      if (lease.isOld || lease.layers !== undefined) continue
      const place = leasePlace(lease)
      // All that it has made may have been taken back, with the first batch.
      if (lease.time === undefined) this.partitions.delete(place)
      const time = this.partitions.get(place)?.time
      assert(time === lease.time, 'a worker has the version of state that its task begins with')
    }
  }

  drop(places: readonly string[]): void {
    for (const place of places) this.partitions.delete(place)
  }

  /** The versions of an operator, as the tasks of a stage see them. */
  versionsOf(state: number, maker: PartitionMaker): StateVersions {
    return {
      has: (time, partition) => {
        if (this.outputs.has(placeOf(state, partition, time))) return true
        if (this.leases.has(placeOf(state, partition, time))) return true
        const { time: newest } = this.newest(state, partition, maker)
        return newest !== undefined && time <= newest
      },
      // The driver knows of all partitions, and lets go of lineage.
      complete: () => false,
      advance: async (node, partition, inputs, task) => {
        const table = this.newest(state, partition, maker)
        if (table.time === undefined || table.time < node.time)
          await this.make(state, partition, { table, node, inputs, task })
      },
      read: (time, partition) => {
        const newest = this.newest(state, partition, maker)
        return (newest.has(time) ? newest : this.older(state, partition, time, maker)).read(time)
      },
      output: (time, partition) => {
        const made = this.outputs.get(placeOf(state, partition, time))
        return made === undefined
          ? this.newest(state, partition, maker).output(time)
          : sourceOfBlocks(made.map(blockOf))
      },
    }
  }

  private async make(
    state: number,
    partition: number,
    version: {
      readonly table: LeasedPartition
      readonly node: StateNode
      readonly inputs: readonly ChunkSource[]
      readonly task: StateTask
    },
  ): Promise<void> {
    const { table, node, inputs, task } = version
    const lease = this.leases.get(placeOf(state, partition))
    this.moved.add(table)
    this.tell(state, partition, await table.make(node, inputs, task, lease?.wantsWhole ?? false))
  }

  private newest(state: number, partition: number, maker: PartitionMaker): LeasedPartition {
    const place = placeOf(state, partition)
    const lease = this.leases.get(place)
    let table = this.partitions.get(place)
    if (table === undefined || lease?.layers !== undefined) {
      table = maker(partition)
      if (lease?.layers !== undefined) table.load(lease.layers)
      this.partitions.set(place, table)
      if (lease !== undefined) this.leases.set(place, { ...lease, layers: undefined })
    }
    return table
  }

  private older(state: number, partition: number, time: number, maker: PartitionMaker): LeasedPartition {
    const place = placeOf(state, partition, time)
    let table = this.old.get(place)
    if (table === undefined) {
      table = maker(partition)
      table.load(this.leases.get(place)!.layers!)
      this.old.set(place, table)
    }
    return table
  }
}

/** The newest version of a partition has one place, each older one a place of its own. */
function leasePlace({ state, partition, time, isOld }: StateLease): string {
  return isOld ? placeOf(state, partition, time!) : placeOf(state, partition)
}
