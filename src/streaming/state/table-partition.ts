/** Versions of a partition in a {@link StateTable}: an operator changes the newest one in place. */
import type { ChunkSource } from '../../data/chunk.ts'
import type { StateNode, StateTask } from '../../rdd/nodes.ts'
import { type Block, sourceOfBlocks } from '../../storage/block.ts'
import type { Pane } from './pane-window.ts'
import { StateTable, type VersionEnd } from './state-table.ts'
import type { PartitionState, StateImage } from './versions.ts'

/** The version that is moved on: its table, and the panes that its operator keeps beside it. */
export interface Before {
  readonly table: StateTable
  readonly panes: readonly Pane[]
}

/** What moving on gave besides the state: what the operator emits, and the panes of the new version. */
export interface Advanced {
  readonly output?: readonly Block[]
  readonly panes?: readonly Pane[]
}

/** The version that is made. */
export interface MadeAt {
  /** Batch time in ms. */
  readonly time: number
  /** What the operator wrote down for it; see `StateNode.detail`. */
  readonly detail: unknown
  readonly partition: number
  readonly before: Before | undefined
}

/** What an operator does to the table in a batch. The table is that of the version before, or a copy of it without absent keys. */
export type Advance = (
  table: StateTable,
  inputs: readonly ChunkSource[],
  at: MadeAt,
  task: StateTask,
) => Promise<Advanced | undefined>

interface Version extends VersionEnd, Before {
  /** The time of the version that it was made of. */
  readonly madeOf: number | undefined
  readonly output: readonly Block[]
}

/** A restart reads at most so many images of a partition. */
export const MAX_INCREMENTS = 9

/** See the file head. Older versions may lie in a table of their own, from before most of its keys went. */
export class TablePartition implements PartitionState {
  private readonly partition: number
  private readonly advance: Advance
  private readonly versions = new Map<number, Version>()
  private newest: number | undefined
  /** The newest version, if nobody remembers it any more: the next one is made of it. */
  private unwanted: number | undefined
  /** The last image, and how many increments it is away from a full one. */
  private imaged:
    | { readonly table: StateTable; readonly time: number; readonly increments: number }
    | undefined

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
    const before = previous === undefined ? undefined : this.versions.get(previous.time)!
    let table = before?.table ?? new StateTable()
    if (table.isSparse) table = await table.compacted(() => task.breathe())
    try {
      const { time, detail } = node
      const at = { time, detail, partition: this.partition, before }
      const { output = [], panes = [] } = (await this.advance(table, inputs, at, task)) ?? {}
      this.versions.set(time, { ...table.endVersion(time), table, output, panes, madeOf: previous?.time })
      this.newest = time
      if (this.unwanted !== undefined) this.forget(this.unwanted)
      this.unwanted = undefined
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
    return sourceOfBlocks(this.outputBlocks(time))
  }

  outputBlocks(time: number): readonly Block[] {
    return this.versions.get(time)!.output
  }

  /** What a version is: its table, which may have moved on since, and its panes. */
  at(time: number): Before {
    return this.versions.get(time)!
  }

  image(time: number, isWhole = false): StateImage {
    const { table, panes, ...version } = this.versions.get(time)!
    const last = this.imaged
    const isIncrement =
      !isWhole &&
      last !== undefined &&
      last.table === table &&
      last.increments < MAX_INCREMENTS &&
      table.changes * 2 < table.index.size
    this.imaged = { table, time, increments: isIncrement ? last.increments + 1 : 0 }
    const base = isIncrement ? last.time : undefined
    return {
      base,
      rows: table.image(version, isIncrement),
      panes: base === undefined ? panes : panes.filter(pane => pane.time > base),
      panesFrom: panes[0]?.time ?? Number.POSITIVE_INFINITY,
      hasSlots: isIncrement,
    }
  }

  restore(time: number, { table, panes }: Before): void {
    this.versions.set(time, { ...table.endVersion(time), table, output: [], panes, madeOf: undefined })
    this.newest = time
  }

  madeOf(time: number): number | undefined {
    return this.versions.get(time)?.madeOf
  }

  undo(time: number): void {
    const version = this.versions.get(time)
    if (version === undefined || time !== this.newest) return
    this.versions.delete(time)
    this.newest = version.madeOf
    const before = this.newest === undefined ? undefined : this.versions.get(this.newest)
    if (before?.table === version.table) version.table.undoVersion()
  }

  forget(time: number): void {
    const forgotten = this.versions.get(time)
    if (forgotten === undefined) return
    if (time === this.newest) {
      this.unwanted = time
      return
    }
    this.versions.delete(time)
    for (const version of this.versions.values()) {
      if (version.table !== forgotten.table) continue
      version.table.forgetBefore(version)
      return
    }
  }
}
