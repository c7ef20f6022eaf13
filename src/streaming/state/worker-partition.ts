/**
 * The table of one partition on a worker, and the layer of each version that it makes; see `rdd/state-port.ts`.
 *
 * Cost of a layer: what the version changed; of a whole one, the table.
 */
import type { ChunkSource } from '../../data/chunk.ts'
import type { StateNode, StateTask } from '../../rdd/nodes.ts'
import type { LeasedPartition, MadeVersion, StateLayer } from '../../rdd/state-port.ts'
import { encodedBlock } from '../../storage/block.ts'
import { contentOf, layerOf } from './layer.ts'
import type { Pane } from './pane-window.ts'
import { StateTable } from './state-table.ts'
import { type Advance, type Before, TablePartition } from './table-partition.ts'

/** See the file head. */
export class WorkerPartition implements LeasedPartition {
  private readonly partition: number
  private readonly advance: () => Advance
  private versions: TablePartition
  private newest: number | undefined
  /** Versions before it that are still there. */
  private readonly older: number[] = []
  /** The table that the layers so far are about, and how many of its slots they have. */
  private table: StateTable | undefined
  private layered = 0

  constructor(partition: number, advance: () => Advance) {
    this.partition = partition
    this.advance = advance
    this.versions = new TablePartition(partition, advance())
  }

  get time(): number | undefined {
    return this.newest
  }

  load(layers: readonly StateLayer[]): void {
    const { time } = layers.at(-1)!
    const before = loaded(layers)
    this.versions = new TablePartition(this.partition, this.advance())
    this.versions.restore(time, before)
    this.older.length = 0
    this.table = before.table
    this.layered = before.table.index.size
    this.newest = time
  }

  async make(
    node: StateNode,
    inputs: readonly ChunkSource[],
    task: StateTask,
    whole: boolean,
  ): Promise<MadeVersion> {
    const { time } = node
    const madeOf = node.previous === undefined ? undefined : this.newest
    await this.versions.make(node, inputs, task)
    const layer = this.layer(time, madeOf, whole)
    const output = this.versions.outputBlocks(time).map(block => {
      const { bytes, pairs, count } = encodedBlock(block)
      // A block that is bytes itself stays here.
      return { bytes: block.kind === 'encoded' ? new Uint8Array(bytes) : bytes, pairs, count }
    })
    if (this.newest !== undefined) this.older.push(this.newest)
    this.newest = time
    return { madeOf, layer, output }
  }

  has(time: number): boolean {
    return this.versions.has(time)
  }

  read(time: number): ChunkSource {
    return this.versions.read(time)
  }

  output(time: number): ChunkSource {
    return this.versions.output(time)
  }

  settle(): void {
    for (const time of this.older.splice(0)) this.versions.forget(time)
  }

  private layer(time: number, madeOf: number | undefined, whole: boolean): StateLayer {
    const { table, panes } = this.versions.at(time)
    const isWhole = whole || madeOf === undefined || table !== this.table
    const rows = isWhole ? table.allSlots() : table.latestChanges(this.layered)
    this.table = table
    this.layered = table.index.size
    const added = isWhole ? panes : panes.filter(pane => pane.time > madeOf!)
    return layerOf({ time, isWhole }, rows, { panes: added, panesFrom: firstOf(panes) })
  }
}

/** The table and panes that layers, the first of them whole, make together. */
export function loaded(layers: readonly StateLayer[]): Before {
  const table = new StateTable()
  let panes: readonly Pane[] = []
  for (const layer of layers) {
    const { runs, panes: added, panesFrom } = contentOf(layer)
    for (const rows of runs()) table.adoptRows(rows)
    panes = [...panes.filter(({ time }) => time >= panesFrom), ...added]
  }
  return { table, panes }
}

/** The time from which on panes are in the window. */
export function firstOf(panes: readonly Pane[]): number {
  return panes[0]?.time ?? Number.POSITIVE_INFINITY
}
